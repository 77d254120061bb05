// Package language finds out which language a user reads.
package language

import (
	"golang.org/x/text/language"

	"latchkey/shared/message"
)

// matcher has the languages in the order of [message.Languages].
var matcher = newMatcher()

func newMatcher() language.Matcher {
	var tags []language.Tag
	for _, l := range message.Languages {
		tags = append(tags, language.MustParse(l.Tag))
	}
	return language.NewMatcher(tags)
}

// Of returns the language with the chosen tag. If there is none, it returns the one
// that an Accept-Language header prefers.
func Of(chosen, accepted string) *message.Language {
	for _, l := range message.Languages {
		if l.Tag == chosen {
			return l
		}
	}
	tags, _, _ := language.ParseAcceptLanguage(accepted) // a header that cannot be read prefers none
	_, i, _ := matcher.Match(tags...)
	return message.Languages[i]
}
