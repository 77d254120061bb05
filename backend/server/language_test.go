package server

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"latchkey/backend/account"
	"latchkey/backend/language"
	"latchkey/backend/site"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
	"latchkey/web"
)

var inGerman = language.Of("de", "")

// everyPage is what the template makes, in each of its forms, with words of say.
func everyPage(say func(string, ...any) string) []string {
	pages := web.NewPages("xx", say, site.Address)
	all := []string{string(pages.NotFound("").Form(""))}
	for _, path := range shared.Pages {
		all = append(all, string(pages.Shell(path, "").Form("")))
	}
	for path, names := range fields {
		for _, field := range append([]string{""}, names...) {
			for _, t := range []web.Try{{}, {Backup: true, NewPassword: true}, {Over: true}} {
				t.Error, t.Field = "{}", field
				all = append(all, string(pages.Again(path, "", t)))
			}
		}
	}
	return all
}

// TestPagesSayNothingPastTheCatalogue holds that without words of the catalogue
// nothing can be read on any page.
func TestPagesSayNothingPastTheCatalogue(t *testing.T) {
	seen := 0
	look := func(text string) {
		seen++
		if strings.ContainsFunc(text, unicode.IsLetter) {
			t.Errorf("the pages say %q in every language", text)
		}
	}
	for _, page := range everyPage(func(string, ...any) string { return "" }) {
		page = strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(page) // else what is in it is one text
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type == html.TextNode {
				look(n.Data)
			}
			for _, a := range n.Attr {
				switch a.Key {
				case "aria-label", "alt", "title", "placeholder":
					look(a.Val)
				}
			}
		}
	}
	if seen < 500 {
		t.Errorf("only %d texts were found: this test looks for the wrong thing", seen)
	}
}

// TestGerman holds that nothing that the server says lacks German, and that the
// server's own catalogue has nothing that is not said.
func TestGerman(t *testing.T) {
	said := map[string]bool{}
	everyPage(func(sentence string, _ ...any) string {
		said[sentence] = true
		return sentence
	})
	if !said["Sign in"] || !said["New password"] || !said["Choose a new password"] || len(said) < 40 {
		t.Errorf("only %d sentences were found on the pages", len(said))
	}
	for _, table := range []map[*shared.Error]string{sentences, waits} {
		for _, sentence := range table {
			said[sentence] = true
		}
	}
	for _, text := range eventTexts {
		said[text] = true
	}
	said["changed"], said["key"] = true, true // details of events
	ofSettings(t, func(sentence string) { said[sentence] = true })
	for _, name := range []string{"form.go", "email.go", "../site/manifest.go", "event.go", "passkey_check.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		literals := regexp.MustCompile(`(?:Say|Saying)\("([^"]+)"`).FindAllSubmatch(source, -1)
		if len(literals) < 3 {
			t.Errorf("%s says only %q", name, literals)
		}
		for _, literal := range literals {
			said[string(literal[1])] = true
		}
	}
	for _, sentence := range mailed(t) {
		said[sentence] = true
	}
	has := shared.Catalogue(language.German)
	for sentence := range said {
		if has[sentence] == "" {
			t.Errorf("there is no German for %q", sentence)
		}
	}
	app := shared.Catalogue(shared.German)
	for sentence := range has {
		if _, ok := app[sentence]; !ok && !said[sentence] {
			t.Errorf("nothing says %q any more", sentence)
		}
	}
}

// mailed is every sentence that mails are made of.
func mailed(t *testing.T) (sentences []string) {
	names, err := filepath.Glob("../account/*.go")
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if s, err := strconv.Unquote(literal.Value); err == nil && s != "" && s != "%s" {
				sentences = append(sentences, s)
			}
		}
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for n := range ast.Preorder(file) {
			switch n := n.(type) {
			case *ast.CallExpr:
				said := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					said = f.Name
				case *ast.SelectorExpr:
					said = f.Sel.Name
				}
				switch said {
				case "say", "Say", "mail", "notify", "managed", "endElsewhere", "notePasskey":
					for _, in := range n.Args {
						add(in)
					}
				}
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					if name, ok := to.(*ast.Ident); ok && name.Name == "subject" && len(n.Lhs) == len(n.Rhs) {
						add(n.Rhs[i])
					}
				}
			case *ast.ValueSpec:
				if n.Names[0].Name == "subject" && len(n.Values) == 1 {
					add(n.Values[0])
				}
			}
		}
	}
	if len(sentences) < 60 {
		t.Errorf("only %d sentences of mails were found: %q", len(sentences), sentences)
	}
	return sentences
}

// ofSettings says what there is to say of system keys: of each, and of a value that
// none can have.
func ofSettings(t *testing.T, say func(string)) {
	live, err := account.NewLive(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	s := account.Service{Store: storetest.Migrated(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db")), Settings: live}
	keys, err := s.LoadSettings(t.Context())
	if err != nil || len(keys) < 15 {
		t.Fatalf("%d system keys, %v", len(keys), err)
	}
	for _, k := range keys {
		say(k.Group)
		say(k.Description)
		_, err := s.PutSetting(t.Context(), account.Session{}, account.Client{}, account.SettingChange{Key: k.Name, Value: "\x00"})
		wrong, ok := errors.AsType[*account.ValueError](err)
		if !ok {
			t.Fatalf("%s: %v", k.Name, err)
		}
		say(wrong.Sentence)
	}
}

// TestSentencesInGerman holds that what forms are refused with is what the app
// would say.
func TestSentencesInGerman(t *testing.T) {
	for _, tt := range []struct {
		err  *shared.Error
		want string
	}{
		{shared.ErrCredentials, "Diese E-Mail-Adresse und dieses Passwort gehören nicht zusammen."},
		{shared.ErrDisabled, "Dieses Konto ist gesperrt. Wenden Sie sich an den Betreiber dieses Dienstes."},
		{shared.ErrValidation.Saying("[body.email] Invalid input"), "Prüfen Sie Ihre Eingabe: Der Server kann nichts damit anfangen."},
		{shared.ErrTooManyRequests.After(9e9), "Zu viele Versuche. Versuchen Sie es in 9 Sekunden noch einmal."},
		{shared.ErrTooManyPasswords.After(15 * 60e9), "Zu viele Versuche. Versuchen Sie es in etwa 15 Minuten noch einmal."},
		{shared.ErrLocked.After(7 * 3600e9), "Zu viele falsche Codes. Damit niemand einen errät, wird eine Weile keiner angenommen. Versuchen Sie es in etwa 7 Stunden noch einmal."},
		{shared.ErrInvalidBackupCode.Saying("This backup code has been used already. Each works once."), "Dieser Backup-Code wurde schon benutzt. Jeder gilt einmal."},
	} {
		if got := sentence(inGerman, tt.err); got != tt.want {
			t.Errorf("%v is %q; want %q", tt.err, got, tt.want)
		}
	}
}
