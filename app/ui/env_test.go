package ui

import (
	"go/ast"
	"maps"
	"slices"
	"testing"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared/message"
)

// en writes English.
var en = &translator{message.English}

// host is a component that does nothing, for tests that need a context.
type host struct {
	app.Compo
	ctx app.Context
}

func (h *host) OnPreRender(ctx app.Context) { h.ctx = ctx }

func (h *host) Render() app.UI { return app.Div() }

// mount returns the context of a component in a page, and the engine that runs what
// is dispatched there.
func mount(t *testing.T) (app.Context, app.TestEngine) {
	t.Helper()
	engine, h := app.NewTestEngine(), new(host)
	if err := engine.Load(h); err != nil {
		t.Fatal(err)
	}
	engine.ConsumeAll()
	return h.ctx, engine
}

// memory is a storage.
type memory map[string]string

func (m memory) get(name string) string { return m[name] }
func (m memory) set(name, text string)  { m[name] = text }
func (m memory) remove(name string)     { delete(m, name) }
func (m memory) names() []string        { return slices.Sorted(maps.Keys(m)) }

// A component without the env ends the program when it draws the first word.
func TestEveryComponentGetsTheEnv(t *testing.T) {
	fset, files := sources(t)
	components := map[string]bool{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && hasEnv(spec) {
				components[spec.Name.Name] = true
			}
			return true
		})
	}
	if len(components) < 25 {
		t.Fatalf("only %d components were found: this test looks for the wrong thing", len(components))
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			address, ok := n.(*ast.UnaryExpr)
			if !ok {
				return true
			}
			literal, ok := address.X.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name, ok := literal.Type.(*ast.Ident); ok && components[name.Name] && !setsEnv(literal) {
				t.Errorf("%s: a %s without Env", fset.Position(n.Pos()), name.Name)
			}
			return true
		})
	}
}

// hasEnv reports whether a type is a component with a field Env.
func hasEnv(spec *ast.TypeSpec) bool {
	of, ok := spec.Type.(*ast.StructType)
	return ok && slices.ContainsFunc(of.Fields.List, func(f *ast.Field) bool {
		return len(f.Names) == 1 && f.Names[0].Name == "Env"
	})
}

func setsEnv(literal *ast.CompositeLit) bool {
	return slices.ContainsFunc(literal.Elts, func(e ast.Expr) bool {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		name, ok := pair.Key.(*ast.Ident)
		return ok && name.Name == "Env"
	})
}
