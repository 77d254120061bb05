package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey/backend/testkit"
)

// notRun has the blocks that no test runs, with the reason.
var notRun = []struct{ file, language, text, reason string }{
	{readme, "sh", "make dev", "starts a server that does not end, and runs all tests"},
	{readme, "text", "backend/  ", "lists folders: see TestDocumentedFolders"},
	{architecture, "sh", "go test ./backend/server -run", "runs a test: see TestDocumentedTargets"},
	{architecture, "sh", "go test ./backend/browsertest -run", "runs a test: see TestDocumentedTargets"},
	{configuration, "text", "rotate-key", "is made by TestDocumentedUsage"},
	{configuration, "text", "-trusted-proxies CIDRs", "is made by TestDocumentedUsage"},
	{configuration, "text", "-per-user number", "is made by TestDocumentedUsage"},
	{performance, "sh", "make bench\n", "measures for ten minutes"},
	{performance, "sh", "make bench-ui\n", "measures for five minutes"},
	{performance, "sh", "make size\n", "builds the app four times"},
	{performance, "sh", "go run ./backend/bench", "measures, on a machine that does nothing else"},
	{performance, "text", "database CPU at 16", "shows measurements"},
	{performance, "text", "server CPU at 16\n", "shows measurements"}, // the table of SQLite
	{performance, "text", "calls/s         p95", "shows measurements"},
	{performance, "text", "usable  app runs", "shows measurements"},
	{performance, "text", "compiled  app runs", "shows measurements"},
	{performance, "text", "brotli 11", "shows measurements"},
	{"../web/docs/pwa.md", "sh", "make lighthouse\n", "is a test by itself"},
	{"../web/docs/pwa.md", "sh", "make screenshots\n", "is a test by itself"},
}

// documents returns the blocks of all documents, by file.
func documents(t *testing.T) map[string][]testkit.Block {
	t.Helper()
	all := map[string][]testkit.Block{}
	for _, pattern := range []string{"../*.md", "../.github/*.md", "../web/docs/*.md", "../web/docs/decisions/*.md", "../web/npm/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			all[file] = testkit.Fences(t, file)
		}
	}
	return all
}

// TestDocumentedBlocks tests that each block of a document says which language it is in, and
// that a test runs it, unless it is in the list of those that none can.
func TestDocumentedBlocks(t *testing.T) {
	all := documents(t)
	key := func(b testkit.Block) string { return fmt.Sprintf("%s:%d", b.File, b.Line) }
	run := map[string]bool{}
	for _, call := range fenceCalls(t) {
		found := testkit.Select(all[call.file], call.language, call.text)
		if len(found) != 1 {
			t.Errorf("%s: %d blocks of %s in %s contain %q; want 1", call.at, len(found), call.language, call.file, call.text)
		}
		for _, block := range found {
			run[key(block)] = true
		}
	}
	if len(run) < 20 {
		t.Errorf("tests run %d blocks", len(run))
	}
	for _, not := range notRun {
		found := testkit.Select(all[not.file], not.language, not.text)
		if len(found) != 1 || not.reason == "" {
			t.Errorf("%d blocks of %s in %s contain %q; want 1, with a reason not to run it", len(found), not.language, not.file, not.text)
		}
		for _, block := range found {
			if run[key(block)] {
				t.Errorf("%s: a test runs this block, which is in the list of those that none runs", key(block))
			}
			run[key(block)] = true
		}
	}
	for _, blocks := range all {
		for _, block := range blocks {
			if block.Info == "" {
				t.Errorf("%s: the block has no language", key(block))
			}
			if !run[key(block)] {
				t.Errorf("%s: no test runs this block:\n%s", key(block), block.Text)
			}
		}
	}
}

type fenceCall struct{ at, file, language, text string }

// fenceCalls returns the calls of [testkit.Fence] in the tests of this package.
func fenceCalls(t *testing.T) (calls []fenceCall) {
	t.Helper()
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	set, constants := token.NewFileSet(), map[string]string{}
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		ast.Inspect(file, func(node ast.Node) bool {
			if c, ok := node.(*ast.ValueSpec); ok && len(c.Values) == 1 {
				constants[c.Names[0].Name] = literal(c.Values[0], nil)
			}
			return true
		})
	}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) != 4 {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Fence" {
				return true
			}
			found := fenceCall{
				at:       set.Position(call.Pos()).String(),
				file:     literal(call.Args[1], constants),
				language: literal(call.Args[2], constants),
				text:     literal(call.Args[3], constants),
			}
			if found.file == "" || found.language == "" || found.text == "" {
				t.Errorf("%s: an argument of Fence is neither a literal nor a constant", found.at)
			}
			calls = append(calls, found)
			return true
		})
	}
	return calls
}

// literal returns the text of a literal or of a constant, or "".
func literal(e ast.Expr, constants map[string]string) (text string) {
	switch e := e.(type) {
	case *ast.Ident:
		text = constants[e.Name]
	case *ast.BasicLit:
		text, _ = strconv.Unquote(e.Value) // "" for a number
	}
	return text
}

// TestDocumentedTargets tests that the targets of make and the tests that documents name
// exist.
func TestDocumentedTargets(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile(`(?m)(?:^|[ =])make ([a-z][a-z./-]*)`)
	test := regexp.MustCompile(`(?m)go test \./(\S+) -run (\w+)`)
	targets, tests := 0, 0
	for file, blocks := range documents(t) {
		for _, block := range blocks {
			if block.Info != "sh" {
				continue
			}
			for _, found := range target.FindAllStringSubmatch(block.Text, -1) {
				targets++
				rule := regexp.MustCompile(`(?m)^([^#:=\n]* )?` + regexp.QuoteMeta(found[1]) + `( [^:=\n]*)?:`)
				if !rule.Match(makefile) {
					t.Errorf("%s: there is no target %q", file, found[1])
				}
			}
			for _, found := range test.FindAllStringSubmatch(block.Text, -1) {
				tests++
				if !strings.Contains(testSources(t, "../"+found[1]), "\nfunc "+found[2]+"(") {
					t.Errorf("%s: there is no test %s in %s", file, found[2], found[1])
				}
			}
		}
	}
	if targets < 10 || tests < 2 {
		t.Errorf("%d targets and %d tests were found", targets, tests)
	}
}

func testSources(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(source)
	}
	return all.String()
}

// TestDocumentedFolders tests that the list of folders in README.md is complete.
func TestDocumentedFolders(t *testing.T) {
	block := testkit.Select(testkit.Fences(t, readme), "text", "backend/  ")[0].Text
	entry := regexp.MustCompile(`(?m)^( *)([a-z]+)/  `)
	listed := map[string][]string{}
	top := ""
	for _, found := range entry.FindAllStringSubmatch(block, -1) {
		if found[1] == "" {
			top = found[2]
			listed[top] = nil
		} else {
			listed[top] = append(listed[top], found[2])
		}
	}
	for _, top := range []string{"app", "backend", "shared", "web"} {
		entries, err := os.ReadDir("../" + top)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range listed[top] {
			if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name && e.IsDir() }) {
				t.Errorf("README.md lists the folder %s/%s, which does not exist", top, name)
			}
		}
		for _, e := range entries {
			// web/ lists its folders in the line about itself.
			if e.IsDir() && e.Name() != "testdata" && top != "web" && !slices.Contains(listed[top], e.Name()) {
				t.Errorf("README.md does not list the folder %s/%s", top, e.Name())
			}
		}
	}
}
