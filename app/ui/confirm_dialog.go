package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"

	"latchkey/shared/message"
)

// confirmation is an action that the user has to confirm.
type confirmation struct {
	Title string
	Text  string
	Yes   string // the label of the button that confirms
	Do    func()

	Harmless bool // the button that confirms is not red
}

const confirmAction = "confirm"

// confirm asks the user to confirm an action. Offline, it only shows an error.
func confirm(ctx app.Context, c confirmation) {
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	ctx.NewActionWithValue(confirmAction, c)
}

// offlineNotice draws a notice for dialogs that there is no connection. The page's own notice
// is behind the dialog.
func (t *env) offlineNotice(offline bool) app.UI {
	text := ""
	if offline {
		text = t.T(offlineText)
	}
	return drawStatus(text)
}

// confirmDialog is the dialog for confirmations.
type confirmDialog struct {
	app.Compo
	Env     *env
	Offline bool

	ctx          app.Context
	confirmation confirmation
	openings     int // how often the dialog was opened
}

func (d *confirmDialog) OnMount(ctx app.Context) {
	defer rescue()
	d.ctx = ctx
	handle(ctx, confirmAction, d.show)
}

func (d *confirmDialog) show(ctx app.Context, a app.Action) {
	d.confirmation = a.Value.(confirmation)
	d.openings++
	d.Env.focus.showDialog(ctx, "confirm")
}

func (d *confirmDialog) no(app.Context, app.Event) {
	closeDialog("confirm")
}

func (d *confirmDialog) yes(app.Context, app.Event) {
	closeDialog("confirm")
	if do := d.confirmation.Do; do != nil {
		d.confirmation.Do = nil // a second click does nothing
		do()
	}
}

// closed is called when the dialog closes, including by the Escape key. It deletes the text, which
// names devices and passkeys: the dialog stays in the page after a sign-out.
func (d *confirmDialog) closed(app.Context, app.Event) {
	afterClose(d.ctx, "confirm", &d.openings, func(app.Context) { d.confirmation = confirmation{} })
}

// Render implements [app.Composer].
func (d *confirmDialog) Render() app.UI {
	return drawDialog("confirm", "confirm", d.openings, d.closed, d.content)
}

func (d *confirmDialog) content() []app.UI {
	return []app.UI{
		html.H2().ID("confirm-title").TabIndex(-1).Text(d.confirmation.Title),
		html.P().ID("confirm-text").Text(d.confirmation.Text),
		d.Env.offlineNotice(d.Offline),
		html.Div().Class("buttons").Body(
			button(d.Env.T(message.CancelAction), d.no).Attr("autofocus", true),
			button(d.confirmation.Yes, d.yes).Class(onOff(d.confirmation.Harmless, "main", "danger")).Attr("disabled", d.Offline),
		),
	}
}
