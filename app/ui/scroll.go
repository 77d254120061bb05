package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// scroller restores how far a page was scrolled when the user goes back to it. The browser
// cannot: it would scroll before the app has drawn the page.
type scroller struct {
	entry   int         // the current entry of the browser's history
	last    int         // the newest entry
	offsets map[int]int // how far each entry was scrolled when the user left it
}

// entryKey is the member of the state of a history entry that has its number.
const entryKey = "entry"

// navigated is called when the app has navigated, and before it draws the new page. It returns
// how far to scroll that page, and whether the user has gone back to it.
func (s *scroller) navigated() (offset int, back bool) {
	window := app.Window()
	history := window.Get("history")
	history.Set("scrollRestoration", "manual")
	if s.offsets == nil {
		s.offsets = map[int]int{}
	}
	s.offsets[s.entry] = window.Get("scrollY").Int()
	if state := history.Get("state"); state.Truthy() {
		if n := state.Get(entryKey); n.Truthy() {
			back = n.Int() < s.entry
			s.entry = n.Int()
			return s.offsets[s.entry], back // 0 if the app has been loaded again since
		}
	}
	s.last++
	s.entry = s.last
	history.Call("replaceState", map[string]any{entryKey: s.entry}, "")
	return 0, false
}

// scrollTo scrolls the page, once it is drawn. While its lists load, the page may be too short:
// scrollTo tries again for two seconds, unless the user scrolls.
func scrollTo(ctx app.Context, offset int) { scrollAgain(ctx, offset, -1, 20) }

func scrollAgain(ctx app.Context, offset, was, tries int) {
	afterRender(ctx, func(ctx app.Context) {
		window := app.Window()
		if was >= 0 && window.Get("scrollY").Int() != was {
			return
		}
		window.Call("scrollTo", 0, offset)
		now := window.Get("scrollY").Int()
		if now < offset && tries > 0 {
			after(ctx, 100*time.Millisecond, func(ctx app.Context) { scrollAgain(ctx, offset, now, tries-1) })
		}
	})
}
