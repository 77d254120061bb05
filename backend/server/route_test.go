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

// TestRoutes tests the rules that apply to every route.
func TestRoutes(t *testing.T) {
	rates := map[string]string{} // keyed by the path under which calls are counted; only for routes that write
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

// TestRates tests that each route has the limits that its path requires.
func TestRates(t *testing.T) {
	for _, rt := range new(Server).routes() {
		path := strings.TrimPrefix(rt.limitPath, "/api/auth")
		under := func(prefixes ...string) bool {
			return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
		}
		want := "100 in 10s"
		switch {
		case rt.method == http.MethodGet && !under("/passkey/generate-"): // these store a challenge
			want = "by replica"
		case under("/sign-in"):
			want = "wrong: 3 in 10s, 60 in 1h0m0s"
		case path == "/passkey/verify-authentication":
			want = "wrong: 100 in 10s, 60 in 1h0m0s"
		case under("/two-factor/verify-", "/step-up"):
			want = "wrong: 3 in 10s"
		case under("/sign-up"):
			want = "3 in 10s, 20 in 1h0m0s"
		case under("/request-password-reset", "/send-verification-email", "/resend-email-change"):
			want = "3 in 1m0s, 10 in 1h0m0s"
		case under("/change-password", "/change-email", "/two-factor") && path != "/two-factor/trust-device":
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
	for _, l := range r.limits(&setting.Settings{GuessesPerAddress: 3, GuessesPerAddressHour: 60, SignUpsPerAddressHour: 20,
		EmailsPerAddressHour: 10}) {
		all = append(all, fmt.Sprintf("%d in %v", l.Max, l.Window))
	}
	text := strings.Join(all, ", ")
	if r.guess {
		text = "wrong: " + text
	}
	return text
}

// A step is a stage of a call: "admit" or "act".
type step struct {
	name    string
	bounded bool  // whether its context has a deadline
	err     error // why its context has ended
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

// TestRequestTimeout tests that every step of a call has a deadline, except in a
// streaming handler, which sets its own. The default timeout must be under five
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

// TestHangUp tests that a state-changing call continues if the client disconnects,
// and that other calls do not.
func TestHangUp(t *testing.T) {
	for _, rt := range new(Server).routes() {
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		var want error
		if rt.method == http.MethodGet {
			want = context.Canceled
		}
		for _, step := range serveSteps(rt, httptest.NewRequestWithContext(ctx, rt.method, "/", nil)) {
			if !errors.Is(step.err, want) {
				t.Errorf("%s %s: %s ends with %v; want %v", rt.method, rt.path, step.name, step.err, want)
			}
		}
	}
}

// TestUnknownApp tests that the server refuses an app with an older protocol version,
// and accepts a client that sends no version.
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
