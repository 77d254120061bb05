package account

import (
	"context"
	"fmt"

	"latchkey/backend/audit"
)

// A Factor is a second factor, under the name that it has in [Session].Method.
type Factor string

// The second factors.
const (
	ByTOTP       Factor = "totp"        // a code of the authenticator app (RFC 6238)
	ByBackupCode Factor = "backup-code" // one of the ten codes that the user saved
	ByEmailCode  Factor = "email-code"  // a code sent by email
	ByPasskey    Factor = "passkey"

	byTrustedDevice Factor = "trusted-device" // a browser that needs no second factor
)

// verificationContext is the context in which a code is checked: a session of the user, or
// a pending sign-in.
type verificationContext struct {
	Actor
	pending           *PendingSignIn // nil in a session
	codeOwner         []byte         // owner of an emailed code: the session's ID or the pending sign-in's hash
	allowEnrollment   bool           // prefer a pending authenticator to the active one
	requireEnrollment bool           // accept only a pending authenticator
}

func sessionContext(actor Actor) verificationContext {
	return verificationContext{Actor: actor, codeOwner: []byte(actor.Session.ID)}
}

func signInContext(actor Actor, pending PendingSignIn) verificationContext {
	return verificationContext{Actor: actor, pending: &pending, codeOwner: pending.Hash}
}

// codeEvent returns an event about a code of vc.
func (s *Service) codeEvent(kind string, vc verificationContext) audit.Event {
	if vc.pending == nil {
		return s.sessionEvent(kind, vc.Actor)
	}
	return s.event(kind, vc.User.ID, vc.Client)
}

// verifiedCode is a code that was correct when it was checked. It grants nothing until the
// transaction of the change that it allows spends it. Of several callers with the same
// code, one can spend it.
type verifiedCode struct {
	factor  Factor
	spend   func(context.Context, userTx) error
	enrolls string // ID of the pending authenticator that it activates; empty if none
}

// checkCode counts an attempt and then checks a code. try is the number of attempts in a
// row. It is also set if the code is wrong. Errors:
//   - [shared.ErrLockedOut]: too many attempts in a row
//   - [shared.ErrInvalidCode], [shared.ErrInvalidBackupCode], [shared.ErrOTPExpired]: the
//     code is wrong
//   - [shared.ErrTooManyCodes]: too many attempts at the pending sign-in or the emailed code
//   - [shared.ErrTOTPNotEnabled], [shared.ErrBackupCodesNotEnabled],
//     [shared.ErrOTPNotConfigured]: the user or the server has no such codes
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
		err = fmt.Errorf("%q is not a factor that uses codes", f)
	}
	verified.factor = f
	return verified, try, err
}

// spendCode spends a verified code, and resets the count of attempts in a row.
func (s *Service) spendCode(ctx context.Context, in userTx, vc verificationContext, verified verifiedCode) error {
	if err := verified.spend(ctx, in); err != nil {
		return err
	}
	return in.ResetSecondFactorTries(ctx, in.User.ID, vc.pending == nil)
}

// VerifyCode checks a code in a session, and spends it. The first code of a pending
// authenticator enables two-factor authentication, or replaces the authenticator. In that
// case, rotated is the session's new token. Every code except an emailed one counts as a
// second factor of the session. It fails as [Service.checkCode] does.
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
