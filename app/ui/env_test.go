package ui

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"testing"
)

// en is an env in English.
var en = newEnv()

// memory is a storage in memory.
type memory map[string]string

func (m memory) get(name string) string { return m[name] }
func (m memory) set(name, text string)  { m[name] = text }
func (m memory) remove(name string)     { delete(m, name) }
func (m memory) names() []string        { return slices.Sorted(maps.Keys(m)) }

// TestEveryComponentGetsTheEnv tests that components are created with an Env. Without it they
// panic when they draw text.
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

// TestPackageVariablesAreTables tests that nothing changes package variables. The state of a
// page must be in its env, so that two pages can be drawn at once.
func TestPackageVariablesAreTables(t *testing.T) {
	fset, files := sources(t)
	tables := map[string]bool{}
	for _, file := range files {
		for _, decl := range file.Decls {
			if decl, ok := decl.(*ast.GenDecl); ok && decl.Tok == token.VAR {
				for _, spec := range decl.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						tables[name.Name] = true
						if len(spec.(*ast.ValueSpec).Values) == 0 {
							t.Errorf("%s: %s has no value", fset.Position(name.Pos()), name.Name)
						}
					}
				}
			}
		}
	}
	if len(tables) < 5 {
		t.Fatalf("only %d package variables were found: this test looks for the wrong thing", len(tables))
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			var changed []ast.Expr
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					changed = n.Lhs
				}
			case *ast.IncDecStmt:
				changed = []ast.Expr{n.X}
			}
			for _, e := range changed {
				if name := root(e); name != nil && tables[name.Name] && isOfPackage(name) {
					t.Errorf("%s: %s is changed", fset.Position(n.Pos()), name.Name)
				}
			}
			return true
		})
	}
}

// root returns the variable that an expression is a part of, or nil.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	}
	return nil
}

// isOfPackage reports whether a name does not refer to a local variable.
func isOfPackage(name *ast.Ident) bool {
	if name.Obj == nil {
		return true // it is declared in another file
	}
	_, ok := name.Obj.Decl.(*ast.ValueSpec)
	return ok
}
