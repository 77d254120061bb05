package html

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// Element is an HTML element.
type Element = app.HTMLElem

func element(tag string) Element { return app.Elem(tag) }

// Text returns a text.
func Text(s string) app.UI { return app.Text(s) }

// NoScript returns content for browsers without JavaScript, which the app does not draw.
func NoScript(...app.UI) app.UI { return nil }
