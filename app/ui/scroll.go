package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// scroller restores how far a page was scrolled, and which link had the focus, when the user goes
// back to it. The browser cannot: it would scroll before the app has drawn the page.
type scroller struct {
	entry int              // the current entry of the browser's history
	last  int              // the newest entry
	left  map[int]position // where each entry was when the user left it
}

// position is where a user was on a page.
type position struct {
	offset int    // how far the page was scrolled
	link   string // the address of the focused link; "" if none had the focus
	nth    int    // its number among the links to that address
}

// entryKey is the member of the state of a history entry that has its number.
const entryKey = "entry"

// navigated is called when the app has navigated, and before it draws the new page. It returns
// where the user was on that page, and whether the user has gone back to it.
func (s *scroller) navigated() (at position, back bool) {
	history := app.Window().Get("history")
	history.Set("scrollRestoration", "manual")
	if s.left == nil {
		s.left = map[int]position{}
	}
	s.left[s.entry] = currentPosition()
	if state := history.Get("state"); state.Truthy() {
		if n := state.Get(entryKey); n.Truthy() {
			back = n.Int() < s.entry
			s.entry = n.Int()
			s.last = max(s.last, s.entry) // the app may have been loaded again
			return s.left[s.entry], back  // zero if the app has been loaded again since
		}
	}
	s.last++
	s.entry = s.last
	history.Call("replaceState", map[string]any{entryKey: s.entry}, "")
	return position{}, false
}

func currentPosition() position {
	at := position{offset: app.Window().Get("scrollY").Int()}
	focused := focusedElement()
	if focused.Truthy() && focused.Get("localName").String() == "a" && focused.Call("hasAttribute", "href").Bool() {
		at.link = focused.Call("getAttribute", "href").String()
		for links := linksTo(at.link); at.nth < links.Length() && !links.Index(at.nth).Equal(focused); at.nth++ {
		}
	}
	return at
}

// linksTo returns the links of the page to an address.
func linksTo(address string) app.Value {
	window := app.Window()
	return window.Get("document").Call("querySelectorAll", "a[href="+window.Get("CSS").Call("escape", address).String()+"]")
}

// focusLink focuses the link that had the focus, if the page shows it, and reports whether it does.
func (at position) focusLink() bool {
	if at.link == "" {
		return false
	}
	links := linksTo(at.link)
	if at.nth >= links.Length() || links.Index(at.nth).Call("getClientRects").Get("length").Int() == 0 {
		return false
	}
	links.Index(at.nth).Call("focus", map[string]any{"preventScroll": true})
	return true
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
