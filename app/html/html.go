// Package html constructs the HTML elements of the pages.
//
// The pages are drawn twice from the same components: by the server, so that a page can be read
// and used before the app runs, and by the app. So [Element] has two implementations. In the
// browser it is go-app's. Elsewhere it is one of this package, which [Write] writes as HTML:
// go-app's own encoder does not escape attributes.
//
// All elements have one type. go-app also has a type for each element, but each of these that is
// used adds 1 kB to the download for its some seventy methods. Attr sets the attributes that
// have no method.
package html

func Code() Element     { return element("code") }
func Dd() Element       { return element("dd") }
func Details() Element  { return element("details") }
func Dialog() Element   { return element("dialog") }
func Div() Element      { return element("div") }
func Dl() Element       { return element("dl") }
func Dt() Element       { return element("dt") }
func Fieldset() Element { return element("fieldset") }
func H1() Element       { return element("h1") }
func H2() Element       { return element("h2") }
func H3() Element       { return element("h3") }
func Header() Element   { return element("header") }
func Label() Element    { return element("label") }
func Li() Element       { return element("li") }
func Main() Element     { return element("main") }
func Nav() Element      { return element("nav") }
func P() Element        { return element("p") }
func Picture() Element  { return element("picture") }
func Section() Element  { return element("section") }
func Select() Element   { return element("select") }
func Span() Element     { return element("span") }
func Strong() Element   { return element("strong") }
func Summary() Element  { return element("summary") }
func Time() Element     { return element("time") }
func Ul() Element       { return element("ul") }

// A returns a link to href.
func A(href string) Element { return element("a").Attr("href", href) }

// Form returns a form. Its method is POST, so that the input does not become part of a URL if
// the browser submits the form itself.
func Form() Element { return element("form").Attr("method", "post") }

// Button returns a button that does not submit its form. With the type "submit" it does.
func Button() Element { return element("button").Attr("type", "button") }

// Input returns an input of type kind.
func Input(kind string) Element {
	return element("input").Attr("type", kind)
}

// Img returns a square decorative image. It has a role, because go-app drops an empty alt
// attribute.
func Img(src string, size int) Element {
	return element("img").Attr("src", src).Attr("width", size).Attr("height", size).Role("presentation")
}

// Optgroup returns a group of options of a [Select].
func Optgroup(label string) Element { return element("optgroup").Attr("label", label) }

// Option returns an option of a [Select].
func Option(value string) Element { return element("option").Attr("value", value) }

// Source returns a source of a [Picture].
func Source(media, srcset string) Element {
	return element("source").Attr("media", media).Attr("srcset", srcset)
}

const svgNamespace = "http://www.w3.org/2000/svg"

// Svg returns an SVG image.
func Svg() Element { return element("svg").XMLNS(svgNamespace) }

// Path returns a path of an [Svg].
func Path(d string) Element { return element("path").XMLNS(svgNamespace).Attr("d", d) }
