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

// prepareEmailCodeCheck is prepareCheck for an emailed code.
func (s *Service) prepareEmailCodeCheck(vc verificationContext, code string) (codeCheck, error) {
	if !s.Settings.Now().TwoFactorEmailCode {
		return nil, shared.ErrOTPNotConfigured
	}
	return func(ctx context.Context, in userTx) (*TOTP, error) {
		stored, err := in.CountEmailCodeTry(ctx, vc.codeOwner, s.Now())
		if errors.Is(err, ErrNotFound) {
			return nil, shared.ErrOTPExpired
		} else if err != nil {
			return nil, err
		}
		six, ok := shared.SixDigits(code)
		switch {
		case stored.Tries > emailCodeTries: // delete it: the next attempt finds none
			if err = in.UseEmailCode(ctx, vc.codeOwner, stored.MAC); err == nil {
				err = shared.ErrTooManyCodes
			}
			return nil, err
		case !ok || !hmac.Equal(stored.MAC, s.emailCodeMAC(vc.codeOwner, six)):
			return nil, shared.ErrInvalidCode
		}
		return nil, in.UseEmailCode(ctx, vc.codeOwner, stored.MAC)
	}, nil
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
