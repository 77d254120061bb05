package ui

import (
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// sessions is the section in which users review and revoke their sessions.
type sessions struct {
	app.Compo
	Env *env

	ctx  app.Context
	list loader[[]shared.Session]

	// gone holds the handles of sessions that are hidden because they are being revoked or
	// have been revoked. The server may list them for a moment longer.
	gone map[string]bool
}

func (s *sessions) OnInit() {
	defer rescue()
	e := s.Env
	s.gone = map[string]bool{}
	initLoader(&s.list, e, "sessions", shared.ListSessions)
	s.list.restore = func() (at time.Time) {
		s.list.value, at = e.snapshots.sessions(e.account())
		return at
	}
	s.list.onLoad = s.loaded
}

func (s *sessions) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
	tickClock(ctx, s.Env, &s.list.now)
}

func (s *sessions) loaded(ctx app.Context) {
	s.Env.snapshots.saveSessions(s.Env.account(), s.list.value, s.list.at)
	// go-app replaces a row that has moved, so focus it again.
	if had := focusedID(); had != "" {
		afterRender(ctx, func(app.Context) {
			if focusedID() == "" {
				focus(ctx, had)
			}
		})
	}
}

// shown returns the sessions that are not hidden.
func (s *sessions) shown() []shared.Session {
	return slices.DeleteFunc(slices.Clone(s.list.value), func(one shared.Session) bool {
		return s.gone[one.Token]
	})
}

// others returns the handles of all shown sessions except the current one.
func (s *sessions) others() []string {
	var handles []string
	for _, one := range s.shown() {
		if !one.IsCurrent {
			handles = append(handles, one.Token)
		}
	}
	return handles
}

func (s *sessions) confirmRevoke(one shared.Session) {
	e := s.Env
	if one.IsCurrent {
		confirm(s.ctx, confirmation{
			Title: e.T(message.ConfirmSignOutDevice),
			Text:  e.T(message.SignOutDeviceExplanation),
			Yes:   e.T(message.SignOut),
			Do:    func() { signOut(s.ctx) },
		})
		return
	}
	confirm(s.ctx, confirmation{
		Title: e.T(message.ConfirmRevokeSession),
		Text: e.T(message.DeviceWillBeSignedOut,
			e.deviceText(one.Device), one.IPAddress, e.ago(one.LastActiveAt.Time, s.list.now)),
		Yes: e.T(message.RevokeThis),
		Do:  func() { s.revoke(one) },
	})
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
		toast(ctx, e.T(message.DoneDeviceSignedOut, e.deviceText(one.Device)))
	})
}

func (s *sessions) confirmRevokeOthers(app.Context, app.Event) {
	e := s.Env
	others := s.others()
	if len(others) == 0 {
		return
	}
	text := e.T(message.OtherDevicesSignOutOne)
	if n := len(others); n > 1 {
		text = e.T(message.OtherDevicesSignOutMany, n)
	}
	confirm(s.ctx, confirmation{
		Title: e.T(message.ConfirmRevokeOtherSessions),
		Text:  text + " " + e.T(message.StaySignedInHere),
		Yes:   e.T(message.RevokeAll),
		Do:    func() { s.revokeOthers(others) },
	})
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
	for i, one := range s.list.value {
		if !slices.Contains(handles, one.Token) {
			continue
		}
		s.gone[one.Token] = true
		if after := slices.IndexFunc(s.list.value[i+1:], func(other shared.Session) bool { return !s.gone[other.Token] }); after >= 0 {
			next = revokeID(s.list.value[i+1+after])
		}
	}
	dispatch(s.ctx, func(ctx app.Context) {
		focus(ctx, next, "sessions")
	})
}

func (s *sessions) show(handles ...string) {
	for _, handle := range handles {
		delete(s.gone, handle)
	}
}

// Render implements [app.Composer].
func (s *sessions) Render() app.UI {
	e := s.Env
	shown, others := s.shown(), s.others()
	why := ""
	if s.list.known && len(others) == 0 {
		why = e.T(message.NoOtherSessions)
	}
	return section("sessions", e.T(message.ActiveSessions),
		html.P().Text(e.T(message.RevokeUnrecognizedSessions)),
		s.list.drawState(),
		s.list.drawItems("sessions", len(shown), "", func(i int) app.UI {
			return &sessionRow{Env: e, Session: shown[i], Now: s.list.now, Revoke: s.confirmRevoke}
		}),
		html.Div().Class("end").Body(
			html.P().ID("revoke-others-why").Text(why),
			button(e.T(message.RevokeOtherSessions), s.confirmRevokeOthers).Class("danger").ID("revoke-others").
				Aria("disabled", len(others) == 0).Aria("describedby", "revoke-others-why"),
		),
	)
}

// sessionRow is one session in the list. It is its own component with an ID, so that its
// button can never act on a session that was previously in this position.
type sessionRow struct {
	app.Compo
	Env     *env
	Session shared.Session
	Now     time.Time
	Revoke  func(shared.Session)
}

// CompoID implements [app.DismountEnforcer].
func (r *sessionRow) CompoID() string { return r.Session.Token }

func (r *sessionRow) revoke(app.Context, app.Event) {
	r.Revoke(r.Session)
}

// deviceLine draws the name of a device.
func (t *env) deviceLine(id string, device shared.Device, current bool) app.UI {
	return html.P().Class("device").Body(
		html.Strong().ID(id).Text(t.deviceText(device)),
		app.If(current, func() app.UI {
			return html.Span().Class("badge").Text(t.T(message.ThisDevice))
		}),
	)
}

func revokeID(one shared.Session) string { return "revoke-" + one.Token }

// Render implements [app.Composer].
func (r *sessionRow) Render() app.UI {
	e := r.Env
	one := r.Session
	name := "device-" + one.Token
	return html.Li().Class("session").Body(
		icon(one.Device.Kind),
		e.deviceLine(name, one.Device, one.IsCurrent),
		html.Dl().Class("facts").Body(
			fact(e.T(message.LastActive), e.timestamp(one.LastActiveAt, e.ago(one.LastActiveAt.Time, r.Now))),
			fact(e.T(message.IPAddress), app.Text(one.IPAddress)),
			fact(e.T(message.SignedIn), e.timestamp(one.CreatedAt, e.localTime(one.CreatedAt, "medium", "short"))),
			fact(e.T(message.SignedInWith), app.Text(e.methodText(one.Method))),
		),
		button(e.T(message.RevokeThis), r.revoke).ID(revokeID(one)).Aria("describedby", name),
	)
}

func fact(name string, value app.UI) app.UI {
	return html.Div().Body(html.Dt().Text(name), html.Dd().Body(value))
}
