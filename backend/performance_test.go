package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/testkit"
)

// TestDocumentedSeed tests that a server on a seeded database accepts the sessions and the
// password that the documentation promises.
func TestDocumentedSeed(t *testing.T) {
	t.Parallel()
	dir := shellDir(t)
	runShell(t, dir, nil, testkit.Fence(t, performance, "sh", "bin/latchkey seed"))
	seeded := filepath.Join(dir, "build", "seeded")
	content, err := os.ReadFile(filepath.Join(seeded, "cookies"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	fields := strings.Split(lines[0], "\t")
	if len(lines) != 1000 || len(fields) != 3 || fields[1] != "10" {
		t.Fatalf("the file has %d lines, of which the first is %q", len(lines), lines[0])
	}
	c := testkit.Start(t, "-data", seeded).Client()
	if got := c.Get("/get-session", "Cookie: "+fields[2]).Get("user.email"); got != fields[0] {
		t.Errorf("the session is of %v; want %s", got, fields[0])
	}
	signIn(c, fields[0], "measure twice, cut once").Want(t, 200, "")
}
