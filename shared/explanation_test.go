package shared

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"latchkey/shared/message"
)

// TestEveryErrorHasAText tests that each error has a text in each language, except for
// ErrUnauthorized: the sign-in page tells the user that the session has ended.
func TestEveryErrorHasAText(t *testing.T) {
	for _, l := range message.Languages {
		for _, e := range Errors {
			if text := e.Text(l); (text == "") != (e == ErrUnauthorized) {
				t.Errorf("%s of %v: %q", l.Tag, e, text)
			}
		}
	}
}

// TestErrorsDoNotMentionForms tests that the errors which the server returns both for forms and for
// the app's calls do not mention a form, because the app does not submit forms.
func TestErrorsDoNotMentionForms(t *testing.T) {
	for e, id := range map[*Error]message.ID{
		ErrMethod: message.ErrMethodNotAllowed, ErrOrigin: message.ErrOriginInvalid, ErrNoOrigin: message.ErrOriginMissing,
		ErrCrossSite: message.ErrCrossSiteBlocked,
	} {
		if text := e.Text(message.English); text != e.Message || strings.Contains(text, "form") {
			t.Errorf("%v: %q", e, text)
		}
		if text := e.Text(message.German); text != message.German.T(id) || strings.Contains(text, "Formular") {
			t.Errorf("%v: %q", e, text)
		}
	}
}

// TestEveryErrorIsExplained tests that explanations has every error of error.go once:
// otherwise users would not see its text in their language.
func TestEveryErrorIsExplained(t *testing.T) {
	parse := func(name string) *ast.File {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	explained := map[string]int{}
	for node := range ast.Preorder(parse("explanation.go")) {
		if field, ok := node.(*ast.KeyValueExpr); ok {
			key, isName := field.Key.(*ast.Ident)
			if err, ok := field.Value.(*ast.Ident); ok && isName && key.Name == "err" {
				explained[err.Name]++
			}
		}
	}
	n := 0
	for node := range ast.Preorder(parse("error.go")) {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Err") || spec.Names[0].Name == "Errors" {
			continue
		}
		n++
		if name := spec.Names[0].Name; explained[name] != 1 {
			t.Errorf("%s is %d times in explanations, in explanation.go; want once", name, explained[name])
		}
	}
	if n < 100 {
		t.Fatalf("only %d errors were found: this test looks for the wrong thing", n)
	}
}

// TestReference tests that users read the ID of a request that failed on the server.
func TestReference(t *testing.T) {
	want := message.English.T(message.ErrServerFault) + " " + message.English.T(message.HintRequestID, "ABC")
	if got := ErrInternal.OfRequest("ABC").Text(message.English); got != want {
		t.Errorf("the text is %q; want %q", got, want)
	}
	if got := ErrUnavailable.OfRequest("ABC").Text(message.English); strings.Contains(got, "ABC") {
		t.Errorf("the text of a server that is away is %q; want no reference: its log says nothing else", got)
	}
}
