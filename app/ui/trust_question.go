package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// trustQuestion asks whether to trust the browser, after a sign-in with a second factor.
type trustQuestion struct {
	app.Compo
	Env     *env
	Problem string // why the browser is not trusted
	Busy    bool   // it is being trusted
	Yes, No app.EventHandler
}

// Render implements [app.Composer].
func (q *trustQuestion) Render() app.UI {
	e := q.Env
	return narrow(
		heading(e.T(message.TrustThisBrowserQuestion)).Aria("describedby", "trust-text"),
		html.Div().Class("card").Body(
			html.P().ID("trust-text").Text(e.T(message.TrustThisBrowserText)),
			drawProblem(q.Problem),
			html.Div().Class("buttons").Body(
				button(e.T(message.NotNow), q.No),
				busyButton(e.T(message.TrustThisBrowser), q.Yes, q.Busy).Class("main"),
			),
		),
	)
}

// askTrust asks whether to trust the browser, after the sign-in. A trusted browser never gets
// here, because the server asks it for no second factor.
func (p *secondFactor) askTrust(ctx app.Context, user shared.User) {
	p.user, p.Env.askingTrust = &user, true
	setTitle(ctx, message.TrustThisBrowserQuestion)
	focus(ctx, "title")
}

// trust answers the question with yes.
func (p *secondFactor) trust(app.Context, app.Event) {
	if p.trusting {
		return
	}
	p.trusting, p.form.problem = true, ""
	call(p.ctx, p.Env, shared.TrustDevice, shared.None{}, func(ctx app.Context, _ shared.Status, err error) {
		p.trusting = false
		if err != nil {
			p.form.problem = p.Env.errorMessage(err)
			return
		}
		toast(ctx, p.Env.T(message.DoneBrowserTrusted))
		p.finish(ctx)
	})
}

// refuseTrust answers the question with no.
func (p *secondFactor) refuseTrust(ctx app.Context, _ app.Event) {
	if !p.trusting {
		p.finish(ctx)
	}
}

// finish continues as the user.
func (p *secondFactor) finish(ctx app.Context) {
	p.Env.askingTrust = false
	signedIn(ctx, *p.user)
	if p.upgrade {
		upgradeToPasskey(ctx)
	}
}
