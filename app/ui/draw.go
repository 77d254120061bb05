//go:build !js

package ui

import (
	"bytes"

	"latchkey/app/html"
)

// Draw writes the content of a page as HTML, and returns the title of the page. The content is one
// element, which the app replaces when it starts.
func Draw(b *bytes.Buffer, p Page) (title string) {
	s := &shell{page: &p}
	html.Write(b, s)
	return s.title()
}
