package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
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
	return section("two-factor", s.Env.T(message.TwoFactorAuthentication),
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
		pending = e.T(message.EnrollmentUnfinished)
	}
	return []app.UI{
		html.P().Text(e.T(message.TwoFactorBenefit)),
		html.Div().Body(app.If(pending != "", func() app.UI { return hint(pending) })),
		html.Div().Class("actions").Body(
			button(e.T(message.EnableTwoFactor), s.enable).Class("main"),
		),
	}
}

func (s *twoFactor) on() []app.UI {
	e := s.Env
	since := app.UI(app.Text(e.T(message.StateOn)))
	if s.state.value.Since != nil {
		since = e.timestamp(*s.state.value.Since, e.localTime(*s.state.value.Since, "long", ""))
	}
	pending := ""
	if s.state.value.Pending {
		pending = e.T(message.PhoneMoveUnfinished)
	}
	few := s.state.value.BackupCodesLeft <= shared.FewBackupCodes
	return []app.UI{
		html.P().Text(e.T(message.SignInTakesTwoFactors)),
		html.Div().Body(app.If(few, func() app.UI {
			return html.Div().Class("few-codes").Role("group").Aria("label", e.T(message.BackupCodes)).Body(
				html.P().Text(e.fewText(s.state.value.BackupCodesLeft)),
				button(e.T(message.NewBackupCodes), s.renew),
			)
		})),
		html.Dl().Class("facts").Body(
			fact(e.T(message.OnSince), since),
			fact(e.T(message.BackupCodes), app.Text(e.T(message.BackupCodesOfTenLeft, s.state.value.BackupCodesLeft))),
		),
		html.Div().Body(app.If(pending != "", func() app.UI { return hint(pending) })),
		html.Div().Class("actions").Body(
			button(e.T(message.MoveToNewPhone), s.move),
			html.Div().Body(app.If(!few, func() app.UI {
				return button(e.T(message.NewBackupCodes), s.renew)
			})),
			button(e.T(message.DisableTwoFactor), s.disable).Class("danger"),
		),
	}
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
