package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// verification is a button that sends another verification email.
type verification struct {
	app.Compo
	mounted
	Env      *env
	Email    string
	Profile  bool   // it is shown in the profile
	Language string // in which it is drawn

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
		toast(ctx, v.Env.T(message.DoneEmailSent, v.Email))
	})
}

// Render implements [app.Composer].
func (v *verification) Render() app.UI {
	text := v.Env.T(message.SendEmailAgain)
	if v.Profile {
		text = v.Env.T(message.SendVerificationEmailAgain)
	}
	return busyButton(text, v.send, v.busy)
}

// newEmail is the part of the profile in which the user changes the email address.
type newEmail struct {
	app.Compo
	mounted
	Env      *env
	User     shared.User
	Language string // in which it is drawn

	form   form
	opened bool
	said   string // says which emails will come
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
	if !p.form.start(p.ctx, map[string]string{"newEmail": p.Env.T(message.ErrEnterNewAddress)}) {
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

// emailMails returns which emails a change of the address causes.
func (t *env) emailMails(user shared.User, email string) string {
	if user.EmailVerified {
		return t.T(message.DoneChangeLinkSentFirst, user.Email, email)
	}
	return t.T(message.DoneChangeLinkSent, email)
}

// Render implements [app.Composer].
func (p *newEmail) Render() app.UI {
	e := p.Env
	state, class := e.T(message.EmailNotVerified), "badge bad"
	if p.User.EmailVerified {
		state, class = e.T(message.EmailVerified), "badge"
	}
	return html.Div().Class("state").Body(
		html.Dl().Class("details").Body(fact(e.T(message.EmailAddress), html.Span().Class("device").Body(
			html.Span().Text(p.User.Email), html.Span().Class(class).Text(state),
		))),
		html.P().Class("hint").Role("status").Text(p.said),
		html.Div().Body(app.If(p.opened, p.change).Else(p.actions)),
	)
}

func (p *newEmail) actions() app.UI {
	return html.Div().Class("actions").Body(
		button(p.Env.T(message.ChangeEmailAddress), p.open).ID("change-email"),
		html.Div().Body(app.If(!p.User.EmailVerified, func() app.UI {
			return &verification{Env: p.Env, Email: p.User.Email, Profile: true, Language: p.Language}
		})),
	)
}

func (p *newEmail) change() app.UI {
	e := p.Env
	hint := e.T(message.HintNewEmailLink)
	if p.User.EmailVerified {
		hint = e.T(message.HintBothEmailLinks)
	}
	return formTo(p.submit).Body(
		p.form.field(field{Name: "newEmail", Label: e.T(message.NewEmailAddress), Type: "email", Complete: "email", Hint: hint}),
		p.form.drawError(),
		html.Div().Class("actions").Body(
			p.form.button(e.T(message.SendLink), "main"),
			button(e.T(message.CancelAction), p.cancel),
		),
	)
}
