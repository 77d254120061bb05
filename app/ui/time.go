package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// now is the server's time, to which all times on the pages are relative. The
// browser's own clock may be wrong, and is good for durations only.
func now() time.Time { return server.Now() }

// wokeAt is when the server was last asked what time it is.
var wokeAt time.Time

// pass keeps the relative times of a component true, which are relative to at.
// They are told in minutes, so half of one is often enough. If the machine has slept,
// or its clock was set, the server is asked what time it is, with what else may have
// changed meanwhile.
func pass(ctx app.Context, at *time.Time) {
	after(ctx, 30*time.Second, func(ctx app.Context) {
		switch {
		case away || !server.Disturbed():
			*at = now()
		case time.Since(wokeAt) > retryAfter: // else another component has asked already
			wokeAt = time.Now()
			refresh(ctx)
		}
		pass(ctx, at)
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
