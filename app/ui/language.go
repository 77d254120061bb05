package ui

import (
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared"
	"latchkey/shared/message"
)

// The receiver of the methods of [env] that return or draw text for users is named t, because
// they call t.T.

// T returns a sentence in the language of the page. It is not promoted from an embedded
// Language, because the compiler would then dereference env at each of a thousand calls.
func (t *env) T(id message.ID, values ...any) string { return t.Language.T(id, values...) }

// setLanguage changes the language to the one with a tag. It reports whether it did: not if the
// app does not have the language, or has not loaded it.
func (t *env) setLanguage(tag string) bool {
	l := languageOf(tag)
	if l == nil || !l.Loaded() {
		return false
	}
	t.Language = l
	return true
}

// languageOf returns the language with a tag, or nil.
func languageOf(tag string) *message.Language {
	for _, l := range message.Languages {
		if l.Tag == tag {
			return l
		}
	}
	return nil
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
// the page, or else that language. On the server, the page has it.
func (t *env) dateLocale() string {
	if !app.IsClient && t.page != nil {
		return t.page.Locale
	}
	for _, tag := range browserLanguages() {
		if base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base == t.Language.Tag {
			return tag
		}
	}
	return t.Language.Tag
}

// startLanguage sets the language in which the app starts: the user's choice or the browser's
// preference, or else that of the page until the app has loaded the preferred one.
func (t *env) startLanguage(page *message.Language) {
	// web/loader.js has loaded the texts of the page's language before the app started, so that
	// the app draws the page in the language in which the server has drawn it.
	if texts := app.Window().Get("latchkeyTexts"); texts.Truthy() {
		_ = page.Load(texts.String()) // if it fails, the shell tries again and tells the user
	}
	t.setLanguage(page.Tag)
	t.setLanguage(preferredLanguage(savedLanguage(), browserLanguages()))
	t.declareLanguage()
}

// declareLanguage sets the language that the page declares.
func (t *env) declareLanguage() {
	app.Window().Get("document").Get("documentElement").Set("lang", t.Language.Tag)
}

// errLanguage means that the texts of a language could not be loaded.
var errLanguage = &shared.Error{Code: "LANGUAGE_NOT_LOADED"}

// switchLanguage redraws the page in a language, and loads it first if necessary. Then it calls
// then. If the language cannot be loaded, the page stays as it is, and err is errLanguage. If
// another switch began meanwhile, the page stays, too, and then is not called.
func (s *shell) switchLanguage(tag string, then func(err error)) {
	s.language = tag
	if s.redraw(tag) {
		then(nil)
		return
	}
	ctx := s.ctx
	async(ctx, func() {
		texts, err := client.Catalog(tag)
		dispatch(ctx, func(app.Context) {
			if err == nil {
				err = languageOf(tag).Load(texts)
			}
			if err != nil {
				err = errLanguage
			}
			if s.language == tag {
				s.redraw(tag)
				then(err)
			}
		})
	})
}

// redraw redraws the page in a language, and reports whether the app has loaded it.
func (s *shell) redraw(tag string) bool {
	if s.env.Language.Tag == tag {
		return true
	}
	if !s.env.setLanguage(tag) {
		return false
	}
	s.env.declareLanguage()
	s.setTitle()
	refresh(s.ctx) // renders the sections, and loads text from the server again
	s.renewPages()
	return true
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
func savedLanguage() string { return cookie(shared.LanguageCookie) }

// saveLanguage stores the user's choice in the cookie, or deletes the cookie if chosen is "".
func saveLanguage(chosen string) { setCookie(shared.LanguageCookie, chosen) }

// cookie returns the value of a cookie that scripts can read, or "".
func cookie(name string) string {
	for cookie := range strings.SplitSeq(app.Window().Get("document").Get("cookie").String(), "; ") {
		if value, ok := strings.CutPrefix(cookie, name+"="); ok {
			return value
		}
	}
	return ""
}

// setCookie sets a cookie for a year, or deletes it if value is "".
func setCookie(name, value string) {
	age := "31536000"
	if value == "" {
		age = "0"
	}
	cookie := name + "=" + value + "; Path=/; SameSite=Lax; Max-Age=" + age
	if app.Window().URL().Scheme == "https" {
		cookie += "; Secure"
	}
	app.Window().Get("document").Set("cookie", cookie)
}
