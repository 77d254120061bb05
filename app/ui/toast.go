package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// toasts are the app's short messages. The two regions are always in the page
// and only their words change: screen readers do not read out a region that
// comes together with its words.
type toasts struct {
	app.Compo

	ctx        app.Context
	said       string // what went well
	complained string // what did not
	update     bool   // a newer version of the app is there

	saidAt time.Time
}

const (
	sayAction      = "say"
	complainAction = "complain"
)

// readingTime is how long good news stays. Complaints stay until they are
// dismissed or replaced: what they say may have to be acted on.
const readingTime = 7 * time.Second

// say shows a message that all went well, or none.
func say(ctx app.Context, message string) {
	ctx.NewActionWithValue(sayAction, message)
}

// complain shows what went wrong, if anybody needs to be told.
func complain(ctx app.Context, err error) {
	if message := words(err); message != "" {
		ctx.NewActionWithValue(complainAction, message)
	}
}

func (t *toasts) OnMount(ctx app.Context) {
	defer rescue()
	t.ctx = ctx
	ctx.Handle(sayAction, t.say)
	ctx.Handle(complainAction, t.complain)
}

func (t *toasts) say(ctx app.Context, a app.Action) {
	defer rescue()
	t.said, t.complained = a.Value.(string), ""
	at := time.Now()
	t.saidAt = at
	ctx.After(readingTime, func(app.Context) {
		defer rescue()
		if t.saidAt.Equal(at) {
			t.said = ""
		}
	})
}

func (t *toasts) complain(_ app.Context, a app.Action) {
	defer rescue()
	t.said, t.complained = "", a.Value.(string)
}

// OnAppUpdate implements [app.AppUpdater].
func (t *toasts) OnAppUpdate(ctx app.Context) {
	defer rescue()
	// go-app also says so when the worker of this same version was installed
	// anew: at the first visit, and after signing out. Then the files of this
	// version are in its cache.
	caches := app.Window().Get("caches")
	if !caches.Truthy() {
		return
	}
	caches.Call("has", "app-"+app.Getenv("GOAPP_VERSION")).Then(func(same app.Value) {
		defer rescue()
		if same.Bool() {
			return
		}
		ctx.Dispatch(func(app.Context) {
			defer rescue()
			t.update = true
		})
	})
}

func (t *toasts) dismiss(app.Context, app.Event) {
	defer rescue()
	focus(t.ctx, "content") // the button that had it goes
	t.said, t.complained = "", ""
}

func (t *toasts) postpone(app.Context, app.Event) {
	defer rescue()
	focus(t.ctx, "content")
	t.update = false
}

func (t *toasts) reload(ctx app.Context, _ app.Event) {
	defer rescue()
	ctx.Reload()
}

// Render implements [app.Composer].
func (t *toasts) Render() app.UI {
	update := ""
	if t.update {
		update = "A new version is ready."
	}
	return html.Div().Class("toasts").Body(
		html.Div().Role("status").Body(
			toast(update, "good",
				html.Button().Class("quiet").Text("Reload").OnClick(t.reload),
				html.Button().Class("quiet").Text("Later").OnClick(t.postpone),
			),
			toast(t.said, "good",
				html.Button().Class("quiet").Aria("label", "Dismiss").Body(icon("cross")).OnClick(t.dismiss),
			),
		),
		html.Div().Role("alert").Body(
			toast(t.complained, "bad",
				html.Button().Class("quiet").Aria("label", "Dismiss").Body(icon("cross")).OnClick(t.dismiss),
			),
		),
	)
}

func toast(message, kind string, buttons ...app.UI) app.UI {
	if message == "" {
		return html.Div()
	}
	return html.Div().Class("toast", kind).Body(
		html.P().Text(message),
		html.Div().Class("actions").Body(buttons...),
	)
}
