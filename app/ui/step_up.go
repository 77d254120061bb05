package ui

import (
	"encoding/json"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// stepUpRequest is a call that waits for the user to confirm their identity.
type stepUpRequest struct {
	Factor    bool // a second factor is required; the password is not enough
	Confirmed func()
	Canceled  func()
}

const stepUpAction = "step-up"

// stepUp asks for the password, a second factor or a passkey, because the server requires the
// user to confirm their identity.
func stepUp(ctx app.Context, i stepUpRequest) {
	ctx.NewActionWithValue(stepUpAction, i)
}

// withPassword is the alternative to [byApp], [byBackup] and [byPasskey].
const withPassword = "password"

// stepUpDialog asks the user to confirm their identity.
type stepUpDialog struct {
	app.Compo
	Env       *env
	Email     string // the user's
	TwoFactor bool   // the user has an authenticator app
	Offline   bool

	ctx     app.Context
	form    form
	with    string // what the dialog asks for: withPassword, byApp, byBackup or byPasskey
	waiting *stepUpRequest

	openings int // how often it was opened

	passkeys    ceremony
	hasPasskeys bool
}

func (d *stepUpDialog) OnInit() {
	defer rescue()
	d.form.init(d.Env, "step-up", "password", "code", "backupCode")
	d.with = withPassword
	d.passkeys = toUse(d.Env, shared.AuthenticateQuery{})
	d.passkeys.fetched = d.optionsFetched
}

func (d *stepUpDialog) OnMount(ctx app.Context) {
	defer rescue()
	d.ctx = ctx
	handle(ctx, stepUpAction, d.show)
}

func (d *stepUpDialog) show(ctx app.Context, a app.Action) {
	d.reset() // two calls may have been refused at once
	i := a.Value.(stepUpRequest)
	d.waiting = &i
	d.openings++
	d.Env.focus.showDialog(ctx, "step-up")
	switch {
	case i.Factor && d.TwoFactor:
		d.use(byApp)
	case i.Factor:
		d.use(byPasskey)
	default:
		d.use(withPassword)
	}
	d.passkeys.prepare(d.ctx)
}

// optionsFetched sets hasPasskeys from the options.
func (d *stepUpDialog) optionsFetched(app.Context) {
	d.hasPasskeys = passkey.Names(d.passkeys.options)
}

func (d *stepUpDialog) usePasskey(app.Context, app.Event) {
	if d.form.busy || d.passkeys.busy {
		return
	}
	d.form.problem, d.form.wrong = "", nil
	d.passkeys.begin(func(options []byte) *passkey.Request {
		return passkey.Get(options, passkey.Modal)
	}, func(ctx app.Context, answer json.RawMessage, err error) {
		if err != nil {
			d.passkeys.end(false)
			d.form.end(ctx, err)
			return
		}
		call(d.ctx, d.Env, shared.StepUp, shared.Proof{Passkey: answer}, func(ctx app.Context, _ shared.Status, err error) {
			d.passkeys.answered(d.Env.account(), answer, err)
			d.confirmed(ctx, err)
		})
	})
}

// use switches to another way to confirm.
func (d *stepUpDialog) use(with string) {
	d.with = with
	d.form.wrong, d.form.problem = nil, ""
	d.form.until = time.Time{} // each has its own limit
	d.form.clear("password", "code", "backupCode")
	focus(d.ctx, d.form.inputID("password"), d.form.inputID("code"), d.form.inputID("backupCode"), d.form.inputID("submit"))
}

func (d *stepUpDialog) usePassword(app.Context, app.Event) {
	d.use(withPassword)
}

func (d *stepUpDialog) useApp(app.Context, app.Event) {
	d.use(byApp)
}

func (d *stepUpDialog) useBackup(app.Context, app.Event) {
	d.use(byBackup)
}

// byFactor reports whether a second factor is required.
func (d *stepUpDialog) byFactor() bool { return d.waiting != nil && d.waiting.Factor }

// finish tells the waiting call the result. It does so only once.
func (d *stepUpDialog) finish(confirmed bool) {
	waiting := d.waiting
	d.waiting = nil
	switch {
	case waiting == nil:
	case confirmed:
		waiting.Confirmed()
	default:
		waiting.Canceled()
	}
}

func (d *stepUpDialog) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	d.confirm()
}

func (d *stepUpDialog) confirm() {
	e := d.Env
	var proof shared.Proof
	switch d.with {
	case byPasskey:
		d.usePasskey(d.ctx, app.Event{})
		return
	case byApp:
		code, ok := shared.SixDigits(d.form.value("code"))
		if !ok {
			d.form.refuse(d.ctx, "code", e.T(notSixDigits))
			return
		}
		if !d.form.start(d.ctx, nil) {
			return
		}
		proof.Code = &code
	case byBackup:
		if !d.form.start(d.ctx, map[string]string{"backupCode": e.T(message.ErrEnterBackupCode)}) {
			return
		}
		code := d.form.value("backupCode")
		proof.BackupCode = &code
	default:
		if !d.form.start(d.ctx, map[string]string{"password": e.T(message.ErrEnterPassword)}) {
			return
		}
		password := d.form.value("password")
		proof.Password = &password
	}
	call(d.ctx, e, shared.StepUp, proof, func(ctx app.Context, _ shared.Status, err error) {
		d.confirmed(ctx, err)
	})
}

func (d *stepUpDialog) confirmed(ctx app.Context, err error) {
	d.form.end(ctx, err)
	if err == nil {
		d.finish(true)
		closeDialog("step-up")
	}
}

func (d *stepUpDialog) cancel(app.Context, app.Event) {
	closeDialog("step-up")
}

// closed is called when the dialog closes, including by the Escape key.
func (d *stepUpDialog) closed(app.Context, app.Event) {
	afterClose(d.ctx, "step-up", &d.openings, func(app.Context) { d.reset() })
}

// reset clears the fields, aborts the ceremony and cancels the waiting call.
func (d *stepUpDialog) reset() {
	d.form.clear("password", "code", "backupCode")
	d.passkeys.stop()
	d.hasPasskeys = false
	d.finish(false)
}

// Render implements [app.Composer].
func (d *stepUpDialog) Render() app.UI {
	return drawDialog("step-up", "step-up", d.openings, d.closed, d.content)
}

func (d *stepUpDialog) content() []app.UI {
	e := d.Env
	return []app.UI{formTo(d.submit).Body(
		html.H2().ID("step-up-title").TabIndex(-1).Text(e.T(message.ConfirmIdentity)),
		html.P().ID("step-up-text").Text(d.text()),
		html.Fieldset().Class("page").Attr("disabled", d.Offline).Body(username(d.Email), d.field()),
		html.Fieldset().Class("page", "methods").Attr("disabled", d.Offline).Body(
			app.If(d.with == byApp && !d.byFactor(), func() app.UI {
				return button(e.T(message.UsePassword), d.usePassword).Class("quiet")
			}),
			app.If(d.with != byApp && d.TwoFactor, func() app.UI {
				return button(e.T(message.UseAuthenticatorCode), d.useApp).Class("quiet")
			}),
			app.If(d.with != byBackup && d.byFactor() && d.TwoFactor, func() app.UI {
				return button(e.T(message.UseBackupCode), d.useBackup).Class("quiet")
			}),
			app.If(d.hasPasskeys && d.with != byPasskey, func() app.UI {
				return busyButton(e.T(message.UsePasskey), d.usePasskey, d.passkeys.busy).Class("quiet")
			}),
		),
		d.form.drawError(),
		e.offlineNotice(d.Offline),
		html.Div().Class("buttons").Body(
			button(e.T(message.CancelAction), d.cancel),
			d.form.button(e.T(message.ContinueAction), "main").Attr("disabled", d.Offline),
		),
	)}
}

// text returns why the dialog asks, and for what.
func (d *stepUpDialog) text() string {
	e := d.Env
	switch {
	case d.with == byBackup:
		return e.T(message.ProtectionChangeNeedsBackupCode)
	case d.with == byPasskey:
		return e.T(message.ProtectionChangeNeedsPasskey)
	case d.with == byApp && d.byFactor():
		return e.T(message.ProtectionChangeNeedsCode)
	case d.with == byApp:
		return e.T(message.StepUpWithAuthenticatorCode)
	default:
		return e.T(message.StepUpWithPassword)
	}
}

func (d *stepUpDialog) field() app.UI {
	e := d.Env
	switch d.with {
	case byPasskey:
		return html.Div() // the browser asks
	case byApp:
		return d.form.code(e.T(message.AuthenticatorCode), e.T(message.HintSixDigitsNow), d.confirm)
	case byBackup:
		return d.form.field(field{
			Name: "backupCode", Label: e.T(message.BackupCode), Type: "text", Complete: "off", Exact: true,
			Hint: e.T(message.HintBackupCode),
		})
	}
	return d.form.field(field{Name: "password", Label: e.T(message.AccountPassword), Type: "password", Complete: "current-password"})
}
