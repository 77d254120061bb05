package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"time"

	"latchkey/backend/mail"
	"latchkey/shared"
)

const (
	emailCodeLifetime = 3 * time.Minute // as in Better Auth
	emailCodeTries    = 5
)

// EmailCodeLimit is per account, and separate for sessions and sign-ins. It prevents
// flooding of the mailbox.
var EmailCodeLimit = RateLimit{"email code", 5, 15 * time.Minute}

// EmailCode is a code sent by email.
type EmailCode struct {
	Owner     []byte `bun:",pk"` // the pending sign-in's hash or the session's ID
	UserID    string
	MAC       []byte `bun:"mac"`
	Tries     int
	ExpiresAt time.Time
}

func (s *Service) emailCodeMAC(owner []byte, code string) []byte {
	return s.Keys.MAC("email code", string(owner)+" "+code)
}

// SendSessionCode emails the user a code for the actor's session. It replaces an earlier
// code. Errors:
//   - [shared.ErrOTPNotConfigured]: the server sends no codes
//   - [shared.ErrTwoFactorNotEnabled]: the user has not enabled two-factor authentication
//   - [shared.ErrTooManyRequests]: the user requested too many codes
func (s *Service) SendSessionCode(ctx context.Context, actor Actor) error {
	return s.sendCode(ctx, sessionContext(actor))
}

// SendSignInCode emails the user a code for a pending sign-in. It fails as
// [Service.SendSessionCode] does.
func (s *Service) SendSignInCode(ctx context.Context, actor Actor, pending PendingSignIn) error {
	return s.sendCode(ctx, signInContext(actor, pending))
}

func (s *Service) sendCode(ctx context.Context, vc verificationContext) error {
	if !s.Settings.Now().TwoFactorEmailCode {
		return shared.ErrOTPNotConfigured
	}
	if !vc.User.TwoFactorEnabled {
		return shared.ErrTwoFactorNotEnabled
	}
	suffix := "" // counted separately, so that a stolen session cannot use up the codes for sign-in
	if vc.pending == nil {
		suffix = " signed in"
	}
	if err := s.Allow(ctx, EmailCodeLimit, vc.User.ID+suffix); err != nil {
		return err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	code := fmt.Sprintf("%06d", n)
	return s.inUserTx(ctx, vc.User.ID, func(in userTx) error {
		err := in.PutEmailCode(ctx, EmailCode{
			Owner: vc.codeOwner, UserID: in.User.ID, MAC: s.emailCodeMAC(vc.codeOwner, code), ExpiresAt: s.Now().Add(emailCodeLifetime),
		})
		if err != nil {
			return err
		}
		if err := in.AddEvent(ctx, s.Keys, s.codeEvent(shared.EventCodeMailed, vc)); err != nil {
			return err
		}
		return s.send(ctx, in, s.compose(in.User, vc.Client, mail.SignInCode{
			Code: code, Lifetime: emailCodeLifetime, InSession: vc.pending == nil,
		}))
	})
}

func (s *Service) checkEmailCode(ctx context.Context, vc verificationContext, code string) (verified verifiedCode, try int, err error) {
	if !s.Settings.Now().TwoFactorEmailCode {
		return verified, 0, shared.ErrOTPNotConfigured
	}
	var stored EmailCode
	try, err = s.countTry(ctx, vc, func(in userTx) (err error) {
		stored, err = in.CountEmailCodeTry(ctx, vc.codeOwner, s.Now())
		switch {
		case errors.Is(err, ErrNotFound):
			return shared.ErrOTPExpired
		case err == nil && stored.Tries > emailCodeTries:
			return shared.ErrTooManyCodes
		}
		return err
	})
	if errors.Is(err, shared.ErrTooManyCodes) { // delete it: the next attempt finds none
		if err := s.Store.UseEmailCode(ctx, vc.codeOwner, stored.MAC); err != nil && !errors.Is(err, shared.ErrOTPExpired) {
			return verified, try, err
		}
	}
	if err != nil {
		return verified, try, err
	}
	if six, ok := shared.SixDigits(code); !ok || !hmac.Equal(stored.MAC, s.emailCodeMAC(vc.codeOwner, six)) {
		return verified, try, shared.ErrInvalidCode
	}
	return verifiedCode{spend: func(ctx context.Context, in userTx) error { return in.UseEmailCode(ctx, vc.codeOwner, stored.MAC) }}, try, nil
}

type emailCodeStore interface {
	// PutEmailCode stores a code, and replaces the owner's former one.
	PutEmailCode(ctx context.Context, c EmailCode) error
	// CountEmailCodeTry counts an attempt at an owner's unexpired code and returns the code.
	// It fails with [ErrNotFound].
	CountEmailCodeTry(ctx context.Context, owner []byte, now time.Time) (EmailCode, error)
	// UseEmailCode deletes a code. It fails with [shared.ErrOTPExpired] if it was used or
	// replaced: of several callers, one succeeds.
	UseEmailCode(ctx context.Context, owner, mac []byte) error
}
