package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// The functions here access the browser's page. Outside a browser they do nothing.

func element(id string) app.Value {
	return app.Window().GetElementByID(id)
}

// valueOf returns what is in the input with that id.
func valueOf(id string) string {
	if e := element(id); e.Truthy() {
		return e.Get("value").String()
	}
	return ""
}

// clearInputs clears the inputs with those ids. go-app cannot: to it, an input whose
// value was never set by the program is empty already.
func clearInputs(ids ...string) {
	for _, id := range ids {
		if e := element(id); e.Truthy() {
			e.Set("value", "")
		}
	}
}

// setProperty changes a property of an element, once the page shows what has changed.
// go-app cannot undo what the user did to an input: it compares what the program
// wants with what it wanted before.
func setProperty(ctx app.Context, id, property string, value any) {
	afterRender(ctx, func(app.Context) {
		if e := element(id); e.Truthy() {
			e.Set(property, value)
		}
	})
}

// focus moves the focus to the first of ids that is there, once the page shows
// what has changed.
func focus(ctx app.Context, ids ...string) {
	afterRender(ctx, func(app.Context) {
		for _, id := range ids {
			if e := element(id); e.Truthy() {
				e.Call("focus", map[string]any{"preventScroll": id == "content"})
				return
			}
		}
	})
}

// focusedElement is the element that has the focus.
func focusedElement() app.Value {
	return app.Window().Get("document").Get("activeElement")
}

// focusedID is the id of the element that has the focus, or "".
func focusedID() string {
	if e := focusedElement(); e.Truthy() {
		return e.Get("id").String()
	}
	return ""
}

// closeDialog closes a dialog. The browser gives the focus back to what had it when
// the dialog opened.
func closeDialog(id string) {
	if e := element(id); e.Truthy() && e.Get("open").Bool() {
		e.Call("close")
	}
}

// afterClose calls then when a dialog is closed, unless it was opened again since:
// the browser dispatches the close event some time after the dialog is gone and the
// focus is back, and a user who presses Enter at once is faster. openings counts
// how often the dialog was opened.
func afterClose(ctx app.Context, id string, openings *int, then func(app.Context)) {
	closed := *openings
	// Deferred, so that a dialog that is being opened is open by then.
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

func online() bool {
	return !app.IsClient || app.Window().Get("navigator").Get("onLine").Bool()
}

func visible() bool {
	return app.Window().Get("document").Get("visibilityState").String() == "visible"
}

// coarsePointer reports whether the browser is used with a finger, as on a phone.
func coarsePointer() bool {
	return app.Window().Call("matchMedia", "(pointer: coarse)").Get("matches").Truthy()
}

// listen calls f, on the UI goroutine, at each event of that name on target. It is
// for targets that last as long as the page does.
func listen(ctx app.Context, target app.Value, event string, f func(app.Context, app.Value)) {
	target.Call("addEventListener", event, callback(func(_ app.Value, args []app.Value) any {
		dispatch(ctx, func(ctx app.Context) {
			f(ctx, args[0])
		})
		return nil
	}))
}

// copyText puts text on the clipboard, and tells then whether the browser allowed
// that.
func copyText(ctx app.Context, text string, then func(ok bool)) {
	clipboard := app.Window().Get("navigator").Get("clipboard")
	if !clipboard.Truthy() { // as on a page without https
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

// download gives the user text as a file.
func download(ctx app.Context, name, text string) {
	window := app.Window()
	urls := window.Get("URL")
	url := urls.Call("createObjectURL", window.Get("Blob").New([]any{text}, map[string]any{"type": "text/plain"}))
	link := window.Get("document").Call("createElement", "a")
	link.Set("href", url)
	link.Set("download", name)
	link.Call("click")
	after(ctx, 10*time.Second, func(app.Context) { // some browsers begin late
		urls.Call("revokeObjectURL", url)
	})
}
