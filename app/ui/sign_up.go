package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// signUp is the page that creates an account.
type signUp struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn
	Server   serverInfo

	ctx    app.Context
	form   form
	invite string // the token from the link that creates the first administrator
	sent   string // the address that has to be verified first

	typed map[string]string // the fields of the refused form of the page
}

func (p *signUp) OnInit() {
	defer rescue()
	p.form.init(p.Env, "sign-up", "name", "email", "password")
	p.invite = p.Env.address().Query().Get("invite")
	fields := []string{"rememberMe", "on"}
	if p.invite != "" {
		fields = append(fields, "invite", p.invite)
	}
	if refused := p.form.calls(p.Env.formCall(shared.SignUp.Path, fields...)); refused != nil {
		p.typed = refused.Typed
	}
}

func (p *signUp) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	focusField(ctx, p.form.inputID("name"))
}

func (p *signUp) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if wrong := p.Env.wrongName(p.form.value("name")); wrong != "" {
		p.form.refuse(p.ctx, "name", wrong)
		return
	}
	if !p.form.start(p.ctx, map[string]string{
		"email":    p.Env.T(message.ErrEnterEmailAddress),
		"password": p.Env.T(message.ErrChoosePassword),
	}) {
		return
	}
	in := shared.NewAccount{
		Name:     p.form.value("name"),
		Email:    p.form.value("email"),
		Password: p.form.value("password"),
		Invite:   p.invite,
	}
	call(p.ctx, p.Env, shared.SignUp, in, func(ctx app.Context, out shared.SignedUp, err error) {
		p.form.end(ctx, err)
		switch {
		case err != nil:
		case out.Token == nil:
			p.sent = in.Email
			setTitle(ctx, message.CheckYourEmail)
			focus(ctx, "title")
		default:
			signedIn(ctx, out.User)
		}
	})
}

// Render implements [app.Composer].
func (p *signUp) Render() app.UI {
	e := p.Env
	invited := ""
	if p.invite != "" {
		invited = e.T(message.FirstAdministrator)
	}
	have := html.P().Class("aside").Body(
		html.Text(e.T(message.AlreadyHaveAccount)+" "),
		html.A(shared.PageSignIn).Text(e.T(message.SignIn)),
	)
	switch {
	case p.sent != "":
		return narrow(
			heading(e.T(message.CheckYourEmail)),
			html.Div().Class("card").Body(
				html.P().Text(e.T(message.DoneSignUpEmailSent, p.sent)),
				hint(e.T(message.HintSpamFolder)),
				&verification{Env: e, Email: p.sent},
			),
			html.P().Class("aside").Body(html.A(shared.PageSignIn).Text(e.T(message.GoToSignIn))),
		)
	case p.Server.Known && !p.Server.SignUp && p.invite == "":
		return narrow(
			heading(e.T(message.CreateAnAccount)),
			html.Div().Class("card").Body(html.P().Text(e.errorMessage(shared.ErrSignUpDisabled))),
			have,
		)
	}
	return narrow(
		heading(e.T(message.CreateAnAccount)).Aria("describedby", "notice"),
		notice(invited),
		formTo(p.submit).Class("card").Body(
			p.form.field(field{Name: "name", Label: e.T(message.DisplayName), Type: "text", Complete: "name", Value: p.typed["name"]}),
			p.form.field(field{Name: "email", Label: e.T(message.EmailAddress), Type: "email", Complete: "username", Value: p.typed["email"]}),
			p.form.field(field{
				Name: "password", Label: e.T(message.AccountPassword), Type: "password", Complete: "new-password",
				Hint: e.T(message.HintPasswordLength),
			}),
			p.form.drawError(),
			p.form.button(e.T(message.RegisterAccount), "main"),
		),
		have,
	)
}
