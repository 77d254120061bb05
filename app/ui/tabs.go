package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// tabs is the channel to the app's other tabs. The zero value sends nothing.
type tabs struct{ channel app.Value }

// A tabMessage is a message from one tab to the others.
type tabMessage string

// web/loader.js also listens for tabSignedOut and tabAccountDeleted.
const (
	tabSignedIn       tabMessage = "signed in"
	tabSignedOut      tabMessage = "signed out"
	tabAccountDeleted tabMessage = "account deleted"
	tabSessionEnded   tabMessage = "session ended" // in this tab's view: the other tabs ask the server
	tabChanged        tabMessage = "changed"
)

// open opens the channel and calls received with each message of other tabs.
func (t *tabs) open(ctx app.Context, received func(app.Context, tabMessage)) {
	t.channel = app.Window().Get("BroadcastChannel").New("latchkey")
	listen(ctx, t.channel, "message", func(ctx app.Context, event app.Value) {
		received(ctx, tabMessage(event.Get("data").String()))
	})
}

// post sends a message to the other tabs.
func (t *tabs) post(m tabMessage) {
	if t.channel != nil {
		t.channel.Call("postMessage", string(m))
	}
}
