package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// paging is what the pagers of all types have in common, as [loading] is of loaders.
type paging struct {
	loading
	filter string // which items are shown
	next   string // where the next page begins; "" if there is none
	paged  bool   // more than the first page is shown
	busy   bool   // the next page is on its way

	fetchPage func(ctx app.Context, filter, from string, answered func(app.Context, page, error))
	onAnswer  func()     // called at every answer; nil for nothing
	count     func() int // of the items that are shown
}

// page is a page of a list, as the server has answered it.
type page struct {
	next  string             // where the next one begins; "" if there is none
	first string             // the id of the element of its first item; "" if it has none
	take  func(replace bool) // adds its items to the list, or replaces them
}

// mount begins to load for the section whose context is ctx.
func (p *paging) mount(ctx app.Context) {
	p.ctx = ctx
	p.loadFrom("")
}

// loadFrom asks for the page that begins there, the first if from is "".
func (p *paging) loadFrom(from string) {
	filter := p.filter
	p.fetchPage(p.ctx, filter, from, func(ctx app.Context, page page, err error) {
		p.busy = false
		if p.onAnswer != nil {
			p.onAnswer()
		}
		if filter != p.filter || from == "" && p.paged {
			return // something else has been asked for since
		}
		if p.problem = err; err != nil {
			return
		}
		if from != "" && p.count() > 0 && page.first != "" {
			p.paged = true
			focus(ctx, page.first) // the button that had it may be gone
		}
		page.take(from == "")
		p.next = page.next
		p.loaded()
	})
}

// restart loads the first page of what a filter selects.
func (p *paging) restart(filter string) {
	p.filter, p.paged = filter, false
	p.loadFrom("")
}

func (p *paging) retry(app.Context, app.Event) {
	p.problem = nil
	focus(p.ctx, p.section)
	p.restart(p.filter)
}

func (p *paging) more(app.Context, app.Event) {
	if !p.busy {
		p.busy = true
		p.loadFrom(p.next)
	}
}

// drawState draws how loading went.
func (p *paging) drawState() app.UI { return p.draw(p.retry) }

// drawMore draws the button that goes on with the list, if there is more of it.
func (p *paging) drawMore() app.UI {
	return html.Div().Body(app.If(p.next != "", func() app.UI {
		return html.Button().Aria("busy", p.busy).Aria("disabled", p.busy).Text(p.env.T("Show more")).OnClick(on(p.more))
	}))
}

// pager loads a list page by page, of what a filter selects.
type pager[T any] struct {
	paging
	items []T
	id    func(T) string // of the element of an item
}

// init makes the pager one of a section, which sets fetchPage.
func (p *pager[T]) init(e *env, section string, id func(T) string) {
	p.env, p.section, p.now, p.id = e, section, e.now(), id
	p.count = func() int { return len(p.items) }
}

// page returns a page with these items.
func (p *pager[T]) page(items []T, next string) page {
	first := ""
	if len(items) > 0 {
		first = p.id(items[0])
	}
	return page{next, first, func(replace bool) {
		if replace {
			p.items = nil
		}
		p.items = append(p.items, items...)
	}}
}

// hide takes the items away until the next page has come.
func (p *pager[T]) hide() { p.items, p.known = nil, false }
