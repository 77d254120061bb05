package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"latchkey/backend/mail"
	"latchkey/backend/webauthn"
	"latchkey/shared"
)

// Passkey is a WebAuthn credential: the public key whose private key an authenticator
// holds.
type Passkey struct {
	ID             string `bun:",pk"`
	UserID         string
	Name           *string
	CredentialID   []byte // chosen by the authenticator; unique
	PublicKey      []byte // COSE (RFC 9052, section 7)
	SignCount      int64  // at the last use; 0 if the authenticator does not count
	AAGUID         string `bun:"aaguid"` // of the authenticator's model, as a UUID
	Transports     string // comma-separated
	BackupEligible bool   // it can be synced
	BackedUp       bool   // it is synced
	UserVerified   bool   // its user was verified at the last use, or at its registration
	CreatedAt      time.Time
	LastUsedAt     *time.Time

	// Handle is the user handle that the authenticator sends, if it is not [User].Handle:
	// that of the system from which the passkey was imported.
	Handle []byte
	// HandleUnknown means that the system from which the passkey was imported has not stored
	// its handle. The first use of the passkey tells the handle.
	HandleUnknown bool
}

// maxHandle is the maximum size of a user handle in bytes (WebAuthn Level 3, section 5.4.3).
const maxHandle = 64

// hasHandle reports whether an authenticator may send the user handle with the passkey.
func (p Passkey) hasHandle(handle []byte, owner User) bool {
	switch {
	case p.HandleUnknown:
		return len(handle) <= maxHandle
	case p.Handle != nil:
		return bytes.Equal(handle, p.Handle)
	}
	return bytes.Equal(handle, owner.Handle)
}

// Credential returns the credential ID in its wire form, base64url.
func (p Passkey) Credential() string { return base64.RawURLEncoding.EncodeToString(p.CredentialID) }

// HandleText returns the handle in its wire form, base64url.
func (u User) HandleText() string { return base64.RawURLEncoding.EncodeToString(u.Handle) }

func newPasskey(user string, made webauthn.Credential, now time.Time) Passkey {
	return Passkey{
		ID: rand.Text(), UserID: user, CredentialID: made.ID, PublicKey: made.PublicKey, SignCount: int64(made.SignCount),
		AAGUID: made.AAGUID, Transports: strings.Join(made.Transports, ","),
		BackupEligible: made.BackupEligible, BackedUp: made.BackedUp, UserVerified: made.UserVerified,
		CreatedAt: now,
	}
}

// NewPasskey is an authenticator's response that created a passkey, and the passkey's name.
type NewPasskey struct {
	Response json.RawMessage
	Name     string
	Suggest  bool // give the passkey a name if Name is empty
}

// AddPasskey registers a passkey that an authenticator has created for the session's user.
// It fails as [Service.verifyRegistration] does. Other errors:
//   - [shared.ErrPasskeyRegistered]: an account has the passkey already
//   - [shared.ErrTooManyPasskeys]: the user has too many
//   - [shared.ErrFactorNotFresh]: the session needs a second factor first
//   - [shared.ErrValidation]: the name is not valid
func (s *Service) AddPasskey(ctx context.Context, actor Actor, browser Token, in NewPasskey) (p Passkey, err error) {
	name, err := checkName(strings.TrimSpace(in.Name))
	if err != nil {
		return Passkey{}, err
	}
	made, err := s.verifyRegistration(ctx, actor, browser, in.Response)
	if err != nil {
		return Passkey{}, err
	}
	suggest := in.Suggest && name == ""
	p = newPasskey(actor.User.ID, made, s.Now())
	if name != "" {
		p.Name = &name
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		passkeys, err := in.Passkeys(ctx, in.User.ID)
		if err != nil {
			return err
		}
		if len(passkeys) >= shared.PasskeysPerUser {
			return shared.ErrTooManyPasskeys
		}
		if suggest {
			name = suggestPasskeyName(languageOf(in.User, actor.Client), made, actor.Client.UserAgent, passkeys)
			p.Name = &name
		}
		if err := in.AddPasskey(ctx, p); err != nil {
			return err
		}
		by := proof{}
		if in.User.TwoFactorEnabled {
			by.Factor = actor.Session.SecondFactorBy
		}
		r := reversal{Session: actor.Session.ID, Passkey: p.ID}
		return s.auditPasskeyChange(ctx, in, actor, shared.EventPasskeyAdded, p, r, by, mail.PasskeyAdded{Name: p.Name})
	})
	return p, err
}

// auditPasskeyChange notifies the user of a change of a passkey, and records the change.
func (s *Service) auditPasskeyChange(
	ctx context.Context, in userTx, actor Actor, kind string, p Passkey, r reversal, by proof, change mail.Change,
) error {
	if err := s.notify(ctx, in, actor.Client, r, by, change); err != nil {
		return err
	}
	e := eventWithProof(s.sessionEvent(kind, actor), by)
	return in.AddEvent(ctx, s.Keys, s.withPasskeyName(e, in.User, p))
}

// RenamePasskey renames a passkey of the session's user, and returns all of the user's
// passkeys. It fails with [shared.ErrPasskeyNotFound] if the user has none with the ID, and
// with [shared.ErrValidation] if the name is not valid.
func (s *Service) RenamePasskey(ctx context.Context, actor Actor, id, name string) (renamed Passkey, all []Passkey, err error) {
	if name, err = checkName(strings.TrimSpace(name)); err != nil {
		return renamed, nil, err
	}
	if name == "" {
		return renamed, nil, shared.ErrPasskeyNameRequired
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		if all, err = in.Passkeys(ctx, in.User.ID); err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(p Passkey) bool { return p.ID == id })
		if i < 0 {
			return shared.ErrPasskeyNotFound
		}
		if textOf(all[i].Name) == name { // there is nothing to record
			renamed = all[i]
			return nil
		}
		if err := in.RenamePasskey(ctx, in.User.ID, id, name); err != nil {
			return err
		}
		change := map[string]string{DetailBefore: textOf(all[i].Name), DetailAfter: name}
		all[i].Name = &name
		renamed = all[i]
		e := s.sessionEvent(shared.EventPasskeyRenamed, actor)
		e.Subject = id
		return in.AddEvent(ctx, s.Keys, s.withPersonal(e, in.User, change))
	})
	if err != nil {
		return Passkey{}, nil, err
	}
	return renamed, all, nil
}

// DeletePasskey deletes a passkey of the session's user, and returns the remaining ones. It
// revokes all other access, and the session gets a new token. Errors:
//   - [shared.ErrPasskeyNotFound]: the user has no passkey with the ID
//   - [shared.ErrLastCredential]: the user could not sign in without it
//   - [shared.ErrLastRequiredPasskey]: the user must have a second factor, and has no other
//   - [shared.ErrFactorNotFresh]: it is the last passkey of a user with two-factor
//     authentication, and the session needs a second factor first
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
		by := proof{}
		if len(methods.Passkeys) == 0 && in.User.TwoFactorEnabled {
			if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
				return err
			}
			by.Factor = actor.Session.SecondFactorBy
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
			shared.EventPasskeyDeleted,
			p,
			reversal{Session: actor.Session.ID},
			by,
			mail.PasskeyRemoved{Name: p.Name},
		)
	})
	return left, token, err
}

// Passkeys returns the passkeys of a user, oldest first. last reports whether the user has
// one passkey and no other way to sign in.
func (s *Service) Passkeys(ctx context.Context, user string) (passkeys []Passkey, last bool, err error) {
	methods, err := loadSignInMethods(ctx, s.Store, user)
	return methods.Passkeys, !methods.Password && len(methods.Passkeys) == 1, err
}

// signInMethods are the ways in which a user can sign in.
type signInMethods struct {
	Password bool
	Passkeys []Passkey
}

func (w signInMethods) empty() bool { return !w.Password && len(w.Passkeys) == 0 }

// loadSignInMethods returns a user's sign-in methods. A void password is not one. A change
// that removes a method checks that another one remains.
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

// PasskeyAnswer is an authenticator's response at sign-in.
type PasskeyAnswer struct {
	Response    json.RawMessage
	Browser     Token
	Pending     *PendingSignIn // the browser's pending sign-in; nil if none
	Remember    bool           // remember the session, if the response completes no pending sign-in
	TrustDevice bool           // do not ask this browser for a second factor again
}

// SignInByPasskey authenticates a user by passkey, and issues a session. A passkey with
// user verification counts as both factors. It fails as [Service.verifyPasskey] does. Other
// errors:
//   - [TwoFactorRequiredError]: the sign-in waits for a second factor
//   - [shared.ErrDisabled]: the account is disabled
//   - [shared.ErrNotVerified]: the user must verify the address first
//   - [shared.ErrNoPendingSignIn]: the pending sign-in has ended meanwhile
//   - [shared.ErrPasskeyCopied]: the passkey may have been copied
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
		g := signIn{Client: client, Method: MethodPasskey, Remember: a.Remember, Passkey: verified.ID, HasPasskeys: true}
		if !verified.userVerified {
			g.Method = MethodSecurityKey
		}
		if ch := a.Pending; ch != nil && ch.UserID == in.User.ID && (verified.userVerified || ch.Method == MethodPassword) {
			g.Method, g.Second, g.Remember = ch.Method, ByPasskey, ch.Remember
			o, err = s.completeByPasskey(ctx, in, g, a)
		} else {
			o, due, err = s.completeFirstFactor(ctx, in, g)
		}
		if err != nil || due != nil {
			return err
		}
		o.Session.PasskeyName = verified.Name
		return s.finishSignIn(ctx, in, client, o)
	})
	switch {
	case errors.Is(err, shared.ErrUnauthorized):
		return SignInResult{}, shared.ErrPasskeyNotFound // the account was deleted meanwhile
	case err == nil && due != nil:
		return SignInResult{}, due
	}
	return o, s.auditRefusal(ctx, verified.UserID, client, s.auditPasskeyUse(ctx, verified, client, err))
}

// completeByPasskey issues the session of the pending sign-in that the passkey completes.
func (s *Service) completeByPasskey(ctx context.Context, in userTx, g signIn, a PasskeyAnswer) (o SignInResult, err error) {
	if err := in.TakePendingSignIn(ctx, a.Pending.Hash, s.Now(), anyTries); err != nil {
		return o, err
	}
	if o, err = s.issueSession(ctx, in, g); err != nil {
		return o, err
	}
	if a.TrustDevice && in.User.TwoFactorEnabled {
		o.Trust, err = s.trustDevice(ctx, in, Actor{o.Session, in.User, g.Client})
	}
	return o, err
}

// StepUpByPasskey is StepUp with a passkey instead of the password. The response must
// include user verification, and answer a challenge of the same session.
func (s *Service) StepUpByPasskey(ctx context.Context, actor Actor, browser Token, response json.RawMessage) (token Token, err error) {
	err = s.withPasskey(ctx, actor, browser, response, func(in userTx) (err error) {
		token, err = s.stepUp(ctx, in, actor, ByPasskey)
		return err
	})
	return token, err
}

// withPasskey runs fn in the transaction that uses a passkey of the session's user. It fails
// as [Service.verifyPasskey] does, and with [shared.ErrAuthenticationUnverified] or
// [shared.ErrPasskeyCopied].
func (s *Service) withPasskey(ctx context.Context, actor Actor, browser Token, response json.RawMessage, fn func(userTx) error) error {
	verified, err := s.verifyPasskey(ctx, &actor.Session, actor.Client, browser, response)
	if err != nil {
		return err
	}
	if !verified.userVerified {
		return shared.ErrAuthenticationUnverified
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := in.UsePasskey(ctx, verified.Passkey); err != nil {
			return err
		}
		return fn(in)
	})
	return s.auditPasskeyUse(ctx, verified, actor.Client, err)
}

// ErrCopied means that a passkey's signature counter has not increased, so that the passkey
// may have been copied. It never reaches a client.
var ErrCopied = errors.New("the signature counter of the passkey has not increased")

// auditPasskeyUse handles the error of a passkey's use, and returns the error for the
// caller. If the passkey may have been copied, it records that and notifies the owner
// (WebAuthn Level 3, section 6.1.1).
func (s *Service) auditPasskeyUse(ctx context.Context, verified verifiedAssertion, client Client, failed error) error {
	if errors.Is(failed, ErrNotFound) {
		return shared.ErrPasskeyNotFound // deleted meanwhile
	}
	if !errors.Is(failed, ErrCopied) {
		return failed
	}
	err := s.inUserTx(ctx, verified.UserID, func(in userTx) error {
		e := s.withPasskeyName(s.event(shared.EventPasskeyCopied, verified.UserID, client), in.User, verified.Passkey)
		return errors.Join(in.AddEvent(ctx, s.Keys, e),
			s.notify(ctx, in, client, reversal{Passkey: verified.ID}, proof{}, mail.PasskeyCopied{Name: verified.Name}))
	})
	return callerError(err, shared.ErrPasskeyCopied)
}

type passkeyStore interface {
	// AddPasskey fails with [shared.ErrPasskeyRegistered] if any user has the credential ID.
	AddPasskey(ctx context.Context, p Passkey) error
	// Passkeys returns the passkeys of a user, oldest first.
	Passkeys(ctx context.Context, user string) ([]Passkey, error)
	// PasskeyByCredential returns the passkey with a credential ID, and its user. It fails
	// with [ErrNotFound].
	PasskeyByCredential(ctx context.Context, id []byte) (Passkey, User, error)
	// UsePasskey records the use of a passkey, and its user handle. It fails with [ErrCopied]
	// unless the signature counter has increased or is and was zero. It fails with
	// [ErrNotFound] if the passkey is gone.
	UsePasskey(ctx context.Context, p Passkey) error
	// RenamePasskey and DeletePasskey fail with [shared.ErrPasskeyNotFound] if the user has
	// no passkey with the ID.
	RenamePasskey(ctx context.Context, user, id, name string) error
	DeletePasskey(ctx context.Context, user, id string) error
	// DeletePasskeys deletes all passkeys of a user and returns how many.
	DeletePasskeys(ctx context.Context, user string) (int, error)
}
