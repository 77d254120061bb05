package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/testkit"
)

// help returns what the program prints about the arguments with -h.
func help(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	if _, _, err := parse(append(args, "-h"), func(string) string { return "" }, &out); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("%v -h: %v; want %v", args, err, flag.ErrHelp)
	}
	return out.String()
}

// TestDocumentedUsage tests that the documentation has what -h prints.
func TestDocumentedUsage(t *testing.T) {
	const file = "../web/docs/configuration.md"
	fenced := func(text string) string { return "```text\n" + strings.ReplaceAll(text, "\t", "    ") + "```\n" }
	_, rest, _ := strings.Cut(help(t), "\ncommands:\n")
	list, rest, _ := strings.Cut(rest, "\n\n")
	_, flags, found := strings.Cut(rest, "\nflags of serve:\n")
	if !found {
		t.Fatalf("-h prints no commands and then flags:\n%s", help(t))
	}
	testkit.Generated(t, file, "commands", fenced(list+"\n"))
	testkit.Generated(t, file, "flags", fenced(flags))

	var rows, others []string // others are the flags that serve does not have
	names := map[string][]string{}
	for _, k := range commands {
		if k.name == "serve" || len(k.flags) == 0 {
			continue
		}
		row := "`-" + strings.Join(slices.Sorted(slices.Values(k.flags)), "`, `-") + "`"
		if names[row] = append(names[row], "`"+k.name+"`"); len(names[row]) == 1 {
			rows = append(rows, row)
		}
		for _, name := range k.flags {
			if !slices.Contains(serveFlags, name) && !slices.Contains(others, name) {
				others = append(others, name)
			}
		}
	}
	table := "| Commands | Flags |\n| --- | --- |\n"
	for _, row := range rows {
		table += fmt.Sprintf("| %s | %s |\n", strings.Join(names[row], ", "), row)
	}
	testkit.Generated(t, file, "command flags", table)
	var out strings.Builder
	f := new(config).flagSet(new(texts), others)
	f.SetOutput(&out)
	f.PrintDefaults()
	testkit.Generated(t, file, "other flags", fenced(out.String()))
}

// TestCommandFlags tests that the -h of a command lists its own flags and no others, that the
// command refuses other flags, and that it ignores their variables.
func TestCommandFlags(t *testing.T) {
	all := flag.NewFlagSet("", flag.ContinueOnError)
	new(config).define(all, new(texts))
	used := map[string]bool{}
	for _, k := range commands {
		text := help(t, strings.Fields(k.name)...)
		if !strings.HasPrefix(text, "usage: latchkey "+k.name) || strings.Contains(text, "\ncommands:\n") {
			t.Errorf("%s -h prints:\n%s", k.name, text)
		}
		all.VisitAll(func(f *flag.Flag) {
			own := slices.Contains(k.flags, f.Name)
			used[f.Name] = used[f.Name] || own
			if listed := regexp.MustCompile(`(?m)^  -` + f.Name + `( |$)`).MatchString(text); listed != own {
				t.Errorf("%s -h lists -%s: %t; want %t", k.name, f.Name, listed, own)
			}
			if own {
				return
			}
			args, variable := append(strings.Fields(k.name), "-"+f.Name+"=1"), "LATCHKEY_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			if _, _, err := parse(args, func(string) string { return "" }, io.Discard); err == nil || !strings.Contains(err.Error(), "not defined") {
				t.Errorf("%v: %v; want an error about the flag", args, err)
			}
			getenv := func(name string) string { return map[string]string{variable: "no value of that flag"}[name] }
			if _, _, err := parse(append(strings.Fields(k.name), exampleArguments(k)...), getenv, io.Discard); err != nil {
				t.Errorf("%s with %s: %v", k.name, variable, err)
			}
		})
	}
	all.VisitAll(func(f *flag.Flag) {
		if !used[f.Name] {
			t.Errorf("no command has -%s", f.Name)
		}
	})
}

// exampleArguments returns arguments that a command accepts.
func exampleArguments(k command) []string {
	example := strings.NewReplacer("ACTION [NAME]", "create Shop", "EMAIL", "ada@example.com", "PERMISSION", "audit.read")
	return strings.Fields(example.Replace(k.arguments))
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
	others := []string{"SSL is not enabled on the server", "password authentication failed", "connection refused", "timeout",
		"/readyz", "key-missing", "unavailable"}
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
	new(config).define(flags, new(texts))
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
