package ui

import (
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// The methods of [env] that write what users read have t for a receiver, as their
// [env.T] translates.

// T returns a sentence in the language of the user. It is a method of env, and not one
// that env embeds, because the compiler would dereference env at each of a thousand
// calls.
func (t *env) T(id message.ID, values ...any) string { return t.Language.T(id, values...) }

// setLanguage changes the language to the one with a tag, if the app speaks it.
func (t *env) setLanguage(tag string) {
	for _, l := range message.Languages {
		if l.Tag == tag {
			t.Language = l
		}
	}
}

// within returns the name of something as it is written amid a sentence: in lower
// case, unless it is German.
func (t *env) within(name string) string {
	if t.Language == message.German {
		return name
	}
	return strings.ToLower(name)
}

// dateLocale is the locale in which the browser writes dates: one that it prefers, if
// in the language of the app.
func (t *env) dateLocale() string {
	for _, tag := range browserLanguages() {
		if base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base == t.Language.Tag {
			return tag
		}
	}
	return t.Language.Tag
}

// applyLanguage speaks the language that the user has chosen, or, if that is "", the
// one that the browser prefers of those that there are.
func (t *env) applyLanguage(chosen string) {
	t.setLanguage(preferredLanguage(chosen, browserLanguages()))
	app.Window().Get("document").Get("documentElement").Set("lang", t.Language.Tag)
}

// preferredLanguage returns the language for a user who has chosen one, or "" for
// none, and whose browser has these preferences, the first before others.
func preferredLanguage(chosen string, preferences []string) string {
	for _, tag := range append([]string{chosen}, preferences...) {
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if slices.Contains(shared.Languages, base) {
			return base
		}
	}
	return shared.Languages[0]
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
