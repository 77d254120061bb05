package account

import (
	"context"
	"fmt"

	"latchkey/backend/audit"
	"latchkey/shared"
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

// codeCheck checks a code and spends it, in a transaction that has counted the attempt. Of
// several callers with the same code, one succeeds. A check that fails for a wrong code has
// changed nothing that must be undone. enrolls is the pending authenticator whose first code
// it was, or nil.
type codeCheck func(ctx context.Context, in userTx) (enrolls *TOTP, err error)

// prepareCheck returns the check of a code. It reads and hashes what the check needs before
// the attempt counts, so that a caller for whom that fails does not lose an attempt. Errors:
//   - [shared.ErrTooManyCodes]: too many attempts at the pending sign-in
//   - [shared.ErrTOTPNotEnabled], [shared.ErrBackupCodesNotEnabled],
//     [shared.ErrOTPNotConfigured]: the user or the server has no such codes
func (s *Service) prepareCheck(ctx context.Context, f Factor, vc verificationContext, code string) (codeCheck, error) {
	// [Store].CountPendingSignInTry and [Store].TakePendingSignIn decide this. But they run
	// after the check, and the time that they take must not tell whether the code is right.
	if vc.pending != nil && vc.pending.Tries >= f.pendingSignInTries() {
		return nil, shared.ErrTooManyCodes
	}
	switch f {
	case ByTOTP:
		return s.prepareTOTPCheck(ctx, vc, code)
	case ByBackupCode:
		return s.prepareBackupCodeCheck(ctx, vc, code)
	case ByEmailCode:
		return s.prepareEmailCodeCheck(vc, code)
	}
	return nil, fmt.Errorf("%q is not a factor that uses codes", f)
}

// pendingSignInTries returns how many wrong codes end a pending sign-in for the factor. An
// emailed code has its own count of attempts, and can be sent again.
func (f Factor) pendingSignInTries() int {
	if f == ByEmailCode {
		return anyTries
	}
	return shared.PendingSignInTries
}

// withCode counts an attempt, checks the code, spends it and runs fn, all in one
// transaction. If the code is wrong, fn does not run, but the transaction commits: the
// attempt counts, and the log has it. If the attempt fails for another reason, it does not
// count. It fails as [Service.prepareCheck] does, and as fn does. Other errors:
//   - [shared.ErrLockedOut]: too many attempts in a row
//   - [shared.ErrInvalidCode], [shared.ErrInvalidBackupCode], [shared.ErrOTPExpired]: the
//     code is wrong
//   - [shared.ErrTooManyCodes]: too many attempts at the emailed code
//   - [shared.ErrUnauthorized]: the session has ended, or the user was deleted
func (s *Service) withCode(
	ctx context.Context, f Factor, vc verificationContext, code string, fn func(in userTx, enrolls *TOTP) error,
) error {
	check, err := s.prepareCheck(ctx, f, vc, code)
	if err != nil {
		return err
	}
	var refused error
	err = s.inVerificationTx(ctx, vc, func(in userTx) error {
		try, err := s.countTry(ctx, in, vc)
		if err != nil {
			return err
		}
		enrolls, err := check(ctx, in)
		if err != nil {
			refused = err
			return s.recordRefusedCode(ctx, in, f, vc, try, err)
		}
		if err := in.ResetSecondFactorTries(ctx, in.User.ID, vc.pending == nil); err != nil {
			return err
		}
		return fn(in, enrolls)
	})
	return callerError(err, refused)
}

// inVerificationTx runs fn in a transaction that holds the lock of the user, and that of the
// session if there is one.
func (s *Service) inVerificationTx(ctx context.Context, vc verificationContext, fn func(userTx) error) error {
	if vc.pending == nil {
		return s.inSessionTx(ctx, vc.Actor, fn)
	}
	return s.inUserTx(ctx, vc.User.ID, fn)
}

// VerifyCode checks a code in a session, and spends it. The first code of a pending
// authenticator enables two-factor authentication, or replaces the authenticator. In that
// case, rotated is the session's new token. Every code except an emailed one counts as a
// second factor of the session. It fails as [Service.withCode] does.
func (s *Service) VerifyCode(ctx context.Context, actor Actor, a CodeAnswer) (user User, rotated Token, err error) {
	vc := sessionContext(actor)
	vc.allowEnrollment, vc.requireEnrollment = true, a.Enroll
	err = s.withCode(ctx, a.Factor, vc, a.Code, func(in userTx, enrolls *TOTP) (err error) {
		user = in.User
		switch {
		case enrolls != nil:
			user, rotated, err = s.completeEnrollment(ctx, in, actor, *enrolls)
		case a.Factor != ByEmailCode:
			err = s.recordSecondFactor(ctx, in, actor, a.Factor)
		}
		return err
	})
	return user, rotated, err
}
