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
	_, rest, _ := strings.Cut(out.String(), "\ncommands:\n")
	commands, rest, _ := strings.Cut(rest, "\n\n")
	_, flags, found := strings.Cut(rest, "\nflags:\n")
	if !found {
		t.Fatalf("-h prints no commands and then flags:\n%s", out.String())
	}
	for name, text := range map[string]string{"commands": commands + "\n", "flags": strings.ReplaceAll(flags, "\t", "    ")} {
		testkit.Generated(t, "../web/docs/configuration.md", name, "```text\n"+text+"```\n")
	}
}
