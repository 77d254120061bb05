package account

import (
	"context"
	"errors"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// undo is what *This wasn't me* is to undo. It is the data of the token that a
// notice brings.
type undo struct {
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
func (s *Service) notify(ctx context.Context, in userTx, client Client, u undo, by Factor, change mail.Change) error {
	token, err := s.issue(ctx, in, purposeDisown, u)
	if err != nil {
		return err
	}
	return s.send(ctx, in, s.compose(in.User, client, mail.Alert{
		Change: change, ConfirmedBy: mail.Factor(by), NotMe: s.linkTo(shared.PageDisown, token, ""),
	}))
}

// CanDisown fails as [Service.CanReset] does unless a token is good for
// [Service.Disown].
func (s *Service) CanDisown(ctx context.Context, token string) error {
	_, err := s.token(ctx, token, purposeDisown)
	return err
}

// Disown is *This wasn't me*, said by who has the link of a notice: it undoes
// what the notice told of as far as that can be. Whatever is open ends, what was
// added goes, an address that was replaced is back, and the password opens
// nothing any more. reset is for [Service.ResetPassword]. It fails as
// [Service.CanDisown] does.
func (s *Service) Disown(ctx context.Context, client Client, link string) (reset Token, err error) {
	t, err := s.token(ctx, link, purposeDisown)
	if err != nil {
		return "", err
	}
	var u undo
	err = s.redeem(ctx, t, &u, func(in userTx) (err error) {
		if err := s.end(ctx, in, ""); err != nil {
			return err
		}
		if err := s.undo(ctx, &in, u); err != nil {
			return err
		}
		if err := in.VoidPassword(ctx, in.User.ID); err != nil {
			return err
		}
		// Later notices may have gone to a stranger's mailbox, and earlier ones
		// to the owner's: who was told first is believed.
		if err := in.DeleteOneTimeTokens(ctx, in.User.ID, t.CreatedAt, purposeDisown); err != nil {
			return err
		}
		if reset, err = s.resetToken(ctx, in); err != nil {
			return err
		}
		if err := s.send(ctx, in, s.compose(in.User, client, mail.AccountSecured{})); err != nil {
			return err
		}
		e := s.event(audit.EventDisowned, in.User.ID, client)
		e.Subject = u.Session
		return in.AddEvent(ctx, s.Keys, e)
	})
	return reset, err
}

// undo takes back what a stranger has added, if it is still there.
func (s *Service) undo(ctx context.Context, in *userTx, u undo) error {
	if u.Passkey != "" {
		if err := in.DeletePasskey(ctx, in.User.ID, u.Passkey); err != nil && !errors.Is(err, shared.ErrPasskeyNotFound) {
			return err
		}
	}
	if u.TOTP != "" {
		all, err := in.TOTPs(ctx, in.User.ID, "", s.Now())
		if err != nil {
			return err
		}
		if len(all) > 0 && all[0].ID == u.TOTP {
			if err := s.forgetFactors(ctx, *in); err != nil {
				return err
			}
		}
	}
	if u.BackupCode != nil {
		used, err := in.UseBackupCode(ctx, in.User.ID, [][]byte{u.BackupCode})
		if errors.Is(err, shared.ErrInvalidBackupCode) && !used { // they were replaced
			err = nil
		} else if err == nil || used {
			err = in.DeleteBackupCodes(ctx, in.User.ID)
		}
		if err != nil {
			return err
		}
	}
	if u.Email != "" && u.Email != in.User.Email {
		err := in.ChangeEmail(ctx, in.User.ID, u.Email, true, s.Now())
		if errors.Is(err, shared.ErrUserExists) { // another account has it now
			return nil
		} else if err != nil {
			return err
		}
		in.User.Email = u.Email
	}
	return nil
}
