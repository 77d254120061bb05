package ui

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// signIn is the sign-in page.
type signIn struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn
	Notice   string // why the page is shown; empty if the user opened it
	Server   serverInfo

	ctx      app.Context
	form     form
	passkeys ceremony
	problem  string // why the passkey button did not sign the user in
	refused  error  // the last error, if the user can do something about it
	email    string // the address in the last attempt
	typed    string // the address in the refused form of the page
	forget   bool   // that form did not ask to stay signed in

	canOffer  bool             // the browser can offer passkeys in autofill
	offer     *passkey.Request // the request for that
	immediate bool             // the browser supports immediate mediation
}

func (p *signIn) OnInit() {
	defer rescue()
	p.form.init(p.Env, "sign-in", "email", "password")
	p.passkeys = toUse(p.Env, shared.AuthenticateQuery{})
	p.passkeys.fetched = p.offerPasskeys
	if state := p.form.adopt(shared.PageSignIn); state != nil {
		p.refused, p.email, p.typed, p.forget = state.Error, state.Email, state.Email, state.Forget
	}
}

func (p *signIn) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	p.form.resume(ctx)
	if !passkey.Supported() {
		return
	}
	async(ctx, func() {
		canOffer, immediate := passkey.CanOffer(), passkey.Can("immediateGet")
		dispatch(ctx, func(ctx app.Context) {
			p.canOffer, p.immediate = canOffer, immediate
			p.passkeys.prepare(ctx)
		})
	})
}

func (p *signIn) OnDismount() {
	defer rescue()
	p.offer.Abort()
	p.passkeys.stop()
}

// offerPasskeys makes the browser offer passkeys in the autofill of the email field.
func (p *signIn) offerPasskeys(ctx app.Context) {
	if !p.canOffer || p.passkeys.busy || !p.passkeys.ready() {
		return
	}
	offer := passkey.Get(p.passkeys.options, passkey.Quiet)
	p.offer = offer
	async(ctx, func() {
		answer, err := offer.Wait()
		dispatch(ctx, func(ctx app.Context) {
			if err == nil && p.offer == offer && !p.passkeys.busy {
				p.passkeys.busy = true
				p.verify(ctx, answer)
			}
		})
	})
}

// promptly is how fast a browser reports that it has no passkey to offer. A later refusal is
// the user's.
const promptly = 1500 * time.Millisecond

func (p *signIn) usePasskey(ctx app.Context, _ app.Event) {
	if p.form.busy || p.passkeys.busy {
		return
	}
	p.form.problem, p.form.wrong, p.problem, p.refused = "", nil, "", nil
	mediation := passkey.Modal
	if p.immediate {
		mediation = passkey.Immediate
	}
	var promptedAt time.Time
	p.passkeys.begin(func(options []byte) *passkey.Request {
		promptedAt = time.Now()
		return passkey.Get(options, mediation)
	}, func(ctx app.Context, answer json.RawMessage, err error) {
		if err == nil {
			p.verify(ctx, answer)
			return
		}
		p.passkeys.end(false)
		p.endPasskey(ctx, err)
		if mediation == passkey.Immediate {
			p.immediate = false // the next attempt includes passkeys on other devices
			if errors.Is(err, passkey.ErrNotAllowed) && time.Since(promptedAt) < promptly {
				p.problem = p.Env.T(message.ErrNoPasskeyUsed)
			}
		}
		p.offerPasskeys(ctx)
	})
}

func (p *signIn) verify(ctx app.Context, answer json.RawMessage) {
	remember := element("sign-in-remember").Get("checked").Bool()
	in := shared.Authentication{Response: answer, RememberMe: &remember}
	call(ctx, p.Env, shared.VerifyAuthentication, in, func(ctx app.Context, out shared.Authenticated, err error) {
		p.passkeys.answered(out.User.ID, answer, err)
		if due := secondFactorDue(out.SecondFactorDue, err); due != nil {
			askSecondFactor(ctx, shared.PendingSignIn{Methods: due.TwoFactorMethods})
			return
		}
		p.endPasskey(ctx, err)
		if err == nil {
			signedIn(ctx, out.User)
		}
	})
}

// endPasskey ends an attempt with a passkey. It shows the error below the passkey button, so that
// the button stays where the user has pressed it.
func (p *signIn) endPasskey(ctx app.Context, err error) {
	p.form.end(ctx, err)
	p.problem, p.form.problem = p.form.problem, ""
}

func (p *signIn) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !p.form.start(p.ctx, map[string]string{
		"email":    p.Env.T(message.ErrEnterEmailAddress),
		"password": p.Env.T(message.ErrEnterPassword),
	}) {
		return
	}
	p.refused, p.problem = nil, ""
	remember := element("sign-in-remember").Get("checked").Bool()
	in := shared.Credentials{
		Email:      p.form.value("email"),
		Password:   p.form.value("password"),
		RememberMe: &remember,
	}
	call(p.ctx, p.Env, shared.SignIn, in, func(ctx app.Context, out shared.SignedIn, err error) {
		if due := secondFactorDue(out.SecondFactorDue, err); due != nil {
			p.form.end(ctx, nil)
			p.form.clear("password")
			askSecondFactor(ctx, shared.PendingSignIn{Email: in.Email, Methods: due.TwoFactorMethods})
			return
		}
		p.form.end(ctx, err)
		p.refused, p.email = err, in.Email
		if err == nil {
			signedIn(ctx, out.User)
			upgradeToPasskey(ctx)
		}
	})
}

// secondFactorDue returns the server's request for a second factor, or nil if it has made none.
// A setting of the server decides whether the request is an error or a response.
func secondFactorDue(answer *shared.SecondFactorDue, err error) *shared.SecondFactorDue {
	var e *shared.Error
	if errors.As(err, &e) && errors.Is(err, shared.ErrTwoFactorRequired) {
		if e.SecondFactorDue == nil {
			return &shared.SecondFactorDue{}
		}
		return e.SecondFactorDue
	}
	return answer
}

// Render implements [app.Composer].
func (p *signIn) Render() app.UI {
	e := p.Env
	return narrow(
		heading(e.T(message.SignIn)).Aria("describedby", "notice"),
		notice(p.Notice),
		formTo(p.submit).Class("card").Body(
			p.form.field(field{
				Name: "email", Label: e.T(message.EmailAddress), Type: "email", Complete: "username webauthn",
				Value: cmp.Or(p.typed, e.signInEmail),
			}),
			p.form.field(field{Name: "password", Label: e.T(message.AccountPassword), Type: "password", Complete: "current-password"}),
			html.Label().Class("check").Body(
				html.Input("checkbox").ID("sign-in-remember").Attr("name", "rememberMe").Attr("checked", !p.forget),
				html.Span().Text(e.T(message.KeepSignedIn)),
			),
			p.form.drawError(),
			html.Div().Body(p.nextAction()),
			p.form.button(e.T(message.SignIn), "main"),
			app.If(passkey.Supported(), func() app.UI {
				return busyButton(e.T(message.SignInWithPasskey), p.usePasskey, p.passkeys.busy).ID("sign-in-passkey")
			}),
			drawProblem(p.problem),
		),
		html.P().Class("aside").Body(html.A(shared.PageForgotPassword).Text(e.T(message.ForgotYourPassword))),
		html.Div().Body(app.If(p.Server.SignUp, func() app.UI {
			return html.P().Class("aside").Body(
				html.Text(e.T(message.NewHere)+" "),
				html.A(signUpAddress(e.address())).Text(e.T(message.CreateAnAccount)),
			)
		})),
		e.passkeysNeedApp(),
	)
}

// signUpAddress returns the address of the page to sign up, from that of the sign-in page. Both open
// the same application afterward.
func signUpAddress(signIn *url.URL) string {
	if callback := shared.CallbackOf(shared.NextOf(signIn)); callback != "" {
		return shared.PageSignUp + "?" + shared.CallbackField + "=" + url.QueryEscape(callback)
	}
	return shared.PageSignUp
}

// nextAction draws the action that the user can take after the last error.
func (p *signIn) nextAction() app.UI {
	return app.If(errors.Is(p.refused, shared.ErrNotVerified), func() app.UI {
		return &verification{Env: p.Env, Email: p.email}
	}).ElseIf(errors.Is(p.refused, shared.ErrNewPasswordDue), func() app.UI {
		return html.A(shared.PageForgotPassword).Class("button").Text(p.Env.T(message.ChooseNewPassword))
	})
}
