package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/mail"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// completeEnrollment activates a pending authenticator after its first code. totp.Since is
// when sign-in began to require codes, or nil if it does not yet.
func (s *Service) completeEnrollment(ctx context.Context, in userTx, actor Actor, totp TOTP) (User, Token, error) {
	now := s.Now()
	since := now
	if totp.Since != nil {
		since = *totp.Since
	}
	if err := in.ActivateTOTP(ctx, totp, since, now); err != nil {
		return in.User, "", err
	}
	kind, change := shared.EventTwoFactorEnabled, mail.TwoFactorEnabled
	if in.User.TwoFactorEnabled {
		kind, change = shared.EventAuthenticatorReplaced, mail.AuthenticatorReplaced
	}
	// The counted attempts were made with another secret, or with none.
	if err := in.LiftLockout(ctx, in.User.ID); err != nil {
		return in.User, "", err
	}
	in.User.TwoFactorEnabled, in.User.UpdatedAt = true, now
	if err := in.SetTwoFactor(ctx, in.User.ID, true, in.User.UpdatedAt); err != nil {
		return in.User, "", err
	}
	by := proof{Entered: enteredNewCode} // the password was checked when the authenticator became pending
	if kind == shared.EventAuthenticatorReplaced {
		by.Factor = actor.Session.SecondFactorBy
	}
	if err := s.recordSecondFactor(ctx, in, actor, ByTOTP); err != nil {
		return in.User, "", err
	}
	token, err := s.revokeAndNotify(ctx, in, actor, kind, reversal{TOTP: totp.ID}, by, change)
	return in.User, token, err
}

// EnableTwoFactor gives the actor's user a pending authenticator and ten backup codes.
// [Service.VerifyCode] activates the authenticator with its first code, in the same session
// and within an hour. If replace is true, the user keeps the active authenticator until
// then, and keeps the backup codes. The caller must have checked the password. Errors:
//   - [shared.ErrTOTPEnabled]: the user has an authenticator, and replace is false
//   - [shared.ErrTwoFactorNotEnabled]: there is no authenticator to replace
//   - [shared.ErrFactorNotFresh]: the session needs a second factor first
//   - [shared.ErrValidation]: the issuer is too long
func (s *Service) EnableTwoFactor(ctx context.Context, actor Actor, issuer string, replace bool) (uri string, codes []string, err error) {
	check := func(u User) error {
		switch {
		case u.TwoFactorEnabled && !replace:
			return shared.ErrTOTPEnabled
		case !u.TwoFactorEnabled && replace:
			return shared.ErrTwoFactorNotEnabled
		}
		return nil
	}
	if err := errors.Join(checkIssuer(issuer), check(actor.User)); err != nil { // before hashing ten codes
		return "", nil, err
	}
	if err := s.CheckSecondFactor(ctx, actor); err != nil {
		return "", nil, err
	}
	a, secret := s.newTOTP(actor.Session)
	codes, set, digests := []string{}, BackupCodeSet{}, [][]byte(nil)
	if !replace {
		codes, set, digests = s.newBackupCodes(actor.User.ID)
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := check(in.User); err != nil {
			return err
		}
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		if err := in.DeletePendingTOTP(ctx, in.User.ID); err != nil {
			return err
		}
		if err := in.AddTOTP(ctx, a); err != nil {
			return err
		}
		if !replace {
			if err := in.ReplaceBackupCodes(ctx, set, digests, s.Now().Add(replacedCodesLifetime)); err != nil {
				return err
			}
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(shared.EventTwoFactorPending, actor))
	})
	return s.totpURI(issuer, actor.User.Email, secret), codes, err
}

// DisableTwoFactor turns two-factor authentication off, and deletes the authenticators, the
// backup codes and the counts of attempts. The session gets a new token. If two-factor
// authentication was on, all other access is revoked. The caller must have checked the
// password. Errors:
//   - [shared.ErrFactorNotFresh]: the session needs a second factor first
//   - [shared.ErrLastSecondFactor]: the user must have a second factor, and has no passkey
//     with user verification
func (s *Service) DisableTwoFactor(ctx context.Context, actor Actor) (token Token, err error) {
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		if err := s.checkNotLastFactor(ctx, in, actor.Session); err != nil {
			return err
		}
		if in.User.TwoFactorEnabled {
			by := proof{enteredPassword, actor.Session.SecondFactorBy}
			token, err = s.revokeAndNotify(ctx, in, actor, shared.EventTwoFactorDisabled, reversal{}, by, mail.TwoFactorDisabled)
		} else {
			var next Session
			next, token = actor.Session.rotated(s.Now())
			err = rotate(ctx, in, actor.Session, next)
		}
		if err != nil {
			return err
		}
		// Delete the factors after the sessions, whose deletion also deletes their pending
		// authenticators. In the other order, this transaction and one that ends a session
		// could deadlock.
		return s.deleteFactors(ctx, in)
	})
	return token, err
}

// checkNotLastFactor fails with [shared.ErrLastSecondFactor] if the user must have a second
// factor and has only the authenticator. A passkey with user verification counts as a
// second factor.
func (s *Service) checkNotLastFactor(ctx context.Context, in userTx, session Session) error {
	if !in.User.TwoFactorEnabled || !s.requiresTwoFactor(session) {
		return nil
	}
	has, err := hasVerifiedPasskey(ctx, in, in.User)
	if err == nil && !has {
		err = shared.ErrLastSecondFactor
	}
	return err
}

// requiresTwoFactor reports whether the user of a session must have a second factor.
func (s *Service) requiresTwoFactor(session Session) bool {
	switch s.Settings.Now().RequireTwoFactor {
	case setting.All:
		return true
	case setting.Admins:
		return len(session.Permissions) > 0
	}
	return false
}

// EnrollmentDeadline returns the time until which a user who lacks a required second factor
// (REQUIRE_TWO_FACTOR) has full access. After it, the user can only enroll. It is zero for
// other users.
func (s *Service) EnrollmentDeadline(actor Actor) time.Time {
	set := s.Settings.Now()
	// The method of the session does not show whether the user has an authenticator, which
	// may be gone since. But a passkey cannot be gone: see [Service.DeletePasskey].
	if !s.requiresTwoFactor(actor.Session) || actor.User.TwoFactorEnabled || actor.Session.Method == MethodPasskey {
		return time.Time{}
	}
	since := actor.User.CreatedAt
	if set.RequiredSince.After(since) {
		since = set.RequiredSince
	}
	return since.Add(set.RequireTwoFactorGrace)
}

// deleteFactors turns two-factor authentication off, and deletes the authenticators, the
// backup codes and the counts of attempts. It leaves the passkeys.
func (s *Service) deleteFactors(ctx context.Context, in userTx) error {
	if in.User.TwoFactorEnabled {
		if err := in.SetTwoFactor(ctx, in.User.ID, false, s.Now()); err != nil {
			return err
		}
	}
	if err := in.DeleteTOTPs(ctx, in.User.ID); err != nil {
		return err
	}
	if err := in.DeleteBackupCodes(ctx, in.User.ID); err != nil {
		return err
	}
	return in.LiftLockout(ctx, in.User.ID)
}

type twoFactorStore interface {
	// SetTwoFactor turns two-factor authentication of a user on or off.
	SetTwoFactor(ctx context.Context, user string, on bool, now time.Time) error
}
