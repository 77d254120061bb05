package testkit

import (
	"os"
	"strings"
	"testing"
)

// Fence returns the content of the fenced block of a language in a document that contains a
// text. The test fails unless there is exactly one.
func Fence(t testing.TB, file, language, text string) string {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, part := range strings.Split("\n"+string(source), "\n```"+language+"\n")[1:] {
		if block, _, closed := strings.Cut(part, "\n```\n"); closed && strings.Contains(block, text) {
			found = append(found, block+"\n")
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s has %d blocks of %s that contain %q; want 1", file, len(found), language, text)
	}
	return found[0]
}
