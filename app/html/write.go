//go:build !js

package html

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// String returns ui as HTML. See [Write].
func String(ui app.UI) string {
	var b bytes.Buffer
	Write(&b, ui)
	return b.String()
}

// Write writes ui as HTML: elements and texts of this package, and components, which it
// initializes and renders. A browser that parses it has the document that the app constructs
// from the same values.
//
// The content of a text or an attribute is never markup. Write panics
//   - if isName refuses the name of an element or attribute;
//   - if an attribute is an event handler, a style or a document;
//   - if browsers do not parse the content of an element as text and elements.
//
// The source has these names as constants, so a value cannot cause a panic.
func Write(b *bytes.Buffer, ui app.UI) {
	switch ui := ui.(type) {
	case *node:
		ui.write(b)
	case app.Composer:
		if c, ok := ui.(app.Initializer); ok {
			c.OnInit()
		}
		Write(b, ui.Render())
	default:
		for _, one := range app.FilterUIElems(ui) { // a condition or a loop
			if one == ui {
				panic(fmt.Sprintf("html: a %T is not drawn by this package", ui))
			}
			Write(b, one)
		}
	}
}

func (n *node) write(b *bytes.Buffer) {
	if n.tag == "" {
		textEscaper.WriteString(b, n.text) // a buffer takes everything
		return
	}
	if !isName(n.tag) || isRaw(n.tag) {
		panic("html: the element " + n.tag)
	}
	b.WriteString("<" + n.tag)
	for _, a := range n.attributes {
		if !isName(a.name) || strings.HasPrefix(a.name, "on") || a.name == "style" || a.name == "srcdoc" {
			panic("html: the attribute " + a.name)
		}
		b.WriteString(" " + a.name)
		if isProperty(a.name) {
			continue
		}
		b.WriteString(`="`)
		attributeEscaper.WriteString(b, a.value)
		b.WriteString(`"`)
	}
	b.WriteString(">")
	if isVoid(n.tag) {
		return
	}
	for _, one := range n.body {
		Write(b, one)
	}
	b.WriteString("</" + n.tag + ">")
}

// A parser drops U+0000, and reads a carriage return as a line feed unless it is a character
// reference.
var (
	textEscaper      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;", "\x00", "\ufffd")
	attributeEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\r", "&#13;", "\x00", "\ufffd")
)

// isName reports whether s is a name of an element or attribute.
func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-123") == "" || s == "viewBox"
}

// isVoid reports whether an element has neither content nor an end tag.
func isVoid(tag string) bool {
	switch tag {
	case "br", "hr", "img", "input", "source":
		return true
	}
	return false
}

// isRaw reports whether browsers parse the content of an element in a way of its own.
func isRaw(tag string) bool {
	switch tag {
	case "iframe", "noembed", "noframes", "plaintext", "pre", "script", "style", "template", "textarea", "title", "xmp":
		return true
	}
	return false
}
