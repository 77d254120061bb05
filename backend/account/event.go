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

// DeleteOldEvents deletes the events of the log that are older than its retention time.
func (s *Service) DeleteOldEvents(ctx context.Context) error {
	before := s.Now().Add(-s.Settings.Now().EventRetention)
	for {
		if more, err := s.Store.DeleteOldEvents(ctx, s.Keys, before); err != nil || !more {
			return err
		}
	}
}

// VerifyLog reads the whole audit log and returns how many entries it has. It
// fails with [audit.ErrChain], which says where, if an attacker has changed it.
func (s *Service) VerifyLog(ctx context.Context) (n int64, err error) {
	v := audit.NewVerifier(s.Keys)
	err = s.Store.ReadEvents(ctx, v.Begin, v.Add)
	if errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("%w: what says where it ends is gone", audit.ErrChain)
	}
	if err != nil {
		return 0, err
	}
	return v.End()
}

// event returns an event that an unauthenticated call caused.
func (s *Service) event(kind string, user string, client Client) audit.Event {
	return audit.Event{ID: rand.Text(), At: s.Now(), Kind: kind, UserID: user, IP: client.IP, UserAgent: client.UserAgent}
}

// sessionEvent returns an event that the actor's session caused.
func (s *Service) sessionEvent(kind string, actor Actor) audit.Event {
	e := s.event(kind, actor.Session.UserID, actor.Client)
	e.ActorID, e.SessionID = actor.Session.UserID, actor.Session.ID
	return e
}

// detailFactor is the member of an [audit.Event].Detail with the second factor that
// confirmed the action.
const detailFactor = "factor"

// detail returns an [audit.Event].Detail.
func detail(says map[string]string) string {
	text, err := json.Marshal(says)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(text)
}

// EventFilter selects the events to list.
type EventFilter struct {
	User   string   // whose account; empty for all
	Kinds  []string // nil for all
	Before string   // the ID of an event: list older ones; empty for the newest
	Limit  int
}

type eventStore interface {
	// AddEvent appends an event to the log. Inside a transaction it does so at the end, so
	// that a transaction waits for the log's end last.
	AddEvent(ctx context.Context, mac audit.MAC, e audit.Event) error
	// Events returns the events that the filter selects, newest first.
	Events(ctx context.Context, f EventFilter) ([]audit.Event, error)
	// ReadEvents calls chain and then event with each event, oldest first, from one
	// snapshot. It stops at the first error of either.
	ReadEvents(ctx context.Context, chain func(audit.EventChain) error, event func(audit.Event) error) error
	// DeleteOldEvents deletes the oldest of the events before a time, few enough that writers to
	// the log do not wait for long. It reports whether there may be more.
	DeleteOldEvents(ctx context.Context, mac audit.MAC, before time.Time) (more bool, err error)
}
