package ui

import (
	"fmt"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// A key is a sentence or a name as it is in English, by which the catalogue of
// another language has it. What is shown goes through [translator.T]; tests look
// that it does, and that no catalogue lacks a key.
type key string

// The languages that the app speaks, as HTML names them.
const (
	english = "en"
	german  = "de"
)

// translator writes what users read, in their language.
type translator struct {
	language  string            // as HTML names it
	catalogue map[string]string // what the keys are in the language; nil for English
}

// setLanguage changes the language to one that the app speaks.
func (t *translator) setLanguage(language string) {
	t.language, t.catalogue = language, nil
	if language == german {
		t.catalogue = shared.Catalogue(shared.German)
	}
}

// T returns k in the language of the user, with values in the places of its verbs.
// What no catalogue has, as a sentence of the server's, stays as it is.
func (t *translator) T(k key, values ...any) string {
	text, ok := t.catalogue[string(k)]
	if !ok {
		text = string(k)
	}
	if len(values) == 0 {
		return text
	}
	return fmt.Sprintf(text, values...)
}

// within returns the name of something as it is written amid a sentence: in lower
// case, unless it is German.
func (t *translator) within(name string) string {
	if t.language == german {
		return name
	}
	return strings.ToLower(name)
}

// dateLocale is the locale in which the browser writes dates: one that it prefers, if
// that is of the language of the app.
func (t *translator) dateLocale() string {
	for _, tag := range browserLanguages() {
		if base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base == t.language {
			return tag
		}
	}
	return t.language
}

// applyLanguage speaks the language that the user has chosen, or, if that is "", the
// one that the browser prefers of those that there are.
func (t *translator) applyLanguage(chosen string) {
	t.setLanguage(preferredLanguage(chosen, browserLanguages()))
	app.Window().Get("document").Get("documentElement").Set("lang", t.language)
}

// preferredLanguage returns the language for a user who has chosen one, or "" for
// none, and whose browser has these preferences, the first before others.
func preferredLanguage(chosen string, preferences []string) string {
	for _, tag := range append([]string{chosen}, preferences...) {
		switch base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base {
		case english, german:
			return base
		}
	}
	return english
}

// browserLanguages are the tags of the languages that the browser is set to.
func browserLanguages() []string {
	var tags []string
	if list := app.Window().Get("navigator").Get("languages"); list.Truthy() {
		for i := range list.Length() {
			tags = append(tags, list.Index(i).String())
		}
	}
	return tags
}

// savedLanguage is the language in the cookie, or "".
func savedLanguage() string {
	for cookie := range strings.SplitSeq(app.Window().Get("document").Get("cookie").String(), "; ") {
		if value, ok := strings.CutPrefix(cookie, shared.LanguageCookie+"="); ok {
			return value
		}
	}
	return ""
}

// saveLanguage keeps what the user chose for a year, or removes it if it is "".
func saveLanguage(chosen string) {
	age := "31536000"
	if chosen == "" {
		age = "0"
	}
	cookie := shared.LanguageCookie + "=" + chosen + "; Path=/; SameSite=Lax; Max-Age=" + age
	if app.Window().URL().Scheme == "https" {
		cookie += "; Secure"
	}
	app.Window().Get("document").Set("cookie", cookie)
}
