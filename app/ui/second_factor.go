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

// askSecondFactor goes to the page that asks for one of methods, after a correct first factor.
func askSecondFactor(ctx app.Context, methods []string) {
	ctx.NewActionWithValue(secondFactorAction, methods)
}

// methodsKey is the name of the methods in the storage, where they survive a reload.
const methodsKey = "latchkey.two-factor"

func saveMethods(to storage, methods []string) { to.set(methodsKey, strings.Join(methods, " ")) }

// savedMethods returns the stored methods, or nil if there are none.
func savedMethods(from storage) []string {
	if text := from.get(methodsKey); text != "" {
		return strings.Fields(text)
	}
	return nil
}

func clearMethods(from storage) { from.remove(methodsKey) }

// secondFactorPath returns the address of the page for the second factor. The page to open
// after sign-in is in its query, where it survives a reload.
func secondFactorPath(next string) string {
	if next == "" {
		return shared.PageTwoFactor
	}
	return shared.PageTwoFactor + "?next=" + url.QueryEscape(next)
}

// secondFactor is the page that asks for the second factor.
type secondFactor struct {
	app.Compo
	Env *env

	ctx     app.Context
	form    form
	methods []string // the user's methods besides backup codes
	with    string   // the factor that the page asks for
	sending bool     // a code is being sent by email
	sent    int      // how many codes were sent
	status  string   // tells the user what has happened
	tries   int      // the number of wrong codes
	over    error    // why the user has to sign in again; nil if they do not have to

	passkeys ceremony
}

func (p *secondFactor) OnInit() {
	defer rescue()
	p.form.init(p.Env, "second-factor", "code", "backupCode")
	p.with = byApp
	if backup := element("second-factor-backup"); backup.Truthy() && backup.Get("open").Bool() {
		p.with = byBackup // the user opened it before the app ran
	}
	if e := p.form.adopt(); e != nil && isFinal(e) {
		p.over = e
	}
	p.passkeys = toUse(p.Env, shared.AuthenticateQuery{SecondFactor: "true"})
}

func (p *secondFactor) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx = ctx
	if p.methods = savedMethods(p.Env.sessionStorage); p.methods == nil {
		p.methods = []string{byApp, byMail} // the server refuses methods that the user does not have
		p.passkeys.fetched = p.optionsFetched
		p.passkeys.prepare(ctx)
	} else if slices.Contains(p.methods, byPasskey) {
		p.passkeys.prepare(ctx)
	}
	if p.form.wait() > 0 {
		p.form.countDown(ctx)
	}
	if !strings.HasPrefix(focusedID(), p.form.inputID("")) { // keep a focus from before the app ran
		focus(ctx, p.form.inputID("code"), p.form.inputID("backupCode"), "again")
	}
}

func (p *secondFactor) OnDismount() {
	defer rescue()
	p.passkeys.stop()
}

// optionsFetched adds passkeys to the methods if the options list any.
func (p *secondFactor) optionsFetched(app.Context) {
	if passkey.Names(p.passkeys.options) && !slices.Contains(p.methods, byPasskey) {
		p.methods = append(p.methods, byPasskey)
	}
}

func (p *secondFactor) usePasskey(app.Context, app.Event) {
	if p.form.busy || p.passkeys.busy {
		return
	}
	p.status, p.form.problem, p.form.wrong = "", "", nil
	p.passkeys.begin(func(options []byte) *passkey.Request {
		return passkey.Get(options, passkey.Modal)
	}, func(ctx app.Context, answer json.RawMessage, err error) {
		if err != nil {
			p.passkeys.end(false)
			p.refused(ctx, err)
			return
		}
		trust := element("second-factor-trust").Get("checked").Bool()
		in := shared.Authentication{Response: answer, TrustDevice: &trust}
		call(p.ctx, p.Env, shared.VerifyAuthentication, in, func(ctx app.Context, out shared.Authenticated, err error) {
			p.passkeys.answered(answer, err)
			if err == nil && out.SecondFactorDue != nil {
				err = shared.ErrAuthentication // a passkey of another account
			}
			if err != nil {
				p.refused(ctx, err)
				return
			}
			signedIn(ctx, out.User)
		})
	})
}

// use switches to another factor.
func (p *secondFactor) use(with string) {
	p.with, p.status = with, ""
	p.form.problem, p.form.wrong = "", nil
	p.form.clear("code") // a code of the other factor
	focus(p.ctx, p.form.inputID("code"), p.form.inputID("backupCode"))
}

func (p *secondFactor) useApp(app.Context, app.Event) {
	p.use(byApp)
}

func (p *secondFactor) useBackup(app.Context, app.Event) {
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
			p.refused(ctx, err)
		}
	})
}

func (p *secondFactor) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	p.verify()
}

func (p *secondFactor) verify() {
	e := p.Env
	trust := element("second-factor-trust").Get("checked").Bool()
	if p.with == byBackup {
		if !p.form.start(p.ctx, map[string]string{"backupCode": e.T(message.ErrEnterBackupCode)}) {
			return
		}
		in := shared.BackupCode{Code: p.form.value("backupCode"), TrustDevice: &trust}
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
	in := shared.Code{Code: code, TrustDevice: &trust}
	if p.with == byMail {
		call(p.ctx, e, shared.VerifyOTP, in, p.answered)
	} else {
		call(p.ctx, e, shared.VerifyTOTP, in, p.answered)
	}
}

const notSixDigits = message.ErrEnterSixDigits

func (p *secondFactor) answered(ctx app.Context, out shared.Verified, err error) {
	if err != nil {
		p.refused(ctx, err)
		return
	}
	p.form.end(ctx, nil)
	if p.with != byBackup {
		signedIn(ctx, out.User)
		upgradeToPasskey(ctx)
		return
	}
	call(p.ctx, p.Env, shared.TwoFactorStatus, shared.None{}, func(ctx app.Context, state shared.TwoFactor, err error) {
		if err == nil {
			toast(ctx, p.Env.usedText(state.BackupCodesLeft))
		}
		signedIn(ctx, out.User)
	})
}

func (p *secondFactor) refused(ctx app.Context, err error) {
	p.status = ""
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

// isFinal reports whether err has ended the sign-in.
func isFinal(err error) bool {
	var e *shared.Error
	return errors.As(err, &e) && e.Explain().Final
}

func (p *secondFactor) signInAgain(ctx app.Context, _ app.Event) {
	signInAgain(ctx, p.over)
}

// Render implements [app.Composer].
func (p *secondFactor) Render() app.UI {
	e := p.Env
	if p.over != nil {
		return narrow(
			heading(e.title(shared.PageTwoFactor)),
			html.Div().Class("card").Body(
				html.P().ID("over").Text(e.errorMessage(p.over)),
				button(e.T(message.SignInAgain), p.signInAgain).Class("main").ID("again").Aria("describedby", "over"),
			),
		)
	}
	return narrow(
		heading(e.title(shared.PageTwoFactor)),
		formTo(p.submit).Class("card").Body(
			html.Div().Body(p.field()),
			html.Div().Class("status").Role("status").Body(
				app.If(p.status != "", func() app.UI { return html.P().Text(p.status) }),
			),
			html.Div().Class("field").Body(
				html.Label().Class("check").Body(
					html.Input("checkbox").ID("second-factor-trust").Attr("name", "trustDevice").Aria("describedby", "second-factor-trust-hint"),
					html.Span().Text(e.T(message.TrustDevice)),
				),
				html.P().Class("hint").ID("second-factor-trust-hint").Text(e.T(message.HintTrustDevice)),
			),
			p.form.drawError(),
			p.form.button(e.T(message.VerifyCode), "main"),
		),
		html.Div().Class("methods").Body(p.otherMethods()...),
		html.Details().Class("lost-access").Body(
			html.Summary().Text(e.T(message.LostAccess)),
			p.lostAccess(),
		),
		html.P().Class("aside").Body(
			html.A(shared.PageSignIn).Text(e.T(message.CancelAction)),
		),
	)
}

func (p *secondFactor) field() app.UI {
	e := p.Env
	switch p.with {
	case byBackup:
		return p.form.field(field{
			Name: "backupCode", Label: e.T(message.BackupCode), Type: "text", Complete: "off", Exact: true,
			Hint: e.T(message.HintBackupCode),
		})
	case byMail:
		return p.form.code(e.T(message.CodeFromEmail), e.T(message.HintEmailCode), p.verify)
	default:
		return p.form.code(e.T(message.CodeFromAuthenticatorApp), e.T(message.HintAuthenticatorCode), p.verify)
	}
}

// otherMethods draws the buttons for the other factors.
func (p *secondFactor) otherMethods() []app.UI {
	e := p.Env
	method := func(label string, h app.EventHandler) app.UI {
		return button(label, h)
	}
	var methods []app.UI
	if slices.Contains(p.methods, byPasskey) && passkey.Supported() {
		methods = append(methods, busyButton(e.T(message.UsePasskey), p.usePasskey, p.passkeys.busy))
	}
	if p.with != byApp && slices.Contains(p.methods, byApp) {
		methods = append(methods, method(e.T(message.UseAuthenticatorApp), p.useApp))
	}
	if p.with != byBackup {
		methods = append(methods, method(e.T(message.UseBackupCode), p.useBackup))
	}
	if slices.Contains(p.methods, byMail) {
		label := e.T(message.SendCodeByEmail)
		if p.with == byMail {
			label = e.T(message.SendNewCode)
		}
		methods = append(methods, button(label, p.send).Aria("busy", p.sending).Aria("disabled", p.sending || p.form.wait() > 0))
	}
	return methods
}

// lostAccess draws the ways to sign in without the phone.
func (p *secondFactor) lostAccess() app.UI {
	e := p.Env
	mail, passkeys := slices.Contains(p.methods, byMail), slices.Contains(p.methods, byPasskey)
	return html.Ul().Body(
		html.Li().Text(e.T(message.LostAccessUseBackupCode)),
		app.If(passkeys, func() app.UI {
			return html.Li().Text(e.T(message.LostAccessUsePasskey))
		}),
		app.If(mail, func() app.UI {
			return html.Li().Text(e.T(message.LostAccessUseEmailCode))
		}),
		html.Li().Text(e.T(message.LostAccessUseTrustedDevice)),
		html.Li().Text(e.T(message.LostAccessUseSignedInDevice)),
		html.Li().Text(e.T(message.LostAccessAskOperator)),
	)
}
