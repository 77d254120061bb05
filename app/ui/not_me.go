package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// notMe is the page that the "This wasn't me" link in an email opens. It changes nothing until
// the user presses the button, because email scanners open links, too.
type notMe struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn

	link
}

func (p *notMe) OnInit() {
	defer rescue()
	p.form.init(p.Env, "not-me")
	p.adopt()
	p.form.calls(p.Env.formCall(shared.ReportNotMe.Path, "token", p.token))
}

func (p *notMe) OnMount(ctx app.Context) {
	defer rescue()
	p.check(ctx, shared.LinkReportNotMe, func(app.Context) {})
}

func (p *notMe) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !p.form.start(p.ctx, nil) {
		return
	}
	call(p.ctx, p.Env, shared.ReportNotMe, shared.LinkToken{Token: p.token}, func(ctx app.Context, out shared.NotMeReport, err error) {
		if p.end(ctx, err) {
			chooseNewPassword(ctx, p.Env, out.Token)
		}
	})
}

// Render implements [app.Composer].
func (p *notMe) Render() app.UI {
	e := p.Env
	switch {
	case !p.checked:
		return drawUnchecked(e.T(message.WasItNotYou))
	case p.dead != nil:
		return p.drawDead(message.RevokeAccessAnyway, message.ErrLinkDeadStillSecure, message.ChooseNewPassword)
	}
	return narrow(
		heading(e.T(message.WasItNotYou)),
		html.Form().Class("card").OnSubmit(on(p.submit)).Body(
			html.P().Text(e.T(message.NotMeExplanation)),
			hint(e.T(message.HintItWasMe)),
			p.form.drawError(),
			p.form.button(e.T(message.ItWasNotMe), "main"),
		),
	)
}
