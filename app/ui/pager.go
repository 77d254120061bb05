package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"

	"latchkey/shared/message"
)

// pager loads the list of a section page by page, of what a filter selects. The
// section has the items.
type pager struct {
	loading
	filter string // which items are shown
	next   string // where the next page begins; "" if there is none
	shown  int    // how many items there are
	paged  bool   // more than the first page is shown
	busy   bool   // the next page is on its way

	fetch    func(ctx app.Context, filter, from string, answered func(app.Context, page, error))
	onAnswer func() // called at every answer; nil for nothing
}

// page is a page of a list, as the server has answered it.
type page struct {
	next  string             // where the next one begins; "" if there is none
	items int                // how many it has
	first string             // the id of the element of the first of them
	show  func(replace bool) // adds its items to the list, or replaces them
}

// mount begins to load for the section whose context is ctx.
func (p *pager) mount(ctx app.Context) {
	p.ctx = ctx
	p.loadFrom("")
}

// loadFrom asks for the page that begins there, the first if from is "".
func (p *pager) loadFrom(from string) {
	filter := p.filter
	p.fetch(p.ctx, filter, from, func(ctx app.Context, page page, err error) {
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
		if from == "" {
			p.shown = 0
		}
		if p.shown > 0 && page.items > 0 {
			p.paged = true
			focus(ctx, page.first) // the button that had it may be gone
		}
		page.show(from == "")
		p.shown, p.next = p.shown+page.items, page.next
		p.loaded()
	})
}

// restart loads the first page of what a filter selects.
func (p *pager) restart(filter string) {
	p.filter, p.paged = filter, false
	p.loadFrom("")
}

func (p *pager) retry(app.Context, app.Event) {
	p.problem = nil
	focus(p.ctx, p.section)
	p.restart(p.filter)
}

func (p *pager) more(app.Context, app.Event) {
	if !p.busy {
		p.busy = true
		p.loadFrom(p.next)
	}
}

// drawState draws how loading went.
func (p *pager) drawState() app.UI { return p.draw(p.retry) }

// drawMore draws the button that goes on with the list, if there is more of it.
func (p *pager) drawMore() app.UI {
	return html.Div().Body(app.If(p.next != "", func() app.UI {
		return busyButton(p.env.T(message.ShowMore), p.more, p.busy)
	}))
}
