package ui

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// go-app ends the program when a callback panics. The functions below register callbacks with
// go-app and recover from their panics. Nothing else in this package registers callbacks: see
// TestNothingBypassesTheGuard.

var rescues = app.IsClient // tests set it

// rescue recovers from a panic and offers to reload the page, because a panic leaves the page
// in an unknown state. It must be deferred directly. On the server it does not recover: the server
// logs the panic and responds with an error.
func rescue() {
	if !rescues {
		return
	}
	if r := recover(); r != nil {
		app.Window().Get("console").Call("error", fmt.Sprint("panic: ", r))
		if crash := element("crash"); crash.Truthy() {
			crash.Set("hidden", false)
		}
	}
}

// on guards an event handler, as in OnClick(on(p.submit)). go-app distinguishes handlers by
// their code pointer, which is the same for all guarded handlers. So on adds the code pointer
// of h as a scope.
func on(h app.EventHandler) (app.EventHandler, app.EventOption) {
	guarded := func(ctx app.Context, e app.Event) {
		defer rescue()
		h(ctx, e)
	}
	return guarded, app.EventScope(strconv.FormatUint(uint64(reflect.ValueOf(h).Pointer()), 36))
}

// onEvent is [on] for events without a method of their own, as in
// On(onEvent("close", d.closed)).
func onEvent(name string, h app.EventHandler) (string, app.EventHandler, app.EventOption) {
	guarded, scope := on(h)
	return name, guarded, scope
}

// handle registers h for an action while the component of ctx is in the page.
func handle(ctx app.Context, action string, h app.ActionHandler) {
	ctx.Handle(action, func(ctx app.Context, a app.Action) {
		defer rescue()
		h(ctx, a)
	})
}

// dispatch runs f on the UI goroutine and then renders the component of ctx.
func dispatch(ctx app.Context, f func(app.Context)) {
	ctx.Dispatch(func(ctx app.Context) {
		defer rescue()
		f(ctx)
	})
}

// afterRender runs f on the UI goroutine once the page shows the pending changes.
func afterRender(ctx app.Context, f func(app.Context)) {
	ctx.Defer(func(ctx app.Context) {
		defer rescue()
		f(ctx)
	})
}

// after calls [dispatch] after a duration.
func after(ctx app.Context, d time.Duration, f func(app.Context)) {
	ctx.After(d, func(ctx app.Context) {
		defer rescue()
		f(ctx)
	})
}

// async runs f on its own goroutine.
func async(ctx app.Context, f func()) {
	ctx.Async(func() {
		defer rescue()
		f()
	})
}

// callback returns f as a JavaScript function.
func callback(f func(this app.Value, args []app.Value) any) app.Func {
	return app.FuncOf(func(this app.Value, args []app.Value) any {
		defer rescue()
		return f(this, args)
	})
}

// mounted stores the context from OnMount. Components embed it if they need nothing else
// from OnMount.
type mounted struct{ ctx app.Context }

func (m *mounted) OnMount(ctx app.Context) {
	defer rescue()
	m.ctx = ctx
}
