package account

import (
	"context"
	"crypto/rand"
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

// LinkEvents links all committed events to the chain of the audit log. It returns how many
// it refused because no server with these keys wrote them.
func (s *Service) LinkEvents(ctx context.Context) (forged int, err error) {
	return s.Store.LinkEvents(ctx, s.Keys, s.Now())
}

// VerifyLog verifies the whole audit log. It fails with [audit.ErrChain] if an attacker has
// changed the log. The error says where.
func (s *Service) VerifyLog(ctx context.Context) (audit.Report, error) {
	v := audit.NewVerifier(s.Keys)
	err := s.Store.ReadEvents(ctx, v)
	if errors.Is(err, ErrNotFound) {
		return audit.Report{}, fmt.Errorf("%w: the record of its end is missing", audit.ErrChain)
	}
	if err != nil {
		return audit.Report{}, err
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

// EventFilter selects the events to list.
type EventFilter struct {
	User    string   // the ID of the account; empty for all
	Session string   // the ID of the session that acted; empty for all. With User, it must be the user's.
	Kinds   []string // nil for all
	Before  string   // the ID of an event: list older ones; empty for the newest
	Limit   int
	Until   time.Time // list events before this time; zero for no limit
}

// An EventReader reads the whole audit log, as an [audit.Verifier] does. Each method ends
// the reading if it fails.
type EventReader interface {
	Begin(audit.EventChain) error
	Add(audit.Event) error
	AddUnlinked(audit.Unlinked) error
}

type eventStore interface {
	// AddEvent adds an event to the log. In a transaction it is written last.
	AddEvent(ctx context.Context, mac audit.MAC, e audit.Event) error
	// LinkEvents links all committed events to the chain. It leaves out events that no
	// server with the keys of mac wrote, and returns their number.
	LinkEvents(ctx context.Context, mac audit.MAC, now time.Time) (forged int, err error)
	// Events returns the events that the filter selects, newest first.
	Events(ctx context.Context, f EventFilter) ([]audit.Event, error)
	// ReadEvents calls Begin once, then Add with each event of the chain and AddUnlinked
	// with each other one, oldest first, all from one snapshot. It fails with [ErrNotFound]
	// if the chain is missing.
	ReadEvents(ctx context.Context, r EventReader) error
	// DeleteOldEvents deletes a batch of the oldest linked events before a time, small
	// enough that writers to the log do not wait for long. It reports whether there may be
	// more.
	DeleteOldEvents(ctx context.Context, mac audit.MAC, before time.Time) (more bool, err error)
}
