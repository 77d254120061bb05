package ui

import (
	"errors"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/shared"
)

// loadState is what a section knows of what it loads from the server.
type loadState struct {
	env     *env
	section string // the id of the section's heading

	ctx     app.Context // of the section
	known   bool        // there is something to show
	problem error       // why the last load failed
	at      time.Time   // when what is shown was so; zero if nothing was loaded yet
	now     time.Time   // that the relative times of the section are relative to
}

// waiting reports whether the section has nothing to say yet.
func (l *loadState) waiting() bool { return !l.known && l.problem == nil }

// loaded notes that what the section shows is so now.
func (l *loadState) loaded() {
	l.known, l.now = true, l.env.now()
	l.at = l.now
}

const laterWords key = "This is shown when there is a connection again."

// draw says why the section could not be loaded, and offers to retry. Without a
// connection there is nothing to retry: the section is loaded when there is one.
func (l *loadState) draw(retry app.EventHandler) app.UI {
	tr := l.env.T
	offline, known := errors.Is(l.problem, client.ErrOffline), !l.at.IsZero()
	return html.Div().Class("stale").Body(
		html.Div().Class("trouble").Role("alert").Body(
			app.If(!offline && l.problem != nil && l.env.words(l.problem) != "", func() app.UI {
				text := l.env.words(l.problem)
				if known {
					text = tr("This may be out of date.") + " " + text
				}
				return html.Div().Body(
					html.P().Text(text),
					html.Button().Text(tr("Try again")).OnClick(on(retry)),
				)
			}),
		),
		app.If(offline && known, func() app.UI {
			then := shared.Time{Time: l.at}
			return html.P().Class("as-of").Body(
				app.Text(tr("As of")+" "),
				l.env.timestamp(then, l.env.localTime(then, "medium", "short")),
			)
		}).ElseIf(offline, func() app.UI {
			return html.P().Class("as-of").Text(tr(laterWords))
		}),
	)
}

// skeleton are lines that stand where words will be.
func skeleton() app.UI {
	return html.Div().Class("bones").Aria("hidden", "true").Body(
		html.Div().Class("bone", "short"),
		html.Div().Class("bone", "long"),
		html.Div().Class("bone"),
	)
}

// loader loads what a section shows, and loads it again when something may have
// changed. What was loaded stays while it is loaded again, and if that fails.
type loader[T any] struct {
	loadState
	value T

	fetch   func(ctx app.Context, then func(app.Context, T, error))
	restore func() (T, time.Time) // from the snapshot, with a zero time if there is nothing; nil for never
	onLoad  func(app.Context)     // called when the server has answered with a value; nil for nothing
}

// newLoader returns a loader of what an endpoint answers.
func newLoader[T any](e *env, section string, endpoint shared.Endpoint[shared.None, T]) loader[T] {
	return loader[T]{
		loadState: loadState{env: e, section: section, now: e.now()},
		fetch: func(ctx app.Context, then func(app.Context, T, error)) {
			call(ctx, e, endpoint, shared.None{}, then)
		},
	}
}

// mount begins to load for the section whose context is ctx.
func (l *loader[T]) mount(ctx app.Context) {
	l.ctx = ctx
	handle(ctx, refreshAction, func(app.Context, app.Action) { l.load() })
	l.load()
}

func (l *loader[T]) load() {
	l.fetch(l.ctx, func(ctx app.Context, value T, err error) {
		l.problem = err
		if errors.Is(err, client.ErrOffline) && !l.known && l.restore != nil {
			if value, at := l.restore(); !at.IsZero() {
				l.value, l.known, l.at = value, true, at
			}
		}
		if err != nil {
			return
		}
		l.value = value
		l.loaded()
		if l.onLoad != nil {
			l.onLoad(ctx)
		}
	})
}

func (l *loader[T]) retry(app.Context, app.Event) {
	l.problem = nil
	focus(l.ctx, l.section)
	l.load()
}

// drawState draws how loading went.
func (l *loader[T]) drawState() app.UI { return l.draw(l.retry) }

// pager loads a list page by page, of what a filter selects.
type pager[T any] struct {
	loadState
	items  []T
	filter string
	next   string // where the next page begins; "" if there is none
	paged  bool   // more than the first page is shown
	busy   bool   // the next page is on its way

	fetch    func(ctx app.Context, filter, from string, then func(ctx app.Context, items []T, next string, err error))
	id       func(T) string // of the element of an item
	answered func()         // called at every answer; nil for nothing
}

func newPager[T any](e *env, section string, id func(T) string) pager[T] {
	return pager[T]{loadState: loadState{env: e, section: section, now: e.now()}, id: id}
}

// mount begins to load for the section whose context is ctx.
func (p *pager[T]) mount(ctx app.Context) {
	p.ctx = ctx
	p.load("")
}

// load asks for the page that begins at from, the first if that is "".
func (p *pager[T]) load(from string) {
	filter := p.filter
	p.fetch(p.ctx, filter, from, func(ctx app.Context, items []T, next string, err error) {
		p.busy = false
		if p.answered != nil {
			p.answered()
		}
		if filter != p.filter || from == "" && p.paged {
			return // something else has been asked for since
		}
		if p.problem = err; err != nil {
			return
		}
		if from == "" {
			p.items = nil
		}
		if len(p.items) > 0 && len(items) > 0 {
			p.paged = true
			focus(ctx, p.id(items[0])) // the button that had it may be gone
		}
		p.items, p.next = append(p.items, items...), next
		p.loaded()
	})
}

// restart loads the first page of what a filter selects.
func (p *pager[T]) restart(filter string) {
	p.filter, p.paged = filter, false
	p.load("")
}

func (p *pager[T]) retry(app.Context, app.Event) {
	p.problem = nil
	focus(p.ctx, p.section)
	p.restart(p.filter)
}

func (p *pager[T]) more(app.Context, app.Event) {
	if !p.busy {
		p.busy = true
		p.load(p.next)
	}
}

// drawState draws how loading went.
func (p *pager[T]) drawState() app.UI { return p.draw(p.retry) }

// drawMore draws the button that goes on with the list, if there is more of it.
func (p *pager[T]) drawMore() app.UI {
	return html.Div().Body(app.If(p.next != "", func() app.UI {
		return html.Button().Aria("busy", p.busy).Aria("disabled", p.busy).Text(p.env.T("Show more")).OnClick(on(p.more))
	}))
}
