package server_test

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/server"
)

// TestRequestID tests that each answer has an ID of its own, which no caller can choose,
// and that every line that is logged for the request has it.
func TestRequestID(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.Ready = nil }, func(t *testing.T, s *site, _ *account.Service) {
		seen := map[string]bool{}
		for _, path := range []string{"/api/auth/ok", "/api/auth/ok", "/api/nope", "/nowhere", "/sign-in", "/readyz"} {
			a := s.browser(t).Do("GET", path, "", "X-Request-Id: chosen")
			id := a.Header.Get("X-Request-Id")
			if !regexp.MustCompile(`^[A-Z2-7]{16}$`).MatchString(id) || seen[id] {
				t.Errorf("%s: the ID is %q", path, id)
			}
			seen[id] = true
			lines := 0
			for line := range strings.Lines(s.log.String()) {
				if strings.Contains(line, " request="+id+" ") {
					lines++
				}
			}
			want := 1
			if path == "/readyz" { // whose panic is logged, too
				want = 2
			}
			if lines != want {
				t.Errorf("%s: %d lines of the log have the ID %s; want %d:\n%s", path, lines, id, want, s.log.String())
			}
		}
		if strings.Contains(s.log.String(), "chosen") {
			t.Error("the log has an ID that a caller has chosen")
		}
	})
}
