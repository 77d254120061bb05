//go:build !js

package ui

import (
	"bytes"

	"latchkey/app/html"
)

// Draw writes the element of a page in which the app starts, as HTML, and returns the title of
// the page.
func Draw(b *bytes.Buffer, p Page) (title string) {
	s := &shell{page: &p}
	html.Write(b, s)
	return s.title()
}
