package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/backend/webauthn"
	"latchkey/shared"
)

// Passkey is a public key whose private half an authenticator keeps.
type Passkey struct {
	ID             string `bun:",pk"`
	UserID         string
	Name           *string
	CredentialID   []byte // what authenticators call it; no two users have the same
	PublicKey      []byte // COSE (RFC 9052, section 7)
	SignCount      int64  // that of the last use; 0 for authenticators that do not count
	AAGUID         string `bun:"aaguid"` // of the authenticator's make, as a UUID
	Transports     string // comma-separated
	BackupEligible bool   // it can be in more places than one device
	BackedUp       bool   // it is
	UserVerified   bool   // its user was verified at the last use, or when it was made
	CreatedAt      time.Time
	LastUsedAt     *time.Time
}

// Credential is the credential id as the wire has it.
func (p Passkey) Credential() string { return base64.RawURLEncoding.EncodeToString(p.CredentialID) }

// HandleText is the handle as the wire has it.
func (u User) HandleText() string { return base64.RawURLEncoding.EncodeToString(u.Handle) }

func newPasskey(user string, made webauthn.Credential, now time.Time) Passkey {
	return Passkey{
		ID: rand.Text(), UserID: user, CredentialID: made.ID, PublicKey: made.PublicKey, SignCount: int64(made.SignCount),
		AAGUID: made.AAGUID, Transports: strings.Join(made.Transports, ","),
		BackupEligible: made.BackupEligible, BackedUp: made.BackedUp, UserVerified: made.UserVerified,
		CreatedAt: now,
	}
}

// AddPasskey keeps the passkey that an authenticator has made for the session's
// user. It fails as [Service.verifyRegistration] does, with
// [shared.ErrPasskeyRegistered] if somebody has it already, with
// [shared.ErrTooManyPasskeys], with [shared.ErrFactorNotFresh], and with
// [shared.ErrValidation] for a name.
func (s *Service) AddPasskey(ctx context.Context, actor Actor, browser Token, response json.RawMessage, name string) (Passkey, error) {
	name, err := checkName(strings.TrimSpace(name), shared.MaxPasskeyName)
	if err != nil {
		return Passkey{}, err
	}
	p, err := s.verifyRegistration(ctx, actor, browser, response)
	if err != nil {
		return Passkey{}, err
	}
	if name != "" {
		p.Name = &name
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		keys, err := in.Passkeys(ctx, in.User.ID)
		if err != nil {
			return err
		}
		if len(keys) >= shared.PasskeysPerUser {
			return shared.ErrTooManyPasskeys
		}
		if err := in.AddPasskey(ctx, p); err != nil {
			return err
		}
		by := Factor("")
		if in.User.TwoFactorEnabled {
			by = actor.Session.SecondFactorBy
		}
		r := reversal{Session: actor.Session.ID, Passkey: p.ID}
		return s.auditPasskeyChange(ctx, in, actor, audit.EventPasskeyAdded, p, r, by, mail.PasskeyAdded{Name: p.Name})
	})
	return p, err
}

// auditPasskeyChange tells the owner and the log what became of a passkey, and by which
// second factor it was confirmed, if by one.
func (s *Service) auditPasskeyChange(
	ctx context.Context, in userTx, actor Actor, kind string, p Passkey, r reversal, by Factor, change mail.Change,
) error {
	if err := s.notify(ctx, in, actor.Client, r, by, change); err != nil {
		return err
	}
	e := eventWithFactor(s.sessionEvent(kind, actor), by)
	e.Subject = p.ID
	return in.AddEvent(ctx, s.Keys, e)
}

// RenamePasskey gives a passkey of the session's user another name, and returns
// all of the user's. It fails with [shared.ErrPasskeyNotFound] if the user has
// none of that id, and with [shared.ErrValidation] for a name.
func (s *Service) RenamePasskey(ctx context.Context, actor Actor, id, name string) (renamed Passkey, all []Passkey, err error) {
	if name, err = checkName(strings.TrimSpace(name), shared.MaxPasskeyName); err != nil {
		return renamed, nil, err
	}
	if name == "" {
		return renamed, nil, shared.ErrPasskeyNameRequired
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := in.RenamePasskey(ctx, in.User.ID, id, name); err != nil {
			return err
		}
		if all, err = in.Passkeys(ctx, in.User.ID); err != nil {
			return err
		}
		e := s.sessionEvent(audit.EventPasskeyRenamed, actor)
		e.Subject = id
		return in.AddEvent(ctx, s.Keys, e)
	})
	if err == nil {
		renamed = all[slices.IndexFunc(all, func(p Passkey) bool { return p.ID == id })]
	}
	return renamed, all, err
}

// DeletePasskey forgets a passkey of the session's user, and returns those that
// are left. What it may have opened ends: this session goes on under a new
// token, and nothing else does. It fails with [shared.ErrPasskeyNotFound] if the
// user has none of that id, with [shared.ErrLastCredential] if there is no other way in,
// and, for the last passkey, with [shared.ErrFactorNotFresh].
func (s *Service) DeletePasskey(ctx context.Context, actor Actor, id string) (left []Passkey, token Token, err error) {
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		methods, err := loadSignInMethods(ctx, in, in.User.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(methods.Passkeys, func(p Passkey) bool { return p.ID == id })
		if i < 0 {
			return shared.ErrPasskeyNotFound
		}
		p := methods.Passkeys[i]
		if methods.Passkeys = slices.Delete(methods.Passkeys, i, i+1); methods.empty() {
			return shared.ErrLastCredential
		}
		if !anyUserVerified(methods.Passkeys) && !in.User.TwoFactorEnabled && s.requiresTwoFactor(actor.Session) {
			return shared.ErrLastRequiredPasskey
		}
		by := Factor("")
		if len(methods.Passkeys) == 0 && in.User.TwoFactorEnabled {
			if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
				return err
			}
			by = actor.Session.SecondFactorBy
		}
		left = methods.Passkeys
		if token, err = s.revokeOtherAccess(ctx, in, actor.Session); err != nil {
			return err
		}
		if err := in.DeletePasskey(ctx, in.User.ID, id); err != nil {
			return err
		}
		return s.auditPasskeyChange(
			ctx,
			in,
			actor,
			audit.EventPasskeyDeleted,
			p,
			reversal{Session: actor.Session.ID},
			by,
			mail.PasskeyRemoved{Name: p.Name},
		)
	})
	return left, token, err
}

// Passkeys returns those of a user, the oldest first, and whether there is no way
// in but the only one of them.
func (s *Service) Passkeys(ctx context.Context, user string) (keys []Passkey, last bool, err error) {
	methods, err := loadSignInMethods(ctx, s.Store, user)
	return methods.Passkeys, !methods.Password && len(methods.Passkeys) == 1, err
}

// signInMethods is how the owner of an account can sign in to it.
type signInMethods struct {
	Password bool
	Passkeys []Passkey
}

func (w signInMethods) empty() bool { return !w.Password && len(w.Passkeys) == 0 }

// loadSignInMethods is every way to sign in to an account. Whatever takes one away asks
// here what is left.
func loadSignInMethods(ctx context.Context, in Store, user string) (w signInMethods, err error) {
	if w.Passkeys, err = in.Passkeys(ctx, user); err != nil {
		return w, err
	}
	p, err := in.Password(ctx, user)
	w.Password = err == nil && !p.Void
	if errors.Is(err, shared.ErrCredentialNotFound) {
		err = nil
	}
	return w, err
}

// PasskeyAnswer is the answer of an authenticator in a browser that signs in.
type PasskeyAnswer struct {
	Response    json.RawMessage
	Browser     Token
	Pending     *PendingSignIn // which waits in the browser for a second factor; nil if none does
	Remember    bool           // the session, if it answers no challenge
	TrustDevice bool           // ask this browser for no second factor any more
}

// SignInByPasskey opens a session for who has a passkey. One that has verified
// its user is two factors. It fails as [Service.verifyPasskey] does, with
// [TwoFactorRequiredError] if a second factor is due, with [shared.ErrDisabled], and with
// [shared.ErrNoPendingSignIn] if the challenge has ended meanwhile.
func (s *Service) SignInByPasskey(ctx context.Context, client Client, a PasskeyAnswer) (o SignInResult, err error) {
	verified, err := s.verifyPasskey(ctx, nil, client, a.Browser, a.Response)
	if err != nil {
		return SignInResult{}, err
	}
	var due *TwoFactorRequiredError
	err = s.inUserTx(ctx, verified.UserID, func(in userTx) (err error) {
		if err := in.UsePasskey(ctx, verified.Passkey); err != nil {
			return err
		}
		if ch := a.Pending; ch != nil && ch.UserID == in.User.ID && (verified.userVerified || ch.Method == MethodPassword) {
			err = s.completeByPasskey(ctx, in, client, a, &o)
		} else if verified.userVerified {
			o, due, err = s.completeFirstFactor(ctx, in, client, MethodPasskey, a.Remember)
		} else {
			o, due, err = s.completeFirstFactor(ctx, in, client, MethodSecurityKey, a.Remember)
		}
		if err != nil || due != nil {
			return err
		}
		return s.finishSignIn(ctx, in, client, &o, verified.ID)
	})
	switch {
	case errors.Is(err, shared.ErrUnauthorized):
		return SignInResult{}, shared.ErrPasskeyNotFound // the account was deleted meanwhile
	case err == nil && due != nil:
		return SignInResult{}, due
	}
	return o, s.auditRefusal(ctx, verified.UserID, client, s.auditPasskeyUse(ctx, verified, client, err))
}

// completeByPasskey opens the session of the challenge that the passkey answers.
func (s *Service) completeByPasskey(ctx context.Context, in userTx, client Client, a PasskeyAnswer, o *SignInResult) (err error) {
	if err := in.TakePendingSignIn(ctx, a.Pending.Hash, s.Now()); err != nil {
		return err
	}
	o.User = in.User
	if o.Session, o.Token, err = s.issueSession(ctx, in, client, a.Pending.Method, ByPasskey, a.Pending.Remember); err != nil {
		return err
	}
	if a.TrustDevice && in.User.TwoFactorEnabled {
		o.Trust, err = s.trustDevice(ctx, in, Actor{o.Session, in.User, client})
	}
	return err
}

// StepUpByPasskey is StepUp by a passkey that verifies its user, asked for in
// the same session.
func (s *Service) StepUpByPasskey(ctx context.Context, actor Actor, browser Token, response json.RawMessage) (token Token, err error) {
	verified, err := s.verifyPasskey(ctx, &actor.Session, actor.Client, browser, response)
	if err != nil {
		return "", err
	}
	if !verified.userVerified {
		return "", shared.ErrAuthenticationUnverified
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		if err := in.UsePasskey(ctx, verified.Passkey); err != nil {
			return err
		}
		token, err = s.stepUp(ctx, in, actor, ByPasskey)
		return err
	})
	return token, s.auditPasskeyUse(ctx, verified, actor.Client, err)
}

// ErrCopied is what a Store answers to the use of a passkey whose counter has
// not grown: there may be two of it. It crosses no wire.
var ErrCopied = errors.New("the counter of the passkey has not grown")

// auditPasskeyUse is what becomes of the use of a passkey that has failed: what
// it means to the caller and, if there may be a copy of the passkey, to the
// owner (WebAuthn Level 3, section 6.1.1).
func (s *Service) auditPasskeyUse(ctx context.Context, verified verifiedAssertion, client Client, failed error) error {
	if errors.Is(failed, ErrNotFound) {
		return shared.ErrPasskeyNotFound // deleted meanwhile
	}
	if !errors.Is(failed, ErrCopied) {
		return failed
	}
	err := s.inUserTx(ctx, verified.UserID, func(in userTx) error {
		e := s.event(audit.EventPasskeyCopied, verified.UserID, client)
		e.Subject = verified.ID
		return errors.Join(in.AddEvent(ctx, s.Keys, e),
			s.notify(ctx, in, client, reversal{Passkey: verified.ID}, "", mail.PasskeyCopied{Name: verified.Name}))
	})
	if err != nil {
		return err
	}
	return shared.ErrPasskeyCopied
}

type passkeyStore interface {
	// AddPasskey fails with [shared.ErrPasskeyRegistered] if anybody has the
	// credential id.
	AddPasskey(ctx context.Context, p Passkey) error
	// Passkeys returns those of a user, the oldest first.
	Passkeys(ctx context.Context, user string) ([]Passkey, error)
	// PasskeyByCredential returns the passkey of a credential id, and whose it
	// is. It fails with [ErrNotFound].
	PasskeyByCredential(ctx context.Context, id []byte) (Passkey, User, error)
	// UsePasskey writes the use of a passkey, if its counter has grown since the
	// one before or neither counts. It fails with [ErrCopied] if it has not, and
	// with [ErrNotFound] if the passkey is gone.
	UsePasskey(ctx context.Context, p Passkey) error
	// RenamePasskey fails with [shared.ErrPasskeyNotFound] if the user has none
	// of that id, and so does DeletePasskey.
	RenamePasskey(ctx context.Context, user, id, name string) error
	DeletePasskey(ctx context.Context, user, id string) error
	// DeletePasskeys deletes all of a user and returns how many.
	DeletePasskeys(ctx context.Context, user string) (int, error)
}
