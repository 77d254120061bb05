// Package language is the languages that the server speaks: which of them
// somebody reads, and what its sentences are in it.
package language

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"

	"latchkey/shared"
)

// A Language is one of [shared.Languages].
type Language struct {
	Tag     string // as HTML names it
	printer *message.Printer
}

// What the server alone says; the rest is what the app says, too.
//
//go:embed german.txt
var german string

// German is all that the server can say, in German. [shared.Catalogue] reads it.
var German = shared.German + german

// All has every language, as [shared.Languages] does.
var All, matcher = languages()

func languages() (all []*Language, _ language.Matcher) {
	sentences := catalog.NewBuilder()
	for sentence, word := range shared.Catalogue(German) {
		if err := sentences.SetString(language.German, sentence, word); err != nil {
			panic(err) // it is in the binary
		}
	}
	var tags []language.Tag
	for _, name := range shared.Languages {
		tag := language.MustParse(name)
		tags = append(tags, tag)
		all = append(all, &Language{name, message.NewPrinter(tag, message.Catalog(sentences))})
	}
	return all, language.NewMatcher(tags)
}

// Of is the language of somebody who has chosen that one, or, if it is none of
// ours, of somebody whose browser sends this Accept-Language header.
func Of(chosen, accepted string) *Language {
	i := slices.Index(shared.Languages, chosen)
	if i < 0 {
		tags, _, _ := language.ParseAcceptLanguage(accepted) // what cannot be read is no wish
		_, i, _ = matcher.Match(tags...)
	}
	return All[i]
}

// OfRequest returns the language of the person who made a request: the one that they
// chose, or else the one that their browser likes best of ours.
func OfRequest(r *http.Request) *Language {
	chosen := ""
	if cookie, err := r.Cookie(shared.LanguageCookie); err == nil {
		chosen = cookie.Value
	}
	return Of(chosen, r.Header.Get("Accept-Language"))
}

// Say is a sentence, which is given in English, with values in the places of its
// verbs. One that there is no word for stays as it is.
func (l *Language) Say(sentence string, values ...any) string {
	if len(values) == 0 {
		return l.printer.Sprintf(message.Key(sentence, strings.ReplaceAll(sentence, "%", "%%")))
	}
	return l.printer.Sprintf(sentence, values...)
}
