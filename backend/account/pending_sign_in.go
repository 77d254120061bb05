package account

import (
	"context"
	"errors"
	"math"
	"time"

	"latchkey/shared"
)

// PendingSignInLifetime is how long a sign-in waits for its second factor.
const PendingSignInLifetime = 10 * time.Minute

// PendingSignIn is a sign-in with a correct first factor that waits for the second.
type PendingSignIn struct {
	Hash      []byte `bun:",pk"` // of the token in the browser's cookie
	UserID    string
	Method    string // the first factor, as in [Session]
	Remember  bool
	Tries     int
	CreatedAt time.Time
	ExpiresAt time.Time

	// At the time of the look-up: the user's active authenticator, or nil, and the hash of
	// the user's password, or "".
	TOTP         *TOTP  `bun:"-"`
	PasswordHash string `bun:",scanonly"`
}

// anyTries is a number of attempts at a pending sign-in that no limit reaches.
const anyTries = math.MaxInt32

// TwoFactorRequiredError is the [shared.ErrTwoFactorRequired] of a sign-in that is now
// pending.
type TwoFactorRequiredError struct {
	Token   Token // of the pending sign-in, for the browser's cookie
	Methods []Factor
	// KnownDevice are the tokens of the browser: others than before if the sign-in has upgraded
	// the hash of the password.
	KnownDevice KnownDeviceTokens
}

func (e *TwoFactorRequiredError) Error() string { return shared.ErrTwoFactorRequired.Error() }

// Unwrap makes errors.Is find the shared error.
func (e *TwoFactorRequiredError) Unwrap() error { return shared.ErrTwoFactorRequired }

// completeFirstFactor continues a sign-in after its first factor. It issues a session, or
// returns due if a second factor is required and the user does not trust the browser.
func (s *Service) completeFirstFactor(ctx context.Context, in userTx, g signIn) (
	o SignInResult, due *TwoFactorRequiredError, err error,
) {
	if err := s.checkSignInAllowed(in.User); err != nil { // before asking for a second factor
		return SignInResult{}, nil, err
	}
	var trust TrustTokens
	if in.User.TwoFactorEnabled && g.Method != MethodPasskey {
		if trust, err = s.rotateTrust(ctx, in, g.Client); errors.Is(err, ErrNotFound) {
			due, err := s.requireSecondFactor(ctx, in, g)
			return SignInResult{}, due, err
		} else if err != nil {
			return SignInResult{}, nil, err
		}
		g.Second = byTrustedDevice
	}
	o, err = s.issueSession(ctx, in, g)
	o.Trust = trust
	return o, nil, err
}

func (s *Service) requireSecondFactor(ctx context.Context, in userTx, g signIn) (*TwoFactorRequiredError, error) {
	token, now := NewToken(), s.Now()
	err := in.AddPendingSignIn(ctx, PendingSignIn{
		Hash: token.Hash(), UserID: in.User.ID, Method: g.Method, Remember: g.Remember,
		CreatedAt: now, ExpiresAt: now.Add(PendingSignInLifetime),
	})
	if err != nil {
		return nil, err
	}
	due := &TwoFactorRequiredError{Token: token, Methods: []Factor{ByTOTP}}
	if s.Settings.Now().TwoFactorEmailCode {
		due.Methods = append(due.Methods, ByEmailCode)
	}
	if g.HasPasskeys {
		due.Methods = append(due.Methods, ByPasskey)
	}
	return due, in.AddEvent(ctx, s.Keys, s.event(shared.EventSecondFactorRequired, in.User.ID, g.Client))
}

// PendingSignIn returns the pending sign-in of a token, and its user. It fails with
// [shared.ErrNoPendingSignIn] if there is none, or if it has expired.
func (s *Service) PendingSignIn(ctx context.Context, token Token) (PendingSignIn, User, error) {
	pending, user, err := s.Store.PendingSignIn(ctx, token.Hash(), s.Now())
	if errors.Is(err, ErrNotFound) {
		return pending, user, shared.ErrNoPendingSignIn
	}
	return pending, user, err
}

// CodeAnswer is a user's answer to a request for a code.
type CodeAnswer struct {
	Factor Factor
	Code   string

	TrustDevice bool // at sign-in: do not ask this browser again
	NoSession   bool // at sign-in: end it without a session
	Enroll      bool // in a session: the code must be a pending authenticator's
}

// CompleteSignIn issues the session of a pending sign-in if the code is correct. It fails
// as [Service.withCode] does. Other errors:
//   - [shared.ErrNoPendingSignIn]: the sign-in has ended meanwhile
//   - [shared.ErrDisabled], [shared.ErrNotVerified]: the user may not sign in now
func (s *Service) CompleteSignIn(ctx context.Context, actor Actor, pending PendingSignIn, a CodeAnswer) (o SignInResult, err error) {
	err = s.withCode(ctx, a.Factor, signInContext(actor, pending), a.Code, func(in userTx, _ *TOTP) (err error) {
		o, err = s.completeByCode(ctx, in, actor.Client, pending, a)
		return err
	})
	if errors.Is(err, shared.ErrUnauthorized) { // the account was deleted meanwhile
		err = shared.ErrNoPendingSignIn
	}
	return o, err
}

// completeByCode issues the session of the pending sign-in that a code completes.
func (s *Service) completeByCode(
	ctx context.Context, in userTx, client Client, pending PendingSignIn, a CodeAnswer,
) (o SignInResult, err error) {
	o.User = in.User
	if err := in.TakePendingSignIn(ctx, pending.Hash, s.Now(), a.Factor.pendingSignInTries()); err != nil {
		return o, err
	}
	if !a.NoSession {
		// A change of the password since the look-up would have deleted the pending sign-in.
		g := signIn{
			Client: client, Method: pending.Method, Second: a.Factor, Remember: pending.Remember, Hash: pending.PasswordHash,
		}
		if o, err = s.issueSession(ctx, in, g); err != nil {
			return o, err
		}
	}
	actor := Actor{o.Session, in.User, client}
	if a.Factor == ByBackupCode {
		if err := s.auditBackupCodeUse(ctx, in, actor, s.reportsSignIn(o, client)); err != nil {
			return o, err
		}
	}
	if a.NoSession {
		return o, nil
	}
	if a.TrustDevice {
		if o.Trust, err = s.trustDevice(ctx, in, actor); err != nil {
			return o, err
		}
	}
	err = s.finishSignIn(ctx, in, client, o)
	return o, err
}

type pendingSignInStore interface {
	AddPendingSignIn(ctx context.Context, pending PendingSignIn) error
	// PendingSignIn returns the unexpired pending sign-in whose token has the hash, and its
	// user, in one statement. It fails with [ErrNotFound].
	PendingSignIn(ctx context.Context, hash []byte, now time.Time) (PendingSignIn, User, error)
	// CountPendingSignInTry counts an attempt at a pending sign-in. Errors, if it does not
	// count:
	//   - [shared.ErrTooManyCodes]: there have been max attempts already
	//   - [shared.ErrNoPendingSignIn]: the pending sign-in is gone
	CountPendingSignInTry(ctx context.Context, hash []byte, max int) error
	// TakePendingSignIn deletes an unexpired pending sign-in. Of several callers, one
	// succeeds. Errors:
	//   - [shared.ErrTooManyCodes]: there have been max attempts
	//   - [shared.ErrNoPendingSignIn]: the pending sign-in is gone or has expired
	TakePendingSignIn(ctx context.Context, hash []byte, now time.Time, max int) error
	DeletePendingSignIns(ctx context.Context, user string) error
}
