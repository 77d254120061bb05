package ui

import (
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// The receiver of the methods of [env] that return or draw text for users is named t, because
// they call t.T.

// T returns a sentence in the language of the page. It is not promoted from an embedded
// Language, because the compiler would then dereference env at each of a thousand calls.
func (t *env) T(id message.ID, values ...any) string { return t.Language.T(id, values...) }

// setLanguage changes the language to the one with a tag, if the app has it.
func (t *env) setLanguage(tag string) {
	for _, l := range message.Languages {
		if l.Tag == tag {
			t.Language = l
		}
	}
}

// within returns a name in the form for the middle of a sentence: in lower case, except in
// German.
func (t *env) within(name string) string {
	if t.Language == message.German {
		return name
	}
	return strings.ToLower(name)
}

// dateLocale returns the locale for dates: the browser's first preference in the language of
// the page, or else that language.
func (t *env) dateLocale() string {
	for _, tag := range browserLanguages() {
		if base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base == t.Language.Tag {
			return tag
		}
	}
	return t.Language.Tag
}

// applyLanguage sets the language of the page to the user's choice. If chosen is "", it uses
// the browser's preferences.
func (t *env) applyLanguage(chosen string) {
	t.setLanguage(preferredLanguage(chosen, browserLanguages()))
	app.Window().Get("document").Get("documentElement").Set("lang", t.Language.Tag)
}

// preferredLanguage returns the tag of the first language that the app has: the user's choice,
// which may be "", and then the browser's preferences in order.
func preferredLanguage(chosen string, preferences []string) string {
	for _, tag := range append([]string{chosen}, preferences...) {
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if slices.Contains(shared.Languages, base) {
			return base
		}
	}
	return shared.Languages[0]
}

// browserLanguages returns the tags of the browser's preferred languages.
func browserLanguages() []string {
	var tags []string
	if list := app.Window().Get("navigator").Get("languages"); list.Truthy() {
		for i := range list.Length() {
			tags = append(tags, list.Index(i).String())
		}
	}
	return tags
}

// savedLanguage returns the language in the cookie, or "".
func savedLanguage() string {
	for cookie := range strings.SplitSeq(app.Window().Get("document").Get("cookie").String(), "; ") {
		if value, ok := strings.CutPrefix(cookie, shared.LanguageCookie+"="); ok {
			return value
		}
	}
	return ""
}

// saveLanguage stores the user's choice in the cookie for a year, or deletes the cookie if
// chosen is "".
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
