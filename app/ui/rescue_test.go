package ui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// go-app calls what takes one of its contexts, and what has one of these
// names. A panic there ends the program.
var lifecycle = []string{"OnInit", "OnMount", "OnNav", "OnUpdate", "OnDismount", "OnAppUpdate", "OnAppInstallChange", "OnResize"}

func TestEveryHandlerIsRescued(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			var body *ast.BlockStmt
			switch n := n.(type) {
			case *ast.FuncDecl:
				if isHandler(n.Type) || n.Recv != nil && slices.Contains(lifecycle, n.Name.Name) {
					body = n.Body
				}
			case *ast.CallExpr:
				// ctx.Dispatch(func…), ctx.Async(func…) and their like.
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Dispatch", "Defer", "After", "Async", "Then", "FuncOf"}, sel.Sel.Name) {
					if fn, ok := n.Args[len(n.Args)-1].(*ast.FuncLit); ok {
						body = fn.Body
					}
				}
			}
			if body != nil {
				found++
				if !rescued(body) {
					t.Errorf("%s does not begin with defer rescue()", fset.Position(body.Pos()))
				}
			}
			return true
		})
	}
	if found < 20 {
		t.Errorf("only %d handlers were found: this test looks for the wrong thing", found)
	}
}

// isHandler reports whether a function is an event or action handler.
func isHandler(f *ast.FuncType) bool {
	if len(f.Params.List) != 2 {
		return false
	}
	second, ok := f.Params.List[1].Type.(*ast.SelectorExpr)
	return ok && (second.Sel.Name == "Event" || second.Sel.Name == "Action")
}

func rescued(body *ast.BlockStmt) bool {
	if len(body.List) == 0 {
		return false
	}
	d, ok := body.List[0].(*ast.DeferStmt)
	if !ok {
		return false
	}
	name, ok := d.Call.Fun.(*ast.Ident)
	return ok && name.Name == "rescue"
}
