package ui

import (
	"cmp"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// serverInfo is the information about the server for users who are not signed in.
type serverInfo struct {
	shared.AboutServer
	Known bool // the server has responded, or the call has failed
}

// name returns the server's name. Until the server has responded, that is the name on the page
// in which the app started.
func (i serverInfo) name() string { return cmp.Or(i.Name, "Latchkey") }

const serverInfoAction = "server-info"

// fetchServerInfo fetches the server's name and whether users can sign up.
func fetchServerInfo(ctx app.Context) {
	ctx.NewAction(serverInfoAction)
}

func (s *shell) onFetchServerInfo(app.Context, app.Action) {
	call(s.ctx, s.env, shared.About, shared.None{}, func(_ app.Context, out shared.AboutServer, err error) {
		info := &s.env.server
		switch {
		case err == nil:
			*info = serverInfo{out, true}
			s.setTitle()
			s.renewPages()
		case !info.Known:
			info.SignUp, info.Known = true, true // users can try; the server decides
		}
	})
}

// served is the language and the server's name in the pages that the service worker caches.
type served struct{ language, name string }

// renewPages makes the service worker fetch its pages again if they are outdated. The app
// starts in these pages, with or without a network.
func (s *shell) renewPages() {
	now := served{s.env.Language.Tag, s.env.server.Name}
	if now.name == "" || s.served == now {
		return
	}
	s.served = now
	workers := app.Window().Get("navigator").Get("serviceWorker")
	if !workers.Truthy() {
		return // some browsers have none, at least in private windows
	}
	if controller := workers.Get("controller"); controller.Truthy() {
		controller.Call("postMessage", "pages")
	}
}
