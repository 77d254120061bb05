package shared

import (
	_ "embed"
	"strings"
)

// Languages are those that the app and the server speak, as HTML names them. The
// first is for whoever understands none of them.
var Languages = []string{"en", "de"}

// LanguageCookie has the language that the person chose, for the pages that the
// server makes and for when nobody is signed in. It says nothing about anybody,
// so it stays when the rest is wiped.
const LanguageCookie = "latchkey.language"

// German is what the app says, in German. [Catalogue] reads it.
// Who reads it is addressed as „Sie“.
//
//go:embed german.txt
var German string

// Catalogue reads what sentences are in another language, a line each: the
// English, by which the program has it, a tab, and what it is.
func Catalogue(text string) map[string]string {
	of := map[string]string{}
	for line := range strings.Lines(text) {
		english, word, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		of[english] = word
	}
	return of
}
