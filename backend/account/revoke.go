package account

import (
	"context"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
)

// A proof is what confirmed a change. Notices and events name it.
type proof struct {
	Entered string // what the user entered for the change: see [enteredPassword]; empty if nothing
	Factor  Factor // the second factor that the session had presented last; empty if none counts
}

// What a user enters for a change.
const (
	enteredPassword = "password"
	enteredNewCode  = "password+new-code" // the password, and then the first code of a new authenticator
)

// revokeAndNotify calls revokeOtherAccess, notifies the owner and records an event.
func (s *Service) revokeAndNotify(
	ctx context.Context, in userTx, actor Actor, kind string, r reversal, by proof, change mail.Change,
) (Token, error) {
	token, err := s.revokeOtherAccess(ctx, in, actor.Session)
	if err != nil {
		return "", err
	}
	r.Session = actor.Session.ID
	if err := s.notify(ctx, in, actor.Client, r, by, change); err != nil {
		return "", err
	}
	return token, in.AddEvent(ctx, s.Keys, eventWithProof(s.sessionEvent(kind, actor), by))
}

// eventWithProof returns e with what confirmed it, if anything did.
func eventWithProof(e audit.Event, by proof) audit.Event {
	members := map[string]string{}
	if by.Entered != "" {
		members[DetailEntered] = by.Entered
	}
	if by.Factor != "" {
		members[DetailFactor] = string(by.Factor)
	}
	if len(members) == 0 {
		return e
	}
	return withDetail(e, members)
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
