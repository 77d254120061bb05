package ui

import (
	"errors"
	"reflect"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// loading is the part of [loader] that is the same for all types. The compiler generates the
// methods of a generic type for each type, and the browser downloads all of them. So loading
// uses reflection instead of type parameters.
type loading struct {
	env     *env
	section string // the ID of the section's heading

	ctx     app.Context // the section's
	known   bool        // there is something to show
	stored  bool        // it is from the snapshot, whose handles and IDs the server does not know
	problem error       // why the last load failed
	at      time.Time   // the time of the shown state; zero if nothing has been loaded
	now     time.Time   // the base of the relative times in the section
	loads   int         // how often it was loaded
	newest  int         // the number of the newest load that has succeeded

	method, path string     // the endpoint's
	in           func() any // returns the input of the call; nil for none
	into         any        // points to the value that the response is stored in

	restore func() time.Time  // sets the value from the snapshot and returns its time, or zero if there is none; may be nil
	onLoad  func(app.Context) // called after each new response; may be nil
}

func (l *loading) init(e *env, section string) { l.env, l.section, l.now = e, section, e.now() }

// fromPage stores the response that came with the page in out, and reports whether there is one.
func (l *loading) fromPage(path string, in, out any) bool {
	answers := &l.env.answers
	if !answers.read(path, in, out) {
		return false
	}
	l.known, l.at, l.now = true, answers.at, answers.at
	return true
}

// waiting reports whether the section has neither data nor an error yet.
func (l *loading) waiting() bool { return !l.known && l.problem == nil }

// loaded records that the section shows the current state.
func (l *loading) loaded() {
	l.known, l.stored, l.now = true, false, l.env.now()
	l.at = l.now
}

const laterText message.ID = message.ShownWhenOnline

// draw draws why the section could not be loaded, with a button to retry. Offline there is no
// button, because the section loads when the connection is restored.
func (l *loading) draw(retry app.EventHandler) app.UI {
	e := l.env
	offline, known := e.connection.offline || errors.Is(l.problem, client.ErrOffline), !l.at.IsZero()
	return html.Div().Class("load-state").Body(
		html.Div().Class("form-error").Role("alert").Body(
			app.If(!offline && l.problem != nil && e.errorMessage(l.problem) != "", func() app.UI {
				text := e.errorMessage(l.problem)
				if known {
					text = e.T(message.MaybeOutdated) + " " + text
				}
				return html.Div().Body(
					html.P().Text(text),
					button(e.T(message.TryAgain), retry),
				)
			}),
		),
		app.If(offline && known, func() app.UI {
			then := shared.Time{Time: l.at}
			return html.P().Class("as-of").Body(
				html.Text(e.T(message.AsOf)+" "),
				e.timestamp(then, e.localTime(then, "medium", "short")),
			)
		}).ElseIf(offline && l.problem != nil, func() app.UI {
			return html.P().Class("as-of").Text(e.T(laterText))
		}),
	)
}

// drawItems draws a list of n items. If there are none, it draws the sentence none instead.
func (l *loading) drawItems(class string, n int, none string, item func(int) app.UI) app.UI {
	return html.Div().Aria("busy", !l.known).Body(
		app.If(l.waiting(), skeleton).ElseIf(n > 0, func() app.UI {
			items := make([]app.UI, n)
			for i := range items {
				items[i] = item(i)
			}
			return html.Ul().Class(class).Body(items...)
		}).ElseIf(l.known && none != "", func() app.UI { return hint(none) }),
	)
}

// skeleton draws placeholder lines for text that is still loading.
func skeleton() app.UI {
	return html.Div().Class("skeleton").Aria("hidden", "true").Body(
		html.Div().Class("skeleton-line", "short"),
		html.Div().Class("skeleton-line", "long"),
		html.Div().Class("skeleton-line"),
	)
}

// mount begins to load for the section with context ctx, and loads again at each refresh.
func (l *loading) mount(ctx app.Context) {
	l.ctx = ctx
	handle(ctx, refreshAction, func(app.Context, app.Action) { l.load() })
	if l.env.connection.slow {
		l.useSnapshot()
	}
	l.load()
}

// useSnapshot sets the value from the snapshot, if there is nothing else to show.
func (l *loading) useSnapshot() {
	if !l.known && l.restore != nil {
		if at := l.restore(); !at.IsZero() {
			l.known, l.stored, l.at = true, true, at
		}
	}
}

// load calls the endpoint. The previous value stays until the response arrives, and also if
// the call fails. It ignores the response if a newer one has arrived before: it can be from
// before a change.
func (l *loading) load() {
	var in any = shared.None{}
	if l.in != nil {
		in = l.in()
	}
	value := reflect.ValueOf(l.into).Elem()
	out := reflect.New(value.Type())
	l.loads++
	load := l.loads
	newCall(l.env, l.method, l.path, in, out.Interface(), func(ctx app.Context, err error) {
		if load < l.newest {
			return
		}
		if err == nil {
			l.newest = load
		}
		l.answered(ctx, func() { value.Set(out.Elem()) }, err)
	}).send(l.ctx)
}

// answered handles the result of a call. take stores the response as the value.
func (l *loading) answered(ctx app.Context, take func(), err error) {
	l.problem = err
	if errors.Is(err, client.ErrOffline) {
		l.useSnapshot()
	}
	if err != nil {
		return
	}
	take()
	l.loaded()
	if l.onLoad != nil {
		l.onLoad(ctx)
	}
}

func (l *loading) retry(app.Context, app.Event) {
	l.problem = nil
	focus(l.ctx, l.section)
	l.load()
}

// drawState draws the state of loading.
func (l *loading) drawState() app.UI { return l.draw(l.retry) }

// loader loads the data of a section from an endpoint, and loads it again at each refresh.
type loader[T any] struct {
	loading
	value T
}

// initLoader initializes a loader for an endpoint. If the endpoint has an input, set l.in.
func initLoader[In, T any](l *loader[T], e *env, section string, endpoint shared.Endpoint[In, T]) {
	l.init(e, section)
	l.method, l.path, l.into = endpoint.Method, endpoint.Path, &l.value
	l.fromPage(l.path, shared.None{}, l.into)
}
