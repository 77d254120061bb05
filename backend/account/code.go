package account

import (
	"context"
	"fmt"

	"latchkey/backend/audit"
)

// A Factor is a second factor, as the part of [Session].Method that names it.
type Factor string

// The second factors.
const (
	ByTOTP       Factor = "totp"        // a code of the authenticator app (RFC 6238)
	ByBackupCode Factor = "backup-code" // one of ten that were written down
	ByEmailCode  Factor = "email-code"  // a code that came by mail
	ByPasskey    Factor = "passkey"

	byTrustedDevice Factor = "trusted-device" // a browser that is asked no more
)

// verificationContext is who is asked for a code: a user in a session, or in the challenge of
// a sign-in.
type verificationContext struct {
	Actor
	pending           *PendingSignIn // nil in a session
	codeOwner         []byte         // what a code by mail is for: the session's id or the challenge's hash
	allowEnrollment   bool           // a new authenticator is asked for if one waits to be proved
	requireEnrollment bool           // and no other
}

func sessionContext(actor Actor) verificationContext {
	return verificationContext{Actor: actor, codeOwner: []byte(actor.Session.ID)}
}

func signInContext(actor Actor, pending PendingSignIn) verificationContext {
	return verificationContext{Actor: actor, pending: &pending, codeOwner: pending.Hash}
}

// codeEvent is an event of who is asked for a code.
func (s *Service) codeEvent(kind string, vc verificationContext) audit.Event {
	if vc.pending == nil {
		return s.sessionEvent(kind, vc.Actor)
	}
	return s.event(kind, vc.User.ID, vc.Client)
}

// verifiedCode is a code that was right when it was looked at. It is worth nothing
// until it is spent, in the transaction of what it is good for: of two who have
// the same, one spends it.
type verifiedCode struct {
	factor  Factor
	spend   func(context.Context, userTx) error
	enrolls string // the ID of the new authenticator that it is the first of; empty if it is of none
}

// checkCode looks at a code, after the try has been counted; try is which of
// those in a row it is, for wrong codes, too. It fails with [shared.ErrLocked] if
// there were too many; with [shared.ErrInvalidCode], [shared.ErrInvalidBackupCode]
// or [shared.ErrOTPExpired] if the code is not right; with
// [shared.ErrTooManyCodes] if the challenge or the mailed code has had too many
// tries; and with [shared.ErrTOTPNotEnabled], [shared.ErrBackupCodesNotEnabled] or
// [shared.ErrOTPNotConfigured] if there is nothing that it could be right for.
func (s *Service) checkCode(
	ctx context.Context,
	f Factor,
	vc verificationContext,
	code string,
) (verified verifiedCode, try int, err error) {
	switch f {
	case ByTOTP:
		verified, try, err = s.checkTOTP(ctx, vc, code)
	case ByBackupCode:
		verified, try, err = s.checkBackupCode(ctx, vc, code)
	case ByEmailCode:
		verified, try, err = s.checkEmailCode(ctx, vc, code)
	default:
		err = fmt.Errorf("nobody is asked for a %q", f)
	}
	verified.factor = f
	return verified, try, err
}

// spendCode spends a right code, which ends the row of wrong ones.
func (s *Service) spendCode(ctx context.Context, in userTx, vc verificationContext, verified verifiedCode) error {
	if err := verified.spend(ctx, in); err != nil {
		return err
	}
	return in.ForgetSecondFactorTries(ctx, in.User.ID, vc.pending == nil)
}

// VerifyCode verifies a code in a session, and spends it. The first one of a new
// authenticator enables two-factor authentication, or replaces the authenticator,
// and the session gets a new token: rotated is empty otherwise. Any but a code by
// email is a second factor shown in the session. It fails as [Service.checkCode]
// does.
func (s *Service) VerifyCode(ctx context.Context, actor Actor, a CodeAnswer) (user User, rotated Token, err error) {
	vc := sessionContext(actor)
	vc.allowEnrollment, vc.requireEnrollment = true, a.Enroll
	verified, try, err := s.checkCode(ctx, a.Factor, vc, a.Code)
	if err == nil {
		err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
			if err := s.spendCode(ctx, in, vc, verified); err != nil {
				return err
			}
			user = in.User
			switch {
			case verified.enrolls != "":
				user, rotated, err = s.completeEnrollment(ctx, in, actor, verified.enrolls)
			case verified.factor != ByEmailCode:
				err = s.recordSecondFactor(ctx, in, actor, verified.factor)
			}
			return err
		})
	}
	return user, rotated, s.auditFailedCode(ctx, vc, try, err)
}
