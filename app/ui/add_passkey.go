package ui

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// addPasskey is the dialog that adds a passkey. It is part of the passkeys section.
type addPasskey struct {
	env      *env
	ctx      app.Context             // the section's
	passkeys func() []shared.Passkey // returns the existing passkeys
	added    func(shared.Passkey)    // called with the new passkey

	form      form
	ceremony  ceremony
	platform  bool   // this device itself can store passkeys
	opening   bool   // the options are being fetched
	openings  int    // how often the dialog was opened
	suggested string // the suggested name
}

func (d *addPasskey) init(e *env, passkeys func() []shared.Passkey, added func(shared.Passkey)) {
	d.env, d.passkeys, d.added, d.ceremony = e, passkeys, added, toAdd(e)
	d.form.init(e, "add-passkey", "name")
}

func (d *addPasskey) mount(ctx app.Context) {
	d.ctx = ctx
	async(ctx, func() {
		platform := passkey.HasPlatform()
		dispatch(ctx, func(app.Context) { d.platform = platform })
	})
}

// open fetches the options and then opens the dialog.
func (d *addPasskey) open(ctx app.Context, _ app.Event) {
	if d.opening {
		return
	}
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	d.opening = true
	call(d.ctx, d.env, shared.GenerateRegisterOptions, shared.RegisterQuery{}, func(ctx app.Context, options json.RawMessage, err error) {
		d.opening = false
		if err != nil {
			toastError(ctx, err)
			return
		}
		d.stop() // a ceremony of an earlier opening
		d.form.problem, d.form.wrong = "", nil
		d.ceremony.store(ctx, options)
		userAgent, touch := deviceAtHand()
		d.suggested = d.env.unused(d.env.suggestName(userAgent, touch, d.platform), d.passkeys())
		d.openings++
		d.env.focus.showDialog(ctx, "add-passkey")
		d.suggest(ctx)
	})
}

// suggest enters the suggested name in the field and selects it.
func (d *addPasskey) suggest(ctx app.Context) {
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
	if d.ceremony.busy || !d.form.nameFits(d.ctx) {
		return
	}
	d.form.busy = true
	d.ceremony.begin(func(options []byte) *passkey.Request {
		return passkey.Create(options, passkey.Modal)
	}, d.created)
}

// created sends the browser's response to the server.
func (d *addPasskey) created(ctx app.Context, answer json.RawMessage, err error) {
	e := d.env
	if err != nil {
		d.ceremony.end(false)
		d.form.end(ctx, err)
		return
	}
	name := d.form.value("name")
	own := name != d.suggested // the suggestion describes this device
	if !own {
		name = e.unused(e.elsewhereName(passkey.Elsewhere(answer), name), d.passkeys())
	}
	in := shared.Registration{Response: answer, Name: name}
	call(d.ctx, e, shared.VerifyRegistration, in, func(ctx app.Context, out shared.Registered, err error) {
		d.ceremony.end(err != nil)
		d.form.end(ctx, err)
		if err != nil {
			if !errors.Is(err, client.ErrOffline) && !errors.Is(err, shared.ErrPasskeyRegistered) {
				passkey.SignalUnknown(d.ceremony.rpID, passkey.CredentialID(answer)) // the server does not have the new passkey
			}
			return
		}
		closeDialog("add-passkey")
		toast(ctx, e.T(message.DonePasskeyAdded))
		d.added(out.Passkey)
		if better := e.providerName(name, out.Provider); !own && better != name {
			d.rename(out.Passkey, better)
			return
		}
		refresh(ctx)
	})
}

// rename gives a new passkey a name from its provider, which is unknown until the passkey
// exists. It ignores errors, because the first name is good enough.
func (d *addPasskey) rename(one shared.Passkey, name string) {
	others := slices.DeleteFunc(slices.Clone(d.passkeys()), func(other shared.Passkey) bool { return other.ID == one.ID })
	in := shared.PasskeyName{ID: one.ID, Name: d.env.unused(name, others)}
	call(d.ctx, d.env, shared.UpdatePasskey, in, func(ctx app.Context, _ shared.PasskeyUpdated, _ error) {
		refresh(ctx)
	})
}

func (d *addPasskey) cancel(app.Context, app.Event) { closeDialog("add-passkey") }

// closed is called when the dialog closes, including by the Escape key.
func (d *addPasskey) closed(app.Context, app.Event) {
	afterClose(d.ctx, "add-passkey", &d.openings, func(app.Context) { d.stop() })
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
