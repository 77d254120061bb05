package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// forgotPassword is the page on which the user requests a password-reset email. It shows the
// same for every address, so that it does not reveal which have an account.
type forgotPassword struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn

	ctx  app.Context
	form form
	sent string // the address of the last request

	typed string // the address in the refused form of the page
}

func (p *forgotPassword) OnInit() {
	defer rescue()
	p.form.init(p.Env, "forgot", "email")
	if refused := p.form.calls(p.Env.formCall(shared.RequestPasswordReset.Path)); refused != nil {
		p.typed = refused.Typed["email"]
	}
}

func (p *forgotPassword) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	focusField(ctx, p.form.inputID("email"))
}

func (p *forgotPassword) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !p.form.start(p.ctx, map[string]string{"email": p.Env.T(message.ErrEnterEmailAddress)}) {
		return
	}
	email := p.form.value("email")
	in := shared.ResetRequest{Email: email}
	call(p.ctx, p.Env, shared.RequestPasswordReset, in, func(ctx app.Context, _ shared.ResetRequested, err error) {
		p.form.end(ctx, err)
		if err == nil {
			p.sent = email
			setTitle(ctx, message.CheckYourEmail)
			focus(ctx, "title")
		}
	})
}

func (p *forgotPassword) other(app.Context, app.Event) {
	p.sent = ""
	setTitle(p.ctx, 0)
	focus(p.ctx, p.form.inputID("email"))
}

// Render implements [app.Composer].
func (p *forgotPassword) Render() app.UI {
	e := p.Env
	back := html.P().Class("aside").Body(html.A(shared.PageSignIn).Text(e.T(message.BackToSignIn)))
	if p.sent != "" {
		return narrow(
			heading(e.T(message.CheckYourEmail)),
			html.Div().Class("card").Body(
				html.P().Text(e.T(message.DoneResetLinkSent, p.sent)),
				hint(e.T(message.HintCheckSpamAndAddress)),
				button(e.T(message.UseAnotherAddress), p.other),
			),
			back,
		)
	}
	return narrow(
		heading(e.T(message.ForgotPassword)),
		formTo(p.submit).Class("card").Body(
			html.P().Text(e.T(message.ForgotPasswordExplanation)),
			p.form.field(field{Name: "email", Label: e.T(message.EmailAddress), Type: "email", Complete: "username", Value: p.typed}),
			p.form.drawError(),
			p.form.button(e.T(message.SendLink), "main"),
		),
		back,
	)
}
