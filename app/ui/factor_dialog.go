package ui

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// factorDialog is the dialog for a [task]. It keeps its secrets only while it is open, so that
// going back a step shows them again.
type factorDialog struct {
	app.Compo
	Env     *env
	User    *shared.User // nil if no user is signed in
	Offline bool

	ctx    app.Context
	form   form
	task   *task
	step   step
	begun  int    // how often it was opened; responses for an earlier opening are ignored
	shown  bool   // it is open
	status string // tells the user what has happened

	uri   string // the otpauth URI of the new key
	path  string // the outline of its QR code
	side  int
	codes []string
	saved bool
}

func (d *factorDialog) OnInit() {
	defer rescue()
	d.form.init(d.Env, "factor", "password", "saved", "code")
	d.task = enableTask
}

func (d *factorDialog) OnMount(ctx app.Context) {
	defer rescue()
	d.ctx = ctx
	handle(ctx, taskAction, d.begin)
}

func (d *factorDialog) begin(ctx app.Context, a app.Action) {
	d.reset()
	d.task = a.Value.(*task)
	d.begun++
	d.shown = true
	d.Env.focus.showDialog(ctx, "factor")
	focus(ctx, d.form.inputID("password"))
}

// reset deletes the secrets and returns to the first step.
func (d *factorDialog) reset() {
	d.form.clear("password", "code")
	d.form.problem, d.form.wrong = "", nil
	d.form.until, d.form.waited = time.Time{}, false // a wait for codes does not apply to the password
	d.uri, d.path, d.side, d.codes, d.saved = "", "", 0, nil, false
	d.step, d.status = stepConfirm, ""
}

// show goes to a step. It focuses the field for the code, or otherwise the heading, which
// screen readers then read.
func (d *factorDialog) show(s step) {
	d.step, d.status = s, ""
	d.form.problem, d.form.wrong = "", nil
	element("factor").Set("scrollTop", 0)
	if s == stepProve {
		focus(d.ctx, d.form.inputID("code"))
	} else {
		focus(d.ctx, "factor-title")
	}
}

// index returns the index of the step in the task.
func (d *factorDialog) index() int { return slices.Index(d.task.steps, d.step) }

func (d *factorDialog) last() bool { return d.index() == len(d.task.steps)-1 }

// canGoBack reports whether there is an earlier step besides the password.
func (d *factorDialog) canGoBack() bool { return d.index() > 1 }

func (d *factorDialog) back(app.Context, app.Event) {
	if !d.form.busy {
		d.show(d.task.steps[d.index()-1])
	}
}

func (d *factorDialog) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	switch {
	case d.step == stepConfirm:
		d.confirm()
	case d.step == stepProve:
		d.prove()
	case d.step == stepSave && !d.saved:
		d.form.refuse(d.ctx, "saved", d.Env.T(saveFirst))
	case d.last():
		d.done(d.Env.T(message.DoneBackupCodesReady))
	default:
		d.show(d.task.steps[d.index()+1])
	}
}

const saveFirst = message.ErrCodesNotSaved

// confirm sends the password with the request of the task.
func (d *factorDialog) confirm() {
	e := d.Env
	if !d.form.start(d.ctx, map[string]string{"password": e.T(message.ErrEnterPassword)}) {
		return
	}
	password := d.form.value("password")
	begun := d.begun
	switch d.task {
	case enableTask, moveTask:
		in := shared.Enrollment{Password: password}
		if d.task == moveTask {
			yes := true
			in.Replace = &yes
		}
		call(d.ctx, e, shared.EnableTwoFactor, in, func(ctx app.Context, out shared.EnrollmentStarted, err error) {
			d.form.end(ctx, err)
			if err != nil || begun != d.begun || !d.shown {
				return // nothing has changed before the first code
			}
			d.uri, d.codes = out.TOTPURI, out.BackupCodes
			d.path, d.side = qrPath(d.uri)
			d.show(stepScan)
		})
	case renewTask:
		call(d.ctx, e, shared.GenerateBackupCodes, shared.Password{Password: password}, func(ctx app.Context, out shared.BackupCodes, err error) {
			d.form.end(ctx, err)
			if err != nil || begun != d.begun {
				return
			}
			// The old codes no longer work, so a dialog that was closed opens again.
			d.codes, d.shown = out.BackupCodes, true
			e.focus.showDialog(ctx, "factor")
			d.show(stepSave)
			refresh(ctx)
		})
	case disableTask:
		call(d.ctx, e, shared.DisableTwoFactor, shared.Password{Password: password}, func(ctx app.Context, _ shared.Status, err error) {
			d.form.end(ctx, err)
			if err != nil {
				return
			}
			if d.User != nil {
				user := *d.User
				user.TwoFactorEnabled = false
				updateUser(ctx, user)
			}
			d.done(e.T(message.DoneTwoFactorDisabled))
		})
	}
}

// prove sends a code from the new key.
func (d *factorDialog) prove() {
	e := d.Env
	code, ok := shared.SixDigits(d.form.value("code"))
	if !ok {
		d.form.refuse(d.ctx, "code", e.T(notSixDigits))
		return
	}
	if !d.form.start(d.ctx, nil) {
		return
	}
	done := e.T(message.DoneTwoFactorEnabled)
	if d.task == moveTask {
		done = e.T(message.DoneMovedToNewPhone)
	}
	enroll := true
	call(d.ctx, e, shared.VerifyTOTP, shared.Code{Code: code, Enroll: &enroll}, func(ctx app.Context, out shared.Verified, err error) {
		d.form.end(ctx, err)
		switch {
		case err == nil:
			updateUser(ctx, out.User)
			d.done(done)
		case errors.Is(err, shared.ErrNoPendingSignIn):
			goToSignIn(ctx, sessionEnded) // without a session, the server expects the code of a sign-in
		}
	})
}

// done closes the dialog after the last step. It focuses the section's heading, because the
// button that opened the dialog may be gone.
func (d *factorDialog) done(message string) {
	closeDialog("factor")
	toast(d.ctx, message)
	refresh(d.ctx)
	focus(d.ctx, "two-factor")
}

func (d *factorDialog) cancel(app.Context, app.Event) {
	closeDialog("factor")
}

// escape keeps the Escape key from closing the dialog before new codes are saved, because
// they are shown only once.
func (d *factorDialog) escape(_ app.Context, e app.Event) {
	if d.task == renewTask && (d.step == stepSave && !d.saved || d.form.busy) {
		e.PreventDefault()
		d.form.refuse(d.ctx, "saved", d.Env.T(saveFirst))
	}
}

// closed is called whenever the dialog closes.
func (d *factorDialog) closed(app.Context, app.Event) {
	afterClose(d.ctx, "factor", &d.begun, func(ctx app.Context) {
		if d.step > stepConfirm {
			refresh(ctx) // an enrollment may be incomplete
		}
		d.shown = false
		d.reset()
	})
}

func (d *factorDialog) open(_ app.Context, e app.Event) {
	e.Call("stopPropagation") // otherwise go-app opens an empty window, too
}

func (d *factorDialog) copyKey(app.Context, app.Event) {
	d.copy(d.key(), d.Env.T(message.DoneKeyCopied))
}

func (d *factorDialog) copyCodes(app.Context, app.Event) {
	d.copy(strings.Join(d.codes, "\n"), d.Env.T(message.DoneCodesCopied))
}

func (d *factorDialog) copy(text, status string) {
	copyText(d.ctx, text, func(ok bool) {
		if d.status = status; !ok {
			d.status = d.Env.T(message.ErrCopyNotAllowed)
		}
	})
}

func (d *factorDialog) download(app.Context, app.Event) {
	const name = "latchkey-backup-codes.txt"
	download(d.ctx, name, d.text())
	d.status = d.Env.T(message.DoneCodesDownloaded, name)
}

func (d *factorDialog) print(app.Context, app.Event) {
	app.Window().Call("print")
}

func (d *factorDialog) toggleSaved(ctx app.Context, _ app.Event) {
	d.saved = ctx.JSSrc().Get("checked").Bool()
	d.form.wrong = nil
}

// key returns the new key from its URI.
func (d *factorDialog) key() string {
	uri, err := url.Parse(d.uri)
	if err != nil {
		return ""
	}
	return uri.Query().Get("secret")
}

func (d *factorDialog) email() string {
	if d.User == nil {
		return ""
	}
	return d.User.Email
}

// text returns the file with the backup codes. It says what they are, because the user may
// open it years later.
func (d *factorDialog) text() string {
	e := d.Env
	return e.T(message.BackupCodesForAccount, d.email(), app.Window().URL().Host) + "\n" +
		e.T(message.MadeOnDate, e.today()) + "\n\n" + strings.Join(d.codes, "\n") + "\n\n" +
		e.T(message.EachCodeSignsInOnce) + "\n"
}

func (e *env) today() string { return e.localTime(shared.Time{Time: e.now()}, "long", "") }

// Render implements [app.Composer].
func (d *factorDialog) Render() app.UI {
	class := "main"
	if d.task == disableTask {
		class = "danger"
	}
	where := ""
	if n := len(d.task.steps); n > 1 {
		where = d.Env.T(message.StepOfSteps, d.index()+1, n)
	}
	// Steps that need no server work offline, so that the user can save codes that are
	// shown only once.
	idle := d.Offline && (d.step == stepConfirm || d.step == stepProve)
	// Each step has its own element, so that go-app does not reuse the elements of another.
	return html.Dialog().ID("factor").Aria("labelledby", "factor-title").
		On(onEvent("cancel", d.escape)).On(onEvent("close", d.closed)).
		Body(
			formTo(d.submit).Body(
				html.Div().Class("stage").Body(
					hint(where),
					html.H2().ID("factor-title").TabIndex(-1).Text(d.title()),
				),
				html.Div().Body(app.If(d.step == stepConfirm, d.drawConfirm)),
				html.Div().Body(app.If(d.step == stepScan, d.drawScan)),
				html.Div().Body(app.If(d.step == stepSave, d.drawSave)),
				html.Div().Body(app.If(d.step == stepProve, d.drawProve)),
				html.Div().Class("status").Role("status").Body(
					app.If(d.status != "", func() app.UI { return html.P().Text(d.status) }),
				),
				d.form.drawError(),
				d.Env.offlineNotice(idle),
				html.Div().Class("buttons").Body(
					html.Div().Body(d.backButton()),
					d.form.button(d.yes(), class).Attr("disabled", idle),
				),
			),
		)
}

func (d *factorDialog) title() string {
	e := d.Env
	switch d.step {
	case stepScan:
		return e.T(message.AddKeyToAuthenticatorApp)
	case stepSave:
		return e.T(message.SaveBackupCodes)
	case stepProve:
		return e.T(message.EnterCodeFromApp)
	default:
		return e.T(d.task.title)
	}
}

func (d *factorDialog) yes() string {
	e := d.Env
	switch {
	case d.step == stepConfirm:
		return e.T(d.task.yes)
	case d.step == stepProve:
		return e.T(message.VerifyCode)
	case d.last():
		return e.T(message.FinishSetup)
	default:
		return e.T(message.ContinueAction)
	}
}

func (d *factorDialog) backButton() app.UI {
	switch {
	case d.canGoBack():
		return button(d.Env.T(message.GoBack), d.back)
	case d.task == renewTask && d.step == stepSave:
		return html.Div() // the old codes no longer work, so there is nothing to cancel
	default:
		return button(d.Env.T(message.CancelAction), d.cancel)
	}
}

func (d *factorDialog) drawConfirm() app.UI {
	return html.Fieldset().Class("page", "step").Attr("disabled", d.Offline).Body(
		html.P().Text(d.Env.T(d.task.text)),
		username(d.email()),
		d.form.field(field{Name: "password", Label: d.Env.T(message.AccountPassword), Type: "password", Complete: "current-password"}),
	)
}

func (d *factorDialog) drawScan() app.UI {
	e := d.Env
	link := html.A(d.uri).Text(e.T(message.OpenInAuthenticatorApp)).OnClick(on(d.open))
	same, scan := "", e.T(message.ScanWithApp)
	if d.task == moveTask {
		same = e.T(message.DeleteOldEntry)
	}
	if coarsePointer() {
		scan = e.T(message.ScanWithOtherDevice)
	}
	parts := []app.UI{
		html.P().Text(scan),
		qrCode(d.path, d.side, e.T(message.QRCodeOfKey)),
		html.Div().Class("key").Body(
			html.P().ID("factor-key-what").Text(e.T(message.EnterKeyInstead)),
			html.Code().ID("factor-key").Attr("translate", "no").Text(inFours(d.key())),
			button(e.T(message.CopyKey), d.copyKey),
		),
	}
	if coarsePointer() { // a phone cannot scan its own screen
		parts = append([]app.UI{link.Class("otpauth")}, parts...)
	} else {
		parts = append(parts, html.Div().Body(link))
	}
	parts = append(parts, html.Div().Body(app.If(same != "", func() app.UI { return hint(same) })))
	return html.Div().Class("step").Body(parts...)
}

func (d *factorDialog) drawSave() app.UI {
	e := d.Env
	return html.Div().Class("step").Body(
		html.P().Text(e.T(message.SaveBackupCodesExplanation)),
		html.Div().Class("sheet").Body(
			html.Div().Class("print").Body(
				html.P().Class("name").Text(e.T(message.LatchkeyBackupCodes)),
				html.P().Text(e.T(message.AccountAtHost, d.email(), app.Window().URL().Host)),
				html.P().Text(e.T(message.MadeOnDateEachOnce, e.today())),
			),
			html.Ul().Class("codes").Aria("label", e.T(message.BackupCodes)).Body(
				app.Range(d.codes).Slice(func(i int) app.UI {
					return html.Li().Body(html.Code().Attr("translate", "no").Text(d.codes[i]))
				}),
			),
		),
		html.Div().Class("actions").Body(
			button(e.T(message.CopyCodes), d.copyCodes),
			button(e.T(message.DownloadCodes), d.download),
			button(e.T(message.PrintCodes), d.print),
		),
		html.Div().Class("field").Body(
			html.Label().Class("check").Body(
				html.Input("checkbox").ID(d.form.inputID("saved")).Attr("checked", d.saved).
					Aria("describedby", d.form.inputID("saved-wrong")).Aria("invalid", d.form.wrong["saved"] != "").
					OnChange(on(d.toggleSaved)),
				html.Span().Text(e.T(message.CodesSaved)),
			),
			html.P().Class("wrong").ID(d.form.inputID("saved-wrong")).Aria("live", "polite").Text(d.form.wrong["saved"]),
		),
	)
}

func (d *factorDialog) drawProve() app.UI {
	e := d.Env
	return html.Fieldset().Class("page", "step").Attr("disabled", d.Offline).Body(
		html.P().Text(e.T(message.ProveAppHasKey)),
		d.form.code(e.T(message.AuthenticatorCode), e.T(message.HintSixDigitsNow), d.prove),
	)
}
