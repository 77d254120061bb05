package ui

import (
	"fmt"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// A key is a sentence or a name as it is in English, by which the catalogue of
// another language has it. What is shown goes through [tr]; tests look that it
// does, and that no catalogue lacks a key.
type key string

// The languages that the app speaks, as HTML names them.
const (
	english = "en"
	german  = "de"
)

// language is the one that it speaks now, and catalogue what the keys are in it;
// nil for English.
var (
	language  = english
	catalogue map[string]string
)

// tr is k in the language of the person, with values in the places of its verbs.
// What no catalogue has, as a sentence of the server's, stays as it is.
func tr(k key, values ...any) string {
	text, ok := catalogue[string(k)]
	if !ok {
		text = string(k)
	}
	if len(values) == 0 {
		return text
	}
	return fmt.Sprintf(text, values...)
}

// within is the name of something as it is written amid a sentence: small, unless
// it is German.
func within(name string) string {
	if language == german {
		return name
	}
	return strings.ToLower(name)
}

// spoken is the language for somebody who has chosen one, or "" for none, and
// whose browser has these preferences, the first before others.
func spoken(chosen string, preferences []string) string {
	for _, tag := range append([]string{chosen}, preferences...) {
		switch base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base {
		case english, german:
			return base
		}
	}
	return english
}

// preferences are the tags of the languages that the browser is set to.
func preferences() []string {
	var tags []string
	if list := app.Window().Get("navigator").Get("languages"); list.Truthy() {
		for i := range list.Length() {
			tags = append(tags, list.Index(i).String())
		}
	}
	return tags
}

// speak has the app speak a language, or, if that is "", the one that the browser
// prefers of those that there are.
func speak(chosen string) {
	language, catalogue = spoken(chosen, preferences()), nil
	if language == german {
		catalogue = shared.Catalogue(shared.German)
	}
	app.Window().Get("document").Get("documentElement").Set("lang", language)
}

// calendar is the tag by which the browser writes dates: as it is used to, if
// that is in the language that the app speaks.
func calendar() string {
	for _, tag := range preferences() {
		if base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base == language {
			return tag
		}
	}
	return language
}

// chosen is the language in the cookie, or "".
func chosen() string {
	for cookie := range strings.SplitSeq(app.Window().Get("document").Get("cookie").String(), "; ") {
		if value, ok := strings.CutPrefix(cookie, shared.LanguageCookie+"="); ok {
			return value
		}
	}
	return ""
}

// choose keeps what the person chose for a year, or takes it away if it is "".
func choose(chosen string) {
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
