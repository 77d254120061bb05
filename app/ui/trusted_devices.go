package ui

import (
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// trustedDevices is the section that lists the browsers that are not asked for
// a second factor. It is there while there is a second factor.
type trustedDevices struct {
	app.Compo
	Env *env

	ctx     app.Context
	devices []shared.TrustedDevice // nil until they are known
	problem error                  // why they are not
	at      time.Time              // when they were known
	busy    string                 // what is being revoked: an ID, or "all"
}

func (s *trustedDevices) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	handle(ctx, refreshAction, s.refresh)
	s.load(ctx)
}

func (s *trustedDevices) refresh(ctx app.Context, _ app.Action) {
	s.load(ctx)
}

func (s *trustedDevices) load(ctx app.Context) {
	call(ctx, s.Env, shared.ListTrustedDevices, shared.None{}, func(ctx app.Context, list []shared.TrustedDevice, err error) {
		if s.problem = err; err != nil {
			return // what was known is still shown
		}
		if list == nil {
			list = []shared.TrustedDevice{}
		}
		s.devices, s.at = list, s.Env.now()
	})
}

func (s *trustedDevices) again(app.Context, app.Event) {
	s.problem = nil
	focus(s.ctx, "trusted-devices")
	s.load(s.ctx)
}

func (s *trustedDevices) askRevoke(one shared.TrustedDevice) {
	tr := s.Env.T
	if s.busy != "" {
		return
	}
	ask(s.ctx, question{
		Title: tr("Trust this device no more?"),
		Text:  tr("%s will be asked for a code at its next sign-in. If it is signed in now, it stays so.", s.Env.deviceWords(one.Device)),
		Yes:   tr("Revoke"),
		Do:    func() { s.revoke(one) },
	})
}

func (s *trustedDevices) revoke(one shared.TrustedDevice) {
	s.busy = one.ID
	call(s.ctx, s.Env, shared.RevokeTrustedDevice, shared.TrustedDeviceID{ID: one.ID}, func(ctx app.Context, _ shared.Status, err error) {
		s.busy = ""
		if err != nil {
			complain(ctx, err)
			s.load(ctx) // it may have been revoked all the same
			return
		}
		say(ctx, s.Env.T("%s is no longer trusted.", s.Env.deviceWords(one.Device)))
		s.devices = slices.DeleteFunc(s.devices, func(other shared.TrustedDevice) bool { return other.ID == one.ID })
		focus(ctx, "trusted-devices") // the button that had it is gone
	})
}

func (s *trustedDevices) askRevokeAll(app.Context, app.Event) {
	tr := s.Env.T
	if s.busy != "" {
		return
	}
	ask(s.ctx, question{
		Title: tr("Revoke all trusted devices?"),
		Text:  tr("All %d devices will be asked for a code at their next sign-in.", len(s.devices)),
		Yes:   tr("Revoke all"),
		Do:    s.revokeAll,
	})
}

func (s *trustedDevices) revokeAll() {
	s.busy = "all"
	call(s.ctx, s.Env, shared.RevokeTrustedDevices, shared.None{}, func(ctx app.Context, _ shared.Status, err error) {
		s.busy = ""
		if err != nil {
			complain(ctx, err)
			s.load(ctx)
			return
		}
		say(ctx, s.Env.T("No device is trusted any more."))
		s.devices = []shared.TrustedDevice{}
		focus(ctx, "trusted-devices")
	})
}

// Render implements [app.Composer].
func (s *trustedDevices) Render() app.UI {
	tr := s.Env.T
	text := tr("These do not ask for a code when you sign in. Revoke one that you no longer have.")
	if s.devices != nil && len(s.devices) == 0 {
		text = tr("None. To trust one, tick the box when you enter a code at sign-in.")
	}
	return section("trusted-devices", tr("Trusted devices"),
		html.P().Text(text),
		s.Env.stale(s.problem, s.at, s.again),
		html.Div().Aria("busy", s.devices == nil).Body(
			app.If(s.devices == nil && s.problem == nil, func() app.UI {
				return bones()
			}).ElseIf(len(s.devices) > 0, func() app.UI {
				return html.Ul().Class("sessions").Body(
					app.Range(s.devices).Slice(func(i int) app.UI {
						one := s.devices[i]
						return &trustedRow{Env: s.Env, Device: one, Busy: s.busy == one.ID, Revoke: s.askRevoke}
					}),
				)
			}),
		),
		html.Div().Body(app.If(len(s.devices) > 1, func() app.UI {
			return html.Div().Class("end").Body(
				html.P().Text(tr("Each is trusted for 30 days.")),
				html.Button().Class("danger").Aria("busy", s.busy == "all").Aria("disabled", s.busy == "all").
					Text(tr("Revoke all trusted devices")).OnClick(on(s.askRevokeAll)),
			)
		})),
	)
}

// trustedRow is one of them, a component of its own as [sessionRow] is.
type trustedRow struct {
	app.Compo
	Env    *env
	Device shared.TrustedDevice
	Busy   bool
	Revoke func(shared.TrustedDevice)
}

// CompoID implements [app.DismountEnforcer].
func (r *trustedRow) CompoID() string { return r.Device.ID }

func (r *trustedRow) revoke(app.Context, app.Event) {
	r.Revoke(r.Device)
}

// Render implements [app.Composer].
func (r *trustedRow) Render() app.UI {
	tr := r.Env.T
	one := r.Device
	name := "trusted-" + one.ID
	return html.Li().Class("session").Body(
		icon(one.Device.Kind),
		r.Env.deviceLine(name, one.Device, one.IsCurrent),
		html.Dl().Class("facts").Body(
			fact(tr("Last used"), r.Env.moment(one.LastUsedAt, r.Env.localTime(one.LastUsedAt, "medium", "short"))),
			fact(tr("IP address"), app.Text(one.IPAddress)),
			fact(tr("Trusted since"), r.Env.moment(one.CreatedAt, r.Env.localTime(one.CreatedAt, "medium", ""))),
			fact(tr("Trusted until"), r.Env.moment(one.ExpiresAt, r.Env.localTime(one.ExpiresAt, "medium", ""))),
		),
		// The same device has a button of that name in the list of sessions.
		html.Button().Aria("describedby", "trusted-devices "+name).
			Aria("busy", r.Busy).Aria("disabled", r.Busy).
			Text(tr("Revoke")).OnClick(on(r.revoke)),
	)
}
