package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"latchkey/backend/audit"
)

// DeleteOldEvents deletes events that are older than EVENT_RETENTION.
func (s *Service) DeleteOldEvents(ctx context.Context) error {
	before := s.Now().Add(-s.Settings.Now().EventRetention)
	for {
		if more, err := s.Store.DeleteOldEvents(ctx, s.Keys, before); err != nil || !more {
			return err
		}
	}
}

// VerifyLog verifies the whole audit log and returns its number of entries. It fails with
// [audit.ErrChain] if an attacker has changed the log. The error says where.
func (s *Service) VerifyLog(ctx context.Context) (n int64, err error) {
	v := audit.NewVerifier(s.Keys)
	err = s.Store.ReadEvents(ctx, v.Begin, v.Add)
	if errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("%w: the record of its end is missing", audit.ErrChain)
	}
	if err != nil {
		return 0, err
	}
	return v.End()
}

// event returns an event without an actor. The caller was not authenticated, or is the
// server or the operator.
func (s *Service) event(kind string, user string, client Client) audit.Event {
	return audit.Event{ID: rand.Text(), At: s.Now(), Kind: kind, UserID: user, IP: client.IP, UserAgent: client.UserAgent}
}

// sessionEvent returns an event that the actor's session caused.
func (s *Service) sessionEvent(kind string, actor Actor) audit.Event {
	e := s.event(kind, actor.Session.UserID, actor.Client)
	e.ActorID, e.SessionID = actor.Session.UserID, actor.Session.ID
	return e
}

// detailFactor is the member of [audit.Event].Detail that names the second factor that
// confirmed the action.
const detailFactor = "factor"

// detail encodes members as an [audit.Event].Detail.
func detail(members map[string]string) string {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(text)
}

// EventFilter selects the events to list.
type EventFilter struct {
	User   string   // the ID of the account; empty for all
	Kinds  []string // nil for all
	Before string   // the ID of an event: list older ones; empty for the newest
	Limit  int
}

type eventStore interface {
	// AddEvent appends an event to the log. In a transaction it is written last, so that
	// the transaction holds the lock of the log's end only briefly.
	AddEvent(ctx context.Context, mac audit.MAC, e audit.Event) error
	// Events returns the events that the filter selects, newest first.
	Events(ctx context.Context, f EventFilter) ([]audit.Event, error)
	// ReadEvents calls chain once and then event with each event, oldest first, all from
	// one snapshot. It fails with [ErrNotFound] if the chain is missing. It stops at the
	// first error of either.
	ReadEvents(ctx context.Context, chain func(audit.EventChain) error, event func(audit.Event) error) error
	// DeleteOldEvents deletes a batch of the oldest events before a time, small enough that
	// writers to the log do not wait for long. It reports whether there may be more.
	DeleteOldEvents(ctx context.Context, mac audit.MAC, before time.Time) (more bool, err error)
}
