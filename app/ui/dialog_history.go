package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// dialogHistory makes the browser's Back button close the dialog on top, as the Escape key does.
// Otherwise it would change the page below the dialog.
//
// It gives an open dialog an entry of its own in the browser's history, with the address of the
// page: Back then leads to the entry below, and the page stays. The entry remains when the
// dialog closes in another way, because to remove it takes time, in which the app may navigate.
// The next dialog uses it again, and Back and Forward skip it.
type dialogHistory struct {
	open    []string // the IDs of the dialogs, the one on top last; some may have closed
	address string   // the address of the current entry
	depth   int      // how many dialogs can be open at the current entry; 0 for that of a page
}

// depthKey is the member of the state of a history entry that has its depth.
const depthKey = "dialogs"

// navigated records the current entry, to which the app has navigated.
func (h *dialogHistory) navigated() { h.address, h.depth = currentEntry() }

// currentEntry returns the address and the depth of the current entry.
func currentEntry() (address string, depth int) {
	if state := app.Window().Get("history").Get("state"); state.Truthy() {
		if n := state.Get(depthKey); n.Truthy() {
			depth = n.Int()
		}
	}
	return app.Window().Get("location").Get("href").String(), depth
}

// opened adds an entry for a dialog that has opened, if the current one is not for it.
func (h *dialogHistory) opened(id string) {
	h.top() // forget those that have closed
	h.open = append(h.open, id)
	if len(h.open) <= h.depth {
		return
	}
	h.depth = len(h.open)
	history := app.Window().Get("history")
	state := map[string]any{depthKey: h.depth}
	if page := history.Get("state"); page.Truthy() && page.Get(entryKey).Truthy() {
		state[entryKey] = page.Get(entryKey).Int() // see [scroller]
	}
	history.Call("pushState", state, "")
}

// top returns the ID of the dialog on top, or "" if none is open.
func (h *dialogHistory) top() string {
	for n := len(h.open); n > 0; n = len(h.open) {
		if element(h.open[n-1]).Get("open").Bool() {
			return h.open[n-1]
		}
		h.open = h.open[:n-1]
	}
	return ""
}

// traversed is called when the browser has moved to another entry. If it has the address of the
// one before, then it is the page's or a dialog's, and go-app does nothing.
func (h *dialogHistory) traversed() {
	was := *h
	h.navigated()
	back := h.depth < was.depth
	switch history := app.Window().Get("history"); {
	case h.address != was.address || h.depth == was.depth:
	case h.top() == "" && back:
		history.Call("back")
	case h.top() == "":
		history.Call("forward")
	case back:
		closeDialog(h.top())
	}
}

// closeAll closes all dialogs.
func (h *dialogHistory) closeAll() {
	for id := h.top(); id != ""; id = h.top() {
		closeDialog(id)
	}
}
