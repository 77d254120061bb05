package account

import (
	"context"
	"crypto/rand"
	"time"
)

// The kinds of events that the audit log tells of.
const (
	EventSignUp          = "sign-up"
	EventSignIn          = "sign-in"
	EventSignInFailed    = "sign-in-failed"
	EventSignInLimited   = "sign-in-limited"
	EventSignOut         = "sign-out"
	EventStepUp          = "step-up"
	EventPasswordFailed  = "password-failed"
	EventPasswordChanged = "password-changed"
	EventSessionRevoked  = "session-revoked"
	EventSessionsRevoked = "sessions-revoked"
	EventUserUpdated     = "user-updated"
	EventUserDeleted     = "user-deleted"
)

// Event is one entry of the audit log. It is written in the transaction of the
// thing that it tells of, and holds no secret.
type Event struct {
	ID        string `bun:",pk"`
	At        time.Time
	Kind      string
	UserID    string // whose account; empty for an address without one
	SessionID string // the session that acted, if one did
	Subject   string // what it was done to, if not to the account: a session's id
	IP        string
	UserAgent string
}

func (s *Service) event(kind string, user string, from Client) Event {
	return Event{ID: rand.Text(), At: s.Now(), Kind: kind, UserID: user, IP: from.IP, UserAgent: from.UserAgent}
}

// sessionEvent is an event of the session's own doing.
func (s *Service) sessionEvent(kind string, session Session, from Client) Event {
	e := s.event(kind, session.UserID, from)
	e.SessionID = session.ID
	return e
}

type eventStore interface {
	AddEvent(ctx context.Context, e Event) error
}
