package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// signUp is the page that makes an account.
type signUp struct {
	app.Compo

	ctx    app.Context
	form   form
	invite string // the token of the link that makes the first administrator
}

func (p *signUp) OnInit() {
	defer rescue()
	p.form = form{id: "sign-up", fields: []string{"name", "email", "password"}}
}

func (p *signUp) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	p.invite = ctx.Page().URL().Query().Get("invite")
}

func (p *signUp) submit(_ app.Context, e app.Event) {
	defer rescue()
	e.PreventDefault()
	if !p.form.start(p.ctx, map[string]string{
		"email":    "Enter your email address.",
		"password": "Choose a password.",
	}) {
		return
	}
	in := shared.NewAccount{
		Name:     p.form.value("name"),
		Email:    p.form.value("email"),
		Password: p.form.value("password"),
		Invite:   p.invite,
	}
	call(p.ctx, shared.SignUp, in, func(ctx app.Context, out shared.SignedUp, err error) {
		p.form.end(ctx, err)
		if err == nil && out.Token != nil {
			enter(ctx, out.User)
		}
	})
}

// Render implements [app.Composer].
func (p *signUp) Render() app.UI {
	invited := ""
	if p.invite != "" {
		invited = "This account will be the first administrator of this server."
	}
	return app.Div().Class("narrow").Body(
		heading("Create an account"),
		notice(invited),
		app.Form().Class("card").Attr("novalidate", "true").OnSubmit(p.submit).Body(
			p.form.field(field{Name: "name", Label: "Name", Type: "text", Complete: "name"}),
			p.form.field(field{Name: "email", Label: "Email", Type: "email", Complete: "email"}),
			p.form.field(field{Name: "password", Label: "Password", Type: "password", Complete: "new-password", Hint: "At least 8 characters. Longer is stronger."}),
			p.form.trouble(),
			p.form.button("Create account", "main"),
		),
		app.P().Class("aside").Body(
			app.Text("You have an account? "),
			app.A().Href(shared.PageSignIn).Text("Sign in"),
		),
	)
}
