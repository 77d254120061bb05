//go:build !js

package message

import (
	_ "embed"
	"strings"
)

var (
	//go:embed english.txt
	englishText string
	//go:embed german.txt
	germanText string
)

func english() string { return withoutNames(englishText) }
func german() string  { return withoutNames(germanText) }

// withoutNames returns the sentences of a catalog with names.
func withoutNames(text string) string {
	var sentences []string
	for line := range strings.Lines(text) {
		_, sentence, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		sentences = append(sentences, sentence)
	}
	return strings.Join(sentences, "\n")
}

// Named returns the ID with a name, for templates, which cannot use the constants. It panics
// if there is none.
func Named(name string) ID {
	id := ID(0)
	for line := range strings.Lines(englishText) {
		id++
		if n, _, _ := strings.Cut(line, "\t"); n == name {
			return id
		}
	}
	panic("message: no sentence is named " + name)
}
