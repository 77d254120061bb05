package html

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// Element is an HTML element.
type Element = app.HTMLElem

// BeforeElement is called before each element is made. It may block.
var BeforeElement = func() {}

func element(tag string) Element {
	BeforeElement()
	return app.Elem(tag)
}

// Text returns a text.
func Text(s string) app.UI { return app.Text(s) }

// WithoutApp returns content for browsers without the app, which the app does not draw.
func WithoutApp(...app.UI) app.UI { return nil }
