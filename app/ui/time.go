package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// tickClock keeps the relative times of a component true, which are relative to at.
// They are in minutes, so every half minute is often enough. If the machine has
// slept, or its clock was set, the server is asked for the time and for what else may
// have changed meanwhile.
func tickClock(ctx app.Context, e *env, at *time.Time) {
	after(ctx, 30*time.Second, func(ctx app.Context) {
		switch {
		case e.connection.unreachable || !e.client.Disturbed():
			*at = e.now()
		case time.Since(e.clockAskedAt) > retryAfter: // else another component has asked already
			e.clockAskedAt = time.Now()
			refresh(ctx)
		}
		tickClock(ctx, e, at)
	})
}

// timestamp draws an instant: words for the eye, the exact local time on hover,
// and the instant itself for programs.
func (t *env) timestamp(at shared.Time, words string) app.UI {
	return html.Time().
		Attr("datetime", at.UTC().Format("2006-01-02T15:04:05Z")).
		Title(t.localTime(at, "full", "medium")).
		Text(words)
}

// localTime writes an instant as clocks and calendars do where the browser is; just the
// date if time is "". Go would need a database of time zones for this; the
// browser has one.
func (t *env) localTime(at shared.Time, date, time string) string {
	style := map[string]any{"dateStyle": date}
	if time != "" {
		style["timeStyle"] = time
	}
	return app.Window().Get("Date").New(at.UnixMilli()).
		Call("toLocaleString", t.dateLocale(), style).
		String()
}
