package ui

import (
	"errors"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// resetPassword is the page that a password-reset link opens. The user sets a new password
// there.
type resetPassword struct {
	app.Compo
	Env   *env
	Token string // the token, if it is not in the address

	ctx     app.Context
	form    form
	token   string
	checked bool   // the server has checked the link
	dead    error  // why the link does not work; nil if it works or this is unknown
	email   string // the account's address
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

// checkLink asks the server whether a link still works, so that users do not fill in a form in
// vain. It calls then with the reason if the link is dead, and with the account's address. If
// the server does not respond, dead is nil, because the link may work.
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

// isDead reports whether err means that a link can never work.
func isDead(err error) bool {
	return isOneOf(err, shared.ErrToken, shared.ErrTokenExpired, shared.ErrTokenUsed)
}

// takeToken returns the token in the address and removes it from there, so that it does not
// stay visible or in the browser's history.
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
	if p.Token == "" && !p.checked { // a given token is new and needs no check
		return linkLoading(e.T(message.ChooseNewPassword))
	}
	if p.dead != nil {
		return e.deadLink(p.deadText(), shared.PageForgotPassword, e.T(message.SendNewLink))
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

// deadText returns why the link does not work.
func (p *resetPassword) deadText() string {
	return p.Env.deadLinkText(p.dead,
		message.AskForNewLink,
		message.ErrLinkDead,
	)
}

// deadLinkText returns why a link does not work, followed by advice. It returns unknown if
// the reason is unknown.
func (t *env) deadLinkText(why error, advice, unknown message.ID) string {
	switch {
	case errors.Is(why, shared.ErrTokenUsed):
		return t.T(message.ErrLinkUsed) + " " + t.T(advice)
	case errors.Is(why, shared.ErrTokenExpired):
		return t.T(message.ErrLinkExpired) + " " + t.T(advice)
	}
	return t.T(unknown)
}

// linkLoading draws the page of a link while the server checks it.
func linkLoading(title string) app.UI {
	return narrow(
		heading(title),
		html.Div().Class("card").Aria("busy", true).Body(skeleton()),
	)
}

// deadLink draws the page of a link that does not work: why, and what the user can do.
func (t *env) deadLink(why, href, action string) app.UI {
	return narrow(
		heading(t.T(message.ErrLinkNoLongerWorks)),
		html.Div().Class("card").Body(
			html.P().Text(why),
			html.A(href).Class("button").Text(action),
		),
	)
}
