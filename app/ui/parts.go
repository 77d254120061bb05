package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// The functions here draw what many components are made of.

// button draws a button and has h handle its clicks.
func button(text string, h app.EventHandler) app.HTMLElem {
	return html.Button().Text(text).OnClick(on(h))
}

// busyButton draws a button that cannot be used while what it does is under way. It
// keeps the focus then, which a disabled button would lose.
func busyButton(text string, h app.EventHandler, busy bool) app.HTMLElem {
	return button(text, h).Aria("busy", busy).Aria("disabled", busy)
}

// formTo draws a form and has h handle its submission. The app checks the fields, and
// not the browser.
func formTo(h app.EventHandler) app.HTMLElem {
	return html.Form().Attr("novalidate", "true").OnSubmit(on(h))
}

// narrow draws a page that has little on it.
func narrow(parts ...app.UI) app.HTMLElem {
	return html.Div().Class("narrow").Body(parts...)
}

// hint draws a sentence of less weight.
func hint(text string) app.HTMLElem {
	return html.P().Class("hint").Text(text)
}
