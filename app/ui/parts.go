package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// The functions below draw elements that many components use.

// button draws a button. h handles its clicks.
func button(text string, h app.EventHandler) app.HTMLElem {
	return html.Button().Text(text).OnClick(on(h))
}

// linkButton draws a button that looks like a link.
func linkButton(text string, h app.EventHandler) app.HTMLElem {
	return button(text, h).Class("link")
}

// busyButton draws a button that is marked as disabled while its action is in progress. It
// uses aria-disabled, because a disabled button would lose the focus. h must check busy.
func busyButton(text string, h app.EventHandler, busy bool) app.HTMLElem {
	return button(text, h).Aria("busy", busy).Aria("disabled", busy)
}

// formTo draws a form. h handles its submission. The app validates the fields, and the browser
// does not.
func formTo(h app.EventHandler) app.HTMLElem {
	return html.Form().Attr("novalidate", "true").OnSubmit(on(h))
}

// narrow draws a page with little content in a narrow column.
func narrow(parts ...app.UI) app.HTMLElem {
	return html.Div().Class("narrow").Body(parts...)
}

// hint draws a less prominent sentence.
func hint(text string) app.HTMLElem {
	return html.P().Class("hint").Text(text)
}
