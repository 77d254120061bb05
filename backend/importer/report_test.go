package importer

import (
	"strings"
	"testing"
)

// TestPrintedUsers tests that the IDs and addresses of another system cannot control the terminal
// on which a report is printed, or fill it.
func TestPrintedUsers(t *testing.T) {
	t.Parallel()
	r := Report{Skipped: []Skipped{}}
	r.skipFor("users", "\x1b]0;title\x07\u202e", "a reason")
	r.skipFor("users", strings.Repeat("x", 10_000), "a reason")
	var b strings.Builder
	r.Print(&b)
	if out := b.String(); strings.ContainsAny(out, "\x1b\x07\u202e") || len(out) > 1000 || !strings.Contains(out, `\x1b]0;title`) {
		t.Errorf("%q", out)
	}
}
