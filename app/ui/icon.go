package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

const svg = "http://www.w3.org/2000/svg"

// icon draws an icon: a kind of device, "key", "person" or "cross". It is hidden from screen
// readers, because the text beside it or the label of its button says the same.
func icon(kind string) app.UI {
	path := "M4 5h16v10H4zM2 18h20" // the default: a laptop
	switch kind {
	case "mobile":
		path = "M8 3h8v18H8zM11 18h2"
	case "tablet":
		path = "M5 3h14v18H5zM11 18h2"
	case "key":
		path = "M4 12a4 4 0 1 0 8 0a4 4 0 1 0-8 0M12 12h8v4M16 12v3"
	case "person":
		path = "M8 8a4 4 0 1 0 8 0a4 4 0 1 0-8 0M4 20c1-5 4-6 8-6s7 1 8 6"
	case "cross":
		path = "M7 7l10 10M17 7l-10 10"
	case "bot":
		path = "M5 8h14v11H5zM12 8V4M9 12v2M15 12v2"
	}
	return app.Elem("svg").XMLNS(svg).Class("icon").
		Attr("viewBox", "0 0 24 24").Aria("hidden", "true").
		Body(app.Elem("path").XMLNS(svg).Attr("d", path))
}
