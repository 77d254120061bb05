package ui

import (
	"errors"
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// link is the state of a page that a link in an email opens.
type link struct {
	ctx  app.Context
	form form

	token   string
	secured bool   // the user has just secured the account
	checked bool   // the server has checked the link
	dead    error  // why the link does not work; nil if it works or this is unknown
	email   string // the account's address
}

// check asks the server whether the link still works, so that users do not fill in the form in
// vain. The token is the one in the address, or else the one that the tab has opened before. If
// the server does not respond, dead stays nil, because the link may work. It calls works unless
// the link is dead.
func (l *link) check(ctx app.Context, purpose string, works func(app.Context)) {
	e, page := l.form.env, ctx.Page().URL().Path
	l.ctx = ctx
	if token := takeToken(ctx); token != "" {
		e.opened.save(page, byEmail, token)
	}
	l.token, l.secured = e.opened.of(page)
	if l.token == "" {
		l.die(ctx, shared.ErrToken)
		return
	}
	if l.checked {
		if l.dead == nil {
			works(ctx)
		}
		return
	}
	in := shared.LinkCheck{Token: l.token, Purpose: purpose}
	call(ctx, e, shared.CheckLink, in, func(ctx app.Context, out shared.CheckedLink, err error) {
		l.checked, l.email = true, out.Email
		if isDead(err) {
			l.die(ctx, err)
			return
		}
		works(ctx)
	})
}

// adopt takes the state of the link from the page, if the server has checked the link.
func (l *link) adopt() {
	e := l.form.env
	p := e.page
	if p == nil || p.State.Link == nil {
		return
	}
	state := p.State.Link
	if app.IsClient {
		p.State.Link = nil // the user may return to the page
	}
	l.checked, l.email, l.token = true, state.Email, e.address().Query().Get("token")
	if state.Error != nil {
		l.dead, p.State.Form = state.Error, nil
	}
}

// die draws the page of a link that does not work.
func (l *link) die(ctx app.Context, err error) {
	l.checked, l.dead = true, err
	setTitle(ctx, message.ErrLinkNoLongerWorks)
}

// isDead reports whether err means that a link can never work.
func isDead(err error) bool {
	var e *shared.Error
	return errors.As(err, &e) && slices.Contains(shared.LinkErrors, e.Code)
}

// chooseNewPassword leads to the page for a new password after the user has secured the account.
func chooseNewPassword(ctx app.Context, e *env, token string) {
	e.opened.save(shared.PageResetPassword, bySecure, token)
	ctx.Navigate(shared.PageResetPassword)
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

// end ends the submission of the form, and reports whether it succeeded.
func (l *link) end(ctx app.Context, err error) bool {
	if isDead(err) {
		l.form.end(ctx, nil)
		l.die(ctx, err)
		focus(ctx, "title")
		return false
	}
	l.form.end(ctx, err)
	if err == nil {
		l.form.env.opened.remove()
	}
	return err == nil
}

// drawUnchecked draws the page while the server checks the link.
func drawUnchecked(title string) app.UI {
	return narrow(
		heading(title),
		html.Div().Class("card").Aria("busy", true).Body(skeleton()),
	)
}

// drawDead draws the page of a link that does not work: why, followed by advice, and a button
// with which the user can request an email. If the reason is unknown, unknown says so.
func (l *link) drawDead(advice, unknown, button message.ID) app.UI {
	t := l.form.env
	why := t.T(unknown)
	switch {
	case errors.Is(l.dead, shared.ErrTokenUsed):
		why = t.T(message.ErrLinkUsed) + " " + t.T(advice)
	case errors.Is(l.dead, shared.ErrTokenExpired):
		why = t.T(message.ErrLinkExpired) + " " + t.T(advice)
	case errors.Is(l.dead, shared.ErrTokenSuperseded):
		why = t.errorMessage(l.dead)
	}
	return narrow(
		heading(t.T(message.ErrLinkNoLongerWorks)),
		html.Div().Class("card").Body(
			html.P().Text(why),
			html.A(shared.PageForgotPassword).Class("button").Text(t.T(button)),
		),
	)
}
