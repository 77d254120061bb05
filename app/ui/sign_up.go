package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// signUp is the page that creates an account.
type signUp struct {
	app.Compo
	Env    *env
	Server serverInfo

	ctx    app.Context
	form   form
	invite string // the token of the link that makes the first administrator
	sent   string // the address that has to be verified first
}

func (p *signUp) OnInit() {
	defer rescue()
	p.form.init(p.Env, "sign-up", "name", "email", "password")
}

func (p *signUp) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	p.invite = ctx.Page().URL().Query().Get("invite")
}

func (p *signUp) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if wrong := p.Env.wrongName(p.form.value("name")); wrong != "" {
		p.form.refuse(p.ctx, "name", wrong)
		return
	}
	if !p.form.start(p.ctx, map[string]string{
		"email":    p.Env.T("Enter your email address."),
		"password": p.Env.T("Choose a password."),
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
		invited = e.T("This account will be the first administrator of this server.")
	}
	have := html.P().Class("aside").Body(
		app.Text(e.T("You have an account?")+" "),
		html.A(shared.PageSignIn).Text(e.T("Sign in")),
	)
	switch {
	case p.sent != "":
		return html.Div().Class("narrow").Body(
			heading(e.T("Check your mail")),
			html.Div().Class("card").Body(
				html.P().Text(e.T("A mail is on its way to %s. Open the link in it to go on.", p.sent)),
				html.P().Class("hint").Text(e.T("Nothing there after some minutes? Look in the folder for spam.")),
				&verification{Env: e, Email: p.sent},
			),
			html.P().Class("aside").Body(html.A(shared.PageSignIn).Text(e.T("Go to sign-in"))),
		)
	case p.Server.Known && !p.Server.SignUp && p.invite == "":
		return html.Div().Class("narrow").Body(
			heading(e.T("Create an account")),
			html.Div().Class("card").Body(html.P().Text(e.words(shared.ErrSignUpDisabled))),
			have,
		)
	}
	return html.Div().Class("narrow").Body(
		heading(e.T("Create an account")).Aria("describedby", "notice"),
		notice(invited),
		html.Form().Class("card").Attr("novalidate", "true").OnSubmit(on(p.submit)).Body(
			p.form.field(field{Name: "name", Label: e.T("Name"), Type: "text", Complete: "name"}),
			p.form.field(field{Name: "email", Label: e.T("Email"), Type: "email", Complete: "username"}),
			p.form.field(field{
				Name: "password", Label: e.T("Password"), Type: "password", Complete: "new-password",
				Hint: e.T("At least 8 characters. Longer is stronger."),
			}),
			p.form.drawError(),
			p.form.button(e.T("Create account"), "main"),
		),
		have,
	)
}
