//go:build !js

package ui

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared"
)

// host is a component that does nothing, for tests that need a context.
type host struct {
	app.Compo
	ctx app.Context
}

func (h *host) OnPreRender(ctx app.Context) { h.ctx = ctx }

func (h *host) Render() app.UI { return app.Div() }

// mount returns the context of a component in a page, and the engine that runs dispatched
// functions.
func mount(t *testing.T) (app.Context, app.TestEngine) {
	t.Helper()
	engine, h := app.NewTestEngine(), new(host)
	if err := engine.Load(h); err != nil {
		t.Fatal(err)
	}
	engine.ConsumeAll()
	return h.ctx, engine
}

// answering starts a server with handler h, and returns the env of a page that calls it.
func answering(t *testing.T, h http.HandlerFunc) *env {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	e := newEnv()
	e.client = client.New(s.URL)
	e.pendingSignOut.client = e.client
	return e
}

// refuse responds with an error.
func refuse(w http.ResponseWriter, status int, err *shared.Error) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(err)
}

// TestCallCarriesAccountOfPage tests that a call and its retry carry the ID of the user whose
// page made the call, even if another tab has signed in as another user since.
func TestCallCarriesAccountOfPage(t *testing.T) {
	var accounts []string
	e := answering(t, func(w http.ResponseWriter, r *http.Request) {
		accounts = append(accounts, r.Header.Get(shared.HeaderAccount))
		if len(accounts) == 1 {
			refuse(w, 403, shared.ErrNotFresh)
			return
		}
		w.Write([]byte(`{"status":true}`))
	})
	ctx, engine := mount(t)
	var asked *stepUpRequest
	handle(ctx, stepUpAction, func(_ app.Context, a app.Action) {
		request := a.Value.(stepUpRequest)
		asked = &request
	})

	e.identity.setUser(shared.User{ID: "ada"}, time.Now())
	answers := 0
	e.pendingSignOut.mu.Lock() // blocks the call
	call(ctx, e, shared.RevokeOtherSessions, shared.None{}, func(_ app.Context, out shared.Status, err error) {
		answers++
		if err != nil || !out.Status {
			t.Errorf("the call is answered with %v, %v", out, err)
		}
	})
	e.identity.setUser(shared.User{ID: "eve"}, time.Now())
	e.pendingSignOut.mu.Unlock()
	engine.ConsumeAll()
	if asked == nil || answers != 0 {
		t.Fatalf("a session that is not fresh: step-up %v, %d responses", asked, answers)
	}
	asked.Confirmed()
	engine.ConsumeAll()
	if !slices.Equal(accounts, []string{"ada", "ada"}) || answers != 1 {
		t.Errorf("Ada's page called with the accounts %q and got %d responses", accounts, answers)
	}
}

func TestCallNotConfirmed(t *testing.T) {
	e := answering(t, func(w http.ResponseWriter, r *http.Request) { refuse(w, 403, shared.ErrNotFresh) })
	ctx, engine := mount(t)
	handle(ctx, stepUpAction, func(_ app.Context, a app.Action) { a.Value.(stepUpRequest).Canceled() })
	var got error
	call(ctx, e, shared.RevokeOtherSessions, shared.None{}, func(_ app.Context, _ shared.Status, err error) { got = err })
	engine.ConsumeAll()
	if !errors.Is(got, errCanceled) {
		t.Errorf("the call ends with %v", got)
	}
}

func TestCallActions(t *testing.T) {
	tests := []struct {
		name   string
		err    *shared.Error // the server's error; nil for success
		action string        // the expected action
		method bool          // the call changes something
	}{
		{"the session has ended", shared.ErrUnauthorized, goToSignInAction, true},
		{"another user has signed in", shared.ErrOtherAccount, refreshAction, true},
		{"the app is too old", shared.ErrAppTooOld, outdatedAction, true},
		{"something has changed", nil, announceChangeAction, true},
		{"something was read", nil, "", false},
	}
	actions := []string{goToSignInAction, refreshAction, outdatedAction, announceChangeAction}
	for _, tt := range tests {
		e := answering(t, func(w http.ResponseWriter, r *http.Request) {
			if tt.err != nil {
				refuse(w, 400, tt.err)
				return
			}
			w.Write([]byte(`null`))
		})
		ctx, engine := mount(t)
		got := ""
		for _, action := range actions {
			handle(ctx, action, func(app.Context, app.Action) { got += action })
		}
		answered := false
		then := func(_ app.Context, _ shared.Status, err error) {
			answered = true
			if want := error(tt.err); tt.err != nil && !errors.Is(err, want) {
				t.Errorf("%s: the call fails with %v", tt.name, err)
			}
		}
		if tt.method {
			call(ctx, e, shared.RevokeOtherSessions, shared.None{}, then)
		} else {
			call(ctx, e, shared.GetSession, shared.None{}, func(ctx app.Context, _ *shared.Current, err error) {
				then(ctx, shared.Status{}, err)
			})
		}
		engine.ConsumeAll()
		if got != tt.action || !answered {
			t.Errorf("%s: it leads to %q, answered %v; want %q", tt.name, got, answered, tt.action)
		}
	}
}
