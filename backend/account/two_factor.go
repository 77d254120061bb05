package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// completeEnrollment is what the first code of a new authenticator leads to.
func (s *Service) completeEnrollment(ctx context.Context, in userTx, actor Actor, totp string) (User, Token, error) {
	kind, change := audit.EventTwoFactorEnabled, mail.Change(mail.TwoFactorEnabled{})
	if in.User.TwoFactorEnabled {
		kind, change = audit.EventAuthenticatorReplaced, mail.AuthenticatorReplaced{}
	}
	// What was tried was of another secret, or of none.
	if err := in.UnlockSecondFactor(ctx, in.User.ID); err != nil {
		return in.User, "", err
	}
	in.User.TwoFactorEnabled, in.User.UpdatedAt = true, s.Now()
	if err := in.SetTwoFactor(ctx, in.User.ID, true, in.User.UpdatedAt); err != nil {
		return in.User, "", err
	}
	// A replacement was confirmed with the factor shown before this code.
	by := Factor("")
	if kind == audit.EventAuthenticatorReplaced {
		by = actor.Session.SecondFactorBy
	}
	if err := s.recordSecondFactor(ctx, in, actor, ByTOTP); err != nil {
		return in.User, "", err
	}
	token, err := s.revokeAndNotify(ctx, in, actor, kind, reversal{TOTP: totp}, by, change)
	return in.User, token, err
}

// EnableTwoFactor gives the session's user a new authenticator, which is good
// for nothing until [Service.VerifyCode] has seen a code of it in the same
// session within an hour, and ten backup codes. If it is to replace the one that
// the user has, that stays good until then, and so do the backup codes. It fails
// with [shared.ErrTOTPEnabled] if there is one that is not to be replaced, with
// [shared.ErrTwoFactorNotEnabled] if there is none to replace, with
// [shared.ErrFactorNotFresh], and with [shared.ErrValidation] for an issuer that is
// too long.
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
	if err := errors.Join(checkIssuer(issuer), check(actor.User)); err != nil { // before ten hashes
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
			if err := in.ReplaceBackupCodes(ctx, set, digests); err != nil {
				return err
			}
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventTwoFactorPending, actor))
	})
	return s.totpURI(issuer, actor.User.Email, secret), codes, err
}

// DisableTwoFactor switches two-factor authentication off, and forgets the
// authenticators, the backup codes and the wrong codes. The session gets a new
// token, and where there was something to switch off all else ends, as when it
// was switched on. It fails with [shared.ErrFactorNotFresh], and with
// [shared.ErrLastSecondFactor] if the user must have a second factor and has no
// other.
func (s *Service) DisableTwoFactor(ctx context.Context, actor Actor) (token Token, err error) {
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		if err := s.checkNotLastFactor(ctx, in, actor.Session); err != nil {
			return err
		}
		if in.User.TwoFactorEnabled {
			token, err = s.revokeAndNotify(ctx, in, actor, audit.EventTwoFactorDisabled, reversal{}, actor.Session.SecondFactorBy,
				mail.TwoFactorDisabled{})
		} else {
			var next Session
			next, token = actor.Session.rotated(s.Now())
			err = rotate(ctx, in, actor.Session, next)
		}
		if err != nil {
			return err
		}
		// After the sessions, which take the enrolments that wait in them along:
		// in another order, this and the end of a session could wait for each other.
		return s.deleteFactors(ctx, in)
	})
	return token, err
}

// checkNotLastFactor fails with [shared.ErrLastSecondFactor] if the session's user
// must have a second factor, and has none but the authenticator. A passkey that
// verifies its user is one.
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

// requiresTwoFactor reports whether a session's user has to have a second factor.
func (s *Service) requiresTwoFactor(session Session) bool {
	switch s.Settings.Now().RequireTwoFactor {
	case setting.All:
		return true
	case setting.Admins:
		return len(session.Permissions) > 0
	}
	return false
}

// EnrollmentDeadline is until when a session whose user has to have a second factor
// (REQUIRE_TWO_FACTOR), and that has none, is good for more than getting one. It
// is zero for others.
func (s *Service) EnrollmentDeadline(actor Actor) time.Time {
	set := s.Settings.Now()
	// What a session began with may be gone: that two-factor authentication was on
	// then says nothing of now. Passkeys stay, see [Service.DeletePasskey].
	if !s.requiresTwoFactor(actor.Session) || actor.User.TwoFactorEnabled || actor.Session.Method == MethodPasskey {
		return time.Time{}
	}
	since := actor.User.CreatedAt
	if set.RequiredSince.After(since) {
		since = set.RequiredSince
	}
	return since.Add(set.RequireTwoFactorGrace)
}

// deleteFactors takes an account's authenticators, backup codes and wrong codes
// away: it is asked for no second factor any more.
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
	return in.UnlockSecondFactor(ctx, in.User.ID)
}

type twoFactorStore interface {
	// SetTwoFactor says whether a user is asked for a second factor.
	SetTwoFactor(ctx context.Context, user string, on bool, now time.Time) error
}
