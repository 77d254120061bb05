package ui

import (
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// sessionList is what [sessionsView] draws.
type sessionList struct {
	Rows   []listedSession // in groups
	Known  bool            // the rows have been loaded
	Failed bool            // the last load failed, so the rows may be outdated
	Stored bool            // the rows are those of the snapshot
	New    int             // how many sessions have begun and are not shown yet
	At     time.Time       // when the rows were loaded
	Now    time.Time       // the base of the relative times
	Ended  string          // says which sessions have ended, for screen readers
	Busy   string          // the handle of the session whose question is being answered
}

// sessionActions are what users can do in the list of sessions.
type sessionActions struct {
	showNew app.EventHandler
	open    func(one shared.Session, open bool) // shows or hides the details
	revoke  func(shared.Session)
	confirm func(shared.Session) // the sign-in was the user's
	report  func(shared.Session) // it was not
}

// sessionsView draws the list of sessions.
type sessionsView struct {
	app.Compo
	Env   *env
	Value sessionList
	Do    sessionActions
}

// Render implements [app.Composer].
func (v *sessionsView) Render() app.UI {
	e := v.Env
	if !v.Value.Known {
		return html.Div().Aria("busy", true).Body(app.If(!v.Value.Failed, skeleton))
	}
	return html.Div().Class("session-list").Body(
		v.drawNews(),
		v.drawGroup("sessions-this", e.T(message.ThisDevice), thisDevice),
		v.drawGroup("sessions-new", e.T(message.NewSession), newSignIns),
		v.drawGroup("sessions-others", e.T(message.OtherSessions), otherSessions),
	)
}

// drawNews draws the line above the list. It always has the height of the button, so that the
// rows do not move when the button appears.
func (v *sessionsView) drawNews() app.UI {
	e, n := v.Env, v.Value.New
	text := e.T(message.NewSessionsOne)
	if n > 1 {
		text = e.T(message.NewSessionsMany, n)
	}
	if v.Value.Stored { // the page says how old they are
		return html.Div()
	}
	updated := ""
	if !v.Value.Failed {
		updated = e.T(message.UpdatedAgo, e.ago(v.Value.At, v.Value.Now))
	}
	return html.Div().Class("news").Body(
		hint(updated),
		html.Div().Aria("live", "polite").Body(app.If(n > 0, func() app.UI {
			return button(text, v.Do.showNew).Class("main").ID("show-new-sessions")
		})),
		html.P().Class("visually-hidden").Role("status").Text(v.Value.Ended),
	)
}

func (v *sessionsView) drawGroup(id, name string, group sessionGroup) app.UI {
	var rows []app.UI
	for _, row := range v.Value.Rows {
		if row.Group == group {
			rows = append(rows, &sessionRow{
				Env: v.Env, Value: row, Now: v.Value.Now, Stored: v.Value.Stored, Busy: v.Value.Busy == row.Token, Do: v.Do,
				Twin: v.hasTwin(row.Session), Refused: v.refuses(row.Session),
			})
		}
	}
	if rows == nil {
		return html.Div()
	}
	return html.Div().Class("session-group").Body(
		html.H2().ID(id).Text(name),
		html.Ul().Aria("labelledby", id).Body(rows...),
	)
}

// refuses reports whether the current session must not confirm another one.
func (v *sessionsView) refuses(other shared.Session) bool {
	var current shared.Session
	known := false
	for _, row := range v.Value.Rows {
		if row.IsCurrent {
			current = row.Session
		}
		known = known || !row.IsNew && !row.Ended
	}
	return !mayConfirm(current, other, known)
}

// hasTwin reports whether the row of another session has the same name.
func (v *sessionsView) hasTwin(one shared.Session) bool {
	return slices.ContainsFunc(v.Value.Rows, func(other listedSession) bool {
		return other.Token != one.Token && v.Env.deviceName(other.Device) == v.Env.deviceName(one.Device)
	})
}

// sessionRow is one session in the list. It is its own component with an ID, so that its
// button can never act on a session that was previously in this position.
type sessionRow struct {
	app.Compo
	Env    *env
	Value  listedSession
	Now    time.Time
	Stored bool
	Busy   bool
	Twin   bool // another row has the same name, so this one says when the session began
	Do     sessionActions

	Refused bool // the current session must not confirm this one
}

// CompoID implements [app.DismountEnforcer].
func (r *sessionRow) CompoID() string { return r.Value.Token }

func (r *sessionRow) revoke(app.Context, app.Event) {
	if !r.Value.Ended {
		r.Do.revoke(r.Value.Session)
	}
}

func (r *sessionRow) toggle(ctx app.Context, _ app.Event) {
	r.Do.open(r.Value.Session, ctx.JSSrc().Get("open").Bool())
}

func revokeID(one shared.Session) string { return "revoke-" + one.Token }

// summaryID returns the ID of the element that opens the details of a session.
func summaryID(handle string) string { return "session-" + handle }

// deviceID returns the ID of the element with the name of a session's device.
func deviceID(one shared.Session) string { return "device-" + one.Token }

// activeWithin is how long after its last call a session counts as active.
const activeWithin = 2 * time.Minute

// activeText returns when a session was last active.
func (t *env) activeText(one shared.Session, now time.Time) string {
	if one.IsCurrent || now.Sub(one.LastActiveAt.Time) < activeWithin {
		return t.T(message.ActiveNow)
	}
	return t.T(message.ActiveAgo, t.ago(one.LastActiveAt.Time, now))
}

// Render implements [app.Composer].
func (r *sessionRow) Render() app.UI {
	e, row := r.Env, r.Value
	one := row.Session
	class, state := "", []app.UI{
		html.Span().Body(e.timestamp(one.LastActiveAt, e.activeText(one, r.Now))),
		html.Span().Class("from").Text(one.IPAddress),
	}
	if row.Ended {
		class, state = "ended", []app.UI{span(e.T(message.SessionHasEnded))}
	}
	if r.Twin && !one.CreatedAt.IsZero() {
		began := e.T(message.SignedInAgo, e.ago(one.CreatedAt.Time, r.Now))
		state = append(state, html.Span().Body(e.timestamp(one.CreatedAt, began)))
	}
	return html.Li().Class("session-row", class).Body(
		html.Details().Attr("open", row.Open).On(onEvent("toggle", r.toggle)).Body(
			html.Summary().ID(summaryID(one.Token)).Body(
				icon(one.Device.Kind),
				html.Strong().ID(deviceID(one)).Text(e.deviceName(one.Device)),
				html.Span().Class("summary").Body(state...),
				html.Span().Class("opener").Body(icon("next")),
			),
			r.drawDetails(),
		),
		taskButton(e.T(message.RevokeThis), shared.PageSessions, e.formCall(shared.RevokeSession.Path, "token", one.Token), r.revoke).
			ID(revokeID(one)).Class("revoke").
			Aria("describedby", deviceID(one)).Attr("disabled", row.Ended || r.Stored),
		r.drawQuestion(),
	)
}

// drawQuestion draws the question about a new sign-in. Once it is answered, the answer takes
// its place, so that no row moves.
func (r *sessionRow) drawQuestion() app.UI {
	e, row := r.Env, r.Value
	if row.Group != newSignIns {
		return html.Div()
	}
	if !row.IsNew {
		return html.Div().Body(html.P().Class("question", "hint").Text(e.T(message.SignInWasYou)))
	}
	return html.Div().Body(
		&signInQuestion{
			Env: e, Session: row.Session, Name: deviceID(row.Session), Busy: r.Busy || row.Ended, Stored: r.Stored, Refused: r.Refused,
			Yes: r.Do.confirm, No: r.Do.report,
		},
	)
}

// drawDetails draws what is known about the session.
func (r *sessionRow) drawDetails() app.UI {
	return html.Div().Class("session-details").Body(
		html.WithoutApp(html.Dl().Class("session-facts").Body(r.Env.sessionFacts(r.Value.Session)...)),
		app.If(r.Value.Open, func() app.UI {
			return html.Div().Body(
				html.Dl().Class("session-facts").Body(r.Env.sessionFacts(r.Value.Session)...),
				r.drawLog(),
			)
		}),
	)
}

// sessionFacts draws the details of a session. A snapshot lacks some of them.
func (t *env) sessionFacts(one shared.Session) []app.UI {
	facts := []app.UI{fact(t.T(message.SignedInWith), html.Text(t.sessionMethod(one)))}
	for _, point := range []struct {
		name message.ID
		at   shared.Time
	}{
		{message.SignedIn, one.CreatedAt}, {message.LastActive, one.LastActiveAt}, {message.SignedInUntil, one.ExpiresAt},
	} {
		if !point.at.IsZero() {
			facts = append(facts, fact(t.T(point.name), t.timestamp(point.at, t.localTime(point.at, "medium", "short"))))
		}
	}
	facts = append(facts,
		fact(t.T(message.IPAddress), html.Text(one.IPAddress)),
		fact(t.T(message.BrowserVersion), html.Text(t.deviceText(one.Device))))
	if one.UserAgent != "" {
		facts = append(facts, fact(t.T(message.UserAgentHeader), html.Text(one.UserAgent)))
	}
	return facts
}

// drawLog draws the session's entries of the security log.
func (r *sessionRow) drawLog() app.UI {
	e, log := r.Env, r.Value.Log
	if r.Stored || log == nil {
		return hint(e.T(laterText))
	}
	heading := "session-events-" + r.Value.Token
	return html.Div().Class("session-events").Aria("busy", !log.Known && log.Wrong == "").Body(
		html.H3().ID(heading).Text(e.T(message.SessionEvents)),
		app.If(log.Wrong != "", func() app.UI {
			return html.P().Class("form-error").Text(log.Wrong)
		}).ElseIf(!log.Known, skeleton).ElseIf(len(log.Events) == 0, func() app.UI {
			return hint(e.T(message.NoSessionEvents))
		}).Else(func() app.UI {
			return html.Ul().Class("events").Aria("labelledby", heading).Body(
				app.Range(log.Events).Slice(func(i int) app.UI {
					one := log.Events[i]
					return e.eventItem(one, one.Detail, e.timestamp(one.At, e.localTime(one.At, "medium", "short")))
				}),
			)
		}),
		html.A(shared.PageActivity).Text(e.T(message.OpenSecurityLog)),
	)
}

// deviceLine draws the name of a device.
func (t *env) deviceLine(id string, device shared.Device, current bool) app.UI {
	return html.P().Class("device").Body(
		html.Strong().ID(id).Text(t.deviceName(device)),
		app.If(current, func() app.UI {
			return label(t.T(message.ThisDevice))
		}),
	)
}

func fact(name string, value app.UI) app.UI {
	return html.Div().Body(html.Dt().Text(name), html.Dd().Body(value))
}
