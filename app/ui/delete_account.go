package ui

import (
	"encoding/json"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

const deleteAccountAction = "delete-account"

// dangerZone is the section in which users delete their account. It loads nothing.
type dangerZone struct {
	app.Compo
	Env      *env
	Overview shared.Overview
	Language string // in which it is drawn
}

func (z *dangerZone) ask(ctx app.Context, _ app.Event) {
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	ctx.NewActionWithValue(deleteAccountAction, z.Overview)
}

// Render implements [app.Composer].
func (z *dangerZone) Render() app.UI {
	e := z.Env
	return section("danger-zone", e.T(message.DangerZone),
		html.Div().Class("end").Body(
			html.P().ID("delete-account-why").Text(e.T(message.DeleteAccountConsequence)),
			taskButton(e.T(message.DeleteAccount), shared.PageProfile, e.formCall(shared.DeleteUser.Path), z.ask).
				Class("danger").ID("delete-account").Aria("describedby", "delete-account-why"),
		),
	)
}

// deleteAccountDialog deletes the account of the user. It asks for the address, so that no user
// deletes an account by mistake, and for the password or a passkey, however recently the user
// has confirmed their identity.
type deleteAccountDialog struct {
	app.Compo
	Env     *env
	Offline bool

	ctx      app.Context
	account  shared.Overview // of the account to delete
	form     form
	passkeys ceremony
	openings int // how often the dialog was opened
}

const deleteDialog = "delete-account-dialog"

func (d *deleteAccountDialog) OnInit() {
	defer rescue()
	d.form.init(d.Env, "delete", "email", "password")
	d.passkeys = toUse(d.Env, shared.AuthenticateQuery{})
}

func (d *deleteAccountDialog) OnMount(ctx app.Context) {
	defer rescue()
	d.ctx = ctx
	handle(ctx, deleteAccountAction, d.show)
}

func (d *deleteAccountDialog) show(ctx app.Context, a app.Action) {
	d.reset()
	d.account = a.Value.(shared.Overview)
	d.openings++
	d.Env.focus.showDialog(ctx, deleteDialog)
	focus(ctx, d.form.inputID("email"), "keep-account")
	if d.hasPasskey() {
		d.passkeys.prepare(d.ctx)
	}
}

func (d *deleteAccountDialog) hasPasskey() bool {
	return !d.account.Last && d.account.Passkeys.Count > 0 && passkey.Supported()
}

// start prepares the form for submission. It reports false if the address is not the user's.
func (d *deleteAccountDialog) start(required map[string]string) bool {
	typed := strings.TrimSpace(d.form.value("email"))
	if !strings.EqualFold(typed, d.account.User.Email) {
		d.form.refuse(d.ctx, "email", d.Env.T(message.ErrTypeYourAddress, d.account.User.Email))
		return false
	}
	return d.form.start(d.ctx, required)
}

func (d *deleteAccountDialog) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !d.account.Password.Set {
		d.usePasskey(d.ctx, e)
		return
	}
	if d.passkeys.busy || !d.start(map[string]string{"password": d.Env.T(message.ErrEnterPassword)}) {
		return
	}
	password := d.form.value("password")
	d.delete(shared.UserDeletion{Password: &password}, func(error) {})
}

func (d *deleteAccountDialog) usePasskey(app.Context, app.Event) {
	if d.passkeys.busy || !d.start(nil) {
		return
	}
	d.passkeys.begin(func(options []byte) *passkey.Request {
		return passkey.Get(options, passkey.Modal)
	}, func(ctx app.Context, answer json.RawMessage, err error) {
		if err != nil {
			d.passkeys.end(false)
			d.end(ctx, err)
			return
		}
		d.delete(shared.UserDeletion{Passkey: answer}, func(err error) { d.passkeys.answered("", answer, err) })
	})
}

// delete deletes the account. It calls answered with the result.
func (d *deleteAccountDialog) delete(in shared.UserDeletion, answered func(error)) {
	call(d.ctx, d.Env, shared.DeleteUser, in, func(ctx app.Context, _ shared.Deleted, err error) {
		answered(err)
		d.end(ctx, err)
		if err == nil {
			closeDialog(deleteDialog)
			goToSignIn(ctx, accountDeleted)
		}
	})
}

// end ends the submission. An error above the buttons must not push them out of sight.
func (d *deleteAccountDialog) end(ctx app.Context, err error) {
	d.form.end(ctx, err)
	if d.form.problem != "" {
		afterRender(ctx, func(app.Context) {
			element(d.form.inputID("submit")).Call("scrollIntoView", map[string]any{"block": "nearest"})
		})
	}
}

func (d *deleteAccountDialog) cancel(app.Context, app.Event) { closeDialog(deleteDialog) }

// closed is called when the dialog closes, including by the Escape key.
func (d *deleteAccountDialog) closed(app.Context, app.Event) {
	afterClose(d.ctx, deleteDialog, &d.openings, func(app.Context) { d.reset() })
}

// reset clears the fields, forgets the account and aborts the ceremony.
func (d *deleteAccountDialog) reset() {
	d.account = shared.Overview{} // the dialog stays in the page after a sign-out
	d.form.clear("email", "password")
	d.form.busy, d.form.problem, d.form.wrong = false, "", nil
	d.passkeys.stop()
}

// Render implements [app.Composer].
func (d *deleteAccountDialog) Render() app.UI {
	return drawDialog(deleteDialog, "delete-account", d.openings, d.closed, d.content)
}

func (d *deleteAccountDialog) content() []app.UI {
	e := d.Env
	return []app.UI{formTo(d.submit).Body(
		html.H2().ID("delete-account-title").TabIndex(-1).Text(e.T(message.ConfirmDeleteAccount)),
		html.P().ID("delete-account-text").Text(e.deletionText(&d.account)),
		app.If(d.account.Last, d.drawRefusal).Else(d.drawQuestion),
	)}
}

// deletionText returns what the user loses with the account, or why it cannot be deleted.
func (t *env) deletionText(o *shared.Overview) string {
	if o.Last {
		return t.T(message.ErrLastAdministrator)
	}
	lost := t.T(message.DeleteAccountExplanation, o.User.Email)
	if o.Admin {
		lost += " " + t.T(message.DeleteAdministratorExplanation)
	}
	return lost
}

// drawRefusal draws the way out of a dialog that cannot delete the account.
func (d *deleteAccountDialog) drawRefusal() app.UI {
	return html.Div().Class("buttons").Body(button(d.Env.T(message.CloseDialog), d.cancel).ID("keep-account"))
}

// drawQuestion draws the fields and the buttons.
func (d *deleteAccountDialog) drawQuestion() app.UI {
	e, user := d.Env, d.account.User
	return div("parts",
		html.Fieldset().Class("page").Attr("disabled", d.Offline).Body(
			username(user.Email),
			d.form.field(field{
				Name: "email", Label: e.T(message.TypeYourAddress), Type: "email", Complete: "off", Hint: user.Email,
			}),
		),
		html.Fieldset().Class("page").Attr("disabled", d.Offline).Body(app.If(d.account.Password.Set, func() app.UI {
			return d.form.field(field{
				Name: "password", Label: e.T(message.AccountPassword), Type: "password", Complete: "current-password",
			})
		})),
		html.Fieldset().Class("page", "methods").Attr("disabled", d.Offline).Body(
			app.If(d.hasPasskey() && d.account.Password.Set, func() app.UI {
				return busyButton(e.T(message.UsePasskey), d.usePasskey, d.passkeys.busy).Class("quiet")
			}),
		),
		d.form.drawError(),
		e.offlineNotice(d.Offline),
		html.Div().Class("buttons").Body(
			button(e.T(message.CancelAction), d.cancel),
			d.form.button(e.T(message.DeleteAccount), "danger").Attr("disabled", d.Offline),
		),
	)
}
