package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// button draws a button and has h handle its clicks.
func button(text string, h app.EventHandler) app.HTMLElem {
	return html.Button().Text(text).OnClick(on(h))
}

// busyButton draws a button that cannot be used while what it does is under way. It
// keeps the focus then, which a disabled button would lose.
func busyButton(text string, h app.EventHandler, busy bool) app.HTMLElem {
	return button(text, h).Aria("busy", busy).Aria("disabled", busy)
}
