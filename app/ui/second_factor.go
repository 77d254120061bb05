package ui

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// The second factors of a sign-in, by the server's names.
const (
	byApp     = "totp"
	byMail    = "otp"
	byPasskey = "passkey"
	byBackup  = "" // always available, so the server does not list it
)

const secondFactorAction = "second-factor"

// askSecondFactor goes to the page that asks for a second factor, after a correct first factor.
// The address of the pending sign-in is empty if the page does not know it.
func askSecondFactor(ctx app.Context, pending shared.PendingSignIn) {
	ctx.NewActionWithValue(secondFactorAction, pending)
}

// secondFactorPath returns the address of the page for the second factor. The page to open
// after sign-in is in its query, where it survives a reload.
func secondFactorPath(next string) string {
	if next == "" {
		return shared.PageTwoFactor
	}
	return shared.PageTwoFactor + "?next=" + url.QueryEscape(next)
}

// secondFactor is the page that asks for the second factor, and then whether to trust the
// browser.
type secondFactor struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn

	ctx         app.Context
	form        form
	email       string   // of the account; empty if it is not known yet
	methods     []string // the user's methods besides backup codes
	with        string   // the factor that the page asks for
	sending     bool     // a code is being sent by email
	sent        int      // how many codes were sent
	status      string   // tells the user what has happened
	tries       int      // the number of wrong codes
	refused     bool     // the app's last code was wrong, and the server does not know why
	over        error    // why the user has to sign in again; nil if they do not have to
	trustDevice bool     // the refused form of the page asked to trust the browser

	passkeys ceremony

	user     *shared.User // the signed-in user, while the page asks whether to trust the browser; nil before
	trusting bool         // the browser is being trusted
	upgrade  bool         // add a passkey to the account afterwards
}

func (p *secondFactor) OnInit() {
	defer rescue()
	p.form.init(p.Env, "second-factor", "code", "backupCode")
	p.with = byApp
	if backup := element("second-factor-backup"); backup.Truthy() && backup.Get("open").Bool() {
		p.with = byBackup // the user opened it before the app ran
	}
	p.passkeys = toUse(p.Env, shared.AuthenticateQuery{SecondFactor: "true"})
	p.email = p.Env.signingIn
	if !p.Env.drawsFirst() {
		p.methods = savedMethods(p.Env.sessionStorage)
	}
	var pending *shared.PendingSignIn
	if p.Env.answers.read(shared.GetPendingSignIn.Path, shared.None{}, &pending) && pending != nil {
		p.email, p.methods = pending.Email, pending.Methods
	}
	p.adopt()
}

func (p *secondFactor) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	if p.methods == nil {
		p.methods = savedMethods(p.Env.sessionStorage)
	}
	if slices.Contains(p.methods, byPasskey) {
		p.passkeys.prepare(ctx)
	}
	if p.over == nil && (p.email == "" || p.methods == nil) {
		p.fetchPending()
	}
	if p.methods == nil {
		p.methods = []string{byApp, byMail} // the server refuses methods that the user does not have
	}
	p.form.resume(ctx)
	if !strings.HasPrefix(focusedID(), p.form.inputID("")) { // keep a focus from before the app ran
		focus(ctx, p.form.inputID("code"), p.form.inputID("backupCode"), "again")
	}
}

func (p *secondFactor) OnDismount() {
	defer rescue()
	p.passkeys.stop()
	p.Env.askingTrust = false
}

// fetchPending fetches the account and the methods of the sign-in, which the page does not know
// if it was loaded after the password.
func (p *secondFactor) fetchPending() {
	call(p.ctx, p.Env, shared.GetPendingSignIn, shared.None{}, func(ctx app.Context, out *shared.PendingSignIn, err error) {
		if errors.Is(err, shared.ErrNoPendingSignIn) && p.user == nil {
			signInAgain(ctx, err)
		}
		if err != nil || out == nil { // out is nil if the user is signed in: then the shell leads on
			return
		}
		p.email, p.Env.signingIn = out.Email, out.Email
		if slices.Contains(out.Methods, byPasskey) && !slices.Contains(p.methods, byPasskey) {
			p.passkeys.prepare(ctx)
		}
		p.methods = out.Methods
	})
}

func (p *secondFactor) usePasskey(app.Context, app.Event) {
	if p.form.busy || p.passkeys.busy {
		return
	}
	p.status, p.refused, p.form.problem, p.form.wrong = "", false, "", nil
	p.passkeys.begin(func(options []byte) *passkey.Request {
		return passkey.Get(options, passkey.Modal)
	}, func(ctx app.Context, answer json.RawMessage, err error) {
		if err != nil {
			p.passkeys.end(false)
			p.failed(ctx, err)
			return
		}
		in := shared.Authentication{Response: answer}
		call(p.ctx, p.Env, shared.VerifyAuthentication, in, func(ctx app.Context, out shared.Authenticated, err error) {
			p.passkeys.answered(out.User.ID, answer, err)
			if err == nil && out.SecondFactorDue != nil {
				err = shared.ErrAuthentication // a passkey of another account
			}
			if err != nil {
				p.failed(ctx, err)
				return
			}
			p.askTrust(ctx, out.User)
		})
	})
}

// use switches to another factor.
func (p *secondFactor) use(with string) {
	p.with, p.status, p.refused = with, "", false
	p.form.problem, p.form.wrong = "", nil
	p.form.clear("code") // a code of the other factor
	focus(p.ctx, p.form.inputID("code"), p.form.inputID("backupCode"))
}

func (p *secondFactor) useApp(app.Context, app.Event) {
	p.use(byApp)
}

func (p *secondFactor) useBackup(_ app.Context, e app.Event) {
	e.PreventDefault() // the field replaces the one for the code, and does not open below it
	p.use(byBackup)
}

func (p *secondFactor) send(app.Context, app.Event) {
	e := p.Env
	if p.sending || p.form.wait() > 0 {
		return
	}
	p.sending = true
	call(p.ctx, e, shared.SendOTP, shared.None{}, func(ctx app.Context, _ shared.Status, err error) {
		p.sending = false
		switch {
		case err == nil:
			p.use(byMail)
			p.sent++
			p.status = e.T(message.DoneCodeEmailed)
			if p.sent > 1 { // screen readers do not read an unchanged sentence again
				p.status = e.T(message.DoneCodeEmailedNumber, p.sent)
			}
		case errors.Is(err, shared.ErrOTPNotConfigured):
			p.methods = slices.DeleteFunc(p.methods, func(method string) bool { return method == byMail })
			p.use(byApp)
			p.form.end(ctx, err)
		case errors.Is(err, shared.ErrTooManyRequests):
			// Other factors still work, so this is not a wait of the form.
			var limited *shared.Error
			errors.As(err, &limited)
			p.status, p.form.problem = "", e.T(message.ErrTooManyCodesSent, shared.RetryIn(e.Language, limited.RetryAfter))
		default:
			p.failed(ctx, err)
		}
	})
}

func (p *secondFactor) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	p.verify()
}

func (p *secondFactor) verify() {
	e := p.Env
	if p.with == byBackup {
		if !p.form.start(p.ctx, map[string]string{"backupCode": e.T(message.ErrEnterBackupCode)}) {
			return
		}
		in := shared.BackupCode{Code: p.form.value("backupCode")}
		call(p.ctx, e, shared.VerifyBackupCode, in, p.answered)
		return
	}
	code, ok := shared.SixDigits(p.form.value("code"))
	if !ok {
		p.form.refuse(p.ctx, "code", e.T(notSixDigits))
		return
	}
	if !p.form.start(p.ctx, nil) {
		return
	}
	in := shared.Code{Code: code}
	if p.with == byMail {
		call(p.ctx, e, shared.VerifyOTP, in, p.answered)
	} else {
		call(p.ctx, e, shared.VerifyTOTP, in, p.answered)
	}
}

const notSixDigits = message.ErrEnterSixDigits

func (p *secondFactor) answered(ctx app.Context, out shared.Verified, err error) {
	if err != nil {
		p.failed(ctx, err)
		return
	}
	p.form.end(ctx, nil)
	if p.with != byBackup {
		p.upgrade = true
		p.askTrust(ctx, out.User)
		return
	}
	call(p.ctx, p.Env, shared.TwoFactorStatus, shared.None{}, func(ctx app.Context, state shared.TwoFactor, err error) {
		if err == nil {
			toast(ctx, p.Env.usedText(state.BackupCodesLeft))
		}
		// It does not ask to trust the browser. A user without the phone may be at a borrowed
		// computer.
		signedIn(ctx, out.User)
	})
}

func (p *secondFactor) failed(ctx app.Context, err error) {
	p.status, p.refused = "", p.isCodeRefused(err)
	if p.with != byMail && isOneOf(err, shared.ErrInvalidCode, shared.ErrInvalidBackupCode) {
		if p.tries++; p.tries == shared.PendingSignInTries { // the server accepts no more codes
			err = shared.ErrTooManyCodes
		}
	}
	p.form.end(ctx, err)
	switch {
	case errors.Is(err, shared.ErrTooManyCodes) && p.with == byMail:
		p.form.problem = p.Env.T(message.ErrWrongCodesSendNew)
	case isFinal(err):
		p.over = err
		focus(ctx, "again")
	}
}

// isCodeRefused reports whether err means that the app's code was wrong, and that the server does
// not know why.
func (p *secondFactor) isCodeRefused(err error) bool {
	var e *shared.Error
	return p.with == byApp && errors.As(err, &e) && e.Code == shared.ErrInvalidCode.Code && e.Message == shared.ErrInvalidCode.Message
}

// isFinal reports whether err has ended the sign-in.
func isFinal(err error) bool {
	var e *shared.Error
	return errors.As(err, &e) && e.Explain().Final
}

func (p *secondFactor) signInAgain(ctx app.Context, e app.Event) {
	e.PreventDefault()
	e.Call("stopPropagation") // otherwise go-app follows the link
	signInAgain(ctx, p.over)
}

// Render implements [app.Composer].
func (p *secondFactor) Render() app.UI {
	e := p.Env
	if p.over != nil {
		return p.drawOver()
	}
	if p.user != nil {
		return html.Div().Body(
			&trustQuestion{Env: e, Problem: p.form.problem, Busy: p.trusting, Yes: p.trust, No: p.refuseTrust},
		)
	}
	class := "main"
	if p.offersPasskey() {
		class = ""
	}
	return narrow(
		heading(e.title(shared.PageTwoFactor)),
		html.P().Class("whose").Body(app.If(p.email != "", func() app.UI {
			return html.Text(e.T(message.SigningInAs, p.email))
		})),
		formTo(p.submit).Class("card", "code-page").Body(
			p.trustBox(),
			html.Div().Body(app.If(p.offersPasskey(), p.passkeyFirst)),
			html.Div().Body(p.field()),
			drawStatus(p.status),
			p.form.drawError(),
			html.Div().Class("buttons").Body(
				html.A(p.signInAddress()).Class("button").Text(e.T(message.CancelAction)),
				p.form.button(e.T(message.VerifyCode), class),
			),
			html.Div().Class("methods").Body(p.otherMethods()...),
			html.Details().Class("lost-access").Body(
				html.Summary().Text(e.T(message.LostAccess)),
				p.lostAccess(),
			),
		),
		e.passkeysNeedApp(),
	)
}

// signInAddress returns the address of the sign-in page, which then opens the same page as this one.
func (p *secondFactor) signInAddress() string {
	next := shared.NextOf(p.Env.address())
	if shared.CallbackOf(next) != "" {
		return shared.NextPage(next)
	}
	if next != "" {
		return shared.PageSignIn + "?next=" + url.QueryEscape(shared.NextPage(next))
	}
	return shared.PageSignIn
}

// drawOver draws why the user has to sign in again.
func (p *secondFactor) drawOver() app.UI {
	e := p.Env
	return narrow(
		heading(e.title(shared.PageTwoFactor)),
		html.Div().Class("card").Body(
			html.P().ID("over").Text(e.errorMessage(p.over)),
			html.A(p.signInAddress()).Class("button", "main").ID("again").Aria("describedby", "over").Attr("autofocus", !app.IsClient).
				Text(e.T(message.SignInAgain)).OnClick(on(p.signInAgain)),
		),
	)
}

// offersPasskey reports whether the user can use a passkey, which is faster and safer than a
// code.
func (p *secondFactor) offersPasskey() bool {
	return slices.Contains(p.methods, byPasskey) && passkey.Supported()
}

func (p *secondFactor) passkeyFirst() app.UI {
	e := p.Env
	return html.Div().Class("passkey-first").Body(
		busyButton(e.T(message.UsePasskey), p.usePasskey, p.passkeys.busy).Class("main"),
		html.P().Class("or").Text(e.T(message.OrEnterCode)),
	)
}

func (p *secondFactor) field() app.UI {
	e := p.Env
	switch p.with {
	case byBackup:
		return p.backupField()
	case byMail:
		return p.form.code(e.T(message.CodeFromEmail), e.T(message.HintEmailCode), p.verify)
	default:
		help := message.HintAuthenticatorCode
		if p.refused {
			help = message.HintCodeRefused
		}
		return p.form.code(e.T(message.CodeFromAuthenticatorApp), e.T(help), p.verify)
	}
}

func (p *secondFactor) backupField() app.UI {
	e := p.Env
	return p.form.field(field{
		Name: "backupCode", Label: e.T(message.BackupCode), Type: "text", Complete: "off", Exact: true,
		Hint: e.T(message.HintBackupCode),
	})
}

// otherMethods draws the buttons for the other factors, which look like links.
func (p *secondFactor) otherMethods() []app.UI {
	e := p.Env
	var methods []app.UI
	if p.with != byApp && slices.Contains(p.methods, byApp) {
		methods = append(methods, linkButton(e.T(message.UseAuthenticatorApp), p.useApp))
	}
	if p.with != byBackup {
		methods = append(methods, p.backup())
	}
	if p.with != byApp {
		methods = append(methods, p.backToCode())
	}
	if slices.Contains(p.methods, byMail) {
		label := e.T(message.SendCodeByEmail)
		if p.with == byMail {
			label = e.T(message.SendNewCode)
		}
		methods = append(methods, callButton(label, e.formCall(shared.SendOTP.Path), p.send).Class("link").
			Aria("busy", p.sending).Aria("disabled", p.sending || p.form.wait() > 0))
	}
	return methods
}

// lostAccess draws the ways to sign in without the phone that are no buttons of the page.
func (p *secondFactor) lostAccess() app.UI {
	e := p.Env
	item := func(way message.ID) app.UI { return html.Li().Text(e.T(way)) }
	return html.Ul().Body(
		item(message.LostAccessUseTrustedDevice), item(message.LostAccessUseSignedInDevice), item(message.LostAccessAskOperator),
	)
}
