package server

import (
	"errors"

	"latchkey/backend/account"
	"latchkey/shared"
)

func (s *Server) twoFactorStatus(c call, _ shared.None) (out shared.TwoFactor, err error) {
	all, err := s.Accounts.Store.TOTPs(c.Context(), c.User.ID, c.Session.ID, s.Accounts.Now())
	if err != nil {
		return out, err
	}
	out.Enabled = c.User.TwoFactorEnabled
	for _, t := range all {
		if !t.Verified {
			out.Pending = true
		} else if t.Since != nil {
			out.Since = &shared.Time{Time: *t.Since}
		}
	}
	if out.Enabled { // backup codes of an unfinished enrollment do not work
		out.BackupCodesLeft, err = s.Accounts.Store.CountBackupCodes(c.Context(), c.User.ID)
	}
	return out, err
}

func (s *Server) enableTwoFactor(c call, in shared.Enrollment) (shared.EnrollmentStarted, error) {
	if in.Method == "otp" { // email only, and the user may not own the address
		return shared.EnrollmentStarted{}, shared.ErrOTPNotConfigured.WithMessage("OTP is not available")
	}
	uri, codes, err := s.Accounts.EnableTwoFactor(c.Context(), c.Actor, in.Issuer, isTrue(in.Replace))
	if err != nil {
		return shared.EnrollmentStarted{}, err
	}
	return shared.EnrollmentStarted{Method: "totp", TOTPURI: uri, BackupCodes: codes}, nil
}

func (s *Server) disableTwoFactor(c call, _ shared.Password) (shared.Status, error) {
	token, err := s.Accounts.DisableTwoFactor(c.Context(), c.Actor)
	if err != nil {
		return shared.Status{}, err
	}
	s.cookies.setSession(c.w, c.Session, token)
	return shared.Status{Status: true}, nil
}

func (s *Server) getTOTPURI(c call, _ shared.Password) (shared.TOTPURI, error) {
	uri, err := s.Accounts.TOTPURI(c.Context(), c.Actor)
	return shared.TOTPURI{TOTPURI: uri}, err
}

func (s *Server) generateBackupCodes(c call, _ shared.Password) (shared.BackupCodes, error) {
	codes, token, err := s.Accounts.NewBackupCodes(c.Context(), c.Actor)
	if err != nil {
		return shared.BackupCodes{}, err
	}
	s.cookies.setSession(c.w, c.Session, token)
	return shared.BackupCodes{Status: true, BackupCodes: codes}, nil
}

func (s *Server) verifyTOTP(c call, in shared.Code) (shared.Verified, error) {
	return s.verify(
		c,
		account.CodeAnswer{Factor: account.ByTOTP, Code: in.Code, TrustDevice: isTrue(in.TrustDevice), Enroll: isTrue(in.Enroll)},
	)
}

func (s *Server) verifyOTP(c call, in shared.Code) (shared.Verified, error) {
	return s.verify(c, account.CodeAnswer{Factor: account.ByEmailCode, Code: in.Code, TrustDevice: isTrue(in.TrustDevice)})
}

func (s *Server) verifyBackupCode(c call, in shared.BackupCode) (shared.Verified, error) {
	return s.verify(
		c,
		account.CodeAnswer{
			Factor:      account.ByBackupCode,
			Code:        in.Code,
			TrustDevice: isTrue(in.TrustDevice),
			NoSession:   isTrue(in.DisableSession),
		},
	)
}

// getPendingSignIn returns the account of a pending sign-in, or nil in a session. The caller
// has presented the first factor, so the address is no secret.
func (s *Server) getPendingSignIn(c call, _ shared.None) (*shared.PendingSignIn, error) {
	if c.PendingSignIn == nil { // the caller is signed in
		return nil, nil
	}
	factors, err := s.Accounts.SecondFactors(c.Context(), c.User)
	if err != nil {
		return nil, err
	}
	return &shared.PendingSignIn{Email: c.User.Email, Methods: methodsOf(factors)}, nil
}

func isTrue(answer *bool) bool { return answer != nil && *answer }

// verify verifies a code: in a session, or in a pending sign-in, which it completes.
func (s *Server) verify(c call, a account.CodeAnswer) (shared.Verified, error) {
	if c.PendingSignIn != nil {
		return s.completeSignIn(c, a)
	}
	user, token, err := s.Accounts.VerifyCode(c.Context(), c.Actor, a)
	c.guesses.correct = err == nil
	if err != nil {
		return shared.Verified{}, err
	}
	if token != "" {
		s.cookies.setSession(c.w, c.Session, token)
	}
	return shared.Verified{Token: c.Session.ID, User: userOf(user)}, nil
}

func (s *Server) completeSignIn(c call, a account.CodeAnswer) (shared.Verified, error) {
	o, err := s.Accounts.CompleteSignIn(c.Context(), c.Actor, *c.PendingSignIn, a)
	c.guesses.correct = err == nil
	spent := errors.Is(err, shared.ErrTooManyCodes) && a.Factor != account.ByEmailCode // an email code can be sent again
	if err == nil || spent || errors.Is(err, shared.ErrNoPendingSignIn) {
		s.cookies.clearPendingSignIn(c.w)
	}
	if err != nil {
		return shared.Verified{}, err
	}
	if a.NoSession {
		return shared.Verified{User: userOf(o.User)}, nil
	}
	s.issueSession(c, o)
	return shared.Verified{Token: o.Session.ID, User: userOf(o.User)}, nil
}

func (s *Server) sendOTP(c call, _ shared.None) (out shared.Status, err error) {
	if c.PendingSignIn != nil {
		err = s.Accounts.SendSignInCode(c.Context(), c.Actor, *c.PendingSignIn)
	} else {
		err = s.Accounts.SendSessionCode(c.Context(), c.Actor)
	}
	return shared.Status{Status: err == nil}, err
}
