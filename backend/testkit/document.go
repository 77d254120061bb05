package testkit

import (
	"os"
	"strings"
	"testing"
)

// Generated tests that the part of a document between the comments "<!-- name -->" and
// "<!-- /name -->" is what the program says. If LATCHKEY_UPDATE_DOCUMENTS is on, it writes
// that part instead.
func Generated(t testing.TB, file, name, want string) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->\n"
	before, rest, found := strings.Cut(string(source), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s lacks the comments around %q", file, name)
	}
	if got == want {
		return
	}
	if os.Getenv("LATCHKEY_UPDATE_DOCUMENTS") != "on" {
		t.Fatalf("%s is out of date. Run this test again with LATCHKEY_UPDATE_DOCUMENTS=on. Want:\n%s", file, want)
	}
	if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
