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

// CutEvents deletes the entries of the log that are older than it is to be kept.
func (s *Service) CutEvents(ctx context.Context) error {
	before := s.Now().Add(-s.Settings.Now().EventRetention)
	for {
		if more, err := s.Store.CutEvents(ctx, s.Keys, before); err != nil || !more {
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

// event is an event that a stranger's call led to.
func (s *Service) event(kind string, user string, client Client) audit.Event {
	return audit.Event{ID: rand.Text(), At: s.Now(), Kind: kind, UserID: user, IP: client.IP, UserAgent: client.UserAgent}
}

// sessionEvent is an event that the session of actor has caused.
func (s *Service) sessionEvent(kind string, actor Actor) audit.Event {
	e := s.event(kind, actor.Session.UserID, actor.Client)
	e.ActorID, e.SessionID = actor.Session.UserID, actor.Session.ID
	return e
}

// detailFactor is what an [audit.Event].Detail calls the second factor that has
// confirmed it.
const detailFactor = "factor"

// detail is what an [audit.Event].Detail says.
func detail(says map[string]string) string {
	text, err := json.Marshal(says)
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

// EventFilter is which events to list.
type EventFilter struct {
	User   string   // whose; empty for everybody's
	Kinds  []string // nil for all
	Before string   // the ID of one: those older than it; empty for the newest
	Limit  int
}

type eventStore interface {
	// AddEvent writes an event at the end of the log: at the end of the
	// transaction, if it is in one, so that the log's end is the last thing that
	// any of them waits for.
	AddEvent(ctx context.Context, mac audit.MAC, e audit.Event) error
	// Events returns those that the filter asks for, the newest first.
	Events(ctx context.Context, f EventFilter) ([]audit.Event, error)
	// ReadEvents hands on the chain and then every event, the oldest first, as
	// they are at one moment. It stops with the first error of either.
	ReadEvents(ctx context.Context, chain func(audit.EventChain) error, event func(audit.Event) error) error
	// CutEvents deletes the oldest of the events before a time, few enough that
	// nobody who writes to the log waits for long, and reports whether there may
	// be more.
	CutEvents(ctx context.Context, mac audit.MAC, before time.Time) (more bool, err error)
}
