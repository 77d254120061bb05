package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// slice is about how long the app draws its first page before it lets the browser handle events. A
// slice ends only between two elements, so it can be several times as long.
const slice = 5 * time.Millisecond

// startSlices makes the app draw in slices until it takes over the page. From then on the app never
// waits while it draws: go-app must handle an event before the browser does what it would do without
// the app, such as submit a form. Until then, web/loader.js keeps the clicks on links from go-app.
func startSlices() {
	resumed := make(chan struct{})
	resume := callback(func(app.Value, []app.Value) any { resumed <- struct{}{}; return nil })
	var until time.Time
	html.BeforeElement = func() {
		if time.Now().Before(until) {
			return
		}
		if !app.Window().Get("latchkeyPause").Truthy() { // web/loader.js removes it when the app takes over
			html.BeforeElement = func() {}
			return
		}
		app.Window().Call("latchkeyPause").Call("then", resume)
		<-resumed
		until = time.Now().Add(slice)
	}
}

// nextSlice begins another slice if this one has been long enough.
func nextSlice() { html.BeforeElement() }
