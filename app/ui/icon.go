package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// icon draws an icon: a kind of device, a [level] or one of the names below. It is hidden from
// screen readers, because the text beside it or the label of its button says the same.
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
	case "enter":
		path = "M11 4h8v16h-8M4 12h10M10 8l4 4l-4 4"
	case "server":
		path = "M4 5h16v6H4zM4 13h16v6H4zM7 8h1M7 16h1"
	case "bot":
		path = "M5 8h14v11H5zM12 8V4M9 12v2M15 12v2"
	case "home":
		path = "M4 11l8-7l8 7M6 10v10h12V10"
	case "lock":
		path = "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3"
	case "clock":
		path = "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 7v5l3 2"
	case "shield":
		path = "M12 3l8 3v6c0 5-4 8-8 9c-4-1-8-4-8-9V6z"
	case "next":
		path = "M9 5l7 7l-7 7"
	case "ok":
		path = "M5 13l5 5l9-11"
	case "advice":
		path = "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 11v6M12 7v1"
	case "alarm":
		path = "M12 3l10 18H2zM12 10v5M12 17v1"
	}
	return html.Svg().Class("icon").
		Attr("viewBox", "0 0 24 24").Aria("hidden", "true").
		Body(html.Path(path))
}

// tile draws an icon in a square, in the color of a level.
func tile(kind string, l level) app.UI {
	return html.Span().Class("tile", l.name()).Body(icon(kind))
}
