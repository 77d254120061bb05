package ui

import (
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"latchkey/shared"
)

// onlyShared imports package shared, and no other.
type onlyShared struct{}

func (onlyShared) Import(path string) (*types.Package, error) {
	if path != "latchkey/shared" {
		return nil, errors.New("nobody looks into " + path)
	}
	_, _, _, pkg, err := check("../../shared")
	return pkg, err
}

// check parses the package in a folder, and says of each expression what type it
// has, as far as that does not come of packages that are not imported.
func check(folder string) (*token.FileSet, []*ast.File, *types.Info, *types.Package, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, nil, nil, nil, err
	}
	fset, files := token.NewFileSet(), []*ast.File(nil)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		files = append(files, file)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: onlyShared{}, Error: func(error) {}}
	pkg, _ := config.Check(folder, fset, files, info)
	return fset, files, info, pkg, nil
}

// sources is what this package is made of.
func sources(t *testing.T) (*token.FileSet, []*ast.File, *types.Info) {
	t.Helper()
	fset, files, info, _, err := check(".")
	if err != nil {
		t.Fatal(err)
	}
	return fset, files, info
}

// keyOf is the key that an expression is, if it is one that the program text has.
func keyOf(e ast.Expr, info *types.Info) (key, bool) {
	tv := info.Types[e]
	named, ok := tv.Type.(*types.Named)
	if !ok || named.Obj().Name() != "key" || tv.Value == nil || tv.Value.Kind() != constant.String {
		return "", false
	}
	k := key(constant.StringVal(tv.Value))
	return k, k != ""
}

// passedOn are the messages of errors that are shown as the server words them:
// those that each error has, and what the rules of the second factor know better.
func passedOn(t *testing.T) []key {
	var messages []key
	for _, err := range shared.Errors {
		if en.words(err) == err.Message {
			messages = append(messages, key(err.Message))
		}
	}
	for _, name := range []string{"totp.go", "backup_code.go", "two_factor.go"} {
		source, err := os.ReadFile("../../backend/account/" + name)
		if err != nil {
			t.Fatal(err)
		}
		said := regexp.MustCompile(`Saying\("(.+?)"\)`).FindAllSubmatch(source, -1)
		if len(said) == 0 {
			t.Errorf("%s says nothing: this test looks for the wrong thing", name)
		}
		for _, message := range said {
			messages = append(messages, key(message[1]))
		}
	}
	return messages
}

var verbs = regexp.MustCompile(`%[^a-z%]*[a-z]`)

func TestCatalogue(t *testing.T) {
	_, files, info := sources(t)
	used := map[key]bool{}
	for _, k := range passedOn(t) {
		used[k] = true
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if k, ok := keyOf(e, info); ok {
					used[k] = true
				}
			}
			return true
		})
	}
	if len(used) < 400 {
		t.Fatalf("only %d keys were found: this test looks for the wrong thing", len(used))
	}

	has := shared.Catalogue(shared.German)
	for k := range used {
		word, ok := has[string(k)]
		if !ok || word == "" {
			t.Errorf("there is no German for %q", k)
			continue
		}
		if want, got := verbs.FindAllString(string(k), -1), verbs.FindAllString(word, -1); !slices.Equal(got, want) {
			t.Errorf("the German for %q has the verbs %q", k, got)
		}
		if strings.TrimSpace(string(k)) != string(k) || strings.TrimSpace(word) != word {
			t.Errorf("%q or its German begins or ends with a space", k)
		}
		if end := k[len(k)-1]; strings.ContainsRune(".:?!,", rune(end)) != strings.ContainsRune(".:?!,", rune(word[len(word)-1])) {
			t.Errorf("%q and %q do not end alike", k, word)
		}
	}
	for k := range has {
		if !used[key(k)] {
			t.Errorf("nothing says %q any more", k)
		}
	}
}

// shown are the functions and fields that take what people see or hear.
var shown = []string{"Text", "heading", "notice", "toast", "fact", "Label", "Hint", "Title", "Yes"}

// asItIs are the words that are the same in every language, or of one only.
var asItIs = []string{"Latchkey", "English", "Deutsch", "Windows Hello"}

// A sentence is shown as the catalogue has it.
func TestEverySentenceIsTranslated(t *testing.T) {
	fset, files, info := sources(t)
	keys := shared.Catalogue(shared.German)
	found := 0
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
			if _, ok := keyOf(literal, info); ok {
				found++
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			_, isKey := keys[text]
			switch parents[len(parents)-2].(type) {
			case *ast.ImportSpec, *ast.ValueSpec: // a constant is a key where it is used
				return true
			}
			if slices.Contains(asItIs, text) || !strings.ContainsFunc(text, unicode.IsLetter) {
				return true
			}
			name := isKey && unicode.IsUpper(rune(text[0]))
			if (name || sentence.MatchString(text)) && !comparedWith(parents) || isShown(parents) {
				t.Errorf("%s: %q does not go through tr", fset.Position(literal.Pos()), text)
			}
			return true
		})
	}
	if found < 500 {
		t.Errorf("only %d sentences were found: this test looks for the wrong thing", found)
	}
}

// A sentence begins with a capital letter, and goes on with a word.
var sentence = regexp.MustCompile(`^[ “]*\d*[A-Z]+[a-z']* [A-Za-z]*[a-z]{2}`)

// comparedWith reports whether a literal is but compared with something.
func comparedWith(parents []ast.Node) bool {
	switch parent := parents[len(parents)-2].(type) {
	case *ast.BinaryExpr:
		return parent.Op == token.EQL || parent.Op == token.NEQ
	case *ast.CaseClause:
		return true
	}
	return false
}

// isShown reports whether a literal, or what it is a part of, is given to what shows it.
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
	for _, l := range shared.Languages { // that the server takes
		if got := preferredLanguage(l, nil); got != l {
			t.Errorf("who chooses %s reads %s", l, got)
		}
	}
}

func TestGerman(t *testing.T) {
	de := new(translator)
	de.setLanguage(german)
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ got, want string }{
		{de.T("Sign in"), "Anmelden"},
		{de.ago(now.Add(-5*time.Minute), now), "vor 5 Minuten"},
		{de.ago(now.Add(-time.Hour), now), "vor 1 Stunde"},
		{de.deviceWords(shared.Device{Browser: "Firefox 153", OS: "Windows"}), "Firefox 153 unter Windows"},
		{de.methodWords("password+totp"), "Passwort und Authenticator-App"},
		{de.T("Show %s", de.within(de.T("Current password"))), "Aktuelles Passwort anzeigen"},
		{de.words(shared.ErrSignUpDisabled), "Hier kann niemand selbst ein Konto erstellen. Bitten Sie den Betreiber dieses Dienstes um eines."},
		{de.words(shared.ErrLastWayIn.Saying("What only the server knows.")), "What only the server knows."},
		{de.kindOptions(false)[0].Label, "Alles"},
		{de.title(shared.PageSettings), "Einstellungen"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q; want %q", tt.got, tt.want)
		}
	}
}
