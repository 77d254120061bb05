package ui

import (
	"fmt"
	"strings"
)

// A key is a sentence or a name as it is in English, by which the catalogue of
// another language has it. What is shown goes through [tr]; tests look that it
// does, and that no catalogue lacks a key.
type key string

// The languages that the app speaks, as HTML names them.
const (
	english = "en"
	german  = "de"
)

// language is the one that it speaks now, and catalogue what the keys are in it;
// nil for English.
var (
	language  = english
	catalogue map[key]string
)

// tr is k in the language of the person, with values in the places of its verbs.
// What no catalogue has, as a sentence of the server's, stays as it is.
func tr(k key, values ...any) string {
	text, ok := catalogue[k]
	if !ok {
		text = string(k)
	}
	if len(values) == 0 {
		return text
	}
	return fmt.Sprintf(text, values...)
}

// within is the name of something as it is written amid a sentence: small, unless
// it is German.
func within(name string) string {
	if language == german {
		return name
	}
	return strings.ToLower(name)
}
