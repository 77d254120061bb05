package server_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/testkit"
)

// TestRequestID tests that every log line of a request has an ID that no other request
// has and that no caller can choose.
func TestRequestID(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.Ready = nil }, func(t *testing.T, s *testServer, _ *account.Service) {
		paths := []string{"/api/auth/ok", "/api/auth/ok", "/api/nope", "/nowhere", "/readyz"}
		var last testkit.Answer
		for _, path := range paths {
			last = s.browser(t).Do("GET", path, "", "X-Request-Id: chosen")
			if last.Status < 500 && strings.Contains(last.Body, "requestId") {
				t.Errorf("%s: %s; want no ID", path, last)
			}
		}
		testkit.Eventually(t, "the log has all lines", func() bool { return strings.Count(s.log.String(), "level=") >= 6 })
		log := s.log.String()
		lines := map[string]int{} // keyed by ID
		for _, found := range regexp.MustCompile(`(?m) request=([A-Z2-7]{16}) .*$`).FindAllStringSubmatch(log, -1) {
			lines[found[1]]++
		}
		// The panic of the last request is logged, too.
		if got := slices.Sorted(maps.Values(lines)); !slices.Equal(got, []int{1, 1, 1, 1, 2}) || strings.Count(log, "level=") != 6 {
			t.Errorf("lines with the same ID: %v; want one a request, and two of the last:\n%s", got, log)
		}
		if id, _ := last.Get("requestId").(string); last.Status != 500 || lines[id] != 2 {
			t.Errorf("the call that failed: %s; want the ID of its two lines in the log", last)
		}
		if strings.Contains(log, "chosen") {
			t.Error("the log has an ID that a caller has chosen")
		}
	})
}

// TestLogLines tests that a caller cannot fill the log with a long method or path.
func TestLogLines(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.browser(t)
		b.Do(strings.Repeat("M", 5000), "/readyz", "")
		b.Do("GET", "/"+strings.Repeat("p", 5000), "")
		testkit.Eventually(t, "the log has both lines", func() bool { return strings.Count(s.log.String(), "msg=request") == 2 })
		for line := range strings.Lines(s.log.String()) {
			if len(line) > 400 {
				t.Errorf("a line of %d bytes: %.400s", len(line), line)
			}
		}
	})
}
