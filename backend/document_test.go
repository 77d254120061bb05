package main

import (
	"strings"
	"testing"

	"latchkey/backend/testkit"
)

// TestDocumentedUsage tests that the documentation has what -h prints.
func TestDocumentedUsage(t *testing.T) {
	var out strings.Builder
	if _, _, err := parse([]string{"-h"}, func(string) string { return "" }, &out); err == nil {
		t.Fatal("-h runs the program")
	}
	testkit.Generated(t, "../web/docs/configuration.md", "usage", "```text\n"+strings.ReplaceAll(out.String(), "\t", "    ")+"```\n")
}
