//go:build !js

package ui

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

func TestPendingSignOut(t *testing.T) {
	began := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const (
		get    = "GET /api/auth/get-session"
		end    = "POST /api/auth/sign-out"
		list   = "GET /api/auth/list-sessions"
		revoke = "POST /api/auth/revoke-session"
	)
	stamp := func(d time.Duration) string { return began.Add(d).Format(time.RFC3339) }
	tests := []struct {
		name    string
		since   time.Time // the start of the session that the user has signed out of
		current string    // the server's response about the current session
		calls   []string
	}{
		{"the session is active", began, stamp(0), []string{get, end}},
		{"any session", time.Time{}, stamp(time.Hour), []string{get, end}},
		{"it has ended by itself", began, "", []string{get}},
		{"the user has signed in since", began, stamp(time.Hour), []string{get, list, revoke}},
	}
	for _, tt := range tests {
		var calls []string
		e := answering(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(shared.HeaderAccount) != "" {
				t.Errorf("%s: a call carries an account", tt.name)
			}
			call := r.Method + " " + r.URL.Path
			calls = append(calls, call)
			switch {
			case call == get && tt.current != "":
				w.Write([]byte(`{"session":{"createdAt":"` + tt.current + `"},"user":{"id":"ada"}}`))
			case call == get:
				w.Write([]byte(`null`))
			case call == list:
				w.Write([]byte(`[{"token":"new","createdAt":"` + tt.current + `"},{"token":"old","createdAt":"` + stamp(0) + `"}]`))
			default:
				w.Write([]byte(`{}`))
			}
		})
		kept, others := memory{}, new(channel)
		p := &e.pendingSignOut
		p.storage, p.tabs.channel = kept, others
		p.save(tt.since)
		for range 2 { // the second call has nothing to do
			if err := p.finish(context.Background()); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if !slices.Equal(calls, tt.calls) || len(kept) != 0 {
			t.Errorf("%s: it calls %q and keeps %v; want %q", tt.name, calls, kept, tt.calls)
		}
		if told := len(others.posted) == 1; told != slices.Contains(tt.calls, end) {
			t.Errorf("%s: the other tabs are told %q", tt.name, others.posted)
		}
	}
}

// TestPendingSignOutOffline tests that a sign-out without a connection waits, and that other
// calls wait for it.
func TestPendingSignOutOffline(t *testing.T) {
	e := newEnv()
	e.client = client.New("http://127.0.0.1:1")
	p := &e.pendingSignOut
	kept := memory{}
	p.storage, p.client = kept, e.client
	p.save(time.Now())
	if err := p.finish(context.Background()); !errors.Is(err, client.ErrOffline) || len(kept) != 1 {
		t.Errorf("it fails with %v and keeps %v", err, kept)
	}
}
