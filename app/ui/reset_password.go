package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// resetPassword is the page that a password-reset link opens, and that follows the report that
// a change or a sign-in was not the user's. The user sets a new password there.
type resetPassword struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn

	link
	strength strength
}

func (p *resetPassword) OnInit() {
	defer rescue()
	p.form.init(p.Env, "reset", "newPassword")
	p.adopt()
	p.form.calls(p.Env.formCall(shared.ResetPassword.Path, "token", p.token))
}

func (p *resetPassword) OnMount(ctx app.Context) {
	defer rescue()
	p.check(ctx, shared.LinkReset, func(ctx app.Context) { focusField(ctx, p.form.inputID("newPassword"), "title") })
}

// typed estimates the strength of what has been typed.
func (p *resetPassword) typed() {
	dispatch(p.ctx, func(app.Context) {
		delete(p.form.wrong, "newPassword")
		p.strength = p.Env.passwordStrength(p.form.value("newPassword"), p.email, "")
	})
}

func (p *resetPassword) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !p.form.start(p.ctx, map[string]string{"newPassword": p.Env.T(message.ErrChooseNewPassword)}) {
		return
	}
	in := shared.PasswordReset{NewPassword: p.form.value("newPassword"), Token: &p.token}
	call(p.ctx, p.Env, shared.ResetPassword, in, func(ctx app.Context, _ shared.Status, err error) {
		if p.end(ctx, err) {
			p.Env.signInEmail = p.email
			goToSignIn(ctx, passwordChosen)
		}
	})
}

// Render implements [app.Composer].
func (p *resetPassword) Render() app.UI {
	e := p.Env
	if !p.checked {
		return drawUnchecked(e.T(message.ChooseNewPassword))
	}
	if p.dead != nil {
		return p.drawDead(message.AskForNewLink, message.ErrLinkDead, message.SendNewLink)
	}
	text := e.T(message.ResetPasswordExplanation)
	if p.secured {
		text = e.T(message.DoneAccountSecured)
	}
	return narrow(
		heading(e.T(message.ChooseNewPassword)).Aria("describedby", "reset-text"),
		formTo(p.submit).Class("card").Body(
			html.P().ID("reset-text").Text(text),
			username(p.email),
			p.form.field(field{
				Name: "newPassword", Label: e.T(message.NewPassword), Type: "password", Complete: "new-password",
				Hint: e.T(message.HintPasswordLength), Typed: p.typed, DescribedBy: "reset-text",
			}),
			e.drawStrength(p.strength, p.form.wrong["newPassword"]),
			p.form.drawError(),
			p.form.button(e.T(message.SetNewPassword), "main"),
		),
	)
}
