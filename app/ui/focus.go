package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// focusKeeper keeps the focus near the user's position when the focused control is disabled
// or a dialog closes.
type focusKeeper struct {
	opener app.Value // the control of the page that was focused when a dialog opened
	lost   app.Value // the focused control that was disabled, or nil
	holder app.Value // the heading that has the focus in its place

	dialogs dialogHistory
}

// showDialog opens a modal dialog. It removes the message about the last success, which would
// lie behind the dialog and be about something else.
func (k *focusKeeper) showDialog(ctx app.Context, id string) {
	toast(ctx, "")
	afterRender(ctx, func(app.Context) {
		if e := element(id); e.Truthy() && !e.Get("open").Bool() {
			if had := focusedElement(); element("content").Call("contains", had).Bool() {
				k.opener = had // not a control of another open dialog
			}
			e.Call("showModal")
			k.dialogs.opened(id)
		}
	})
}

// park keeps the focus near control, which the page is about to disable or replace. It moves
// the focus to the heading of the control's section or dialog, without scrolling. Otherwise
// the browser would drop the focus, and users of a keyboard or a screen reader would be back
// at the top of the page.
func (k *focusKeeper) park(ctx app.Context, control app.Value) {
	if !control.Truthy() {
		return
	}
	around := control.Call("closest", "section, dialog")
	afterRender(ctx, func(app.Context) {
		if control.Get("isConnected").Bool() && !control.Call("matches", ":disabled").Bool() {
			return
		}
		k.lost, k.holder = control, element("title")
		if around.Truthy() {
			k.holder = shownHeading(around.Call("querySelector", "h2"))
		}
		k.holder.Call("focus", map[string]any{"preventScroll": true})
	})
}

// restore moves the focus back to the control that lost it, unless the user has moved it in
// the meantime.
func (k *focusKeeper) restore(ctx app.Context) {
	lost, holder := k.lost, k.holder
	k.lost, k.holder = nil, nil
	if lost == nil {
		return
	}
	afterRender(ctx, func(app.Context) {
		if holder.Call("matches", ":focus").Bool() {
			lost.Call("focus", map[string]any{"preventScroll": true})
		}
	})
}

// dialogClosed parks the focus if the control that opened the dialog has been disabled, so
// that the browser cannot restore the focus to it.
func (k *focusKeeper) dialogClosed(ctx app.Context) {
	if k.opener != nil && !element("content").Call("contains", focusedElement()).Bool() {
		k.park(ctx, k.opener)
	}
}
