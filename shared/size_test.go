package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The limits keep a function on one screen.
const (
	maxFileLines     = 450
	maxFunctionLines = 70
)

// TestSizes tests that no file or function exceeds its limit. Tests and generated files are
// exempt.
func TestSizes(t *testing.T) {
	files := 0
	for _, root := range []string{"../app", "../backend", "../shared", "../web"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, source, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if ast.IsGenerated(file) {
				return nil
			}
			files++
			checkSizes(t, fset, file, path, string(source))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 150 {
		t.Errorf("only %d files were found", files)
	}
}

func checkSizes(t *testing.T, fset *token.FileSet, file *ast.File, path, source string) {
	if n := strings.Count(source, "\n"); n > maxFileLines {
		t.Errorf("%s has %d lines; want at most %d", path, n, maxFileLines)
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > maxFunctionLines {
			t.Errorf("%s: %s has %d lines; want at most %d", path, f.Name.Name, n, maxFunctionLines)
		}
	}
}
