// Package message holds every sentence that the app and the server show or send
// to people.
//
// A sentence has an [ID]. The files english.txt and german.txt hold what it is in
// each language, a line each: the name of the id, a tab and the text. To add a
// sentence, add a line anywhere in both files and run go generate ./shared/message,
// which sorts them and writes ids.go. An ID is the number of a line: until then,
// other sentences have the wrong text.
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

// A Language is one that the app and the server speak.
type Language struct {
	// Tag names the language as HTML does (BCP 47).
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
	// German addresses its reader as „Sie“.
	German = newLanguage("de", german)
)

// Languages lists all languages. The first is for people who understand none of
// them.
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

// T returns a sentence in the language, with values in the place of its verbs,
// which are those of package fmt. It returns "" for the zero ID, and in the zero
// Language.
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

// Named returns the ID with a name, for templates, which know no constants. It
// panics if there is none.
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

// Text returns all that the language has to say. It changes whenever a sentence
// does.
func (l *Language) Text() string { return l.text }
