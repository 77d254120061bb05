//go:build !js

package message

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// lines returns the names and the sentences of a catalog.
func lines(t *testing.T, l *Language) (names, sentences []string) {
	t.Helper()
	for line := range strings.Lines(map[*Language]string{English: englishText, German: germanText}[l]) {
		name, sentence, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || sentence == "" || strings.TrimRight(sentence, " ") != sentence {
			t.Errorf("%s: %q is not a name, a tab and a sentence", l.Tag, line)
		}
		names, sentences = append(names, name), append(sentences, sentence)
	}
	return names, sentences
}

var verbs = regexp.MustCompile(`%[^a-z%]*[a-z]`)

// TestCatalogues tests that each language has a sentence for every ID, and that the
// sentences of an ID take the same values and end with the same punctuation.
func TestCatalogues(t *testing.T) {
	ids, english := lines(t, English)
	if len(ids) != Count-1 {
		t.Errorf("english.txt has %d lines, and ids.go %d ids: run go generate ./shared/message", len(ids), Count-1)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("english.txt is not in alphabetical order, or has a name twice")
	}
	for _, l := range Languages[1:] {
		names, sentences := lines(t, l)
		if !slices.Equal(names, ids) {
			t.Errorf("%s: %s are not at the same position as in english.txt; add the missing lines and run go generate ./shared/message",
				l.Tag, difference(names, ids))
			continue
		}
		for i, sentence := range sentences {
			if want, got := verbs.FindAllString(english[i], -1), verbs.FindAllString(sentence, -1); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the verbs %q; want %q", l.Tag, ids[i], got, want)
			}
			const marks = ".:?!,"
			if strings.ContainsRune(marks, rune(sentence[len(sentence)-1])) != strings.ContainsRune(marks, rune(english[i][len(english[i])-1])) {
				t.Errorf("%s: %s does not end with the same punctuation as in English: %q", l.Tag, ids[i], sentence)
			}
		}
	}
}

// TestEnglishOfApp tests that the app contains the sentences of english.txt.
func TestEnglishOfApp(t *testing.T) {
	text, err := os.ReadFile("english_js.txt")
	if err != nil || string(text) != English.Catalog() {
		t.Errorf("english_js.txt does not have the sentences of english.txt, %v: run go generate ./shared/message", err)
	}
}

// TestLoad tests that a language has the same sentences after it has loaded the catalog that
// another one returns, and that it refuses a catalog of another version.
func TestLoad(t *testing.T) {
	german := newLanguage("de", nil)
	if german.Loaded() || german.T(BackToSignIn) != "" {
		t.Error("a language without a catalog has sentences")
	}
	catalog := German.Catalog()
	for _, other := range []string{"", "<!doctype html>", catalog + "\n", catalog[strings.Index(catalog, "\n")+1:]} {
		if err := german.Load(other); err == nil || german.Loaded() {
			t.Errorf("a catalog with %d lines is accepted", strings.Count(other, "\n")+1)
		}
	}
	if err := german.Load(catalog); err != nil || !german.Loaded() {
		t.Fatal(err)
	}
	for id := range ID(Count) {
		if got, want := german.T(id), German.T(id); got != want {
			t.Errorf("sentence %d is %q; want %q", id, got, want)
		}
	}
}

// difference returns the names that only one of two catalogs has, or "all lines" if
// only their order differs.
func difference(a, b []string) (names []string) {
	for _, pair := range [][2][]string{{a, b}, {b, a}} {
		for _, name := range pair[0] {
			if !slices.Contains(pair[1], name) {
				names = append(names, name)
			}
		}
	}
	if names == nil {
		return []string{"all lines"}
	}
	return names
}

// TestIDs tests that ids.go matches english.txt.
func TestIDs(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "ids.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for n := range ast.Preorder(file) {
		if spec, ok := n.(*ast.ValueSpec); ok {
			ids = append(ids, spec.Names[0].Name)
		}
	}
	names, _ := lines(t, English)
	if want := slices.Concat([]string{"_"}, names, []string{"Count"}); !slices.Equal(ids, want) {
		t.Error("ids.go does not have the names of english.txt: run go generate ./shared/message")
	}
	for i, name := range names {
		if Named(name) != ID(i+1) {
			t.Errorf("Named(%s) is %d; want %d", name, Named(name), i+1)
		}
	}
}

func TestT(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{English.T(CancelAction), "Cancel"},
		{German.T(CancelAction), "Abbrechen"},
		{English.T(StepOfSteps, 1, 3), "Step 1 of 3"},
		{German.T(StepOfSteps, 1, 3), "Schritt 1 von 3"},
		{German.T(0), ""},
		{new(Language).T(SignIn), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%q; want %q", tt.got, tt.want)
		}
	}
}

// TestFixedTexts tests the texts that must not change, because users, assistive technology
// and scripts find the parts of the pages by them. All other tests find a text by its ID.
func TestFixedTexts(t *testing.T) {
	for id, want := range map[ID]string{
		// Sections.
		UserProfile: "Profile", AccountPassword: "Password", TwoFactorAuthentication: "Two-factor authentication",
		YourPasskeys: "Passkeys", ActiveSessions: "Active sessions", SecurityLog: "Security log",

		// Buttons and a check box.
		SignIn: "Sign in", SignInWithPasskey: "Sign in with a passkey", SignOut: "Sign out",
		EnableTwoFactor: "Enable 2FA", VerifyCode: "Verify", DisableTwoFactor: "Disable 2FA",
		NewBackupCodes: "New backup codes", CodesSaved: "I saved them",
		AddPasskey: "Add passkey", RenameItem: "Rename", DeleteItem: "Delete",
		RevokeThis: "Revoke", RevokeOtherSessions: "Revoke all other sessions",

		// Toasts.
		DoneTwoFactorEnabled: "2FA enabled successfully!", DoneTwoFactorDisabled: "2FA has been disabled.",
		ErrInvalidCode: "Invalid code. Please try again.", DonePasskeyAdded: "Passkey added!",
	} {
		if got := English.T(id); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}

var templateNames = regexp.MustCompile(`\{\{T "(\w+)"`)

// TestEverySentenceIsUsed tests that the code uses every sentence of the catalogs.
func TestEverySentenceIsUsed(t *testing.T) {
	used := map[string]bool{}
	for _, dir := range []string{"../../app", "../../backend", ".."} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for n := range ast.Preorder(file) {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "message" {
						used[s.Sel.Name] = true
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	document, err := os.ReadFile("../../web/page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range templateNames.FindAllStringSubmatch(string(document), -1) {
		used[match[1]] = true
	}
	if !used["SignIn"] || len(used) < 500 {
		t.Fatalf("only %d names were found: this test looks for the wrong thing", len(used))
	}
	names, _ := lines(t, English)
	for _, name := range names {
		if !used[name] {
			t.Errorf("no code uses %s: use message.%s, or remove its lines", name, name)
		}
	}
}
