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

// loading is what the loaders of all types have in common. The compiler makes the
// functions of a generic type once for each type, and the browser downloads each: so
// that which could be generic is here, and by reflection.
type loading struct {
	env     *env
	section string // the id of the section's heading

	ctx     app.Context // of the section
	known   bool        // there is something to show
	problem error       // why the last load failed
	at      time.Time   // when what is shown was so; zero if nothing was loaded yet
	now     time.Time   // that the relative times of the section are relative to

	method, path string     // of the endpoint
	in           func() any // returns what it takes; nil for nothing
	into         any        // points to where its answer is kept

	restore func() time.Time  // takes the value of the snapshot, and returns its time, zero if it has none; nil for never
	onLoad  func(app.Context) // called when there is a new answer; nil for nothing
}

func (l *loading) init(e *env, section string) { l.env, l.section, l.now = e, section, e.now() }

// waiting reports whether the section has nothing to say yet.
func (l *loading) waiting() bool { return !l.known && l.problem == nil }

// loaded notes that what the section shows is so now.
func (l *loading) loaded() {
	l.known, l.now = true, l.env.now()
	l.at = l.now
}

const laterWords message.ID = message.ShownWhenOnline

// draw says why the section could not be loaded, and offers to retry. Without a
// connection there is nothing to retry: the section is loaded when there is one.
func (l *loading) draw(retry app.EventHandler) app.UI {
	e := l.env
	offline, known := errors.Is(l.problem, client.ErrOffline), !l.at.IsZero()
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
				app.Text(e.T(message.AsOf)+" "),
				e.timestamp(then, e.localTime(then, "medium", "short")),
			)
		}).ElseIf(offline, func() app.UI {
			return html.P().Class("as-of").Text(e.T(laterWords))
		}),
	)
}

// skeleton are lines that stand where words will be.
func skeleton() app.UI {
	return html.Div().Class("skeleton").Aria("hidden", "true").Body(
		html.Div().Class("skeleton-line", "short"),
		html.Div().Class("skeleton-line", "long"),
		html.Div().Class("skeleton-line"),
	)
}

// mount begins to load for the section whose context is ctx, and loads again when
// something may have changed.
func (l *loading) mount(ctx app.Context) {
	l.ctx = ctx
	handle(ctx, refreshAction, func(app.Context, app.Action) { l.load() })
	l.load()
}

// load asks the server. What was loaded before stays until the server has answered,
// and if it fails.
func (l *loading) load() {
	var in any = shared.None{}
	if l.in != nil {
		in = l.in()
	}
	value := reflect.ValueOf(l.into).Elem()
	out := reflect.New(value.Type())
	newCall(l.env, l.method, l.path, in, out.Interface(), func(ctx app.Context, err error) {
		l.answered(ctx, func() { value.Set(out.Elem()) }, err)
	}).send(l.ctx)
}

// answered takes an answer; take makes it the value.
func (l *loading) answered(ctx app.Context, take func(), err error) {
	l.problem = err
	if errors.Is(err, client.ErrOffline) && !l.known && l.restore != nil {
		if at := l.restore(); !at.IsZero() {
			l.known, l.at = true, at
		}
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

// drawState draws how loading went.
func (l *loading) drawState() app.UI { return l.draw(l.retry) }

// loader loads what a section shows, and loads it again when something may have
// changed.
type loader[T any] struct {
	loading
	value T
}

// initLoader makes a loader one of what an endpoint answers. An endpoint that takes
// something gets it from l.in.
func initLoader[In, T any](l *loader[T], e *env, section string, endpoint shared.Endpoint[In, T]) {
	l.init(e, section)
	l.method, l.path, l.into = endpoint.Method, endpoint.Path, &l.value
}
