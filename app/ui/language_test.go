package ui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"latchkey/shared"
	"latchkey/shared/message"
)

// sources returns the syntax of the package without its tests.
func sources(t *testing.T) (*token.FileSet, []*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset, files := token.NewFileSet(), []*ast.File(nil)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return fset, files
}

// shown lists the functions and fields that take text for users.
var shown = []string{"Text", "heading", "notice", "toast", "fact", "Label", "Hint", "Title", "Yes"}

// asItIs lists the words that need no translation.
var asItIs = []string{"Latchkey", "English", "Deutsch", "Windows Hello"}

// TestEverySentenceIsAMessage tests that the text for users is in package message and not in
// literals.
func TestEverySentenceIsAMessage(t *testing.T) {
	english := map[string]bool{}
	for id := range message.ID(message.Count) {
		english[message.English.T(id)] = true
	}
	fset, files := sources(t)
	looked := 0
	for _, file := range files {
		var parents []ast.Node
		ast.Inspect(file, func(n ast.Node) bool {
			if n == nil {
				parents = parents[:len(parents)-1]
				return true
			}
			parents = append(parents, n)
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			looked++
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := parents[len(parents)-2].(*ast.ImportSpec); ok || slices.Contains(asItIs, text) ||
				!strings.ContainsFunc(text, unicode.IsLetter) {
				return true
			}
			word := english[text] && unicode.IsUpper(rune(text[0]))
			if (word || sentence.MatchString(text)) && !comparedWith(parents) || isShown(parents) {
				t.Errorf("%s: %q is not in package message", fset.Position(literal.Pos()), text)
			}
			return true
		})
	}
	if looked < 1000 {
		t.Errorf("only %d literals were found: this test looks for the wrong thing", looked)
	}
}

// sentence matches a capitalized word that another word follows.
var sentence = regexp.MustCompile(`^[ “]*\d*[A-Z]+[a-z']* [A-Za-z]*[a-z]{2}`)

// comparedWith reports whether a literal is only compared with something.
func comparedWith(parents []ast.Node) bool {
	switch parent := parents[len(parents)-2].(type) {
	case *ast.BinaryExpr:
		return parent.Op == token.EQL || parent.Op == token.NEQ
	case *ast.CaseClause:
		return true
	}
	return false
}

// isShown reports whether a literal, alone or in an expression, is an argument or field of
// shown.
func isShown(parents []ast.Node) bool {
	literal := parents[len(parents)-1]
	for i := len(parents) - 2; i >= 0; i-- {
		switch parent := parents[i].(type) {
		case *ast.BinaryExpr:
			continue
		case *ast.KeyValueExpr:
			name, ok := parent.Key.(*ast.Ident)
			return ok && slices.Contains(shown, name.Name)
		case *ast.CallExpr:
			name := ""
			switch f := parent.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			if name == "Aria" {
				what, ok := parent.Args[0].(*ast.BasicLit)
				return ok && what.Value == `"label"` && literal != what
			}
			return slices.Contains(shown, name)
		default:
			return false
		}
	}
	return false
}

func TestPreferredLanguage(t *testing.T) {
	tests := []struct {
		chosen      string
		preferences []string
		want        string
	}{
		{"", nil, "en"},
		{"", []string{"de-AT", "en"}, "de"},
		{"", []string{"en-GB", "de"}, "en"},
		{"", []string{"fr", "DE", "en"}, "de"},
		{"", []string{"fr", "den"}, "en"},
		{"en", []string{"de"}, "en"},
		{"de", []string{"en"}, "de"},
		{"fr", []string{"de"}, "de"}, // a cookie of another version
	}
	for _, tt := range tests {
		if got := preferredLanguage(tt.chosen, tt.preferences); got != tt.want {
			t.Errorf("preferredLanguage(%q, %q) = %q; want %q", tt.chosen, tt.preferences, got, tt.want)
		}
	}
	for i, l := range shared.Languages { // the languages that the server accepts
		if message.Languages[i].Tag != l {
			t.Errorf("package message has %s; want %s", message.Languages[i].Tag, l)
		}
		if got := preferredLanguage(l, nil); got != l {
			t.Errorf("a user who chooses %s gets %s", l, got)
		}
	}
}

func TestGerman(t *testing.T) {
	de := newEnv()
	de.setLanguage("de")
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ got, want string }{
		{de.T(message.SignIn), "Anmelden"},
		{de.ago(now.Add(-5*time.Minute), now), "vor 5 Minuten"},
		{de.ago(now.Add(-time.Hour), now), "vor 1 Stunde"},
		{de.deviceText(shared.Device{Browser: "Firefox 153", OS: "Windows"}), "Firefox 153 unter Windows"},
		{de.methodText("password+totp"), "Passwort und Authenticator-App"},
		{de.T(message.ShowNamed, de.within(de.T(message.CurrentPassword))), "Aktuelles Passwort anzeigen"},
		{de.errorMessage(shared.ErrSignUpDisabled), de.T(message.ErrSignUpDisabled)},
		{de.errorMessage(shared.ErrLastCredential.WithMessage("What only the server knows.")), "What only the server knows."},
		{de.deviceName(shared.Device{Browser: "Firefox 153", OS: "Windows", Kind: "desktop"}), "Windows-PC · Firefox"},
		{de.title(shared.PageSettings), "Sicherheitsübersicht"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q; want %q", tt.got, tt.want)
		}
	}
}
