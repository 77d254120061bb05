// Package html constructs the HTML elements of the pages.
//
// It uses [app.Elem], which has one type for all elements. go-app also has a type for each
// element, but each of these that is used adds 1 kB to the download for its some seventy
// methods. Attr sets the attributes that have no method.
package html

import "github.com/maxence-charriere/go-app/v10/pkg/app"

func Code() app.HTMLElem     { return app.Elem("code") }
func Dd() app.HTMLElem       { return app.Elem("dd") }
func Details() app.HTMLElem  { return app.Elem("details") }
func Dialog() app.HTMLElem   { return app.Elem("dialog") }
func Div() app.HTMLElem      { return app.Elem("div") }
func Dl() app.HTMLElem       { return app.Elem("dl") }
func Dt() app.HTMLElem       { return app.Elem("dt") }
func Fieldset() app.HTMLElem { return app.Elem("fieldset") }
func H1() app.HTMLElem       { return app.Elem("h1") }
func H2() app.HTMLElem       { return app.Elem("h2") }
func H3() app.HTMLElem       { return app.Elem("h3") }
func Header() app.HTMLElem   { return app.Elem("header") }
func Label() app.HTMLElem    { return app.Elem("label") }
func Li() app.HTMLElem       { return app.Elem("li") }
func Main() app.HTMLElem     { return app.Elem("main") }
func Nav() app.HTMLElem      { return app.Elem("nav") }
func P() app.HTMLElem        { return app.Elem("p") }
func Picture() app.HTMLElem  { return app.Elem("picture") }
func Section() app.HTMLElem  { return app.Elem("section") }
func Select() app.HTMLElem   { return app.Elem("select") }
func Span() app.HTMLElem     { return app.Elem("span") }
func Strong() app.HTMLElem   { return app.Elem("strong") }
func Summary() app.HTMLElem  { return app.Elem("summary") }
func Time() app.HTMLElem     { return app.Elem("time") }
func Ul() app.HTMLElem       { return app.Elem("ul") }

// A returns a link to href.
func A(href string) app.HTMLElem { return app.Elem("a").Attr("href", href) }

// Form returns a form. Its method is POST, so that the input does not become part of a URL if
// the browser submits the form itself.
func Form() app.HTMLElem { return app.Elem("form").Attr("method", "post") }

// Button returns a button that does not submit its form. With the type "submit" it does.
func Button() app.HTMLElem { return app.Elem("button").Attr("type", "button") }

// Input returns an input of type kind.
func Input(kind string) app.HTMLElem {
	return app.Elem("input").Attr("type", kind)
}

// Img returns a square decorative image. It has a role, because go-app drops an empty alt
// attribute.
func Img(src string, size int) app.HTMLElem {
	return app.Elem("img").Attr("src", src).Attr("width", size).Attr("height", size).Role("presentation")
}

// Optgroup returns a group of options of a [Select].
func Optgroup(label string) app.HTMLElem { return app.Elem("optgroup").Attr("label", label) }

// Option returns an option of a [Select].
func Option(value string) app.HTMLElem { return app.Elem("option").Attr("value", value) }

// Source returns a source of a [Picture].
func Source(media, srcset string) app.HTMLElem {
	return app.Elem("source").Attr("media", media).Attr("srcset", srcset)
}
