package ui

import (
	"slices"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// sessions is the section in which users review and revoke their sessions. It loads what
// [sessionsView] draws.
type sessions struct {
	app.Compo
	Env *env

	ctx  app.Context
	list loader[[]shared.Session]
	rows sessionRows

	stored bool   // the rows are those of the snapshot, whose handles the server does not know
	hidden int    // the [env].timesHidden when the list was last loaded
	ended  string // says which sessions have ended, for screen readers
	busy   string // the handle of the session whose question is being answered

	// gone holds the handles of sessions that are hidden because they are being revoked or
	// have been revoked. The server may list them for a moment longer.
	gone map[string]bool
}

func (s *sessions) OnInit() {
	defer rescue()
	e := s.Env
	s.gone, s.hidden = map[string]bool{}, e.timesHidden
	initLoader(&s.list, e, "sessions", shared.ListSessions)
	s.list.restore = func() (at time.Time) {
		s.list.value, at = e.snapshots.sessions(e.account())
		s.rows.reset(s.list.value)
		s.stored = true
		return at
	}
	s.list.onLoad = s.loaded
	if s.list.known {
		s.rows.reset(s.list.value)
	}
}

func (s *sessions) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
	tickClock(ctx, s.Env, &s.list.now)
	eachMinute(ctx, s.Env, s.list.load)
}

// eachMinute calls load while the user looks at the page, because a user in doubt waits for new
// sign-ins. The time varies, so that not all pages ask at once.
func eachMinute(ctx app.Context, e *env, load func()) {
	jitter := time.Duration(time.Now().UnixNano() % int64(15*time.Second))
	after(ctx, time.Minute+jitter, func(ctx app.Context) {
		if visible() && online() && !e.connection.offline {
			load()
		}
		eachMinute(ctx, e, load)
	})
}

// loaded shows a new list. The rows stay where they are, unless the user has not seen the page
// since the last list.
func (s *sessions) loaded(ctx app.Context) {
	s.Env.snapshots.saveSessions(s.Env.account(), s.list.value, s.list.at)
	listed := slices.DeleteFunc(slices.Clone(s.list.value), func(one shared.Session) bool { return s.gone[one.Token] })
	if s.stored || s.rows.rows == nil || s.hidden != s.Env.timesHidden {
		s.rows.reset(listed)
		s.keepFocus(ctx)
	} else {
		s.tellEnded(s.rows.update(listed))
	}
	s.stored, s.hidden = false, s.Env.timesHidden
}

// keepFocus focuses the focused control again if go-app replaces its row because that has
// moved.
func (s *sessions) keepFocus(ctx app.Context) {
	if had := focusedID(); had != "" {
		afterRender(ctx, func(app.Context) {
			if focusedID() == "" {
				focus(ctx, had)
			}
		})
	}
}

func (s *sessions) tellEnded(ended []shared.Session) {
	var sentences []string
	for _, one := range ended {
		if !s.gone[one.Token] {
			sentences = append(sentences, s.Env.T(message.DoneDeviceSignedOut, s.Env.deviceName(one.Device)))
		}
	}
	if sentences != nil {
		s.ended = strings.Join(sentences, " ")
	}
}

// shown returns the rows that are not hidden.
func (s *sessions) shown() []listedSession {
	return slices.DeleteFunc(slices.Clone(s.rows.rows), func(row listedSession) bool { return s.gone[row.Token] })
}

// others returns the handles of all sessions that have not ended, except the current one.
func (s *sessions) others() []string {
	var handles []string
	for _, row := range s.shown() {
		if !row.IsCurrent && !row.Ended {
			handles = append(handles, row.Token)
		}
	}
	for _, one := range s.rows.waiting {
		handles = append(handles, one.Token)
	}
	return handles
}

func (s *sessions) confirmRevoke(one shared.Session) {
	confirmRevoke(s.ctx, s.Env, one, s.list.now, s.revoke)
}

// confirmRevoke asks the user whether to revoke a session, and calls revoke if so. Of the current
// session, it asks whether to sign out.
func confirmRevoke(ctx app.Context, e *env, one shared.Session, now time.Time, revoke func(shared.Session)) {
	c := revokeQuestion(e, one, now)
	c.Do = func() { revoke(one) }
	if one.IsCurrent {
		c.Do = func() { signOut(ctx) }
	}
	confirm(ctx, c)
}

// revokeQuestion asks whether to revoke a session.
func revokeQuestion(e *env, one shared.Session, now time.Time) confirmation {
	if one.IsCurrent {
		return confirmation{
			Title: e.T(message.ConfirmSignOutDevice),
			Text:  e.T(message.SignOutDeviceExplanation),
			Yes:   e.T(message.SignOut),
		}
	}
	return confirmation{
		Title: e.T(message.ConfirmRevokeSession),
		Text:  e.T(message.DeviceWillBeSignedOut, e.deviceName(one.Device), joinParts(e.activeText(one, now), one.IPAddress)),
		Yes:   e.T(message.RevokeThis),
	}
}

// revoke revokes a session. It hides the row before the server has responded, and shows it
// again if the call fails.
func (s *sessions) revoke(one shared.Session) {
	e := s.Env
	s.hide(one.Token)
	call(s.ctx, e, shared.RevokeSession, shared.SessionHandle{Token: one.Token}, func(ctx app.Context, _ shared.Status, err error) {
		if err != nil {
			s.show(one.Token)
			focus(ctx, revokeID(one))
			toastError(ctx, err)
			s.list.load() // the server may have revoked it nevertheless
			return
		}
		toast(ctx, e.T(message.DoneDeviceSignedOut, e.deviceName(one.Device)))
	})
}

func (s *sessions) confirmRevokeOthers(app.Context, app.Event) {
	e := s.Env
	others := s.others()
	if len(others) == 0 {
		return
	}
	c := revokeOthersQuestion(e, len(others))
	c.Do = func() { s.revokeOthers(others) }
	confirm(s.ctx, c)
}

// revokeOthersQuestion asks whether to revoke n other sessions.
func revokeOthersQuestion(e *env, n int) confirmation {
	text := e.plural(n, message.OtherDevicesSignOutOne, message.OtherDevicesSignOutMany)
	return confirmation{
		Title: e.T(message.ConfirmRevokeOtherSessions),
		Text:  text + " " + e.T(message.StaySignedInHere),
		Yes:   e.T(message.RevokeAll),
	}
}

func (s *sessions) revokeOthers(others []string) {
	s.hide(others...)
	call(s.ctx, s.Env, shared.RevokeOtherSessions, shared.None{}, func(ctx app.Context, _ shared.Status, err error) {
		if err != nil {
			s.show(others...)
			toastError(ctx, err)
			s.list.load()
			return
		}
		toast(ctx, s.Env.T(message.DoneOtherSessionsRevoked))
		s.list.load() // a new one may have begun in the meantime
	})
}

// hide hides rows and moves the focus, which was in one of them, to the next row.
func (s *sessions) hide(handles ...string) {
	next := "sessions"
	for i, row := range s.rows.rows {
		if !slices.Contains(handles, row.Token) {
			continue
		}
		s.gone[row.Token] = true
		usable := func(other listedSession) bool { return !s.gone[other.Token] && !other.Ended }
		if after := slices.IndexFunc(s.rows.rows[i+1:], usable); after >= 0 {
			next = revokeID(s.rows.rows[i+1+after].Session)
		}
	}
	s.rows.waiting = slices.DeleteFunc(s.rows.waiting, func(one shared.Session) bool { return slices.Contains(handles, one.Token) })
	dispatch(s.ctx, func(ctx app.Context) {
		focus(ctx, next, "sessions")
	})
}

func (s *sessions) show(handles ...string) {
	for _, handle := range handles {
		delete(s.gone, handle)
	}
}

// The handlers below belong to buttons of other components. So they dispatch, which renders
// this one again.

// showWaiting shows the sessions that have begun since the list was shown.
func (s *sessions) showWaiting(app.Context, app.Event) {
	dispatch(s.ctx, func(ctx app.Context) {
		first := s.rows.showWaiting()
		focus(ctx, summaryID(first), "sessions") // the focused button disappears
	})
}

// open notes that the user has opened or closed the details of a session, and fetches what
// they need.
func (s *sessions) open(one shared.Session, open bool) {
	row := s.rows.row(one.Token)
	if row == nil || row.Open == open {
		return
	}
	dispatch(s.ctx, func(ctx app.Context) {
		row := s.rows.row(one.Token)
		if row == nil {
			return
		}
		row.Open = open
		if open && !s.stored && (row.Log == nil || row.Log.Wrong != "") {
			row.Log = new(sessionLog)
			s.loadLog(ctx, one)
		}
	})
}

// loadLog fetches the newest entries of the security log of a session.
func (s *sessions) loadLog(ctx app.Context, one shared.Session) {
	call(ctx, s.Env, shared.ListEvents, shared.EventQuery{Session: one.Token}, func(_ app.Context, page shared.EventPage, err error) {
		if row := s.rows.row(one.Token); row != nil {
			row.Log = &sessionLog{Events: page.Events, Known: err == nil, Wrong: s.Env.errorMessage(err)}
		}
	})
}

// confirmSignIn answers the question about a new sign-in with yes.
func (s *sessions) confirmSignIn(one shared.Session) {
	dispatch(s.ctx, func(ctx app.Context) {
		s.busy = one.Token
		confirmSignIn(ctx, s.Env, one, func(ctx app.Context, err error) {
			s.busy = ""
			if row := s.rows.row(one.Token); row != nil && err == nil {
				row.IsNew = false
				focus(ctx, summaryID(one.Token)) // the focused button disappears
			}
		})
	})
}

// reportSignIn answers the question about a new sign-in with no.
func (s *sessions) reportSignIn(one shared.Session) {
	reportSignIn(s.ctx, s.Env, one, func(busy bool) {
		dispatch(s.ctx, func(app.Context) {
			if s.busy = ""; busy {
				s.busy = one.Token
			}
		})
	})
}

// Render implements [app.Composer].
func (s *sessions) Render() app.UI {
	e, others := s.Env, s.others()
	why := ""
	if s.list.known && len(others) == 0 {
		why = e.T(message.NoOtherSessions)
	}
	return section("sessions", e.T(message.ActiveSessions),
		html.P().Body(
			html.Text(e.T(message.RevokeUnrecognizedSessions)+" "),
			html.A(shared.PagePassword).Text(e.T(message.RevokeThenChangePassword)), html.Text("."),
		),
		s.list.drawState(),
		&sessionsView{
			Env: e,
			Value: sessionList{
				Rows: s.shown(), Known: s.list.known, Failed: s.list.problem != nil, Stored: s.stored, New: len(s.rows.waiting),
				At: s.list.at, Now: s.list.now, Ended: s.ended, Busy: s.busy,
			},
			Do: sessionActions{s.showWaiting, s.open, s.confirmRevoke, s.confirmSignIn, s.reportSignIn},
		},
		html.Div().Class("end").Body(
			html.P().ID("revoke-others-why").Text(why),
			taskButton(e.T(message.RevokeOtherSessions), shared.PageSessions, e.formCall(shared.RevokeOtherSessions.Path), s.confirmRevokeOthers).
				Class("danger").ID("revoke-others").
				Aria("disabled", len(others) == 0).Aria("describedby", "revoke-others-why"),
		),
	)
}
