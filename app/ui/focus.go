package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// focusKeeper keeps the focus near where the user was, when what has it is disabled
// or a dialog closes.
type focusKeeper struct {
	opener app.Value // the control of the page that had the focus when a dialog opened
	lost   app.Value // the control that had the focus when it was disabled, or nil
	holder app.Value // the heading that has the focus in its place
}

// showDialog opens a dialog: the rest of the page is out of reach until it closes.
func (k *focusKeeper) showDialog(ctx app.Context, id string) {
	afterRender(ctx, func(app.Context) {
		if e := element(id); e.Truthy() && !e.Get("open").Bool() {
			if had := focusedElement(); element("content").Call("contains", had).Bool() {
				k.opener = had // and not what is in a dialog under this one
			}
			e.Call("showModal")
		}
	})
}

// park keeps the focus near control, which the page is about to disable or to
// replace. The browser would drop it, and users of a keyboard or a screen reader
// would be at the top of the page again. The heading of the control's section or
// dialog takes it, and nothing scrolls.
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
			k.holder = around.Call("querySelector", "h2")
		}
		k.holder.Call("focus", map[string]any{"preventScroll": true})
	})
}

// restore gives the focus back to the control that lost it, unless the user has
// moved it meanwhile.
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

// dialogClosed parks the focus if the control that the browser would give it back
// to has been disabled since.
func (k *focusKeeper) dialogClosed(ctx app.Context) {
	if k.opener != nil && !element("content").Call("contains", focusedElement()).Bool() {
		k.park(ctx, k.opener)
	}
}
