package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// tabs is the channel to the other tabs of the browser. The zero value reaches none.
type tabs struct{ channel app.Value }

// A tabMessage is what one tab tells the others.
type tabMessage string

// web/loader.js listens to signed out and account deleted, too.
const (
	tabSignedIn       tabMessage = "signed in"
	tabSignedOut      tabMessage = "signed out"
	tabAccountDeleted tabMessage = "account deleted"
	tabSessionEnded   tabMessage = "session ended" // as this tab sees it: the others ask the server themselves
	tabChanged        tabMessage = "changed"
)

// open begins to call received with what other tabs tell.
func (t *tabs) open(ctx app.Context, received func(app.Context, tabMessage)) {
	t.channel = app.Window().Get("BroadcastChannel").New("latchkey")
	listen(ctx, t.channel, "message", func(ctx app.Context, event app.Value) {
		received(ctx, tabMessage(event.Get("data").String()))
	})
}

// post tells the other tabs.
func (t *tabs) post(m tabMessage) {
	if t.channel != nil {
		t.channel.Call("postMessage", string(m))
	}
}
