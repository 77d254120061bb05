package ui

import (
	"fmt"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
	"rsc.io/qr"

	"latchkey/app/html"
)

// quiet is the width of the quiet zone around a QR code, in modules, as its standard requires.
const quiet = 4

// qrPath returns text as a QR code: an SVG path around its dark modules, each of size 1 by 1,
// and the length of a side in modules, including the quiet zone.
func qrPath(text string) (path string, side int) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", 0 // longer than any of our otpauth URIs
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for code.Black(x, y) { // false outside the code
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return b.String(), code.Size + 2*quiet
}

// qrCode draws the code from [qrPath]. It is black on white even on dark pages, because many
// apps cannot read inverted codes. Each module is a whole number of pixels, so that its edges
// are sharp.
func qrCode(path string, side int, label string) app.UI {
	size := 256 / side * side
	return html.Svg().Class("qr").
		Attr("viewBox", fmt.Sprintf("0 0 %d %d", side, side)).
		Attr("width", size).Attr("height", size).
		Attr("shape-rendering", "crispEdges").
		Attr("role", "img").Aria("label", label).
		Body(
			html.Path(fmt.Sprintf("M0 0h%dv%dh-%dz", side, side, side)).Attr("fill", "#fff"),
			html.Path(path).Attr("fill", "#000"),
		)
}
