package account

import (
	"context"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
)

// revokeAndNotify is revokeOtherAccess, with the notice to the owner and the log, which say
// by which second factor it was confirmed, if by one.
func (s *Service) revokeAndNotify(
	ctx context.Context, in userTx, actor Actor, kind string, r reversal, by Factor, change mail.Change,
) (Token, error) {
	token, err := s.revokeOtherAccess(ctx, in, actor.Session)
	if err != nil {
		return "", err
	}
	r.Session = actor.Session.ID
	if err := s.notify(ctx, in, actor.Client, r, by, change); err != nil {
		return "", err
	}
	return token, in.AddEvent(ctx, s.Keys, eventWithFactor(s.sessionEvent(kind, actor), by))
}

// eventWithFactor is an event that a second factor has confirmed.
func eventWithFactor(e audit.Event, by Factor) audit.Event {
	if by != "" {
		e.Detail = detail(map[string]string{detailFactor: string(by)})
	}
	return e
}

// revokeOtherAccess ends what else is open or may come to be. This session goes on under
// a new token.
func (s *Service) revokeOtherAccess(ctx context.Context, in userTx, session Session) (Token, error) {
	next, token := session.rotated(s.Now())
	if err := rotate(ctx, in, session, next); err != nil {
		return "", err
	}
	return token, s.revokeAccess(ctx, in, session.ID)
}

// revokeAccess ends what is open or may come to be: the user's sessions but one, or all if
// keep is empty, sign-ins under way, trusted devices, enrolments that wait to be
// proved, and links in mails.
func (s *Service) revokeAccess(ctx context.Context, in userTx, keep string) error {
	if _, err := in.DeleteOtherSessions(ctx, in.User.ID, keep); err != nil {
		return err
	}
	if err := in.DeletePendingSignIns(ctx, in.User.ID); err != nil {
		return err
	}
	if _, err := in.DeleteTrustedDevices(ctx, in.User.ID); err != nil {
		return err
	}
	if err := in.DeletePendingTOTP(ctx, in.User.ID); err != nil {
		return err
	}
	return in.DeleteOneTimeTokens(ctx, in.User.ID, time.Time{}, purposesRevokedWithSessions...)
}
