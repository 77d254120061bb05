package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/audit"
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

// notify emails a user about a change of their account. The email names what confirmed the
// change, and has a link with which the user can report that it was not them.
func (s *Service) notify(ctx context.Context, in userTx, client Client, r reversal, by proof, change mail.Change) error {
	token, err := s.issueToken(ctx, in, purposeReport, r)
	if err != nil {
		return err
	}
	return s.send(ctx, in, s.compose(in.User, client, mail.Alert{
		Change: change, Entered: by.Entered, Factor: string(by.Factor), NotMe: s.linkTo(shared.PageNotMe, token, ""),
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
		e := s.event(shared.EventReportedNotMe, in.User.ID, client)
		e.Subject = r.Session
		// The owner received the earlier notices, so the first one wins.
		reset, err = s.secureAccount(ctx, in, client, report{Event: e, Reversals: []reversal{r}, Notices: t.CreatedAt})
		return err
	})
	return reset, err
}

// ReportSignIn handles the actor's report that a sign-in "wasn't me". session is the ID of
// the session that the sign-in opened. It does what [Service.ReportNotMe] does, but reverts
// every change that the session made and that a notice could still revert. It signs the actor
// out, too. Errors:
//   - [shared.ErrSessionEnded]: the user has no other session with the ID
//   - [shared.ErrFactorNotFresh]: the actor's session needs a second factor first
//
// Every session may report every other one, because an attacker who has signed in may be in
// either. So an attacker may report the owner. That gives the attacker no more than the fresh
// identity that the caller must have checked, and it leaves the owner the notices about what
// the attacker's own session has changed: see [Service.takeNotices].
func (s *Service) ReportSignIn(ctx context.Context, actor Actor, session string) (reset Token, err error) {
	if session == actor.Session.ID {
		return "", shared.ErrSessionEnded
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		// Of several callers, one deletes the session.
		reported, err := in.TakeSession(ctx, in.User.ID, session)
		if errors.Is(err, ErrNotFound) {
			return shared.ErrSessionEnded
		} else if err != nil {
			return err
		}
		r := report{Event: s.sessionEvent(shared.EventReportedNotMe, actor)}
		r.Event = withDetail(r.Event, map[string]string{DetailUserAgent: reported})
		r.Event.Subject = session
		if r.Reversals, r.Notices, err = s.takeNotices(ctx, in, actor.Session, session); err != nil {
			return err
		}
		reset, err = s.secureAccount(ctx, in, actor.Client, r)
		return err
	})
	return reset, err
}

// takeNotices uses up the notices about what a session changed, and returns how to revert
// the changes, the newest first. If one of them replaced the address, later notices may have
// gone to an attacker's mailbox: since is when the first such notice was issued, or zero.
//
// An actor whose session is new and began after the address was replaced may be an attacker
// who reports the owner. So the address stays, and so do the notices, one of which is about
// the actor's sign-in. The notice at the former address can still revert the change.
func (s *Service) takeNotices(
	ctx context.Context, in userTx, actor Session, session string,
) (all []reversal, since time.Time, err error) {
	now := s.Now()
	notices, err := in.OpenOneTimeTokens(ctx, in.User.ID, purposeReport, now)
	if err != nil {
		return nil, since, err
	}
	for _, t := range notices {
		var r reversal
		if err := s.readToken(t, &r); err != nil {
			return nil, since, err
		}
		if r.Session != session || r.Email != "" && actor.IsNew && actor.CreatedAt.After(t.CreatedAt) {
			continue
		}
		if _, err := in.TakeOneTimeToken(ctx, t.Hash, purposeReport, now); err != nil {
			return nil, since, err
		}
		if all = append(all, r); r.Email != "" {
			since = t.CreatedAt
		}
	}
	return all, since, nil
}

// A report is a user's report that "this wasn't me".
type report struct {
	Event     audit.Event // records the report
	Reversals []reversal  // the newest change first
	// Notices is the time from which on notices no longer work, because they may have gone
	// to an attacker's mailbox. It is zero if none may.
	Notices time.Time
}

// secureAccount revokes all access to an account, reverts what was reported, makes the
// password void, notifies the user and returns a token for [Service.ResetPassword].
func (s *Service) secureAccount(ctx context.Context, in userTx, client Client, r report) (reset Token, err error) {
	if err := s.revokeAccess(ctx, in, ""); err != nil {
		return "", err
	}
	for _, change := range r.Reversals {
		if err := s.revert(ctx, &in, change); err != nil {
			return "", err
		}
	}
	if err := in.VoidPassword(ctx, in.User.ID); err != nil {
		return "", err
	}
	if !r.Notices.IsZero() {
		if _, err := in.RevokeOneTimeTokens(ctx, in.User.ID, r.Notices, revokedSuperseded, purposeReport); err != nil {
			return "", err
		}
	}
	if reset, err = s.issueResetToken(ctx, in, passwordReset{CauseReport}); err != nil {
		return "", err
	}
	if err := s.send(ctx, in, s.compose(in.User, client, mail.AccountSecured)); err != nil {
		return "", err
	}
	return reset, in.AddEvent(ctx, s.Keys, r.Event)
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
