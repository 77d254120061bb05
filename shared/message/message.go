// Package message holds every sentence that the app and the server show or send to users,
// in each language.
//
// Each sentence has an [ID]. The catalogs english.txt and german.txt have one line for it:
// the name of the ID, a tab and the text. To add a sentence, add a line anywhere in both
// files and run go generate ./shared/message, which sorts them and writes the generated files.
// An ID is the number of a line, so other sentences have the wrong text until then.
//
// The app contains the English sentences only, without their names, in english_js.txt. It loads
// another language when a user reads it: see [Language.Load].
package message

import (
	"errors"
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

	sentences func() []string // by ID; nil until they are loaded
}

var (
	English = newLanguage("en", english)
	// German addresses the user as „Sie“.
	German = newLanguage("de", german)
)

// Languages lists all languages. The first is the default.
var Languages = []*Language{English, German}

// newLanguage returns a language with the sentences of a catalog, as [Language.Catalog] returns
// it. It calls catalog at the first use. If catalog is nil, the language has no sentences until
// [Language.Load].
func newLanguage(tag string, catalog func() string) *Language {
	if catalog == nil {
		return &Language{Tag: tag}
	}
	return &Language{tag, sync.OnceValue(func() []string { return split(catalog()) })}
}

// split returns the sentences of a catalog by ID.
func split(catalog string) []string {
	return append(make([]string, 1, Count), strings.Split(catalog, "\n")...)
}

// Catalog returns the sentences of the language in the order of their IDs, one a line.
func (l *Language) Catalog() string { return strings.Join(l.sentences()[1:], "\n") }

var errCatalog = errors.New("the catalog is of another version")

// Load sets the sentences of the language to those of a catalog. It fails if they are not those
// of this version of the IDs.
func (l *Language) Load(catalog string) error {
	sentences := split(catalog)
	if len(sentences) != Count {
		return errCatalog
	}
	l.sentences = func() []string { return sentences }
	return nil
}

// Loaded reports whether the language has its sentences.
func (l *Language) Loaded() bool { return l.sentences != nil }

// T returns a sentence in the language. Values replace its verbs, which are those of package
// fmt. It returns "" for the zero ID, and for a language without sentences.
func (l *Language) T(id ID, values ...any) string {
	if !l.Loaded() {
		return ""
	}
	sentence := l.sentences()[id]
	if len(values) == 0 {
		return sentence
	}
	return fmt.Sprintf(sentence, values...)
}
