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

	"latchkey/backend/audit"
	"latchkey/backend/setting"
	"latchkey/shared"
)

const (
	// BriefLifetime is that of a session that is not to be remembered.
	BriefLifetime = 24 * time.Hour
	touchInterval = time.Minute
	// rotationGrace is how long the token from before a rotation is good for
	// reads: a request that was under way must not look like a sign-out.
	rotationGrace = 10 * time.Second
	// rotationMemory is how long a rotated token is told from one that never
	// was: longer than any request is under way.
	rotationMemory = 24 * time.Hour
)

// What a [Session].Method begins with. A second factor follows after a plus.
const (
	MethodPassword    = "password"
	MethodPasskey     = "passkey"      // that has verified its user: two factors in one
	MethodSecurityKey = "security-key" // a passkey that has not
)

// Token is the secret that a session's cookie holds. Only its hash is kept.
type Token string

// tokenSize is 32 bytes: 256 bits, beyond guessing.
const tokenSize = 32

// NewToken makes a token.
func NewToken() Token {
	b := make([]byte, tokenSize)
	rand.Read(b)
	return Token(base64.RawURLEncoding.EncodeToString(b))
}

// ParseToken reports whether s has the form of a token.
func ParseToken(s string) (Token, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return Token(s), err == nil && len(b) == tokenSize
}

// String does not print the token.
func (t Token) String() string { return "[token]" }

// Hash is what the store knows the token by.
func (t Token) Hash() []byte {
	h := sha256.Sum256([]byte(t))
	return h[:]
}

// Session is one signed-in browser.
type Session struct {
	ID           string `bun:",pk"`
	UserID       string
	TokenHash    []byte
	CreatedAt    time.Time
	LastActiveAt time.Time
	ExpiresAt    time.Time
	ConfirmedAt  time.Time // when the user last proved who they are
	Method       string
	// When a second factor was last shown in it, and which; nil if none was. A
	// password, a code by email and a trusted device are none.
	SecondFactorAt *time.Time
	SecondFactorBy Factor `bun:",nullzero"`
	IP             string `bun:"ip"` // the last seen
	UserAgent      string
	Remember       bool

	// RotatedAt is when the token that the session was found by was replaced;
	// zero for the one that it has.
	RotatedAt time.Time `bun:",scanonly"`
	// Permissions are its user's when it was looked up by its token.
	Permissions PermissionNames `bun:",scanonly"`
}

// Fresh reports whether the session's user has lately proved who they are.
func (s *Service) Fresh(session Session) bool {
	return s.Now().Sub(session.ConfirmedAt) < s.Settings.Now().FreshWindow
}

// CheckSecondFactor fails with [shared.ErrFactorNotFresh] if the actor's user has
// a second factor that sign-in asks for, and none was shown in the session within
// the fresh window. Whatever weakens, shows or adds a factor calls it: a password
// alone must not take away what guards against a stolen password. A passkey is
// such a factor where one is required (REQUIRE_TWO_FACTOR).
//
// It goes by the user as the call was let in. A rule that writes checks again in
// its transaction, by checkSecondFactor.
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

// hasVerifiedPasskey reports whether a user has a passkey that verifies its user,
// which is two factors.
func hasVerifiedPasskey(ctx context.Context, tx Store, user User) (bool, error) {
	keys, err := tx.Passkeys(ctx, user.ID)
	return anyUserVerified(keys), err
}

func anyUserVerified(keys []Passkey) bool {
	return slices.ContainsFunc(keys, func(p Passkey) bool { return p.UserVerified })
}

// withSecondFactor is the session in which a second factor was shown now.
func (s Session) withSecondFactor(f Factor, now time.Time) Session {
	s.SecondFactorAt, s.SecondFactorBy = &now, f
	return s
}

// recordSecondFactor writes down that a second factor was shown in a session, which keeps
// its token.
func (s *Service) recordSecondFactor(ctx context.Context, in userTx, actor Actor, f Factor) error {
	if err := in.RecordSecondFactor(ctx, actor.Session.withSecondFactor(f, s.Now())); err != nil {
		return err
	}
	if f == ByBackupCode {
		return s.auditBackupCodeUse(ctx, in, actor)
	}
	return nil
}

// rotated is the session under a new token, its user's identity confirmed now.
func (s Session) rotated(now time.Time) (Session, Token) {
	token := NewToken()
	s.TokenHash, s.ConfirmedAt = token.Hash(), now
	return s, token
}

// RotatedToken is the hash of a token that a session had before.
type RotatedToken struct {
	Hash      []byte `bun:",pk"`
	SessionID string
	RotatedAt time.Time
	ExpiresAt time.Time // when it is forgotten
}

// rotate puts a session under a new token.
func rotate(ctx context.Context, tx Store, session, rotated Session) error {
	now := rotated.ConfirmedAt
	return tx.RotateSession(ctx, rotated, RotatedToken{session.TokenHash, session.ID, now, now.Add(rotationMemory)})
}

// touched is the session after a call from the given place, and whether that is
// worth writing down. It is extended once a day at most, or oftener if that is too
// seldom for what it lives.
func (s Session) touched(now time.Time, client Client, set *setting.Settings) (Session, bool) {
	extend := s.Remember && s.ExpiresAt.Sub(now) <= set.SessionIdle-min(day, set.SessionIdle/7) &&
		s.ExpiresAt.Before(s.CreatedAt.Add(set.SessionLifetime))
	if !extend && now.Sub(s.LastActiveAt) < touchInterval && s.IP == client.IP && s.UserAgent == client.UserAgent {
		return s, false
	}
	s.LastActiveAt, s.IP, s.UserAgent = now, client.IP, client.UserAgent
	if extend {
		s.ExpiresAt = earlier(now.Add(set.SessionIdle), s.CreatedAt.Add(set.SessionLifetime))
	}
	return s, true
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// issueSession makes the session of a user who has proved who they are. Every
// sign-in ends here, and none without a second factor if one is due, without a
// verified address if that is asked for, or to an account that is disabled.
func (s *Service) issueSession(
	ctx context.Context, in userTx, client Client, method string, second Factor, remember bool,
) (Session, Token, error) {
	shown := secondFactorShown(method, second)
	if second != "" {
		method += "+" + string(second)
	} else if in.User.TwoFactorEnabled && method != MethodPasskey {
		return Session{}, "", shared.ErrTwoFactorRequired
	}
	if err := s.checkSignInAllowed(in.User); err != nil {
		return Session{}, "", err
	}
	return s.createSession(ctx, in, client, method, shown, remember)
}

// secondFactorShown is the second factor that a sign-in has shown; empty if it has shown
// none.
func secondFactorShown(method string, second Factor) Factor {
	switch {
	case method == MethodPasskey:
		return ByPasskey
	case second == byTrustedDevice, second == ByEmailCode: // the browser, and who reads the mailbox
		return ""
	}
	return second
}

// checkSignInAllowed fails with [shared.ErrDisabled] if a user's account is disabled, and with
// [shared.ErrNotVerified] if they have to verify their address first.
func (s *Service) checkSignInAllowed(user User) error {
	if user.DisabledAt != nil {
		return shared.ErrDisabled
	}
	if s.Settings.Now().VerifyEmail == setting.Required && !user.EmailVerified {
		return shared.ErrNotVerified
	}
	return nil
}

func (s *Service) createSession(
	ctx context.Context, in userTx, client Client, method string, shown Factor, remember bool,
) (Session, Token, error) {
	user, now, set := in.User.ID, s.Now(), s.Settings.Now()
	lifetime := BriefLifetime
	if remember {
		lifetime = min(set.SessionIdle, set.SessionLifetime)
	}
	token := NewToken()
	session := Session{
		ID: rand.Text(), UserID: user, TokenHash: token.Hash(),
		CreatedAt: now, LastActiveAt: now, ExpiresAt: now.Add(lifetime), ConfirmedAt: now,
		Method: method, IP: client.IP, UserAgent: client.UserAgent, Remember: remember,
	}
	if shown != "" {
		session = session.withSecondFactor(shown, now)
	}
	if err := in.AddSession(ctx, session); err != nil {
		return Session{}, "", err
	}
	return session, token, in.TrimSessions(ctx, user, session.ID, set.SessionsPerUser)
}

// ErrRotated is the [shared.ErrUnauthorized] of a token that a newer one has
// replaced. It says nothing about the session, so nobody should clear a cookie
// for it: the browser may hold the newer one already.
var ErrRotated = fmt.Errorf("%w: the token was rotated", shared.ErrUnauthorized)

// Authenticate returns the actor of a call that came with a session token. It
// fails with [shared.ErrUnauthorized] if the token stands for no session, or with
// [ErrRotated], and then the actor has neither a session nor a user. extended
// tells that the session will now live longer than its cookie knows.
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
		if !reading || now.Sub(session.RotatedAt) >= rotationGrace {
			return unknown, false, ErrRotated
		}
		return Actor{session, user, client}, false, nil
	}
	seen, changed := session.touched(now, client, s.Settings.Now())
	if changed {
		touched, err := s.Store.TouchSession(ctx, seen)
		if err != nil {
			return unknown, false, err
		}
		if !touched { // rotated meanwhile: the cookie that it now has must stay
			return Actor{session, user, client}, false, nil
		}
	}
	return Actor{seen, user, client}, seen.ExpiresAt.After(session.ExpiresAt), nil
}

// inSessionTx runs fn in a transaction that holds the locks of the actor's user
// and session, so that the session is alive until the transaction ends. It fails
// with [shared.ErrUnauthorized] if the session was ended, or its token rotated,
// since the call was let in: of two sessions that end each other, one does.
func (s *Service) inSessionTx(ctx context.Context, actor Actor, fn func(userTx) error) error {
	return s.inUserTx(ctx, actor.Session.UserID, func(in userTx) error {
		if err := in.LockSession(ctx, actor.Session); err != nil {
			return err
		}
		return fn(in)
	})
}

// RevokeSession ends the session of the caller's user that has the given id, if there
// is one.
func (s *Service) RevokeSession(ctx context.Context, actor Actor, id string) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		n, err := in.DeleteSession(ctx, in.User.ID, id)
		if err != nil || n == 0 {
			return err
		}
		e := s.sessionEvent(audit.EventSessionRevoked, actor)
		e.Subject = id
		return in.AddEvent(ctx, s.Keys, e)
	})
}

// RevokeOtherSessions ends all of the user's sessions but the caller's.
func (s *Service) RevokeOtherSessions(ctx context.Context, actor Actor) error {
	return s.revokeSessionsExcept(ctx, actor, actor.Session.ID)
}

// RevokeAllSessions ends all of the user's sessions.
func (s *Service) RevokeAllSessions(ctx context.Context, actor Actor) error {
	return s.revokeSessionsExcept(ctx, actor, "")
}

func (s *Service) revokeSessionsExcept(ctx context.Context, actor Actor, keep string) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		n, err := in.DeleteOtherSessions(ctx, in.User.ID, keep)
		if err != nil || n == 0 {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventSessionsRevoked, actor))
	})
}

// SignOut ends the session that a token stands for, if there is one. A rotated
// token is good enough: who wants to be out shall be out.
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
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventSignOut, Actor{session, in.User, client}))
	})
	if errors.Is(err, shared.ErrUnauthorized) { // the account was deleted meanwhile
		return nil
	}
	return err
}

type sessionStore interface {
	AddSession(ctx context.Context, s Session) error
	// SessionByHash returns the unexpired session whose token, or a token that
	// it had before, has the hash, and its user, in one statement. It fails
	// with [ErrNotFound].
	SessionByHash(ctx context.Context, hash []byte, now time.Time) (Session, User, error)
	// Sessions returns the unexpired sessions of a user, the last used first.
	Sessions(ctx context.Context, user string, now time.Time) ([]Session, error)
	// TouchSession writes when and from where a session was used last, and
	// until when it lives, and reports whether it did: not if the token has
	// changed meanwhile.
	TouchSession(ctx context.Context, s Session) (bool, error)
	// RotateSession puts a session under a new token and remembers the old one.
	// It fails with [shared.ErrUnauthorized] if the session no longer has that.
	RotateSession(ctx context.Context, s Session, old RotatedToken) error
	// RecordSecondFactor writes which second factor was shown in a session, and when.
	// It fails with [shared.ErrUnauthorized] unless the session is there under its
	// token.
	RecordSecondFactor(ctx context.Context, s Session) error
	// LockSession fails with [shared.ErrUnauthorized] unless the session is
	// there under its token, and keeps it so until the transaction ends.
	LockSession(ctx context.Context, s Session) error
	// DeleteSession returns how many sessions, 0 or 1, it ended.
	DeleteSession(ctx context.Context, user, id string) (int, error)
	// DeleteOtherSessions ends all sessions of a user but one; all if keep is
	// empty. It returns how many.
	DeleteOtherSessions(ctx context.Context, user, keep string) (int, error)
	// TrimSessions ends the sessions of a user beyond the newest n, by last
	// use, and never the one to keep.
	TrimSessions(ctx context.Context, user, keep string, n int) error
}
