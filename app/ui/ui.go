// Package ui implements the pages of the app and their components. Each file is named after a
// component or a concept.
//
// A [shell] is the root of every page and stays when the page changes. It draws what all pages
// share, such as the toasts and the dialogs. Components send it actions by functions such as
// [toast], [toastError], [confirm] and [goToSignIn]. All other shared state is in [env].
//
// go-app ends the program when a handler panics, and the page then stops responding. So all
// handlers and callbacks are registered through the functions of guard.go, which recover from
// panics, and lifecycle methods begin with defer rescue(). A test checks both.
package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// Register registers the pages with go-app.
func Register() {
	startSlices()
	nextSlice()
	newShell := func() app.Composer { return &shell{} }
	for _, path := range shared.Pages {
		app.Route(path, newShell)
	}
	// Offline, the service worker opens the app at any address.
	app.RouteWithRegexp(".*", newShell)
}
