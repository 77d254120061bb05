package ui

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

const addPasskeyAction = "add-passkey"

// startPasskey asks the user for a new passkey. It calls ended once the browser's prompt is over:
// with the error if the attempt has failed and no dialog says so.
func startPasskey(ctx app.Context, ended func(error)) {
	if !online() {
		toastError(ctx, client.ErrOffline)
		ended(nil)
		return
	}
	ctx.NewActionWithValue(addPasskeyAction, ended)
}

// addPasskeyButton is a button that adds a passkey, with the error of the last attempt. Any
// page can have one: [addPasskeyDialog] does the rest.
type addPasskeyButton struct {
	app.Compo
	mounted
	Env         *env
	ID          string
	Label       string
	Class       string
	DescribedBy string // the ID of the element that describes the button; may be empty

	busy    bool // the browser's prompt is open, or about to be
	problem error
}

func (b *addPasskeyButton) add(ctx app.Context, _ app.Event) {
	if b.busy {
		return
	}
	b.busy, b.problem = true, nil
	startPasskey(ctx, func(err error) {
		dispatch(b.ctx, func(app.Context) { b.busy, b.problem = false, err })
	})
}

// Render implements [app.Composer].
func (b *addPasskeyButton) Render() app.UI {
	e, status, problem := b.Env, "", ""
	if b.busy {
		status = e.T(message.FollowBrowserPrompt)
	}
	if b.problem != nil {
		problem = e.errorMessage(b.problem)
	}
	return html.Div().Class("add-passkey").Body(
		busyButton(b.Label, b.add, b.busy).ID(b.ID).Class(b.Class).Aria("describedby", b.DescribedBy),
		drawStatus(status),
		drawProblem(problem),
	)
}

// addPasskeyDialog adds a passkey. It asks the browser at once, without a dialog of its own.
// Once the passkey exists, the user can change the name that the server has given it.
type addPasskeyDialog struct {
	app.Compo
	Env     *env
	Offline bool

	ctx      app.Context
	form     form
	ceremony ceremony
	ended    func(error)    // tells the button that the browser's prompt is over; nil if it is
	asks     string         // what the dialog asks for: askClick, askPlace or askName
	added    shared.Passkey // the new passkey, with askName
	openings int            // how often the dialog was opened
}

// What the dialog asks for.
const (
	askClick = "click" // to press a button, because the browser asks for a passkey only then
	askPlace = "place" // where to store the passkey, because it cannot be stored at the first place
	askName  = "name"
)

func (d *addPasskeyDialog) OnInit() {
	defer rescue()
	d.form.init(d.Env, addPasskeyAction, "place", "name")
	d.ceremony = toAdd(d.Env)
}

func (d *addPasskeyDialog) OnMount(ctx app.Context) {
	defer rescue()
	d.ctx = ctx
	handle(ctx, addPasskeyAction, d.start)
}

// start fetches the options, and then asks the browser for a passkey.
func (d *addPasskeyDialog) start(ctx app.Context, a app.Action) {
	d.stop() // an earlier attempt, of another button
	d.ended = a.Value.(func(error))
	call(d.ctx, d.Env, shared.GenerateRegisterOptions, shared.RegisterQuery{}, func(ctx app.Context, options json.RawMessage, err error) {
		if err != nil {
			d.end(err)
			return
		}
		d.ceremony.store(ctx, options)
		d.create(passkey.Anywhere)
	})
}

// errNotAdded means that the user has canceled the browser's prompt for a new passkey.
var errNotAdded = &passkey.Error{Name: "NotAdded"}

// promptRefusal is how fast a browser refuses a call that is not made in the handler of a
// click. A later refusal is the user's.
const promptRefusal = 300 * time.Millisecond

// create asks the browser for a passkey.
func (d *addPasskeyDialog) create(at passkey.Hint) {
	clicked, asked := hasClicked(), time.Now()
	d.ceremony.register(at, func(ctx app.Context, out shared.Registered, err error) {
		d.form.busy = false
		switch {
		case err == nil:
			d.end(nil)
			d.added, d.Env.gotPasskey = out.Passkey, d.Env.account()
			refresh(ctx)
			d.show(askName)
		case errors.Is(err, passkey.ErrExists):
			d.end(nil)
			d.show(askPlace)
		case errors.Is(err, passkey.ErrNotAllowed) && !clicked && time.Since(asked) < promptRefusal:
			d.end(nil)
			d.show(askClick)
		default:
			if errors.Is(err, passkey.ErrNotAllowed) {
				err = errNotAdded
			}
			if d.asks == "" {
				d.end(err)
				return
			}
			d.form.end(ctx, err)
		}
	})
}

// end tells the button that the browser's prompt is over.
func (d *addPasskeyDialog) end(err error) {
	if ended := d.ended; ended != nil {
		d.ended = nil
		ended(err)
	}
}

// show opens the dialog, or changes what it asks for.
func (d *addPasskeyDialog) show(asks string) {
	d.form.problem, d.form.wrong = "", nil
	d.asks = asks
	d.openings++
	d.Env.focus.showDialog(d.ctx, addPasskeyAction)
	afterRender(d.ctx, func(app.Context) {
		if e := element(d.form.inputID("name")); e.Truthy() {
			e.Set("value", d.Env.passkeyName(d.added))
			e.Call("focus")
			e.Call("select")
		} else if e := element(d.form.inputID("submit")); e.Truthy() {
			e.Call("focus")
		}
	})
}

func (d *addPasskeyDialog) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	switch {
	case d.ceremony.busy || d.form.busy:
	case d.asks == askName:
		d.rename()
	case !online():
		d.form.problem = d.Env.T(offlineText)
	default:
		d.form.problem, d.form.busy = "", true
		d.create(passkey.Hint(d.form.value("place")))
	}
}

// rename gives the new passkey the name in the field.
func (d *addPasskeyDialog) rename() {
	if !d.form.nameFits(d.ctx, message.ErrEnterName) {
		return
	}
	name := strings.TrimSpace(d.form.value("name"))
	if name == d.Env.passkeyName(d.added) {
		closeDialog(addPasskeyAction)
		return
	}
	d.form.busy = true
	renamed := shared.PasskeyName{ID: d.added.ID, Name: name}
	call(d.ctx, d.Env, shared.UpdatePasskey, renamed, func(ctx app.Context, _ shared.PasskeyUpdated, err error) {
		d.form.end(ctx, err)
		if err == nil {
			closeDialog(addPasskeyAction)
			refresh(ctx)
		}
	})
}

func (d *addPasskeyDialog) cancel(app.Context, app.Event) { closeDialog(addPasskeyAction) }

// closed is called when the dialog closes, including by the Escape key.
func (d *addPasskeyDialog) closed(app.Context, app.Event) {
	afterClose(d.ctx, addPasskeyAction, &d.openings, func(ctx app.Context) {
		if !element("content").Call("contains", focusedElement()).Bool() { // the button has gone with the offer
			focus(ctx, "title")
		}
		if d.asks == askName {
			toast(ctx, d.Env.T(message.DonePasskeyAdded))
		}
		d.stop()
	})
}

// stop aborts the attempt.
func (d *addPasskeyDialog) stop() {
	d.form.busy, d.asks, d.added = false, "", shared.Passkey{}
	d.ceremony.stop()
	d.end(nil)
}

// Render implements [app.Composer].
func (d *addPasskeyDialog) Render() app.UI {
	return drawDialog(addPasskeyAction, "add-passkey", d.openings, d.closed, d.content)
}

func (d *addPasskeyDialog) content() []app.UI {
	e, status := d.Env, ""
	title, text, yes := e.T(message.AddPasskey), e.T(message.AddPasskeyExplanation), e.T(message.ContinueAction)
	switch d.asks {
	case askPlace:
		text, yes = e.T(message.ErrPasskeyOnDeviceAlready), e.T(message.UseAnotherDevice)
	case askName:
		title, text, yes = e.T(message.NamePasskey), e.T(message.NamePasskeyExplanation), e.T(message.SaveChanges)
	}
	if d.form.busy && d.asks != askName {
		status = e.T(message.FollowBrowserPrompt)
	}
	return []app.UI{formTo(d.submit).Body(
		html.H2().ID("add-passkey-title").TabIndex(-1).Text(title),
		html.P().ID("add-passkey-text").Text(text),
		html.Fieldset().Class("page").Attr("disabled", d.Offline).Body(d.field()),
		drawStatus(status),
		d.form.drawError(),
		e.offlineNotice(d.Offline),
		html.Div().Class("buttons").Body(
			button(e.T(message.CloseDialog), d.cancel),
			d.form.button(yes, "main").Attr("disabled", d.Offline),
		),
	)}
}

func (d *addPasskeyDialog) field() app.UI {
	e := d.Env
	switch d.asks {
	case askPlace:
		return d.form.field(field{
			Name: "place", Label: e.T(message.WhereToSavePasskey), Value: string(passkey.OnPhone), Options: []option{
				{string(passkey.OnPhone), e.T(message.PhoneOrTablet)},
				{string(passkey.OnSecurityKey), e.T(message.SecurityKey)},
				{string(passkey.OnOwnDevice), e.T(message.ThisDevice)},
			},
		})
	case askName:
		return d.form.field(field{Name: "name", Label: e.T(message.PasskeyName), Type: "text", Complete: "off"})
	}
	return html.Div()
}
