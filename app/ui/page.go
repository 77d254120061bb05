package ui

import (
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// The functions below access the browser's page. Outside a browser they do nothing.

func element(id string) app.Value {
	return app.Window().GetElementByID(id)
}

// valueOf returns the value of the input with an ID.
func valueOf(id string) string {
	if e := element(id); e.Truthy() {
		return e.Get("value").String()
	}
	return ""
}

// clearInputs clears the inputs with IDs. go-app cannot do so: it considers an input empty
// whose value the program has never set.
func clearInputs(ids ...string) {
	for _, id := range ids {
		if e := element(id); e.Truthy() {
			e.Set("value", "")
		}
	}
}

// setProperty sets a property of an element, once the page shows the pending changes. go-app
// cannot revert the user's input: it compares new attributes only with the previous
// attributes, and not with the page.
func setProperty(ctx app.Context, id, property string, value any) {
	afterRender(ctx, func(app.Context) {
		if e := element(id); e.Truthy() {
			e.Set(property, value)
		}
	})
}

// focus focuses the first existing element of ids, once the page shows the pending changes.
func focus(ctx app.Context, ids ...string) {
	afterRender(ctx, func(app.Context) {
		for _, id := range ids {
			if e := shownHeading(element(id)); e.Truthy() {
				e.Call("focus", map[string]any{"preventScroll": id == "content"})
				return
			}
		}
	})
}

// focusField focuses the input with an ID, once the page shows the pending changes. It does
// nothing if the user has focused something else, or has a phone: its keyboard would cover the
// page. over is the ID of an element from which the input may take the focus.
func focusField(ctx app.Context, id string, over ...string) {
	afterRender(ctx, func(app.Context) {
		had := focusedElement()
		free := !had.Truthy() || had.Get("localName").String() == "body" || slices.Contains(over, had.Get("id").String())
		if e := element(id); free && !coarsePointer() && e.Truthy() {
			e.Call("focus")
		}
	})
}

// scrollTop scrolls an element to the top of the window, once the page shows the pending changes, so
// that what follows it is in view.
func scrollTop(ctx app.Context, id string) {
	afterRender(ctx, func(app.Context) {
		if e := element(id); e.Truthy() {
			e.Call("scrollIntoView", map[string]any{"block": "start", "behavior": scrollBehavior()})
		}
	})
}

// shownHeading returns e, or the heading of the page if e is the heading of a section that is not
// shown because that of the page says the same.
func shownHeading(e app.Value) app.Value {
	if e.Truthy() && e.Get("localName").String() == "h2" && e.Call("getClientRects").Get("length").Int() == 0 {
		return element("title")
	}
	return e
}

// focusedElement returns the element that has the focus.
func focusedElement() app.Value {
	return app.Window().Get("document").Get("activeElement")
}

// focusedID returns the ID of the element that has the focus, or "".
func focusedID() string {
	if e := focusedElement(); e.Truthy() {
		return e.Get("id").String()
	}
	return ""
}

// closeDialog closes a dialog. The browser returns the focus to the element that had it when
// the dialog opened.
func closeDialog(id string) {
	if e := element(id); e.Truthy() && e.Get("open").Bool() {
		e.Call("close")
	}
}

// afterClose calls then in the handler of a dialog's close event, unless the dialog has been
// opened again. The browser dispatches that event some time after the dialog has closed and
// returned the focus, and a user can press Enter before it. openings counts how often the
// dialog was opened.
func afterClose(ctx app.Context, id string, openings *int, then func(app.Context)) {
	closed := *openings
	// Deferred, so that a dialog that is about to open is open by then.
	afterRender(ctx, func(ctx app.Context) {
		if element(id).Get("open").Bool() {
			return
		}
		dispatch(ctx, func(ctx app.Context) {
			if *openings == closed {
				then(ctx)
			}
		})
	})
}

// hasClicked reports whether the browser counts what happens now as part of the user's last
// click or key press. Browsers that do not tell are assumed to.
func hasClicked() bool {
	activation := app.Window().Get("navigator").Get("userActivation")
	return !activation.Truthy() || activation.Get("isActive").Bool()
}

func online() bool {
	return !app.IsClient || app.Window().Get("navigator").Get("onLine").Bool()
}

// cookiesBlocked reports whether the browser stores no cookies for the site.
func cookiesBlocked() bool {
	return app.IsClient && !app.Window().Get("navigator").Get("cookieEnabled").Bool()
}

func visible() bool {
	return app.Window().Get("document").Get("visibilityState").String() == "visible"
}

// coarsePointer reports whether the main pointing device is a finger, as on a phone.
func coarsePointer() bool { return matches("(pointer: coarse)") }

// wide reports whether the window is wide enough for the list of pages beside a page: see
// web/app.css.
func wide() bool { return matches("(min-width: 60rem)") }

// scrollBehavior returns how to scroll to what the user has clicked.
func scrollBehavior() string {
	if matches("(prefers-reduced-motion: reduce)") {
		return "auto"
	}
	return "smooth"
}

// matches reports whether a media query applies to the window.
func matches(query string) bool {
	return app.Window().Call("matchMedia", query).Get("matches").Truthy()
}

// listen calls f on the UI goroutine at each event on target. It never removes the listener,
// so target must exist as long as the page does.
func listen(ctx app.Context, target app.Value, event string, f func(app.Context, app.Value)) {
	target.Call("addEventListener", event, callback(func(_ app.Value, args []app.Value) any {
		dispatch(ctx, func(ctx app.Context) {
			f(ctx, args[0])
		})
		return nil
	}))
}

// copyText copies text to the clipboard, and tells then whether the browser allowed it.
func copyText(ctx app.Context, text string, then func(ok bool)) {
	clipboard := app.Window().Get("navigator").Get("clipboard")
	if !clipboard.Truthy() { // for example on a page without HTTPS
		then(false)
		return
	}
	var copied, refused app.Func
	answer := func(ok bool) {
		copied.Release()
		refused.Release()
		dispatch(ctx, func(app.Context) {
			then(ok)
		})
	}
	copied = callback(func(app.Value, []app.Value) any {
		answer(true)
		return nil
	})
	refused = callback(func(app.Value, []app.Value) any {
		answer(false)
		return nil
	})
	clipboard.Call("writeText", text).Call("then", copied, refused)
}

// download saves text as a file on the user's device.
func download(ctx app.Context, name, text string) {
	window := app.Window()
	urls := window.Get("URL")
	url := urls.Call("createObjectURL", window.Get("Blob").New([]any{text}, map[string]any{"type": "text/plain"}))
	link := window.Get("document").Call("createElement", "a")
	link.Set("href", url)
	link.Set("download", name)
	link.Call("click")
	after(ctx, 10*time.Second, func(app.Context) { // some browsers start the download late
		urls.Call("revokeObjectURL", url)
	})
}
