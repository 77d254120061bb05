// Package html makes the elements that pages are made of.
//
// go-app has a type for each element, with some seventy methods of its own that
// browsers download, 1 kB for each that is used. Its [app.Elem] does the same
// with one type for all; what is not in its methods is an attribute.
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

// A is a link.
func A(href string) app.HTMLElem { return app.Elem("a").Attr("href", href) }

// Form is a form. Should the browser ever send it by itself, what was typed does
// not become part of an address, which others see.
func Form() app.HTMLElem { return app.Elem("form").Attr("method", "post") }

// Button is a button that does not send the form that it is in; with the type
// "submit" it does.
func Button() app.HTMLElem { return app.Elem("button").Attr("type", "button") }

// Input is an input of a type.
func Input(kind string) app.HTMLElem {
	return app.Elem("input").Attr("type", kind)
}

// Img is a picture that says nothing that the words beside it do not. go-app
// drops an empty alt, hence the role.
func Img(src string, size int) app.HTMLElem {
	return app.Elem("img").Attr("src", src).Attr("width", size).Attr("height", size).Role("presentation")
}

// Option is one of a [Select].
func Option(value string) app.HTMLElem { return app.Elem("option").Attr("value", value) }

// Source is one of the files of a [Picture].
func Source(media, srcset string) app.HTMLElem {
	return app.Elem("source").Attr("media", media).Attr("srcset", srcset)
}
