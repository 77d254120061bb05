package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// resetPassword is the page that a password-reset link opens. The user sets a new password
// there.
type resetPassword struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn
	Token    string // the token, if it is not in the address

	link
	strength strength
}

func (p *resetPassword) OnInit() {
	defer rescue()
	p.form.init(p.Env, "reset", "newPassword")
}

func (p *resetPassword) OnMount(ctx app.Context) {
	defer rescue()
	p.check(ctx, p.Token, shared.LinkReset)
}

// typed estimates the strength of what has been typed.
func (p *resetPassword) typed() {
	dispatch(p.ctx, func(app.Context) {
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
	if p.Token == "" && !p.checked { // a given token is new and needs no check
		return drawUnchecked(e.T(message.ChooseNewPassword))
	}
	if p.dead != nil {
		return p.drawDead(message.AskForNewLink, message.ErrLinkDead, message.SendNewLink)
	}
	return narrow(
		heading(e.T(message.ChooseNewPassword)),
		formTo(p.submit).Class("card").Body(
			html.P().Text(e.T(message.ResetPasswordExplanation)),
			username(p.email),
			p.form.field(field{
				Name: "newPassword", Label: e.T(message.NewPassword), Type: "password", Complete: "new-password",
				Hint: e.T(message.HintPasswordLength), Typed: p.typed,
			}),
			e.drawStrength(p.strength, p.form.wrong["newPassword"]),
			p.form.drawError(),
			p.form.button(e.T(message.SetNewPassword), "main"),
		),
	)
}
