package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// disown is the page that *This wasn't me* in an email leads to. It does nothing
// before it is told to: programs that look into emails open links, too.
type notMe struct {
	app.Compo
	Env *env

	ctx     app.Context
	form    form
	token   string // of the email
	checked bool   // whether it can be used, as far as the server has told
	dead    error  // why it cannot, or no longer
	reset   string // the token for a new password, once that is due
}

func (p *notMe) OnInit() {
	defer rescue()
	p.form = form{env: p.Env, id: "disown"}
}

func (p *notMe) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	p.token = takeToken(ctx)
	checkLink(ctx, p.Env, p.token, shared.LinkDisown, func(dead error, _ string) { p.checked, p.dead = true, dead })
}

func (p *notMe) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !p.form.start(p.ctx, nil) {
		return
	}
	call(p.ctx, p.Env, shared.Disown, shared.LinkToken{Token: p.token}, func(ctx app.Context, out shared.Disowned, err error) {
		if isDead(err) {
			p.form.end(ctx, nil)
			p.dead = err
			focus(ctx, "title")
			return
		}
		p.form.end(ctx, err)
		if err == nil {
			p.reset = out.Token
			toast(ctx, p.Env.T(message.DoneAccountSecured))
			focus(ctx, "title")
		}
	})
}

// Render implements [app.Composer].
func (p *notMe) Render() app.UI {
	tr := p.Env.T
	switch {
	case p.reset != "":
		return html.Div().Body(&resetPassword{Env: p.Env, Token: p.reset})
	case !p.checked:
		return linkLoading(tr(message.WasItNotYou))
	case p.dead != nil:
		return p.Env.deadLink(p.deadWords(), shared.PageForgotPassword, tr(message.ChooseNewPassword))
	}
	return html.Div().Class("narrow").Body(
		heading(tr(message.WasItNotYou)),
		html.Form().Class("card").OnSubmit(on(p.submit)).Body(
			html.P().Text(tr(message.DisownExplanation)),
			html.P().Class("hint").Text(tr(message.HintItWasMe)),
			p.form.drawError(),
			p.form.button(tr(message.ItWasNotMe), "main"),
		),
	)
}

// deadWords says why the link cannot be used, as far as the server has told.
func (p *notMe) deadWords() string {
	tr := p.Env.T
	switch {
	case isOneOf(p.dead, shared.ErrTokenUsed):
		return tr(message.ErrLinkUsed) + " " + tr(message.StillShutOthersOut)
	case isOneOf(p.dead, shared.ErrTokenExpired):
		return tr(message.ErrLinkExpired) + " " + tr(message.StillShutOthersOut)
	}
	return tr(message.ErrLinkDeadStillSecure)
}
