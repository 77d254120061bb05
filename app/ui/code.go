package ui

import "strings"

// inFours splits a key into groups of four, which are easier to type from a screen.
func inFours(key string) string {
	var b strings.Builder
	for i, r := range key {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
