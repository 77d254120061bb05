package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/backend/setting"
	"latchkey/shared"
)

const (
	// BriefLifetime is the lifetime of a session that is not remembered.
	BriefLifetime = 24 * time.Hour
	touchInterval = time.Minute
	// rotationGrace is how long calls that only read may use the previous token after a
	// rotation, so that a request in flight is not answered as signed out.
	rotationGrace = 10 * time.Second
	// rotationMemory is how long rotated tokens are remembered, so that a late request is
	// not mistaken for a forged one.
	rotationMemory = 24 * time.Hour
)

// The first factors in [Session].Method. A plus sign and a second factor may follow, as in
// "password+totp".
const (
	MethodPassword    = "password"
	MethodPasskey     = "passkey"      // with user verification, which makes it two factors
	MethodSecurityKey = "security-key" // a passkey without user verification
	MethodImported    = "imported"     // a sign-in to another system, whose method is unknown
)

// Token is the secret in a session's cookie. The store has only its hash.
type Token string

// tokenSize is in bytes: 256 bits are infeasible to guess.
const tokenSize = 32

// NewToken returns a new random token.
func NewToken() Token {
	b := make([]byte, tokenSize)
	rand.Read(b)
	return Token(base64.RawURLEncoding.EncodeToString(b))
}

// ParseToken returns s as a Token, and reports whether it has the form of one.
func ParseToken(s string) (Token, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return Token(s), err == nil && len(b) == tokenSize
}

// String returns a placeholder, so that formatting does not reveal the token.
func (t Token) String() string { return "[token]" }

// Hash returns the hash under which the store finds the token.
func (t Token) Hash() []byte {
	h := sha256.Sum256([]byte(t))
	return h[:]
}

// Session is a signed-in browser.
type Session struct {
	ID           string `bun:",pk"`
	UserID       string
	TokenHash    []byte
	CreatedAt    time.Time
	LastActiveAt time.Time
	ExpiresAt    time.Time
	ConfirmedAt  time.Time // when the user last confirmed their identity
	Method       string
	// When the user last presented a second factor in the session, and which one; nil if
	// never. A password, an emailed code and a trusted device do not count.
	SecondFactorAt *time.Time
	SecondFactorBy Factor `bun:",nullzero"`
	IP             string `bun:"ip"` // the most recent one
	UserAgent      string
	Remember       bool
	// IsNew is set if the browser that opened the session was not a known device of the
	// user or had become one in the last week, until [Service.ConfirmSignIn]. It is not set
	// at a sign-up.
	IsNew     bool
	PasskeyID string // the passkey that opened the session, which may be deleted since; empty if none did

	// PasskeyName is the name of the passkey PasskeyID. [Store.Sessions] reads it. It is nil
	// if there is no such passkey or it has no name.
	PasskeyName *string `bun:",scanonly"`
	// RotatedAt is when the token that was looked up was replaced; zero for the current
	// token.
	RotatedAt time.Time `bun:",scanonly"`
	// Permissions are the user's at the time of the look-up.
	Permissions PermissionNames `bun:",scanonly"`
}

// Fresh reports whether the session's user has recently confirmed their identity.
func (s *Service) Fresh(session Session) bool {
	return s.Now().Sub(session.ConfirmedAt) < s.Settings.Now().FreshWindow
}

// CheckSecondFactor fails with [shared.ErrFactorNotFresh] if the actor's user has a second
// factor, and did not present one in the session within the fresh window. Every call that
// weakens, reveals or adds a factor must check it: a password alone must not remove the
// protection against a stolen password. If REQUIRE_TWO_FACTOR applies to the user, a
// passkey with user verification counts as a second factor, too.
//
// It uses the user as read when the call was authenticated. A rule that writes checks again
// in its transaction, with checkSecondFactor.
func (s *Service) CheckSecondFactor(ctx context.Context, actor Actor) error {
	return s.checkSecondFactor(ctx, s.Store, actor.Session, actor.User)
}

func (s *Service) checkSecondFactor(ctx context.Context, tx Store, session Session, user User) error {
	if session.SecondFactorAt != nil && s.Now().Sub(*session.SecondFactorAt) < s.Settings.Now().FreshWindow {
		return nil
	}
	if user.TwoFactorEnabled {
		return shared.ErrFactorNotFresh
	}
	if !s.requiresTwoFactor(session) {
		return nil
	}
	has, err := hasVerifiedPasskey(ctx, tx, user)
	if err == nil && has {
		err = shared.ErrFactorNotFresh
	}
	return err
}

// hasVerifiedPasskey reports whether a user has a passkey with user verification, which
// counts as two factors.
func hasVerifiedPasskey(ctx context.Context, tx Store, user User) (bool, error) {
	passkeys, err := tx.Passkeys(ctx, user.ID)
	return anyUserVerified(passkeys), err
}

func anyUserVerified(passkeys []Passkey) bool {
	return slices.ContainsFunc(passkeys, func(p Passkey) bool { return p.UserVerified })
}

// withSecondFactor returns the session with f as the second factor presented at now.
func (s Session) withSecondFactor(f Factor, now time.Time) Session {
	s.SecondFactorAt, s.SecondFactorBy = &now, f
	return s
}

// recordSecondFactor records that the actor presented a second factor in the session. The
// session keeps its token.
func (s *Service) recordSecondFactor(ctx context.Context, in userTx, actor Actor, f Factor) error {
	if err := in.RecordSecondFactor(ctx, actor.Session.withSecondFactor(f, s.Now())); err != nil {
		return err
	}
	if f == ByBackupCode {
		return s.auditBackupCodeUse(ctx, in, actor, false)
	}
	return nil
}

// rotated returns the session under a new token, with its user's identity confirmed now.
func (s Session) rotated(now time.Time) (Session, Token) {
	token := NewToken()
	s.TokenHash, s.ConfirmedAt = token.Hash(), now
	return s, token
}

// RotatedToken is the hash of a former token of a session.
type RotatedToken struct {
	Hash      []byte `bun:",pk"`
	SessionID string
	RotatedAt time.Time
	ExpiresAt time.Time // the end of [rotationMemory]
}

// wasRenewed reports whether [Service.RenewToken] alone has replaced the token that was looked up.
// A rotation for another reason confirms the session.
func (s Session) wasRenewed() bool { return s.ConfirmedAt.Before(s.RotatedAt) }

// rotate gives a session a new token.
func rotate(ctx context.Context, tx Store, session, rotated Session) error {
	now := rotated.ConfirmedAt
	return tx.RotateSession(ctx, rotated, RotatedToken{session.TokenHash, session.ID, now, now.Add(rotationMemory)})
}

// A touch says how a call updates its session.
type touch int

const (
	noTouch     touch = iota
	timeTouch         // only the time of the last activity changes, which may be written later
	clientTouch       // the address, the browser or the expiry changes, too, so it is written at once
)

// touched returns the session as updated by a call from client. It extends a session at most
// once a day, or a seventh of SESSION_IDLE if that is less. A back end's call leaves the address
// and the user agent as they are, because they are the user's.
func (s Session) touched(now time.Time, client Client, set *setting.Settings) (Session, touch) {
	if client.BackEnd != NoBackEnd {
		client.IP, client.UserAgent = s.IP, s.UserAgent
	}
	extend := s.Remember && client.BackEnd != BackEndNoCookies && s.ExpiresAt.Sub(now) <= set.SessionIdle-min(day, set.SessionIdle/7) &&
		s.ExpiresAt.Before(s.CreatedAt.Add(set.SessionLifetime))
	kind := clientTouch
	if !extend && s.IP == client.IP && s.UserAgent == client.UserAgent {
		if now.Sub(s.LastActiveAt) < touchInterval {
			return s, noTouch
		}
		kind = timeTouch
	}
	s.LastActiveAt, s.IP, s.UserAgent = now, client.IP, client.UserAgent
	if extend {
		s.ExpiresAt = earlier(now.Add(set.SessionIdle), s.CreatedAt.Add(set.SessionLifetime))
	}
	return s, kind
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// ErrRotated is the [shared.ErrUnauthorized] of a token that a newer one has replaced. The
// server must not clear the cookie then, because the browser may have the newer token
// already.
var ErrRotated = fmt.Errorf("%w: the token was rotated", shared.ErrUnauthorized)

// Authenticate returns the actor of a call with a session token. reading says that the call
// only reads. extended reports that the session now lives longer than its cookie. On an
// error, the actor has neither a session nor a user. Errors:
//   - [shared.ErrUnauthorized]: the token has no session
//   - [ErrRotated]: a newer token has replaced this one; a call that only reads may still
//     use it for [rotationGrace], and so may every call after [Service.RenewToken]
func (s *Service) Authenticate(ctx context.Context, client Client, token Token, reading bool) (actor Actor, extended bool, _ error) {
	unknown := Actor{Client: client}
	now := s.Now()
	session, user, err := s.Store.SessionByHash(ctx, token.Hash(), now)
	if errors.Is(err, ErrNotFound) {
		return unknown, false, shared.ErrUnauthorized
	} else if err != nil {
		return unknown, false, err
	}
	if !session.RotatedAt.IsZero() {
		if !reading && !session.wasRenewed() || now.Sub(session.RotatedAt) >= rotationGrace {
			return unknown, false, ErrRotated
		}
		return Actor{session, user, client}, false, nil
	}
	seen, kind := session.touched(now, client, s.Settings.Now())
	switch kind {
	case timeTouch:
		s.Store.TouchSessionLater(seen)
	case clientTouch:
		touched, err := s.Store.TouchSession(ctx, seen)
		if err != nil {
			return unknown, false, err
		}
		if !touched { // rotated meanwhile: the new cookie must stay
			return Actor{session, user, client}, false, nil
		}
	}
	return Actor{seen, user, client}, seen.ExpiresAt.After(session.ExpiresAt), nil
}

// inSessionTx runs fn in a transaction that holds the locks of the actor's user and session,
// so that the session exists until the transaction ends. It fails with
// [shared.ErrUnauthorized] if the session has ended or its token was rotated since the call
// was authenticated. Of two sessions that revoke each other, one succeeds.
func (s *Service) inSessionTx(ctx context.Context, actor Actor, fn func(userTx) error) error {
	return s.Store.Tx(ctx, func(tx Store) error {
		u, err := tx.LockSession(ctx, actor.Session)
		if err != nil {
			return err
		}
		return fn(userTx{tx, u})
	})
}

// RevokeSession ends the session with the ID, if it belongs to the actor's user.
func (s *Service) RevokeSession(ctx context.Context, actor Actor, id string) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		userAgent, err := in.TakeSession(ctx, in.User.ID, id)
		if errors.Is(err, ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		e := s.sessionEvent(shared.EventSessionRevoked, actor)
		e.Subject = id
		return in.AddEvent(ctx, s.Keys, withDetail(e, map[string]string{DetailUserAgent: userAgent}))
	})
}

// ConfirmSignIn records that the actor knows the sign-in that opened another session: the
// session is no longer new. It does nothing if there is no such session, or if it is not new.
//
// It fails with [shared.ErrSessionUnconfirmed] for the actor's own session, and where the
// actor's session is new itself: an attacker who has signed in must not answer the owner's
// question. There is one exception, so that the question does not stay forever: where all
// sessions of the user are new, an older one can confirm a newer one. The older one stays new:
// an attacker who has signed in before the owner must not end the question about that by
// confirming the owner's session.
//
// What is left: an attacker who signs in twice, after all known sessions of the owner have
// ended, can confirm the second session, and from there the first. The attacker can end them,
// which the owner sees. An attacker with the cookie of a known session can confirm any, and so
// can one who signs in again after the [newDeviceWindow]. The owner still has the email about
// a new browser, and the log says who confirmed what.
func (s *Service) ConfirmSignIn(ctx context.Context, actor Actor, id string) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		now := s.Now()
		confirmed, err := in.ConfirmSession(ctx, actor.Session, id, now)
		if err != nil {
			return err
		}
		if confirmed {
			e := s.sessionEvent(shared.EventSignInConfirmed, actor)
			e.Subject = id
			return in.AddEvent(ctx, s.Keys, e)
		}
		sessions, err := in.Sessions(ctx, in.User.ID, now)
		if slices.ContainsFunc(sessions, func(other Session) bool { return other.ID == id && other.IsNew }) {
			return shared.ErrSessionUnconfirmed
		}
		return err
	})
}

// RevokeOtherSessions ends all sessions of the actor's user except the actor's.
func (s *Service) RevokeOtherSessions(ctx context.Context, actor Actor) error {
	return s.revokeSessionsExcept(ctx, actor, actor.Session.ID)
}

// RevokeAllSessions ends all sessions of the actor's user.
func (s *Service) RevokeAllSessions(ctx context.Context, actor Actor) error {
	return s.revokeSessionsExcept(ctx, actor, "")
}

func (s *Service) revokeSessionsExcept(ctx context.Context, actor Actor, keep string) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		n, err := in.DeleteOtherSessions(ctx, in.User.ID, keep)
		if err != nil || n == 0 {
			return err
		}
		return in.AddEvent(ctx, s.Keys, withCount(s.sessionEvent(shared.EventSessionsRevoked, actor), n))
	})
}

// SignOut ends the session of a token, if there is one. It accepts a rotated token: a user
// who signs out must be signed out.
func (s *Service) SignOut(ctx context.Context, client Client, token Token) error {
	session, _, err := s.Store.SessionByHash(ctx, token.Hash(), s.Now())
	if errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	err = s.inUserTx(ctx, session.UserID, func(in userTx) error {
		n, err := in.DeleteSession(ctx, session.UserID, session.ID)
		if err != nil || n == 0 {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(shared.EventSignOut, Actor{session, in.User, client}))
	})
	if errors.Is(err, shared.ErrUnauthorized) { // the account was deleted meanwhile
		return nil
	}
	return err
}

type sessionStore interface {
	// AddSession adds a session, and returns how many its user has now.
	AddSession(ctx context.Context, s Session) (n int, err error)
	// SessionByHash returns the unexpired session whose current or former token has the
	// hash, and its user, in one statement. It fails with [ErrNotFound].
	SessionByHash(ctx context.Context, hash []byte, now time.Time) (Session, User, error)
	// Sessions returns the unexpired sessions of a user, most recently used first, with the
	// names of their passkeys.
	Sessions(ctx context.Context, user string, now time.Time) ([]Session, error)
	// TouchSession records when and from where a session was last used, and its expiry. It
	// reports whether it did: not if the token has changed meanwhile.
	TouchSession(ctx context.Context, s Session) (bool, error)
	// TouchSessionLater records within about a second when a session was last used, unless
	// the session has ended or its token has changed by then. It gathers calls, and is not
	// part of a transaction.
	TouchSessionLater(s Session)
	// RotateSession gives a session a new token and remembers the old one. It also records
	// whether the session is remembered, and when it was confirmed. It fails with
	// [shared.ErrUnauthorized] if the session no longer has the old token.
	RotateSession(ctx context.Context, s Session, old RotatedToken) error
	// RecordSecondFactor records which second factor a session presented, and when. It
	// fails with [shared.ErrUnauthorized] unless the session exists with its token.
	RecordSecondFactor(ctx context.Context, s Session) error
	// LockSession locks the user of a session, and then the session, until the transaction
	// ends, and returns the user. It fails with [shared.ErrUnauthorized] unless the session
	// exists with its token.
	LockSession(ctx context.Context, s Session) (User, error)
	// ConfirmSession makes another unexpired session of the same user known, and reports
	// whether it did. It does not if the other session is known already, or if current must
	// not confirm it: see [Service.ConfirmSignIn].
	ConfirmSession(ctx context.Context, current Session, id string, now time.Time) (bool, error)
	// TakeSession deletes a session of a user, and returns its user agent. It fails with
	// [ErrNotFound] if there is none.
	TakeSession(ctx context.Context, user, id string) (userAgent string, err error)
	// DeleteSession returns how many sessions it deleted: 0 or 1.
	DeleteSession(ctx context.Context, user, id string) (int, error)
	// DeleteOtherSessions deletes all sessions of a user except keep, which may be empty,
	// and returns how many.
	DeleteOtherSessions(ctx context.Context, user, keep string) (int, error)
	// TrimSessions deletes a user's least recently used sessions beyond n, but never keep.
	TrimSessions(ctx context.Context, user, keep string, n int) error
}
