package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

const (
	emailCodeLifetime = 3 * time.Minute // Better Auth's
	emailCodeTries    = 5
)

// EmailCodeLimit is per account, so that nobody's mailbox is flooded.
var EmailCodeLimit = RateLimit{"email code", 5, 15 * time.Minute}

// EmailCode is a code that was mailed.
type EmailCode struct {
	Owner     []byte `bun:",pk"` // the challenge or session that it is for
	UserID    string
	MAC       []byte `bun:"mac"`
	Tries     int
	ExpiresAt time.Time
}

func (s *Service) emailCodeMAC(owner []byte, code string) []byte {
	return s.Keys.MAC("email code", string(owner)+" "+code)
}

// SendSessionCode mails a code to somebody who is signed in, in the place of
// another that was mailed for the same session. It fails with
// [shared.ErrOTPNotConfigured] if the server mails none, with
// [shared.ErrTwoFactorNotEnabled] if the user needs none, and with
// [shared.ErrTooManyRequests] after too many.
func (s *Service) SendSessionCode(ctx context.Context, actor Actor) error {
	return s.sendCode(ctx, sessionContext(actor))
}

// SendSignInCode is [Service.SendSessionCode] for a sign-in.
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
	place := "" // apart, so that the thief of a session does not use up those at sign-in
	if vc.pending == nil {
		place = " signed in"
	}
	if err := s.Allow(ctx, EmailCodeLimit, vc.User.ID+place); err != nil {
		return err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // it never fails: crypto/rand
	}
	code := fmt.Sprintf("%06d", n)
	return s.inUserTx(ctx, vc.User.ID, func(in userTx) error {
		err := in.PutEmailCode(ctx, EmailCode{
			Owner: vc.codeOwner, UserID: in.User.ID, MAC: s.emailCodeMAC(vc.codeOwner, code), ExpiresAt: s.Now().Add(emailCodeLifetime),
		})
		if err != nil {
			return err
		}
		if err := in.AddEvent(ctx, s.Keys, s.codeEvent(audit.EventCodeMailed, vc)); err != nil {
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
	var kept EmailCode
	try, err = s.countTry(ctx, vc, func(in userTx) (err error) {
		kept, err = in.CountEmailCodeTry(ctx, vc.codeOwner, s.Now())
		switch {
		case errors.Is(err, ErrNotFound):
			return shared.ErrOTPExpired
		case err == nil && kept.Tries > emailCodeTries:
			return shared.ErrTooManyCodes
		}
		return err
	})
	if errors.Is(err, shared.ErrTooManyCodes) { // it is forgotten: the next try finds none
		if err := s.Store.UseEmailCode(ctx, vc.codeOwner, kept.MAC); err != nil && !errors.Is(err, shared.ErrOTPExpired) {
			return verified, try, err
		}
	}
	if err != nil {
		return verified, try, err
	}
	if six, ok := shared.SixDigits(code); !ok || !hmac.Equal(kept.MAC, s.emailCodeMAC(vc.codeOwner, six)) {
		return verified, try, shared.ErrInvalidCode
	}
	return verifiedCode{spend: func(ctx context.Context, in userTx) error { return in.UseEmailCode(ctx, vc.codeOwner, kept.MAC) }}, try, nil
}

type emailCodeStore interface {
	// PutEmailCode keeps a code, in the place of another of the same owner.
	PutEmailCode(ctx context.Context, c EmailCode) error
	// CountEmailCodeTry counts a try at the unexpired code of an owner and
	// returns it. It fails with [ErrNotFound].
	CountEmailCodeTry(ctx context.Context, owner []byte, now time.Time) (EmailCode, error)
	// UseEmailCode spends a code. It fails with [shared.ErrOTPExpired] if it
	// was spent or replaced: of several who use it, one does.
	UseEmailCode(ctx context.Context, owner, mac []byte) error
}
