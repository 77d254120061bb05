// Package message holds every sentence that the app and the server show or send to users,
// in each language.
//
// Each sentence has an [ID]. The catalogs english.txt and german.txt have one line for it:
// the name of the ID, a tab and the text. To add a sentence, add a line anywhere in both
// files and run go generate ./shared/message, which sorts them and writes ids.go. An ID is
// the number of a line, so other sentences have the wrong text until then.
package message

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:generate go run generate.go

// An ID names a sentence. The zero ID names none.
type ID uint16

// A Language is a language of the app and the server.
type Language struct {
	// Tag is the BCP 47 language tag, as in HTML.
	Tag string

	text      string
	sentences func() []string // by ID
}

var (
	//go:embed english.txt
	english string
	//go:embed german.txt
	german string
)

var (
	English = newLanguage("en", english)
	// German addresses the user as „Sie“.
	German = newLanguage("de", german)
)

// Languages lists all languages. The first is the default.
var Languages = []*Language{English, German}

func newLanguage(tag, text string) *Language {
	return &Language{tag, text, sync.OnceValue(func() []string {
		sentences := make([]string, 1, Count)
		for line := range strings.Lines(text) {
			_, sentence, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			sentences = append(sentences, sentence)
		}
		return sentences
	})}
}

// T returns a sentence in the language. Values replace its verbs, which are those of package
// fmt. It returns "" for the zero ID, and for the zero Language.
func (l *Language) T(id ID, values ...any) string {
	if l.sentences == nil {
		return ""
	}
	sentence := l.sentences()[id]
	if len(values) == 0 {
		return sentence
	}
	return fmt.Sprintf(sentence, values...)
}

// Named returns the ID with a name, for templates, which cannot use the constants. It panics
// if there is none.
func Named(name string) ID {
	id := ID(0)
	for line := range strings.Lines(english) {
		id++
		if n, _, _ := strings.Cut(line, "\t"); n == name {
			return id
		}
	}
	panic("message: no sentence is named " + name)
}

// Text returns the whole catalog of the language, so it changes whenever a sentence does.
func (l *Language) Text() string { return l.text }
