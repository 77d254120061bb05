// Package ui has the pages of the app and their components, one file a noun.
//
// A [shell] is the root of every page and stays when one page makes way for the next.
// It draws what all pages share, such as the toasts and the dialogs. Components send
// it actions, each by a function: [toast], [toastError], [confirm], [goToSignIn] and
// so on. What they share otherwise is in [env].
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
