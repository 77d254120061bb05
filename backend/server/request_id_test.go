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

// TestRequestID tests that every line that is logged for a request has an ID, which no
// other request has and no caller can choose.
func TestRequestID(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.Ready = nil }, func(t *testing.T, s *site, _ *account.Service) {
		paths := []string{"/api/auth/ok", "/api/auth/ok", "/api/nope", "/nowhere", "/readyz"}
		for _, path := range paths {
			s.browser(t).Do("GET", path, "", "X-Request-Id: chosen")
		}
		testkit.Eventually(t, "the log has all lines", func() bool { return strings.Count(s.log.String(), "level=") >= 6 })
		log := s.log.String()
		lines := map[string]int{} // by ID
		for _, found := range regexp.MustCompile(`(?m) request=([A-Z2-7]{16}) .*$`).FindAllStringSubmatch(log, -1) {
			lines[found[1]]++
		}
		// The panic of the last one is logged, too.
		if got := slices.Sorted(maps.Values(lines)); !slices.Equal(got, []int{1, 1, 1, 1, 2}) || strings.Count(log, "level=") != 6 {
			t.Errorf("lines with the same ID: %v; want one a request, and two of the last:\n%s", got, log)
		}
		if strings.Contains(log, "chosen") {
			t.Error("the log has an ID that a caller has chosen")
		}
	})
}
