package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// twoFactor is the section about two-factor authentication.
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

func (s *twoFactor) enable(ctx app.Context, _ app.Event) {
	startTask(ctx, enableTask)
}

func (s *twoFactor) move(ctx app.Context, _ app.Event) {
	startTask(ctx, moveTask)
}

func (s *twoFactor) renew(ctx app.Context, _ app.Event) {
	startTask(ctx, renewTask)
}

func (s *twoFactor) disable(ctx app.Context, _ app.Event) {
	startTask(ctx, disableTask)
}

// Render implements [app.Composer].
func (s *twoFactor) Render() app.UI {
	return section("two-factor", s.Env.T("Two-factor authentication"),
		s.state.drawState(),
		html.Div().Class("state").Aria("busy", !s.state.known).Body(s.body()...),
	)
}

func (s *twoFactor) body() []app.UI {
	switch {
	case s.state.waiting():
		return []app.UI{skeleton()}
	case !s.state.known:
		return nil
	case s.state.value.Enabled:
		return s.on()
	default:
		return s.off()
	}
}

func (s *twoFactor) off() []app.UI {
	e := s.Env
	pending := ""
	if s.state.value.Pending {
		pending = e.T("You started turning it on and did not finish. If you scanned a code then, delete that entry in your app; the backup codes of then do not work either.")
	}
	return []app.UI{
		html.P().Text(e.T("With it on, signing in takes your password and a code from an app on your phone. Whoever learns your password still does not get in.")),
		html.Div().Body(app.If(pending != "", func() app.UI { return html.P().Class("hint").Text(pending) })),
		html.Div().Class("actions").Body(
			button(e.T("Enable 2FA"), s.enable).Class("main"),
		),
	}
}

func (s *twoFactor) on() []app.UI {
	e := s.Env
	since := app.UI(app.Text(e.T("On")))
	if s.state.value.Since != nil {
		since = e.timestamp(*s.state.value.Since, e.localTime(*s.state.value.Since, "long", ""))
	}
	pending := ""
	if s.state.value.Pending {
		pending = e.T("You started moving to a new phone and did not finish. Your authenticator app works as before. If you scanned a code then, delete that new entry.")
	}
	few := s.state.value.BackupCodesLeft <= shared.FewBackupCodes
	return []app.UI{
		html.P().Text(e.T("Signing in takes your password and a code from your authenticator app.")),
		html.Div().Body(app.If(few, func() app.UI {
			return html.Div().Class("few").Role("group").Aria("label", e.T("Backup codes")).Body(
				html.P().Text(e.fewWords(s.state.value.BackupCodesLeft)),
				button(e.T("New backup codes"), s.renew),
			)
		})),
		html.Dl().Class("facts").Body(
			fact(e.T("On since"), since),
			fact(e.T("Backup codes"), app.Text(e.T("%d of 10 left", s.state.value.BackupCodesLeft))),
		),
		html.Div().Body(app.If(pending != "", func() app.UI { return html.P().Class("hint").Text(pending) })),
		html.Div().Class("actions").Body(
			button(e.T("Move to a new phone"), s.move),
			html.Div().Body(app.If(!few, func() app.UI {
				return button(e.T("New backup codes"), s.renew)
			})),
			button(e.T("Disable 2FA"), s.disable).Class("danger"),
		),
	}
}

func (t *translator) fewWords(left int) string {
	why := " " + t.T("They are the way in if you lose your phone: make new ones before that.")
	switch left {
	case 0:
		return t.T("None of your backup codes is left.") + why
	case 1:
		return t.T("Only one of your backup codes is left.") + why
	default:
		return t.T("Only %d of your backup codes are left.", left) + why
	}
}
