package account

import (
	"context"
	"errors"

	"latchkey/backend/mail"
	"latchkey/shared"
)

// reversal describes what a user's report "this wasn't me" reverts. It is the data of the
// token in a notice.
type reversal struct {
	Session string `json:",omitempty"` // the session that made the change; empty if none

	// What the change added or revealed, and an attacker could continue to use:
	Passkey    string `json:",omitempty"` // the ID of a passkey
	TOTP       string `json:",omitempty"` // the ID of an authenticator
	BackupCode []byte `json:",omitempty"` // the digest of one of the ten codes

	Email string `json:",omitempty"` // the address that was replaced
}

// notify emails a user about a change of their account. The email names the second factor
// that confirmed the change, if by is not empty. It has a link with which the user can
// report that it was not them.
func (s *Service) notify(ctx context.Context, in userTx, client Client, r reversal, by Factor, change mail.Change) error {
	token, err := s.issueToken(ctx, in, purposeReport, r)
	if err != nil {
		return err
	}
	return s.send(ctx, in, s.compose(in.User, client, mail.Alert{
		Change: change, ConfirmedBy: mail.Factor(by), NotMe: s.linkTo(shared.PageNotMe, token, ""),
	}))
}

// CheckReportToken checks a token for [Service.ReportNotMe]. It fails as
// [Service.CheckResetToken] does.
func (s *Service) CheckReportToken(ctx context.Context, token string) error {
	_, err := s.checkToken(ctx, token, purposeReport)
	return err
}

// ReportNotMe handles a user's report that "this wasn't me", with the token of a notice. It
// revokes all access, makes the password void and reverts the change: it removes what was
// added, and restores a replaced address. reset is a token for [Service.ResetPassword]. It
// fails as [Service.CheckReportToken] does.
func (s *Service) ReportNotMe(ctx context.Context, client Client, link string) (reset Token, err error) {
	t, err := s.checkToken(ctx, link, purposeReport)
	if err != nil {
		return "", err
	}
	var r reversal
	err = s.redeem(ctx, t, &r, func(in userTx) (err error) {
		if err := s.revokeAccess(ctx, in, ""); err != nil {
			return err
		}
		if err := s.revert(ctx, &in, r); err != nil {
			return err
		}
		if err := in.VoidPassword(ctx, in.User.ID); err != nil {
			return err
		}
		// Revoke later notices, which may have gone to an attacker's mailbox. The owner
		// received the earlier ones, so the first notice wins.
		if err := in.DeleteOneTimeTokens(ctx, in.User.ID, t.CreatedAt, purposeReport); err != nil {
			return err
		}
		if reset, err = s.issueResetToken(ctx, in); err != nil {
			return err
		}
		if err := s.send(ctx, in, s.compose(in.User, client, mail.AccountSecured)); err != nil {
			return err
		}
		e := s.event(shared.EventReportedNotMe, in.User.ID, client)
		e.Subject = r.Session
		return in.AddEvent(ctx, s.Keys, e)
	})
	return reset, err
}

// revert removes what the change added or revealed, if it still exists. It restores a
// replaced address, unless another account has it now.
func (s *Service) revert(ctx context.Context, in *userTx, r reversal) error {
	if r.Passkey != "" {
		if err := in.DeletePasskey(ctx, in.User.ID, r.Passkey); err != nil && !errors.Is(err, shared.ErrPasskeyNotFound) {
			return err
		}
	}
	if r.TOTP != "" {
		all, err := in.TOTPs(ctx, in.User.ID, "", s.Now())
		if err != nil {
			return err
		}
		if len(all) > 0 && all[0].ID == r.TOTP {
			if err := s.deleteFactors(ctx, *in); err != nil {
				return err
			}
		}
	}
	if r.BackupCode != nil {
		used, err := in.UseBackupCode(ctx, in.User.ID, [][]byte{r.BackupCode})
		if errors.Is(err, shared.ErrInvalidBackupCode) && !used { // they were replaced
			err = nil
		} else if err == nil || used {
			err = in.DeleteBackupCodes(ctx, in.User.ID)
		}
		if err != nil {
			return err
		}
	}
	if r.Email != "" && r.Email != in.User.Email {
		err := in.ChangeEmail(ctx, in.User.ID, r.Email, true, s.Now())
		if errors.Is(err, shared.ErrUserExists) { // another account has it now
			return nil
		} else if err != nil {
			return err
		}
		in.User.Email = r.Email
	}
	return nil
}
