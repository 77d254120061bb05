package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// resetPassword is the page that the link in a mail about a forgotten password
// leads to: it sets a new one.
type resetPassword struct {
	app.Compo
	Token string // if it is not in the address

	ctx   app.Context
	form  form
	token string
	void  bool // the link cannot be used, or no more
}

func (p *resetPassword) OnInit() {
	defer rescue()
	p.form = form{id: "reset", fields: []string{"newPassword"}}
}

func (p *resetPassword) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	if p.token = p.Token; p.token == "" {
		p.token = takeToken(ctx)
	}
	p.void = p.token == ""
}

// takeToken takes the token of a link out of the address, at once: it must not
// stay in the history of the browser, nor be seen over a shoulder.
func takeToken(ctx app.Context) string {
	address := ctx.Page().URL()
	token := address.Query().Get("token")
	if address.RawQuery != "" {
		app.Window().Get("history").Call("replaceState", nil, "", address.Path)
	}
	return token
}

func (p *resetPassword) submit(_ app.Context, e app.Event) {
	defer rescue()
	e.PreventDefault()
	if !p.form.start(p.ctx, map[string]string{"newPassword": tr("Choose a new password.")}) {
		return
	}
	in := shared.PasswordReset{NewPassword: p.form.value("newPassword"), Token: &p.token}
	call(p.ctx, shared.ResetPassword, in, func(ctx app.Context, _ shared.Status, err error) {
		if is(err, shared.ErrToken, shared.ErrTokenExpired) {
			p.form.end(ctx, nil)
			p.void = true
			focus(ctx, "title")
			return
		}
		p.form.end(ctx, err)
		if err == nil {
			leave(ctx, passwordChosen)
		}
	})
}

// Render implements [app.Composer].
func (p *resetPassword) Render() app.UI {
	if p.void {
		return voidLink(tr("This link has been used already, or its time is over. Ask for a new one."), shared.PageForgotPassword, tr("Send me a new link"))
	}
	return html.Div().Class("narrow").Body(
		heading(tr("Choose a new password")),
		html.Form().Class("card").Attr("novalidate", "true").OnSubmit(p.submit).Body(
			html.P().Text(tr("It signs you out everywhere. Then sign in with the new password.")),
			p.form.field(field{Name: "newPassword", Label: tr("New password"), Type: "password", Complete: "new-password", Hint: tr("At least 8 characters. Longer is stronger.")}),
			p.form.trouble(),
			p.form.button(tr("Set the new password"), "main"),
		),
	)
}

// voidLink says that a link from a mail is good for nothing, and what to do.
func voidLink(why, href, deed string) app.UI {
	return html.Div().Class("narrow").Body(
		heading(tr("This link does not work any more")),
		html.Div().Class("card").Body(
			html.P().Text(why),
			html.A(href).Class("button").Text(deed),
		),
	)
}
