package ui

import (
	"errors"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// resetPassword is the page that the link in an email about a forgotten password
// leads to: it sets a new one.
type resetPassword struct {
	app.Compo
	Env   *env
	Token string // if it is not in the address

	ctx     app.Context
	form    form
	token   string
	checked bool   // the server has been asked about the link
	dead    error  // why the link cannot be used; nil if it can, as far as is known
	email   string // whose password it is
}

func (p *resetPassword) OnInit() {
	defer rescue()
	p.form.init(p.Env, "reset", "newPassword")
}

func (p *resetPassword) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	if p.token = p.Token; p.token == "" {
		p.token = takeToken(ctx)
	}
	checkLink(ctx, p.Env, p.token, shared.LinkReset, func(dead error, email string) { p.checked, p.dead, p.email = true, dead, email })
}

// checkLink asks the server whether a link is dead, and why, so that no user fills in
// a form for nothing. It also tells whose link it is. If the server does not answer,
// dead is nil: the form is worth a try.
func checkLink(ctx app.Context, e *env, token, purpose string, then func(dead error, email string)) {
	if token == "" {
		then(shared.ErrToken, "")
		return
	}
	call(ctx, e, shared.CheckLink, shared.LinkCheck{Token: token, Purpose: purpose}, func(_ app.Context, link shared.CheckedLink, err error) {
		if !isDead(err) {
			err = nil
		}
		then(err, link.Email)
	})
}

// isDead reports whether the link of a call can never be used.
func isDead(err error) bool {
	return isOneOf(err, shared.ErrToken, shared.ErrTokenExpired, shared.ErrTokenUsed)
}

// takeToken takes the token of a link out of the address, at once: it must not stay
// in the browser's history, nor be seen over a shoulder.
func takeToken(ctx app.Context) string {
	address := ctx.Page().URL()
	token := address.Query().Get("token")
	if address.RawQuery != "" {
		app.Window().Get("history").Call("replaceState", nil, "", address.Path)
	}
	return token
}

func (p *resetPassword) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !p.form.start(p.ctx, map[string]string{"newPassword": p.Env.T(message.ErrChooseNewPassword)}) {
		return
	}
	in := shared.PasswordReset{NewPassword: p.form.value("newPassword"), Token: &p.token}
	call(p.ctx, p.Env, shared.ResetPassword, in, func(ctx app.Context, _ shared.Status, err error) {
		if isDead(err) {
			p.form.end(ctx, nil)
			p.dead = err
			focus(ctx, "title")
			return
		}
		p.form.end(ctx, err)
		if err == nil {
			goToSignIn(ctx, passwordChosen)
		}
	})
}

// Render implements [app.Composer].
func (p *resetPassword) Render() app.UI {
	e := p.Env
	if p.Token == "" && !p.checked { // else the server has only just made it
		return linkLoading(e.T(message.ChooseNewPassword))
	}
	if p.dead != nil {
		return e.deadLink(p.deadWords(), shared.PageForgotPassword, e.T(message.SendNewLink))
	}
	return narrow(
		heading(e.T(message.ChooseNewPassword)),
		formTo(p.submit).Class("card").Body(
			html.P().Text(e.T(message.ResetPasswordExplanation)),
			username(p.email),
			p.form.field(field{
				Name: "newPassword", Label: e.T(message.NewPassword), Type: "password", Complete: "new-password",
				Hint: e.T(message.HintPasswordLength),
			}),
			p.form.drawError(),
			p.form.button(e.T(message.SetNewPassword), "main"),
		),
	)
}

// deadWords says why the link cannot be used, as far as the server has told.
func (p *resetPassword) deadWords() string {
	return p.Env.deadLinkWords(p.dead,
		message.AskForNewLink,
		message.ErrLinkDead,
	)
}

// deadLinkWords says why a link cannot be used, followed by advice; or unknown, if the
// server has not told why.
func (t *env) deadLinkWords(why error, advice, unknown message.ID) string {
	switch {
	case errors.Is(why, shared.ErrTokenUsed):
		return t.T(message.ErrLinkUsed) + " " + t.T(advice)
	case errors.Is(why, shared.ErrTokenExpired):
		return t.T(message.ErrLinkExpired) + " " + t.T(advice)
	}
	return t.T(unknown)
}

// linkLoading is the page of a link while the server is asked about it.
func linkLoading(title string) app.UI {
	return narrow(
		heading(title),
		html.Div().Class("card").Aria("busy", true).Body(skeleton()),
	)
}

// deadLink is the page of a link that cannot be used: it says why, and what to do.
func (t *env) deadLink(why, href, deed string) app.UI {
	return narrow(
		heading(t.T(message.ErrLinkNoLongerWorks)),
		html.Div().Class("card").Body(
			html.P().Text(why),
			html.A(href).Class("button").Text(deed),
		),
	)
}
