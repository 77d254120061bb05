package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/testkit"
)

// TestReadyVersion tests that only /readyz says which version the server is, and only to a
// caller on the same machine or network, without a proxy between them.
func TestReadyVersion(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.Version = "v9.8.7" }, func(t *testing.T, s *testServer, _ *account.Service) {
		const with, without = `{"ok":true,"version":"v9.8.7"}`, `{"ok":true}`
		for _, test := range []struct{ path, peer, header, want string }{
			{"/readyz", "127.0.0.1:1", "", with},
			{"/readyz", "[::1]:1", "", with},
			{"/readyz", "10.1.2.3:1", "", with},
			{"/readyz", "[::ffff:192.168.1.2]:1", "", with},
			{"/readyz", "[fd00::1]:1", "", with},
			{"/readyz", "203.0.113.9:1", "", without},
			{"/readyz", "[2001:db8::1]:1", "", without},
			{"/readyz", "@", "", without},
			{"/readyz", "127.0.0.1:1", "X-Forwarded-For: 203.0.113.9", without},
			{"/readyz", "10.1.2.3:1", "X-Forwarded-For: 10.1.2.4", without},
			{"/readyz", "127.0.0.1:1", "Forwarded: for=203.0.113.9", without},
			{"/readyz", "127.0.0.1:1", "X-Real-Ip: 203.0.113.9", without},
			{"/readyz", "127.0.0.1:1", "Via: 1.1 proxy", without},
			{"/healthz", "127.0.0.1:1", "", without},
			{"/api/auth/ok", "127.0.0.1:1", "", without},
		} {
			r := httptest.NewRequest("GET", s.url.String()+test.path, nil)
			r.RemoteAddr = test.peer
			if name, value, found := strings.Cut(test.header, ": "); found {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			s.Config.Handler.ServeHTTP(w, r)
			if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != test.want {
				t.Errorf("%s from %s, %q: %d %s; want %s", test.path, test.peer, test.header, w.Code, got, test.want)
			}
		}
	})
}

// TestReadyMethods tests that /readyz refuses methods other than GET and HEAD without using
// the database.
func TestReadyMethods(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		var checks atomic.Int64
		b := open(t, s.db, func(c *server.Config) {
			c.Ready = func(context.Context) error {
				checks.Add(1)
				return nil
			}
		}).browser(t)
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"} {
			if a := b.Do(method, "/readyz", ""); !a.Is(405, "METHOD_NOT_ALLOWED") || a.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %s, Allow %q; want 405 and GET, HEAD", method, a, a.Header.Get("Allow"))
			}
		}
		if n := checks.Load(); n != 0 {
			t.Errorf("%d checks of the database; want none", n)
		}
		for _, method := range []string{"GET", "HEAD"} {
			if a := b.Do(method, "/readyz", ""); a.Status != 200 {
				t.Errorf("%s: %s; want 200", method, a)
			}
		}
		if n := checks.Load(); n != 2 {
			t.Errorf("%d checks of the database; want 2", n)
		}
	})
}

// TestReadyOneAtATime tests that requests for /readyz share one check of the database at a
// time, and that the check goes on if the client that has started it hangs up.
func TestReadyOneAtATime(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		var running, checks atomic.Int64
		var canceled atomic.Bool
		s = open(t, s.db, func(c *server.Config) {
			c.Ready = func(ctx context.Context) error {
				checks.Add(1)
				if n := running.Add(1); n > 1 {
					t.Errorf("%d checks at the same time; want 1", n)
				}
				defer running.Add(-1)
				select {
				case <-ctx.Done():
					canceled.Store(true)
				case <-time.After(200 * time.Millisecond): // longer than the server takes to find that a client hung up
				}
				return ctx.Err()
			}
		})
		for _, a := range testkit.AtOnce(20, func(int) testkit.Answer { return s.browser(t).Do("GET", "/readyz", "") }) {
			if a.Status != 200 {
				t.Errorf("%s; want 200", a)
			}
		}

		before := checks.Load()
		ctx, hangUp := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", s.url.String()+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if res, err := http.DefaultClient.Do(r); err == nil {
				res.Body.Close()
			}
		}()
		testkit.Eventually(t, "the check runs", func() bool { return checks.Load() > before })
		hangUp()
		<-done
		if a := s.browser(t).Do("GET", "/readyz", ""); a.Status != 200 || canceled.Load() {
			t.Errorf("after another client hung up: %s, canceled: %t; want 200 and false", a, canceled.Load())
		}
	})
}
