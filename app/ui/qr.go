package ui

import (
	"fmt"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
	"rsc.io/qr"
)

// quiet is how many light modules must surround a QR code, by its standard.
const quiet = 4

// qrPath draws text as a QR code: the outline of its dark modules, each 1 by
// 1, and how many modules a side has, the quiet zone included.
func qrPath(text string) (path string, side int) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", 0 // longer than any otpauth URI of ours
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for code.Black(x, y) { // it is white outside
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return b.String(), code.Size + 2*quiet
}

// qrCode draws the code that [qrPath] returned. It is black on white whatever
// the page is: many apps do not read it the other way round. Each module is a
// whole number of pixels, so that its edges are sharp.
func qrCode(path string, side int, label string) app.UI {
	size := 256 / side * side
	return app.Elem("svg").XMLNS(svg).Class("qr").
		Attr("viewBox", fmt.Sprintf("0 0 %d %d", side, side)).
		Attr("width", size).Attr("height", size).
		Attr("shape-rendering", "crispEdges").
		Attr("role", "img").Aria("label", label).
		Body(
			app.Elem("path").XMLNS(svg).Attr("fill", "#fff").Attr("d", fmt.Sprintf("M0 0h%dv%dh-%dz", side, side, side)),
			app.Elem("path").XMLNS(svg).Attr("fill", "#000").Attr("d", path),
		)
}
