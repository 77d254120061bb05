// Package ui is the pages of the app and what they are made of, one file a
// noun.
//
// A shell is the root of every page and stays when one page makes way for the
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
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// Register makes the pages known to go-app.
func Register() {
	newShell := func() app.Composer { return &shell{} }
	for _, path := range shared.Pages {
		app.Route(path, newShell)
	}
	// Offline, the service worker opens the app at whatever address was asked
	// for.
	app.RouteWithRegexp(".*", newShell)
}
