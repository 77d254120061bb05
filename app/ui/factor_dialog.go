package ui

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// factorDialog is the dialog for a [factorChange]. It keeps its secrets only while it is open. It shows
// the backup codes once they work, and does not close before the user has saved them.
type factorDialog struct {
	app.Compo
	Env     *env
	User    *shared.User // nil if no user is signed in
	Offline bool

	ctx    app.Context
	form   form
	change *factorChange
	step   step
	begun  int    // how often it was opened; responses for an earlier opening are ignored
	shown  bool   // it is open
	status string // tells the user what has happened

	uri   string // the otpauth URI of the new key
	path  string // the outline of its QR code
	side  int
	large bool // the QR code is enlarged
	codes []string
	saved bool
}

func (d *factorDialog) OnInit() {
	defer rescue()
	d.form.init(d.Env, "factor", "password", "saved", "code")
	d.change = enableChange
}

func (d *factorDialog) OnMount(ctx app.Context) {
	defer rescue()
	d.ctx = ctx
	handle(ctx, factorChangeAction, d.begin)
}

func (d *factorDialog) begin(ctx app.Context, a app.Action) {
	d.reset()
	d.change = a.Value.(*factorChange)
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
	d.uri, d.path, d.side, d.large, d.codes, d.saved = "", "", 0, false, nil, false
	d.step, d.status = stepConfirm, ""
}

// show goes to a step. It focuses the field for the code, or otherwise the heading, which
// screen readers then read. On a phone the keyboard would cover the key.
func (d *factorDialog) show(s step) {
	d.step, d.status = s, ""
	d.form.problem, d.form.wrong = "", nil
	element("factor-scroll").Set("scrollTop", 0)
	if s == stepScan && !coarsePointer() {
		focus(d.ctx, d.form.inputID("code"))
	} else {
		focus(d.ctx, "factor-title")
	}
}

// index returns the index of the step in the change.
func (d *factorDialog) index() int { return slices.Index(d.change.steps, d.step) }

func (d *factorDialog) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	switch {
	case d.step == stepConfirm:
		d.confirm()
	case d.step == stepScan:
		d.prove()
	case !d.saved:
		d.form.refuse(d.ctx, "saved", d.Env.T(saveFirst))
	case d.change == renewChange:
		d.done(d.Env.T(message.DoneBackupCodesReady))
	default:
		d.done(d.Env.T(message.DoneTwoFactorEnabled)) // the dialog has covered the toast of the code
	}
}

// unsaved reports whether the dialog shows codes that the user has not saved. They work
// already, and are shown only once.
func (d *factorDialog) unsaved() bool {
	return d.shown && d.step == stepSave && !d.saved && d.Env.account() != ""
}

const saveFirst = message.ErrCodesNotSaved

// confirm sends the password with the request of the change.
func (d *factorDialog) confirm() {
	e := d.Env
	if !d.form.start(d.ctx, map[string]string{"password": e.T(message.ErrEnterPassword)}) {
		return
	}
	password := d.form.value("password")
	begun := d.begun
	switch d.change {
	case enableChange, moveChange:
		in := shared.Enrollment{Password: password}
		if d.change == moveChange {
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
	case renewChange:
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
	case disableChange:
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
	enroll, begun, codes := true, d.begun, d.codes
	call(d.ctx, e, shared.VerifyTOTP, shared.Code{Code: code, Enroll: &enroll}, func(ctx app.Context, out shared.Verified, err error) {
		d.form.end(ctx, err)
		switch {
		case err == nil && d.change == moveChange:
			updateUser(ctx, out.User)
			d.done(e.T(message.DoneMovedToNewPhone))
		case err == nil:
			updateUser(ctx, out.User)
			refresh(ctx)
			toast(ctx, e.T(message.DoneTwoFactorEnabled))
			if begun != d.begun {
				return
			}
			// The codes work now, so a dialog that was closed opens again.
			d.codes, d.shown = codes, true
			e.focus.showDialog(ctx, "factor")
			d.show(stepSave)
			d.status = e.T(message.DoneTwoFactorEnabled) // the toast is behind the dialog
		case errors.Is(err, shared.ErrNoPendingSignIn):
			goToSignIn(ctx, sessionEnded) // without a session, the server expects the code of a sign-in
		}
	})
}

// done closes the dialog after the last step, with a toast if message is not empty. It focuses
// the section's heading, because the button that opened the dialog may be gone.
func (d *factorDialog) done(message string) {
	closeDialog("factor")
	if message != "" {
		toast(d.ctx, message)
	}
	refresh(d.ctx)
	focus(d.ctx, "two-factor", "title")
}

func (d *factorDialog) cancel(app.Context, app.Event) {
	closeDialog("factor")
}

// escape keeps the Escape key from closing the dialog before new codes are saved, or while they
// are made.
func (d *factorDialog) escape(_ app.Context, e app.Event) {
	makes := d.change == renewChange || d.change == enableChange && d.step == stepScan
	if d.unsaved() || makes && d.form.busy {
		e.PreventDefault()
		d.form.refuse(d.ctx, "saved", d.Env.T(saveFirst))
	}
}

// closed is called whenever the dialog closes.
func (d *factorDialog) closed(app.Context, app.Event) {
	afterClose(d.ctx, "factor", &d.begun, func(ctx app.Context) {
		if d.unsaved() { // a browser closes the dialog at the second Escape, whatever the app says
			d.Env.focus.showDialog(ctx, "factor")
			d.form.refuse(d.ctx, "saved", d.Env.T(saveFirst))
			return
		}
		if d.step > stepConfirm {
			refresh(ctx) // an enrollment may be incomplete
		}
		d.shown = false
		d.reset()
	})
}

func (d *factorDialog) copyCodes(app.Context, app.Event) {
	d.copy(strings.Join(d.codes, "\n"), d.Env.T(message.DoneCodesCopied))
}

func (d *factorDialog) copy(text, status string) {
	copyText(d.ctx, text, func(ok bool) {
		if d.status = status; !ok {
			d.status = d.Env.T(message.ErrCopyNotAllowed)
			return
		}
		d.form.wrong = nil // the user has done what it asked for
	})
}

func (d *factorDialog) download(app.Context, app.Event) {
	download(d.ctx, codesFile, d.Env.codesText(d.email(), d.codes))
	d.status, d.form.wrong = d.Env.T(message.DoneCodesDownloaded, codesFile), nil
}

func (d *factorDialog) print(app.Context, app.Event) {
	app.Window().Call("print")
}

func (d *factorDialog) toggleSaved(ctx app.Context, _ app.Event) {
	d.saved = ctx.JSSrc().Get("checked").Bool()
	d.form.wrong = nil
}

func (d *factorDialog) email() string {
	if d.User == nil {
		return ""
	}
	return d.User.Email
}

// codesFile is the name of the file with the backup codes.
const codesFile = "latchkey-backup-codes.txt"

// codesText returns the text of the file with the backup codes of an account. It says what they
// are, because the user may open it years later.
func (e *env) codesText(email string, codes []string) string {
	return e.T(message.BackupCodesForAccount, email, e.address().Host) + "\n" +
		e.T(message.MadeOnDate, e.today()) + "\n\n" + strings.Join(codes, "\n") + "\n\n" +
		e.T(message.EachCodeSignsInOnce) + "\n"
}

func (e *env) today() string { return e.localTime(shared.Time{Time: e.now()}, "medium", "") }

// Render implements [app.Composer].
func (d *factorDialog) Render() app.UI {
	return drawDialog("factor", "factor", d.begun, d.closed, d.content).On(onEvent("cancel", d.escape))
}

func (d *factorDialog) content() []app.UI {
	class := "main"
	if d.change == disableChange {
		class = "danger"
	}
	where := ""
	if n := len(d.change.steps); n > 1 {
		where = d.Env.T(message.StepOfSteps, d.index()+1, n)
	}
	// Steps that need no server work offline, so that the user can save codes that are
	// shown only once.
	idle := d.Offline && d.step != stepSave
	// Each step has its own element, so that go-app does not reuse the elements of another.
	return []app.UI{formTo(d.submit).Body(
		html.Div().Class("scroll").ID("factor-scroll").Body(
			html.Div().Class("stage").ID("factor-stage").Body(
				hint(where),
				html.H2().ID("factor-title").TabIndex(-1).Text(d.title()),
			),
			html.Div().Body(app.If(d.step == stepConfirm, d.drawConfirm)),
			html.Div().Body(app.If(d.step == stepScan, d.drawScan)),
			html.Div().Body(app.If(d.step == stepSave, d.drawSave)),
		),
		html.Div().Class("foot").Body(
			drawStatus(d.status),
			d.form.drawError(),
			d.Env.offlineNotice(idle),
			html.Div().Class("buttons").Body(
				// In the last step there is nothing to cancel.
				html.Div().Body(app.If(d.step != stepSave, func() app.UI {
					return button(d.Env.T(message.CancelAction), d.cancel)
				})),
				d.form.button(d.yes(), class).Attr("disabled", idle),
			),
		),
	)}
}

func (d *factorDialog) title() string {
	e := d.Env
	switch d.step {
	case stepScan:
		return e.T(message.AddKeyToAuthenticatorApp)
	case stepSave:
		return e.T(message.SaveBackupCodes)
	default:
		return e.T(d.change.title)
	}
}

func (d *factorDialog) yes() string {
	e := d.Env
	switch {
	case d.step == stepConfirm:
		return e.T(d.change.yes)
	case d.step == stepScan:
		return e.T(message.VerifyCode)
	default:
		return e.T(message.FinishSetup)
	}
}

func (d *factorDialog) drawConfirm() app.UI {
	return html.Fieldset().Class("page", "step").Attr("disabled", d.Offline).Body(
		html.P().ID("factor-text").Text(d.Env.T(d.change.text)),
		username(d.email()),
		d.form.field(field{Name: "password", Label: d.Env.T(message.AccountPassword), Type: "password", Complete: "current-password"}),
	)
}

func (d *factorDialog) drawSave() app.UI {
	e := d.Env
	return html.Div().Class("step").Body(
		html.P().ID("factor-text").Text(e.T(message.SaveBackupCodesExplanation)),
		html.Div().Class("sheet").Body(
			html.Div().Class("print").Body(
				html.P().Class("name").Text(e.T(message.LatchkeyBackupCodes)),
				html.P().Text(e.T(message.AccountAtHost, d.email(), app.Window().URL().Host)),
				html.P().Text(e.T(message.MadeOnDateEachOnce, e.today())),
			),
			e.drawCodes(d.codes),
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
			d.form.drawWrong("saved"),
		),
	)
}

// drawCodes draws the list of backup codes.
func (e *env) drawCodes(codes []string) app.UI {
	return html.Ul().Class("codes").Aria("label", e.T(message.BackupCodes)).Body(
		app.Range(codes).Slice(func(i int) app.UI {
			return html.Li().Body(html.Code().Attr("translate", "no").Text(codes[i]))
		}),
	)
}
