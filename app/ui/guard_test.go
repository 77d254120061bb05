package ui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// lifecycle lists the methods that go-app calls by name.
var lifecycle = []string{"OnInit", "OnMount", "OnNav", "OnUpdate", "OnDismount", "OnAppUpdate", "OnAppInstallChange", "OnResize"}

// registering lists the functions of go-app that take a callback, besides the methods of
// elements, which begin with On.
var registering = []string{"Dispatch", "Defer", "After", "Async", "Handle", "Then", "FuncOf"}

func TestNothingBypassesTheGuard(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	handlers, methods := 0, 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") || file.Name() == "guard.go" {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil && slices.Contains(lifecycle, n.Name.Name) {
					methods++
					if !rescued(n.Body) {
						t.Errorf("%s: %s does not begin with defer rescue()", fset.Position(n.Pos()), n.Name.Name)
					}
				}
			case *ast.SelectorExpr:
				// ctx.Dispatch(f), but also f := ctx.Dispatch. The After methods of times
				// and errors are exempt: they take one argument.
				if slices.Contains(registering, n.Sel.Name) && !takesOne(f, n) {
					t.Errorf("%s: %s is called without the guard", fset.Position(n.Pos()), n.Sel.Name)
				}
			case *ast.CallExpr:
				sel, ok := n.Fun.(*ast.SelectorExpr)
				if !ok || !strings.HasPrefix(sel.Sel.Name, "On") || slices.Contains(lifecycle, sel.Sel.Name) {
					return true
				}
				handlers++
				if len(n.Args) != 1 || !calls(n.Args[0], "on", "onEvent") {
					t.Errorf("%s: %s takes a handler without the guard", fset.Position(n.Pos()), sel.Sel.Name)
				}
			}
			return true
		})
	}
	if handlers < 10 || methods < 20 {
		t.Errorf("only %d handlers and %d methods were found: this test looks for the wrong thing", handlers, methods)
	}
}

// takesOne reports whether a selector is After in a call with one argument.
func takesOne(f *ast.File, sel *ast.SelectorExpr) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok && call.Fun == sel && sel.Sel.Name == "After" && len(call.Args) == 1 {
			found = true
		}
		return !found
	})
	return found
}

// calls reports whether an expression is a call of one of functions.
func calls(e ast.Expr, functions ...string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := call.Fun.(*ast.Ident)
	return ok && slices.Contains(functions, name.Name)
}

func rescued(body *ast.BlockStmt) bool {
	if len(body.List) == 0 {
		return false
	}
	d, ok := body.List[0].(*ast.DeferStmt)
	return ok && calls(d.Call, "rescue")
}

type panicking struct{}

func (panicking) submit(app.Context, app.Event) { panic("submit") }
func (panicking) cancel(app.Context, app.Event) { panic("cancel") }

func TestGuardedHandler(t *testing.T) {
	rescues = true
	t.Cleanup(func() { rescues = app.IsClient })
	var p panicking
	submit, scope := on(p.submit)
	submit(app.Context{}, app.Event{}) // panics if it is not guarded

	// go-app keeps the old handler of an element if it considers the new one equal. A click
	// on "Use a backup code" would then still use a passkey if that button replaced "Use a
	// passkey".
	if _, same := on(p.submit); same != scope {
		t.Error("go-app would replace a handler by itself at each render")
	}
	if _, other := on(p.cancel); other == scope {
		t.Error("go-app would take one handler for another")
	}
}
