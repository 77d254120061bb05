package main

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// TestDocumentedTroubles tests that the program still prints what the tables of the
// documentation explain.
func TestDocumentedTroubles(t *testing.T) {
	const file = "../web/docs/operations.md"
	document, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, tables, found := strings.Cut(string(document), "\n## Troubleshoot\n")
	if !found {
		t.Fatalf("%s explains no troubles", file)
	}
	sources := productionSources(t)
	// Of the operating system, of Postgres, and of the middle of a line.
	others := []string{"bind: address already in use", "connection refused", "timeout", "/readyz", "key-missing", "unavailable"}
	quoted, rows := regexp.MustCompile("`([^`]+)`"), 0
	for line := range strings.Lines(tables) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		rows++
		for _, code := range quoted.FindAllStringSubmatch(cells[1], -1) {
			for part := range strings.SplitSeq(code[1], "…") {
				if part = strings.TrimSpace(part); !slices.Contains(others, part) && !strings.Contains(sources, part) {
					t.Errorf("nothing prints %q", part)
				}
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d rows were found", rows)
	}
}

// productionSources returns all Go files of the server, without tests.
func productionSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{".", "../shared"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			all.Write(source)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestDocumentedVariables tests that the documentation and the files to deploy with set only
// variables that the program reads.
func TestDocumentedVariables(t *testing.T) {
	flags := flag.NewFlagSet("latchkey", flag.ContinueOnError)
	new(config).define(flags)
	known := []string{
		"LATCHKEY_HOST", "LATCHKEY_UPSTREAM", // of backend/deploy/Caddyfile
		"LATCHKEY_UPDATE_DOCUMENTS", // of this test
	}
	flags.VisitAll(func(f *flag.Flag) {
		known = append(known, "LATCHKEY_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")))
	})
	variable, found := regexp.MustCompile(`LATCHKEY_[A-Z_]*[A-Z]`), 0
	for _, root := range []string{"deploy", "../web/docs", "../README.md", "../.github"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, name := range variable.FindAllString(string(content), -1) {
				found++
				if !slices.Contains(known, name) && !strings.HasPrefix(name, "LATCHKEY_TEST_") {
					t.Errorf("%s: the program does not read %s", path, name)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 20 {
		t.Errorf("%d variables were found", found)
	}
}
