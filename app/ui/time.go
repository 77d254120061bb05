package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// pass keeps the relative times of a component true, which are relative to now.
// They are told in minutes, so half of one is often enough.
func pass(ctx app.Context, now *time.Time) {
	ctx.After(30*time.Second, func(ctx app.Context) {
		defer rescue()
		*now = time.Now()
		pass(ctx, now)
	})
}

// moment draws an instant: words for the eye, the exact local time on hover,
// and the instant itself for programs.
func moment(t shared.Time, words string) app.UI {
	return html.Time().
		Attr("datetime", t.UTC().Format("2006-01-02T15:04:05Z")).
		Title(local(t, "full", "medium")).
		Text(words)
}

// local writes t as clocks and calendars do where the browser is; just the
// date if time is "". Go would need a database of time zones for this; the
// browser has one.
func local(t shared.Time, date, time string) string {
	style := map[string]any{"dateStyle": date}
	if time != "" {
		style["timeStyle"] = time
	}
	return app.Window().Get("Date").New(t.UnixMilli()).
		Call("toLocaleString", calendar(), style).
		String()
}
