// Package ui is the pages of the app and what they are made of, one file a
// noun.
//
// A frame is the root of every page and stays when one page makes way for the
// next. It holds what all of them need: who is signed in, the toasts, the
// dialogs. Components reach it through actions, which have a function each:
// [say], [complain], [ask], [leave] and so on.
//
// go-app ends the whole program when a handler panics, and the page is dead
// then. So handlers and callbacks are registered through the functions of
// guard.go, which recover, and lifecycle methods begin with defer rescue(). A
// test checks both.
package ui

import (
	"context"
	"errors"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared"
)

// Register makes the pages known to go-app.
func Register() {
	newFrame := func() app.Composer { return &frame{} }
	for _, path := range shared.Pages {
		app.Route(path, newFrame)
	}
	// Offline, the service worker opens the app at whatever address was asked
	// for.
	app.RouteWithRegexp(".*", newFrame)
}

// server is where calls go.
var server = new(client.Client)

// patience is how long a call may take before the app gives it up.
const patience = 20 * time.Second

// errCancelled is a call that the person gave up when asked to confirm who
// they are. Nobody needs to be told.
var errCancelled = &shared.Error{Code: "CANCELLED"}

// away is whether the server could not be reached the last time.
var away bool

// call sends in to e and hands the answer to then, on the UI goroutine. Two
// refusals it sees to itself: when the session has ended it leaves for the
// sign-in page, and when the session is not fresh it asks for the password, or for
// a second factor, and sends the call again.
//
// then is only called while what ctx belongs to is in the page. That of a
// handler belongs to the button or the form, which may be gone by then: pass
// that of a component, which OnMount gets.
func call[In, Out any](ctx app.Context, e shared.Endpoint[In, Out], in In, then func(app.Context, Out, error)) {
	out := new(Out)
	send(ctx, e.Method, e.Path, in, out, func(ctx app.Context, err error) { then(ctx, *out, err) })
}

// send is what all calls have in common. It is apart from call because the
// compiler makes one of that for every endpoint.
func send(ctx app.Context, method, path string, in, out any, then func(app.Context, error)) {
	async(ctx, func() {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		var err error
		if path != shared.SignOut.Path {
			err = finishLeaving(limited)
		}
		if err == nil {
			err = server.Do(limited, method, path, in, out)
		}

		dispatch(ctx, func(ctx app.Context) {
			reach(ctx, !errors.Is(err, client.ErrOffline))
			switch {
			case errors.Is(err, shared.ErrAppTooOld):
				outdated(ctx)
				then(ctx, err)
			case errors.Is(err, shared.ErrOtherAccount):
				refresh(ctx)
				then(ctx, err)
			case errors.Is(err, shared.ErrNotFresh):
				var e *shared.Error
				errors.As(err, &e)
				stepUp(ctx, identity{
					Factor:    e.Need == shared.NeedSecondFactor,
					Confirmed: func() { send(ctx, method, path, in, out, then) },
					Cancelled: func() {
						// Dispatched, so that what waits is drawn again, and not
						// only the dialog.
						dispatch(ctx, func(ctx app.Context) {
							then(ctx, errCancelled)
						})
					},
				})
			case errors.Is(err, shared.ErrUnauthorized):
				leave(ctx, sessionEnded)
				then(ctx, err)
			default:
				if err == nil && method != "GET" {
					changed(ctx)
				}
				then(ctx, err)
			}
		})
	})
}
