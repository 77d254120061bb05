// Package language selects the language of a user, from their choice or from the headers
// of a request. The translations are in package message.
package language

import (
	"net/http"
	"sync"

	"golang.org/x/text/language"

	"latchkey/shared"
	"latchkey/shared/message"
)

// matcher matches the languages in the order of [message.Languages].
var matcher = sync.OnceValue(func() language.Matcher {
	var tags []language.Tag
	for _, l := range message.Languages {
		tags = append(tags, language.MustParse(l.Tag))
	}
	return language.NewMatcher(tags)
})

// Of returns the language with the tag chosen. If there is none, it returns the best
// match for accepted, an Accept-Language header.
func Of(chosen, accepted string) *message.Language {
	for _, l := range message.Languages {
		if l.Tag == chosen {
			return l
		}
	}
	tags, _, _ := language.ParseAcceptLanguage(accepted) // an invalid header prefers none
	_, i, _ := matcher().Match(tags...)
	return message.Languages[i]
}

// OfRequest returns the language of the user who sent a request: the one that they chose,
// or else the one that their browser prefers.
func OfRequest(r *http.Request) *message.Language {
	chosen := ""
	if cookie, err := r.Cookie(shared.LanguageCookie); err == nil {
		chosen = cookie.Value
	}
	return Of(chosen, r.Header.Get("Accept-Language"))
}
