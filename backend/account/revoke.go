package account

import (
	"context"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
)

// revokeAndNotify calls revokeOtherAccess, notifies the owner and records an event. The
// notice and the event name the second factor by, if one confirmed the change.
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

// eventWithFactor returns e with the second factor that confirmed it, if by is not empty.
func eventWithFactor(e audit.Event, by Factor) audit.Event {
	if by == "" {
		return e
	}
	return withDetail(e, map[string]string{DetailFactor: string(by)})
}

// revokeOtherAccess revokes all access except the session, and gives the session a new
// token.
func (s *Service) revokeOtherAccess(ctx context.Context, in userTx, session Session) (Token, error) {
	next, token := session.rotated(s.Now())
	if err := rotate(ctx, in, session, next); err != nil {
		return "", err
	}
	return token, s.revokeAccess(ctx, in, session.ID)
}

// revokeAccess revokes all access to an account, including access that is not granted yet:
// sessions, pending sign-ins, trusted devices, pending authenticators and links in emails.
// It keeps the session with the ID keep, if keep is not empty. It also keeps the links to
// report a change.
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
	_, err := in.RevokeOneTimeTokens(ctx, in.User.ID, time.Time{}, revokedSuperseded, purposesRevokedWithSessions...)
	return err
}
