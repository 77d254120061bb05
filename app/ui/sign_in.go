package ui

import (
	"errors"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// signIn is the page that asks who one is.
type signIn struct {
	app.Compo
	Notice string // why one is here, if not by one's own will

	ctx  app.Context
	form form
}

func (p *signIn) OnInit() {
	defer rescue()
	p.form = form{id: "sign-in", fields: []string{"email", "password"}}
}

func (p *signIn) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
}

func (p *signIn) submit(_ app.Context, e app.Event) {
	defer rescue()
	e.PreventDefault()
	if !p.form.start(p.ctx, map[string]string{
		"email":    "Enter your email address.",
		"password": "Enter your password.",
	}) {
		return
	}
	remember := element("sign-in-remember").Get("checked").Bool()
	in := shared.Credentials{
		Email:      p.form.value("email"),
		Password:   p.form.value("password"),
		RememberMe: &remember,
	}
	call(p.ctx, shared.SignIn, in, func(ctx app.Context, out shared.SignedIn, err error) {
		if due := secondFactorDue(out, err); due != nil {
			p.form.end(ctx, nil)
			p.form.empty("password")
			challenged(ctx, due.TwoFactorMethods)
			return
		}
		p.form.end(ctx, err)
		if err == nil {
			enter(ctx, out.User)
		}
	})
}

// secondFactorDue is what the server says of the second factor if the password
// was right and one is due. It depends on the server's settings whether that
// is an error.
func secondFactorDue(out shared.SignedIn, err error) *shared.SecondFactorDue {
	var e *shared.Error
	if errors.As(err, &e) && errors.Is(err, shared.ErrTwoFactorRequired) {
		if e.SecondFactorDue == nil {
			return &shared.SecondFactorDue{}
		}
		return e.SecondFactorDue
	}
	return out.SecondFactorDue
}

// Render implements [app.Composer].
func (p *signIn) Render() app.UI {
	return app.Div().Class("narrow").Body(
		heading("Sign in"),
		notice(p.Notice),
		app.Form().Class("card").Attr("novalidate", "true").OnSubmit(p.submit).Body(
			p.form.field(field{Name: "email", Label: "Email", Type: "email", Complete: "username"}),
			p.form.field(field{Name: "password", Label: "Password", Type: "password", Complete: "current-password"}),
			app.Label().Class("check").Body(
				app.Input().Type("checkbox").ID("sign-in-remember").Name("rememberMe").Checked(true),
				app.Span().Text("Keep me signed in on this device"),
			),
			p.form.trouble(),
			p.form.button("Sign in", "main"),
		),
		app.P().Class("aside").Body(
			app.Text("New here? "),
			app.A().Href(shared.PageSignUp).Text("Create an account"),
		),
	)
}
