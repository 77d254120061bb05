package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/setting"
	"latchkey/shared"
)

// TestRoutes tests what must hold for every route, whatever it is for.
func TestRoutes(t *testing.T) {
	rates := map[string]string{} // by the path that calls are counted under, of what is written
	for _, rt := range new(Server).routes() {
		name := rt.method + " " + rt.path
		if rt.writes != (rt.method != http.MethodGet) {
			t.Errorf("%s: writes is %t", name, rt.writes)
		}
		if rt.rate.inMemory && rt.writes {
			t.Errorf("%s changes something, and each replica counts it for itself", name)
		}
		if rt.rate.guess && !rt.writes {
			t.Errorf("%s takes a guess, and ends when the caller hangs up", name)
		}
		if !rt.writes {
			continue
		}
		if said, ok := rates[rt.limitPath]; ok && said != rateText(rt.rate) {
			t.Errorf("%s has the limits %s; others that count as %s have %s", name, rateText(rt.rate), rt.limitPath, said)
		}
		rates[rt.limitPath] = rateText(rt.rate)
	}
}

// TestRates tests that the limits of each route are those that belong to its path.
func TestRates(t *testing.T) {
	for _, rt := range new(Server).routes() {
		path := strings.TrimPrefix(rt.limitPath, "/api/auth")
		under := func(prefixes ...string) bool {
			return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
		}
		want := "100 in 10s"
		switch {
		case rt.method == http.MethodGet && !under("/passkey/generate-"): // those store a challenge
			want = "by replica"
		case under("/sign-in"):
			want = "wrong: 3 in 10s, 60 in 1h0m0s"
		case path == "/passkey/verify-authentication":
			want = "wrong: 100 in 10s, 60 in 1h0m0s"
		case under("/two-factor/verify-", "/step-up"):
			want = "wrong: 3 in 10s"
		case under("/sign-up"):
			want = "3 in 10s, 20 in 1h0m0s"
		case under("/request-password-reset", "/send-verification-email"):
			want = "3 in 1m0s, 10 in 1h0m0s"
		case under("/change-password", "/change-email", "/two-factor"):
			want = "3 in 10s"
		}
		if got := rateText(rt.rate); got != want {
			t.Errorf("%s %s has the limits %s; want %s", rt.method, rt.path, got, want)
		}
	}
}

func rateText(r rate) string {
	if r.inMemory {
		return "by replica"
	}
	var all []string
	for _, l := range r.limits(&setting.Settings{GuessesPerAddress: 3, GuessesPerAddressHour: 60, SignUpsPerAddressHour: 20, EmailsPerAddressHour: 10}) {
		all = append(all, fmt.Sprintf("%d in %v", l.Max, l.Window))
	}
	text := strings.Join(all, ", ")
	if r.guess {
		text = "wrong: " + text
	}
	return text
}

// A step is what a route does for a call: "admit" it, then "act".
type step struct {
	name    string
	bounded bool  // it has a deadline
	err     error // why it must end
}

// serveSteps serves a call of a route, and returns its steps.
func serveSteps(rt route, r *http.Request) (steps []step) {
	note := func(name string, c *call) {
		_, bounded := c.Context().Deadline()
		steps = append(steps, step{name, bounded, c.Context().Err()})
	}
	rt.admit = func(_ *Server, _ route, c *call) (action, error) {
		note("admit", c)
		return func(c *call) (any, error) {
			note("act", c)
			return nil, nil
		}, nil
	}
	rt.respond = func(*Server, route, call, any, error) {}
	s := &Server{Config: Config{RequestTimeout: time.Minute}}
	s.serve(rt, httptest.NewRecorder(), r)
	return steps
}

// TestRequestTimeout tests that every step of a call has a deadline, except in the
// handler of a long answer, which sets its own; and that the usual one is under five
// seconds.
func TestRequestTimeout(t *testing.T) {
	if requestTimeout+settleTimeout >= 5*time.Second {
		t.Errorf("requests may take %v and %v; want less than five seconds", requestTimeout, settleTimeout)
	}
	for _, rt := range new(Server).routes() {
		want := []step{{"admit", true, nil}, {"act", rt.path != shared.ExportEvents.Path, nil}}
		if got := serveSteps(rt, httptest.NewRequest(rt.method, "/", nil)); !slices.Equal(got, want) {
			t.Errorf("%s %s: %+v; want %+v", rt.method, rt.path, got, want)
		}
	}
}

// TestHangUp tests that a call that changes something is finished when the caller
// hangs up, and that no other is.
func TestHangUp(t *testing.T) {
	for _, rt := range new(Server).routes() {
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		var want error
		if rt.method == http.MethodGet {
			want = context.Canceled
		}
		for _, step := range serveSteps(rt, httptest.NewRequestWithContext(ctx, rt.method, "/", nil)) {
			if step.err != want {
				t.Errorf("%s %s: %s ends with %v; want %v", rt.method, rt.path, step.name, step.err, want)
			}
		}
	}
}

// TestUnknownApp tests that an app of an older protocol is refused, and that a client
// which says nothing of it is not.
func TestUnknownApp(t *testing.T) {
	for sent, want := range map[string]error{
		"": nil, fmt.Sprint(shared.AppVersion): nil, fmt.Sprint(shared.AppVersion + 1): nil,
		fmt.Sprint(shared.AppVersion - 1): shared.ErrAppTooOld, "x": shared.ErrAppTooOld,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(shared.HeaderApp, sent)
		if err := checkAppVersion(r); !errors.Is(err, want) {
			t.Errorf("%q: %v; want %v", sent, err, want)
		}
	}
}
