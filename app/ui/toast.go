package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"

	"latchkey/shared/message"
)

// toasts shows the app's short messages. Its two live regions are always in the page, because
// screen readers do not announce a region that appears together with its text.
type toasts struct {
	app.Compo
	Env *env

	ctx     app.Context
	success string // the message about a success
	failure string // the message about a failure
	update  bool   // a newer version of the app is ready
	tooOld  bool   // the server no longer supports this version

	successAt time.Time
	path      string // of the page
}

const (
	toastAction      = "toast"
	toastErrorAction = "toast-error"
	outdatedAction   = "outdated"
)

// readingTime is how long a success message stays. A failure message stays until it is
// dismissed or replaced, because the user may have to act on it.
const readingTime = 7 * time.Second

// toast shows a success message. "" removes the last message.
func toast(ctx app.Context, message string) {
	ctx.NewActionWithValue(toastAction, message)
}

// toastError shows the message of an error, if it has one.
func toastError(ctx app.Context, err error) {
	ctx.NewActionWithValue(toastErrorAction, err)
}

// OnInit shows what the last form of the browser has done, or why the server has refused it. The
// components before this one have taken the forms that they show themselves.
func (t *toasts) OnInit() {
	defer rescue()
	p := t.Env.page
	if p == nil {
		return
	}
	t.success = p.State.Done
	if form := p.State.Form; form != nil {
		t.failure = form.Text
	}
	if app.IsClient {
		p.State.Done, p.State.Form = "", nil
	}
}

func (t *toasts) OnMount(ctx app.Context) {
	defer rescue()
	t.ctx = ctx
	handle(ctx, toastAction, t.toast)
	handle(ctx, toastErrorAction, t.toastError)
	handle(ctx, outdatedAction, t.outdated)
	if t.success != "" {
		toast(ctx, t.success) // for as long as one of the app
	}
	if !app.IsClient {
		return
	}
	// web/loader.js sets this and sends the event, perhaps before now.
	t.update = app.Window().Get("latchkeyUpdate").Truthy()
	listen(ctx, app.Window(), "latchkey-update", func(app.Context, app.Value) { t.update = true })
	listen(ctx, app.Window(), "pointerdown", t.onPointer)
}

// OnNav implements [app.Navigator]. A failure is about the page on which it happened.
func (t *toasts) OnNav(ctx app.Context) {
	defer rescue()
	path := ctx.Page().URL().Path
	if t.path != "" && path != t.path {
		t.failure = ""
	}
	t.path = path
}

// onPointer removes a success message of a narrow window when the user taps anything else. What
// lies below it gets the tap: see web/app.css.
func (t *toasts) onPointer(_ app.Context, e app.Value) {
	if target := e.Get("target"); !wide() && !target.Equal(app.Window()) && !target.Call("closest", ".toasts").Truthy() {
		t.success = ""
	}
}

func (t *toasts) toast(ctx app.Context, a app.Action) {
	t.success, t.failure = a.Value.(string), ""
	at := time.Now()
	t.successAt = at
	after(ctx, readingTime, func(app.Context) {
		if t.successAt.Equal(at) {
			t.success = ""
		}
	})
}

func (t *toasts) toastError(_ app.Context, a app.Action) {
	if message := t.Env.errorMessage(a.Value.(error)); message != "" {
		t.success, t.failure = "", message
	}
}

// outdated tells the user that this version of the app is too old for the server.
func outdated(ctx app.Context) {
	ctx.NewAction(outdatedAction)
}

func (t *toasts) outdated(app.Context, app.Action) {
	t.tooOld = true
}

func (t *toasts) dismiss(app.Context, app.Event) {
	focus(t.ctx, "content") // the focused button disappears
	t.success, t.failure = "", ""
}

func (t *toasts) postpone(app.Context, app.Event) {
	focus(t.ctx, "content")
	t.update = false
}

func (t *toasts) reload(app.Context, app.Event) {
	app.Window().Call("latchkeyReload")
}

// Render implements [app.Composer].
func (t *toasts) Render() app.UI {
	e := t.Env
	update, news, buttons := "", levelAdvice, []app.UI{button(e.T(message.ReloadNow), t.reload).Class("quiet")}
	switch {
	case t.tooOld:
		update, news = e.T(message.ErrAppUnsupported), levelAlarm
	case t.update:
		update = e.T(message.NewVersionReady)
		buttons = append(buttons, button(e.T(message.RemindLater), t.postpone).Class("quiet"))
	}
	return html.Div().Class("toasts").Body(
		html.Div().Role("status").Body(
			drawToast(update, news, buttons...),
			drawToast(t.success, levelOK,
				html.Button().Class("quiet").Aria("label", e.T(message.DismissNotice)).Body(icon("cross")).OnClick(on(t.dismiss)),
			),
		),
		html.Div().Role("alert").Body(
			drawToast(t.failure, levelAlarm,
				html.Button().Class("quiet").Aria("label", e.T(message.DismissNotice)).Body(icon("cross")).OnClick(on(t.dismiss)),
			),
		),
	)
}

func drawToast(message string, l level, buttons ...app.UI) app.UI {
	if message == "" {
		return html.Div()
	}
	return html.Div().Class("toast", l.name()).Body(
		icon(l.name()),
		html.P().Text(message),
		html.Div().Class("buttons").Body(buttons...),
	)
}
