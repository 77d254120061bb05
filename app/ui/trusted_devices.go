package ui

import (
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// trustedDevices is the section that lists the browsers which need no second factor. The page
// has this section while two-factor authentication is on. It loads and revokes the devices, which
// [trustedDevicesView] draws.
type trustedDevices struct {
	app.Compo
	Env *env

	ctx  app.Context
	list loader[[]shared.TrustedDevice]
	busy string // the ID of the device that is being revoked, or "all"
}

func (s *trustedDevices) OnInit() {
	defer rescue()
	initLoader(&s.list, s.Env, "trusted-devices", shared.ListTrustedDevices)
}

func (s *trustedDevices) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
}

func (s *trustedDevices) confirmRevoke(one shared.TrustedDevice) {
	if s.busy != "" {
		return
	}
	c := untrustQuestion(s.Env, one)
	c.Do = func() { s.revoke(one) }
	confirm(s.ctx, c)
}

// untrustQuestion asks whether to stop trusting a device.
func untrustQuestion(e *env, one shared.TrustedDevice) confirmation {
	return confirmation{
		Title: e.T(message.ConfirmUntrustDevice),
		Text:  e.T(message.DeviceWillNeedCode, e.deviceName(one.Device)),
		Yes:   e.T(message.RevokeThis),
	}
}

func (s *trustedDevices) revoke(one shared.TrustedDevice) {
	e := s.Env
	s.busy = one.ID
	call(s.ctx, e, shared.RevokeTrustedDevice, shared.TrustedDeviceID{ID: one.ID}, func(ctx app.Context, _ shared.Status, err error) {
		s.busy = ""
		if err != nil {
			toastError(ctx, err)
			s.list.load() // the server may have revoked it nevertheless
			return
		}
		toast(ctx, e.T(message.DoneDeviceUntrusted, e.deviceName(one.Device)))
		s.list.value = slices.DeleteFunc(s.list.value, func(other shared.TrustedDevice) bool { return other.ID == one.ID })
		focus(ctx, "trusted-devices") // the focused button is gone
	})
}

func (s *trustedDevices) confirmRevokeAll(app.Context, app.Event) {
	if s.busy != "" {
		return
	}
	c := untrustAllQuestion(s.Env, len(s.list.value))
	c.Do = s.revokeAll
	confirm(s.ctx, c)
}

// untrustAllQuestion asks whether to stop trusting all n devices.
func untrustAllQuestion(e *env, n int) confirmation {
	return confirmation{
		Title: e.T(message.ConfirmRevokeTrustedDevices),
		Text:  e.T(message.AllDevicesWillNeedCode, n),
		Yes:   e.T(message.RevokeAll),
	}
}

func (s *trustedDevices) revokeAll() {
	s.busy = "all"
	call(s.ctx, s.Env, shared.RevokeTrustedDevices, shared.None{}, func(ctx app.Context, _ shared.Status, err error) {
		s.busy = ""
		if err != nil {
			toastError(ctx, err)
			s.list.load()
			return
		}
		toast(ctx, s.Env.T(message.DoneTrustedDevicesRevoked))
		s.list.value = nil
		focus(ctx, "trusted-devices")
	})
}

// Render implements [app.Composer].
func (s *trustedDevices) Render() app.UI {
	e := s.Env
	return section("trusted-devices", e.T(message.TrustedDevices),
		s.list.drawState(),
		html.Div().Class("state").Aria("busy", !s.list.known).Body(
			app.If(s.list.waiting(), skeleton).ElseIf(s.list.known, func() app.UI {
				return &trustedDevicesView{
					Env: e, Language: e.Language.Tag, Devices: s.list.value, Busy: s.busy,
					Revoke: s.confirmRevoke, RevokeAll: s.confirmRevokeAll,
				}
			}),
		),
	)
}

// trustedDevicesView draws the trusted devices. It does not call the server.
type trustedDevicesView struct {
	app.Compo
	Env       *env
	Language  string // in which it is drawn
	Devices   []shared.TrustedDevice
	Busy      string // as in [trustedDevices]
	Revoke    func(shared.TrustedDevice)
	RevokeAll app.EventHandler
}

// Render implements [app.Composer].
func (v *trustedDevicesView) Render() app.UI {
	e := v.Env
	text := e.T(message.TrustedDevicesSkipCode)
	if len(v.Devices) == 0 {
		text = e.T(message.NoTrustedDevices)
	}
	return html.Div().Class("state").Body(
		html.P().Text(text),
		html.Div().Body(app.If(len(v.Devices) > 0, func() app.UI {
			return html.Ul().Class("sessions").Body(app.Range(v.Devices).Slice(func(i int) app.UI {
				one := v.Devices[i]
				return &trustedRow{Env: e, Device: one, Busy: v.Busy == one.ID, Revoke: v.Revoke}
			}))
		})),
		html.Div().Body(app.If(len(v.Devices) > 1, func() app.UI {
			return html.Div().Class("end").Body(
				html.P().Text(e.T(message.TrustLastsThirtyDays)),
				busy(taskButton(
					e.T(message.RevokeTrustedDevices), shared.PageTwoFactorSettings, e.formCall(shared.RevokeTrustedDevices.Path), v.RevokeAll,
				), v.Busy == "all").Class("danger"),
			)
		})),
	)
}

// trustedRow is one trusted device. It is its own component for the same reason as
// [sessionRow].
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
	e := r.Env
	one := r.Device
	name := "trusted-" + one.ID
	return html.Li().Class("session").Body(
		icon(one.Device.Kind),
		e.deviceLine(name, one.Device, one.IsCurrent),
		html.Dl().Class("facts").Body(
			fact(e.T(message.LastUsed), e.timestamp(one.LastUsedAt, e.localTime(one.LastUsedAt, "medium", "short"))),
			fact(e.T(message.IPAddress), html.Text(one.IPAddress)),
			fact(e.T(message.TrustedSince), e.timestamp(one.CreatedAt, e.localTime(one.CreatedAt, "medium", ""))),
			fact(e.T(message.TrustedUntil), e.timestamp(one.ExpiresAt, e.localTime(one.ExpiresAt, "medium", ""))),
		),
		// The list of sessions has a button with the same name for the same device.
		busy(taskButton(
			e.T(message.RevokeThis), shared.PageTwoFactorSettings, e.formCall(shared.RevokeTrustedDevice.Path, "id", one.ID), r.revoke,
		), r.Busy).Aria("describedby", "trusted-devices "+name),
	)
}
