// Package language selects the language of a user, from their choice or from the headers
// of a request. The translations are in package message.
package language

import (
	"net/http"
	"slices"
	"strings"
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
	return matches.of(accepted)
}

// match returns the best match for an Accept-Language header.
func match(accepted string) *message.Language {
	tags, _, _ := language.ParseAcceptLanguage(accepted) // an invalid header prefers none
	_, i, _ := matcher().Match(tags...)
	return message.Languages[i]
}

const (
	// maxCached is how many headers the cache keeps. When it is full, it starts anew.
	maxCached = 500
	// maxCachedLength, in bytes, exceeds the headers of browsers.
	maxCachedLength = 200
)

// A cache has the languages of Accept-Language headers. Every request has one, and to match
// it takes longer than all else that the server does with a request's headers.
type cache struct {
	mu        sync.RWMutex
	languages map[string]*message.Language
}

var matches cache

// of returns the language of a header.
func (c *cache) of(accepted string) *message.Language {
	c.mu.RLock()
	l := c.languages[accepted]
	c.mu.RUnlock()
	if l != nil {
		return l
	}
	l = match(accepted)
	if len(accepted) <= maxCachedLength {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.languages == nil || len(c.languages) >= maxCached {
			c.languages = make(map[string]*message.Language)
		}
		c.languages[strings.Clone(accepted)] = l
	}
	return l
}

// OfRequest returns the language of the user who sent a request: the one that they chose,
// or else the one that their browser prefers.
func OfRequest(r *http.Request) *message.Language {
	chosen := ""
	// Few requests have the cookie, and parsing the header takes time.
	if slices.ContainsFunc(r.Header["Cookie"], func(line string) bool { return strings.Contains(line, shared.LanguageCookie) }) {
		if cookie, err := r.Cookie(shared.LanguageCookie); err == nil {
			chosen = cookie.Value
		}
	}
	return Of(chosen, r.Header.Get("Accept-Language"))
}

// Locale returns the locale in which to format dates for a user: the first tag of an
// Accept-Language header that is in l, or else l itself.
func Locale(l *message.Language, accepted string) string {
	tags, _, _ := language.ParseAcceptLanguage(accepted) // an invalid header prefers none
	for _, tag := range tags {
		if base, _ := tag.Base(); base.String() == l.Tag {
			return tag.String()
		}
	}
	return l.Tag
}
