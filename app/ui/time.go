package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// tickClock keeps the relative times of a component up to date by setting at, to which they
// are relative. It does so every 30 seconds, because the times are in minutes. If the machine
// has slept or its clock has been set, it refreshes the page, which also gets the server's
// time.
func tickClock(ctx app.Context, e *env, at *time.Time) {
	after(ctx, 30*time.Second, func(ctx app.Context) {
		switch {
		case e.connection.unreachable || !e.client.Disturbed():
			*at = e.now()
		case time.Since(e.clockAskedAt) > retryAfter: // otherwise another component has just done so
			e.clockAskedAt = time.Now()
			refresh(ctx)
		}
		tickClock(ctx, e, at)
	})
}

// timestamp draws a time: words to read, the exact local time on hover, and the time itself
// for programs.
func (t *env) timestamp(at shared.Time, words string) app.UI {
	return html.Time().
		Attr("datetime", at.UTC().Format("2006-01-02T15:04:05Z")).
		Title(t.localTime(at, "full", "medium")).
		Text(words)
}
