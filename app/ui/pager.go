package ui

import (
	"cmp"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"

	"latchkey/shared/message"
)

// pager loads the list of a section page by page. A filter selects the items, which the
// section stores.
type pager struct {
	loading
	filter string // selects the items
	from   string // the cursor of the first page, from the address; "" for the beginning of the list
	next   string // the cursor of the next page; "" if there is none
	shown  int    // the number of items
	paged  bool   // more than the first page is shown
	busy   bool   // the next page is being loaded

	restarted bool // the user has chosen a filter

	fetch    func(ctx app.Context, filter, from string, answered func(app.Context, page, error))
	onAnswer func() // called at every response; may be nil
}

// page is a page of a list in the server's response.
type page struct {
	next  string             // the cursor of the next page; "" if there is none
	items int                // the number of its items
	first string             // the ID of the first item's element
	show  func(replace bool) // appends its items to the list, or replaces the list with them
}

// newPage returns a page of items whose elements have the IDs that id returns. The section
// stores the items in list.
func newPage[T any](list *[]T, items []T, next string, id func(T) string) page {
	p := page{next: next, items: len(items)}
	if p.items > 0 {
		p.first = id(items[0])
	}
	p.show = func(replace bool) {
		if replace {
			*list = nil
		}
		*list = append(*list, items...)
	}
	return p
}

// start shows the first items of the list, which came with the page.
func (p *pager) start(first page) {
	first.show(true)
	p.shown, p.next = first.items, first.next
}

// mount begins to load for the section with context ctx.
func (p *pager) mount(ctx app.Context) {
	p.ctx = ctx
	p.loadFrom("")
}

// loadFrom loads the page at a cursor, or the first page if from is "".
func (p *pager) loadFrom(from string) {
	filter, first := p.filter, p.from
	p.loads++
	load := p.loads
	p.fetch(p.ctx, filter, cmp.Or(from, first), func(ctx app.Context, page page, err error) {
		p.busy = false
		if p.onAnswer != nil {
			p.onAnswer()
		}
		if filter != p.filter || first != p.from || from == "" && (p.paged || load < p.newest) {
			return // another page or filter has been requested since, or a newer response has arrived
		}
		if p.problem = err; err != nil {
			return
		}
		if from == "" {
			p.shown, p.newest = 0, load
		}
		if p.shown > 0 && page.items > 0 {
			p.paged = true
			focus(ctx, page.first) // the focused button may be gone
		}
		page.show(from == "")
		p.shown, p.next = p.shown+page.items, page.next
		p.loaded()
	})
}

// restart loads the first page for a filter.
func (p *pager) restart(filter string) {
	p.filter, p.paged, p.restarted = filter, false, true
	p.loadFrom("")
}

func (p *pager) retry(app.Context, app.Event) {
	p.problem = nil
	focus(p.ctx, p.section)
	p.restart(p.filter)
}

func (p *pager) more(_ app.Context, e app.Event) {
	e.PreventDefault()
	p.loadMore()
}

func (p *pager) loadMore() {
	if !p.busy {
		p.busy = true
		p.loadFrom(p.next)
	}
}

// drawState draws the state of loading.
func (p *pager) drawState() app.UI { return p.draw(p.retry) }

// drawMore draws the button that loads the next page, if there is one. Without the app, it submits a
// [env.pageForm] with the cursor as a parameter.
func (p *pager) drawMore(form, parameter string) app.UI {
	return html.Div().Body(app.If(p.next != "", func() app.UI {
		return openPage(busyButton(p.env.T(message.ShowMore), p.more, p.busy), form, parameter, p.next)
	}))
}
