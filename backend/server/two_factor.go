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
	if out.Enabled { // those of an enrolment that is not finished are good for nothing
		out.BackupCodesLeft, err = s.Accounts.Store.CountBackupCodes(c.Context(), c.User.ID)
	}
	return out, err
}

func (s *Server) enableTwoFactor(c call, in shared.Enrolment) (shared.Enrolling, error) {
	if in.Method == "otp" { // a mailbox alone, which the user has not proved to be theirs
		return shared.Enrolling{}, shared.ErrOTPNotConfigured.Saying("OTP is not available")
	}
	uri, codes, err := s.Accounts.EnableTwoFactor(c.Context(), c.Actor, in.Issuer, isTrue(in.Replace))
	if err != nil {
		return shared.Enrolling{}, err
	}
	return shared.Enrolling{Method: "totp", TOTPURI: uri, BackupCodes: codes}, nil
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
		account.CodeAnswer{Factor: account.ByTOTP, Code: in.Code, TrustDevice: isTrue(in.TrustDevice), Enroll: isTrue(in.Enrol)},
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

func isTrue(answer *bool) bool { return answer != nil && *answer }

// verify judges a code: of who is signed in, or else in the challenge of a
// sign-in, which it ends.
func (s *Server) verify(c call, a account.CodeAnswer) (shared.Verified, error) {
	if c.Challenge != nil {
		return s.answerChallenge(c, a)
	}
	user, token, err := s.Accounts.VerifyCode(c.Context(), c.Actor, a)
	c.guesses.right = err == nil
	if err != nil {
		return shared.Verified{}, err
	}
	if token != "" {
		s.cookies.setSession(c.w, c.Session, token)
	}
	return shared.Verified{Token: c.Session.ID, User: userOf(user)}, nil
}

func (s *Server) answerChallenge(c call, a account.CodeAnswer) (shared.Verified, error) {
	o, err := s.Accounts.CompleteSignIn(c.Context(), c.Actor, *c.Challenge, a)
	c.guesses.right = err == nil
	spent := errors.Is(err, shared.ErrTooManyCodes) && a.Factor != account.ByEmailCode // of those, a new one can be sent
	if err == nil || spent || errors.Is(err, shared.ErrNoPendingSignIn) {
		s.cookies.clearChallenge(c.w)
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
	if c.Challenge != nil {
		err = s.Accounts.SendSignInCode(c.Context(), c.Actor, *c.Challenge)
	} else {
		err = s.Accounts.SendSessionCode(c.Context(), c.Actor)
	}
	return shared.Status{Status: err == nil}, err
}
