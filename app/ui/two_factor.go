package ui

import (
	"errors"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/shared"
)

// twoFactor is the section about the second factor.
type twoFactor struct {
	app.Compo
	Env *env

	ctx     app.Context
	state   *shared.TwoFactor // nil until it is known
	problem error             // why it is not
	at      time.Time         // when it was known
}

func (s *twoFactor) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	handle(ctx, refreshAction, s.refresh)
	s.load(ctx)
}

func (s *twoFactor) refresh(ctx app.Context, _ app.Action) {
	s.load(ctx)
}

func (s *twoFactor) load(ctx app.Context) {
	call(ctx, s.Env, shared.TwoFactorStatus, shared.None{}, func(ctx app.Context, state shared.TwoFactor, err error) {
		s.problem = err
		switch {
		case err == nil:
			s.state, s.at = &state, s.Env.now()
			s.Env.snapshots.saveTwoFactor(s.Env.identity.account(), state, s.at)
		case errors.Is(err, client.ErrOffline) && s.state == nil:
			if state, at := s.Env.snapshots.twoFactor(s.Env.identity.account()); !at.IsZero() {
				s.state, s.at = &state, at
			}
		}
	})
}

func (s *twoFactor) again(app.Context, app.Event) {
	s.problem = nil
	focus(s.ctx, "two-factor")
	s.load(s.ctx)
}

func (s *twoFactor) enable(ctx app.Context, _ app.Event) {
	do(ctx, enableTask)
}

func (s *twoFactor) move(ctx app.Context, _ app.Event) {
	do(ctx, moveTask)
}

func (s *twoFactor) renew(ctx app.Context, _ app.Event) {
	do(ctx, renewTask)
}

func (s *twoFactor) disable(ctx app.Context, _ app.Event) {
	do(ctx, disableTask)
}

// Render implements [app.Composer].
func (s *twoFactor) Render() app.UI {
	return section("two-factor", s.Env.T("Two-factor authentication"),
		s.Env.stale(s.problem, s.at, s.again),
		html.Div().Class("state").Aria("busy", s.state == nil).Body(s.body()...),
	)
}

func (s *twoFactor) body() []app.UI {
	switch {
	case s.state == nil && s.problem != nil:
		return nil
	case s.state == nil:
		return []app.UI{bones()}
	case s.state.Enabled:
		return s.on()
	default:
		return s.off()
	}
}

func (s *twoFactor) off() []app.UI {
	tr := s.Env.T
	pending := ""
	if s.state.Pending {
		pending = tr("You started turning it on and did not finish. If you scanned a code then, delete that entry in your app; the backup codes of then do not work either.")
	}
	return []app.UI{
		html.P().Text(tr("With it on, signing in takes your password and a code from an app on your phone. Whoever learns your password still does not get in.")),
		html.Div().Body(app.If(pending != "", func() app.UI { return html.P().Class("hint").Text(pending) })),
		html.Div().Class("deeds").Body(
			html.Button().Class("main").Text(tr("Enable 2FA")).OnClick(on(s.enable)),
		),
	}
}

func (s *twoFactor) on() []app.UI {
	tr := s.Env.T
	since := app.UI(app.Text(tr("On")))
	if s.state.Since != nil {
		since = s.Env.moment(*s.state.Since, s.Env.localTime(*s.state.Since, "long", ""))
	}
	pending := ""
	if s.state.Pending {
		pending = tr("You started moving to a new phone and did not finish. Your authenticator app works as before. If you scanned a code then, delete that new entry.")
	}
	few := s.state.BackupCodesLeft <= shared.FewBackupCodes
	return []app.UI{
		html.P().Text(tr("Signing in takes your password and a code from your authenticator app.")),
		html.Div().Body(app.If(few, func() app.UI {
			return html.Div().Class("few").Role("group").Aria("label", tr("Backup codes")).Body(
				html.P().Text(s.Env.fewWords(s.state.BackupCodesLeft)),
				html.Button().Text(tr("New backup codes")).OnClick(on(s.renew)),
			)
		})),
		html.Dl().Class("facts").Body(
			fact(tr("On since"), since),
			fact(tr("Backup codes"), app.Text(tr("%d of 10 left", s.state.BackupCodesLeft))),
		),
		html.Div().Body(app.If(pending != "", func() app.UI { return html.P().Class("hint").Text(pending) })),
		html.Div().Class("deeds").Body(
			html.Button().Text(tr("Move to a new phone")).OnClick(on(s.move)),
			html.Div().Body(app.If(!few, func() app.UI {
				return html.Button().Text(tr("New backup codes")).OnClick(on(s.renew))
			})),
			html.Button().Class("danger").Text(tr("Disable 2FA")).OnClick(on(s.disable)),
		),
	}
}

func (t *translator) fewWords(left int) string {
	tr := t.T
	why := " " + tr("They are the way in if you lose your phone: make new ones before that.")
	switch left {
	case 0:
		return tr("None of your backup codes is left.") + why
	case 1:
		return tr("Only one of your backup codes is left.") + why
	default:
		return tr("Only %d of your backup codes are left.", left) + why
	}
}
