package ui

import (
	"encoding/json"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// addPasskey is the dialog that adds a passkey. The passkeys section opens it.
type addPasskey struct {
	section *passkeys
	env     *env

	form      form
	ceremony  ceremony
	platform  bool   // this device itself can store passkeys
	openings  int    // how often the dialog was opened
	suggested string // the suggested name
	name      string // the submitted name
}

func (d *addPasskey) init(section *passkeys) {
	d.section, d.env, d.ceremony = section, section.Env, toAdd(section.Env)
	d.form.init(d.env, "add-passkey", "name")
}

func (d *addPasskey) mount(ctx app.Context) {
	async(ctx, func() {
		platform := passkey.HasPlatform()
		dispatch(ctx, func(app.Context) { d.platform = platform })
	})
}

// show opens the dialog with options that were just fetched, and a suggested name.
func (d *addPasskey) show(ctx app.Context, options json.RawMessage) {
	d.stop() // a ceremony of an earlier opening
	d.form.problem, d.form.wrong = "", nil
	d.ceremony.store(ctx, options)
	userAgent, touch := deviceAtHand()
	d.suggested = d.env.unused(d.env.suggestName(userAgent, touch, d.platform), d.section.list.value)
	d.openings++
	d.env.focus.showDialog(ctx, "add-passkey")
	afterRender(ctx, func(app.Context) {
		if e := element(d.form.inputID("name")); e.Truthy() {
			e.Set("value", d.suggested)
			e.Call("focus")
			e.Call("select")
		}
	})
}

func (d *addPasskey) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if d.ceremony.busy || !d.form.nameFits(d.section.ctx) {
		return
	}
	d.form.busy = true
	d.name = d.form.value("name")
	d.ceremony.register(d.name, d.name == d.suggested, d.section.list.value, d.registered)
}

func (d *addPasskey) registered(ctx app.Context, out shared.Registered, err error) {
	d.form.end(ctx, err)
	if err != nil {
		return
	}
	closeDialog("add-passkey")
	toast(ctx, d.env.T(message.DonePasskeyAdded))
	list := &d.section.list
	others := list.value
	list.value, list.known = append(others, out.Passkey), true
	d.section.signals.accept(list.value)
	if own := d.name != d.suggested; own || !d.env.renameByProvider(d.section.ctx, out.Passkey, others) {
		refresh(ctx)
	}
}

func (d *addPasskey) cancel(app.Context, app.Event) { closeDialog("add-passkey") }

// closed is called when the dialog closes, including by the Escape key.
func (d *addPasskey) closed(app.Context, app.Event) {
	afterClose(d.section.ctx, "add-passkey", &d.openings, func(app.Context) { d.stop() })
}

// stop aborts the ceremony of the dialog.
func (d *addPasskey) stop() {
	d.form.busy = false
	d.ceremony.stop()
}

func (d *addPasskey) draw() app.UI {
	e, status := d.env, ""
	if d.form.busy {
		status = e.T(message.FollowBrowserPrompt)
	}
	return html.Dialog().ID("add-passkey").
		Aria("labelledby", "add-passkey-title").Aria("describedby", "add-passkey-text").
		On(onEvent("close", d.closed)).
		Body(
			formTo(d.submit).Body(
				html.H2().ID("add-passkey-title").Text(e.T(message.AddAPasskey)),
				html.P().ID("add-passkey-text").Text(
					e.T(message.AddPasskeyExplanation),
				),
				d.form.field(field{Name: "name", Label: e.T(message.PasskeyName), Type: "text", Complete: "off"}),
				html.Div().Class("status").Role("status").Body(
					app.If(status != "", func() app.UI { return html.P().Text(status) }),
				),
				d.form.drawError(),
				html.Div().Class("buttons").Body(
					button(e.T(message.CancelAction), d.cancel),
					d.form.button(e.T(message.ContinueAction), "main"),
				),
			),
		)
}
