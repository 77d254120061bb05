package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// twoFactor is the section about two-factor authentication. It loads the state, which
// [twoFactorView] draws.
type twoFactor struct {
	app.Compo
	Env *env

	state loader[shared.TwoFactor]
}

func (s *twoFactor) OnInit() {
	defer rescue()
	e := s.Env
	initLoader(&s.state, e, "two-factor", shared.TwoFactorStatus)
	s.state.restore = func() (at time.Time) {
		s.state.value, at = e.snapshots.twoFactor(e.account())
		return at
	}
	s.state.onLoad = func(app.Context) {
		e.snapshots.saveTwoFactor(e.account(), s.state.value, s.state.at)
	}
}

func (s *twoFactor) OnMount(ctx app.Context) {
	defer rescue()
	s.state.mount(ctx)
}

// Render implements [app.Composer].
func (s *twoFactor) Render() app.UI {
	e := s.Env
	return section("two-factor", e.T(message.TwoFactorAuthentication),
		s.state.drawState(),
		html.Div().Class("state").Aria("busy", !s.state.known).Body(
			app.If(s.state.waiting(), skeleton).ElseIf(s.state.known, func() app.UI {
				return &twoFactorView{Env: e, Language: e.Language.Tag, State: s.state.value}
			}),
		),
	)
}

// twoFactorView draws the state of two-factor authentication. It does not call the server.
type twoFactorView struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn
	State    shared.TwoFactor
}

func (v *twoFactorView) enable(ctx app.Context, _ app.Event) {
	startFactorChange(ctx, enableChange)
}

func (v *twoFactorView) move(ctx app.Context, _ app.Event) {
	startFactorChange(ctx, moveChange)
}

func (v *twoFactorView) renew(ctx app.Context, _ app.Event) {
	startFactorChange(ctx, renewChange)
}

func (v *twoFactorView) disable(ctx app.Context, _ app.Event) {
	startFactorChange(ctx, disableChange)
}

// Render implements [app.Composer].
func (v *twoFactorView) Render() app.UI {
	parts := v.off()
	if v.State.Enabled {
		parts = v.on()
	}
	return html.Div().Class("state").Body(parts...)
}

// badge draws whether two-factor authentication is on, with an icon and a word.
func (v *twoFactorView) badge() app.UI {
	if v.State.Enabled {
		return status(levelOK, v.Env.T(message.StateOn))
	}
	return status(levelAdvice, v.Env.T(message.StateOff))
}

func (v *twoFactorView) off() []app.UI {
	e := v.Env
	pending := ""
	if v.State.Pending {
		pending = e.T(message.EnrollmentUnfinished)
	}
	return []app.UI{
		html.P().Class("state-line").Body(v.badge()),
		html.P().Text(e.T(message.TwoFactorBenefit)),
		html.Div().Body(app.If(pending != "", func() app.UI { return hint(pending) })),
		html.Div().Class("actions").Body(
			v.taskButton(message.EnableTwoFactor, e.formCall(shared.EnableTwoFactor.Path), v.enable).Class("main"),
		),
	}
}

func (v *twoFactorView) on() []app.UI {
	e := v.Env
	pending := ""
	if v.State.Pending {
		pending = e.T(message.PhoneMoveUnfinished)
	}
	few := v.State.BackupCodesLeft <= shared.FewBackupCodes
	return []app.UI{
		html.P().Class("state-line").Body(
			v.badge(),
			app.If(v.State.Since != nil, func() app.UI {
				since := *v.State.Since
				return html.Span().Body(html.Text(e.T(message.SinceDate)+" "), e.timestamp(since, e.localTime(since, "medium", "")))
			}),
		),
		html.P().Text(e.T(message.SignInTakesTwoFactors)),
		html.Div().Body(app.If(few, func() app.UI {
			return html.Div().Class("few-codes").Role("group").Aria("label", e.T(message.BackupCodes)).Body(
				icon(levelAlarm.name()),
				html.P().Text(e.fewText(v.State.BackupCodesLeft)),
				v.renewButton().Class("main"),
			)
		})),
		html.Dl().Class("facts").Body(
			fact(e.T(message.BackupCodes), html.Text(e.T(message.BackupCodesOfTenLeft, v.State.BackupCodesLeft))),
		),
		html.Div().Body(app.If(pending != "", func() app.UI { return hint(pending) })),
		html.Div().Class("actions").Body(
			v.taskButton(message.MoveToNewPhone, e.formCall(shared.EnableTwoFactor.Path, "replace", "on"), v.move),
			html.Div().Body(app.If(!few, func() app.UI { return v.renewButton() })),
			v.taskButton(message.DisableTwoFactor, e.formCall(shared.DisableTwoFactor.Path), v.disable).Class("danger"),
		),
	}
}

// taskButton draws a button that opens the dialog of a change, or its page without the app.
func (v *twoFactorView) taskButton(name message.ID, call string, h app.EventHandler) html.Element {
	return taskButton(v.Env.T(name), shared.PageTwoFactorSettings, call, h)
}

func (v *twoFactorView) renewButton() html.Element {
	return v.taskButton(message.NewBackupCodes, v.Env.formCall(shared.GenerateBackupCodes.Path), v.renew)
}

func (t *env) fewText(left int) string {
	why := " " + t.T(message.RenewBackupCodesInTime)
	switch left {
	case 0:
		return t.T(message.NoBackupCodesLeft) + why
	case 1:
		return t.T(message.BackupCodesLeftOne) + why
	default:
		return t.T(message.BackupCodesLeftMany, left) + why
	}
}
