package server

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

func TestPagesAreInTheLanguageOfTheBrowser(t *testing.T) {
	h := site(new(goApp), latchkey)
	for _, tt := range []struct{ cookie, accepted, want string }{
		{"", "", "en"},
		{"", "fr", "en"},
		{"", "de-AT, en;q=0.5", "de"},
		{"", "de;q=0.3, en;q=0.7", "en"},
		{"latchkey.session=x; latchkey.language=de", "en", "de"},
		{"latchkey.language=en", "de", "en"},
		{"latchkey.language=fr", "de", "de"},
		{`latchkey.language="><script>`, "", "en"},
	} {
		for path, title := range map[string]map[string]string{
			"/sign-in": {"en": "<title>Sign in · Latchkey</title>", "de": "<title>Anmelden · Latchkey</title>"},
			"/nowhere": {"en": "<h1>Page not found</h1>", "de": "<h1>Seite nicht gefunden</h1>"},
		} {
			w := get(h, path, "Cookie", tt.cookie, "Accept-Language", tt.accepted)
			if body := w.Body.String(); !strings.Contains(body, `<html lang="`+tt.want+`">`) || !strings.Contains(body, title[tt.want]) {
				t.Errorf("to %q and %q %s is not in %s: %.300s", tt.cookie, tt.accepted, path, tt.want, body)
			}
			if got := w.Header().Get("Vary"); got != "Accept-Encoding, Accept-Language, Cookie" {
				t.Errorf("%s: Vary is %q", path, got)
			}
		}
		var m manifest
		w := get(h, "/manifest.webmanifest", "Cookie", tt.cookie, "Accept-Language", tt.accepted)
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		sessions := map[string]string{"en": "Sessions", "de": "Sitzungen"}[tt.want]
		if m.Lang != tt.want || m.Shortcuts[0].Name != sessions || m.ID != "/" || !strings.Contains(w.Header().Get("Vary"), "Accept-Language, Cookie") {
			t.Errorf("to %q and %q the manifest is %s", tt.cookie, tt.accepted, w.Body)
		}
	}

	// What browsers keep in one language is not good in another.
	for _, path := range append([]string{"/manifest.webmanifest"}, shared.Pages...) {
		tag := get(h, path, "Accept-Language", "en").Header().Get("ETag")
		if w := get(h, path, "Accept-Language", "de", "If-None-Match", tag); w.Code != 200 || w.Header().Get("ETag") == tag {
			t.Errorf("GET %s in German after English is %d", path, w.Code)
		}
		if w := get(h, path, "If-None-Match", tag); w.Code != 304 {
			t.Errorf("GET %s in English again is %d", path, w.Code)
		}
	}
}

// everyPage returns what the template makes in a language, in each of its forms.
func everyPage(l *message.Language) []string {
	pages := web.NewPages(l, Address)
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
	for _, page := range everyPage(new(message.Language)) {
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

// TestErrorsInGerman tests what forms say when they are refused.
func TestErrorsInGerman(t *testing.T) {
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
		{shared.ErrBackupCodeUsed, "Dieser Backup-Code wurde schon benutzt. Jeder gilt einmal."},
	} {
		if got := tt.err.Text(message.German); got != tt.want {
			t.Errorf("%v is %q; want %q", tt.err, got, tt.want)
		}
	}
}
