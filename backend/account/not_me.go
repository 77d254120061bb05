package account

import (
	"context"
	"errors"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// reversal is what *This wasn't me* is to undo. It is the data of the token that a
// notice brings.
type reversal struct {
	Session string `json:",omitempty"` // that did it; empty if none did

	// What it has added or shown, and a stranger can go on to use:
	Passkey    string `json:",omitempty"` // its ID
	TOTP       string `json:",omitempty"` // likewise
	BackupCode []byte `json:",omitempty"` // the digest of one of ten

	Email string `json:",omitempty"` // the address that was replaced
}

// notify tells a user that something about their account has changed, by which
// second factor it was confirmed, if by one, and brings them a link by which they
// can say that it was not them.
func (s *Service) notify(ctx context.Context, in userTx, client Client, r reversal, by Factor, change mail.Change) error {
	token, err := s.issueToken(ctx, in, purposeReport, r)
	if err != nil {
		return err
	}
	return s.send(ctx, in, s.compose(in.User, client, mail.Alert{
		Change: change, ConfirmedBy: mail.Factor(by), NotMe: s.linkTo(shared.PageDisown, token, ""),
	}))
}

// CheckReportToken fails as [Service.CheckResetToken] does unless a token is good for
// [Service.ReportNotMe].
func (s *Service) CheckReportToken(ctx context.Context, token string) error {
	_, err := s.checkToken(ctx, token, purposeReport)
	return err
}

// ReportNotMe is *This wasn't me*, said by who has the link of a notice: it undoes
// what the notice told of as far as that can be. Whatever is open ends, what was
// added goes, an address that was replaced is back, and the password opens
// nothing any more. reset is for [Service.ResetPassword]. It fails as
// [Service.CheckReportToken] does.
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
		// Later notices may have gone to a stranger's mailbox, and earlier ones
		// to the owner's: who was told first is believed.
		if err := in.DeleteOneTimeTokens(ctx, in.User.ID, t.CreatedAt, purposeReport); err != nil {
			return err
		}
		if reset, err = s.issueResetToken(ctx, in); err != nil {
			return err
		}
		if err := s.send(ctx, in, s.compose(in.User, client, mail.AccountSecured{})); err != nil {
			return err
		}
		e := s.event(audit.EventReportedNotMe, in.User.ID, client)
		e.Subject = r.Session
		return in.AddEvent(ctx, s.Keys, e)
	})
	return reset, err
}

// revert takes back what a stranger has added, if it is still there.
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
