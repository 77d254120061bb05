package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// verification is a button that sends the verification email again.
type verification struct {
	app.Compo
	mounted
	Env      *env
	Email    string
	Profile  bool   // it is a part of the profile
	Language string // that it is drawn in

	busy bool
}

func (v *verification) send(app.Context, app.Event) {
	if v.busy {
		return
	}
	v.busy = true
	call(v.ctx, v.Env, shared.SendVerificationEmail, shared.EmailRequest{Email: v.Email}, func(ctx app.Context, _ shared.Status, err error) {
		v.busy = false
		if err != nil {
			toastError(ctx, err)
			return
		}
		toast(ctx, v.Env.T("The mail is on its way to %s.", v.Email))
	})
}

// Render implements [app.Composer].
func (v *verification) Render() app.UI {
	text := v.Env.T("Send the mail again")
	if v.Profile {
		text = v.Env.T("Send the verification mail again")
	}
	return busyButton(text, v.send, v.busy)
}

// newEmail is the part of the profile that gives the account another address.
type newEmail struct {
	app.Compo
	mounted
	Env      *env
	User     shared.User
	Language string // that it is drawn in

	form   form
	opened bool
	said   string // which emails will come
}

func (p *newEmail) OnInit() {
	defer rescue()
	p.form.init(p.Env, "new-email", "newEmail")
}

func (p *newEmail) open(app.Context, app.Event) {
	p.opened, p.said = true, ""
	focus(p.ctx, p.form.inputID("newEmail"))
}

func (p *newEmail) cancel(app.Context, app.Event) {
	if p.form.busy {
		return
	}
	p.opened, p.form.wrong, p.form.problem = false, nil, ""
	focus(p.ctx, "change-email")
}

func (p *newEmail) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !p.form.start(p.ctx, map[string]string{"newEmail": p.Env.T("Enter the new address.")}) {
		return
	}
	email := p.form.value("newEmail")
	call(p.ctx, p.Env, shared.ChangeEmail, shared.EmailChange{NewEmail: email}, func(ctx app.Context, _ shared.Status, err error) {
		p.form.end(ctx, err)
		if err != nil {
			return
		}
		p.opened, p.said = false, p.Env.emailMails(p.User, email)
		focus(ctx, "change-email")
	})
}

// emailMails says which emails come when user asks for another address.
func (t *translator) emailMails(user shared.User, email string) string {
	if user.EmailVerified {
		return t.T("A mail is on its way to %s. Open the link in it; then one goes to %s, and its link makes the change.", user.Email, email)
	}
	return t.T("A mail is on its way to %s. Its link makes the change.", email)
}

// Render implements [app.Composer].
func (p *newEmail) Render() app.UI {
	e := p.Env
	state, class := e.T("Not verified"), "badge bad"
	if p.User.EmailVerified {
		state, class = e.T("Verified"), "badge"
	}
	return html.Div().Class("state").Body(
		html.Dl().Class("details").Body(fact(e.T("Email"), html.Span().Class("device").Body(
			html.Span().Text(p.User.Email), html.Span().Class(class).Text(state),
		))),
		html.P().Class("hint").Role("status").Text(p.said),
		html.Div().Body(app.If(p.opened, p.change).Else(p.actions)),
	)
}

func (p *newEmail) actions() app.UI {
	return html.Div().Class("actions").Body(
		button(p.Env.T("Change email address"), p.open).ID("change-email"),
		html.Div().Body(app.If(!p.User.EmailVerified, func() app.UI {
			return &verification{Env: p.Env, Email: p.User.Email, Profile: true, Language: p.Language}
		})),
	)
}

func (p *newEmail) change() app.UI {
	e := p.Env
	hint := e.T("We send a link to it, to see that it is yours.")
	if p.User.EmailVerified {
		hint = e.T("We send a link to the address that you have now, and then one to the new one. It changes when both were opened.")
	}
	return html.Form().Attr("novalidate", "true").OnSubmit(on(p.submit)).Body(
		p.form.field(field{Name: "newEmail", Label: e.T("New email address"), Type: "email", Complete: "email", Hint: hint}),
		p.form.drawError(),
		html.Div().Class("actions").Body(
			p.form.button(e.T("Send the link"), "main"),
			button(e.T("Cancel"), p.cancel),
		),
	)
}
