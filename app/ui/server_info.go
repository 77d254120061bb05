package ui

import (
	"cmp"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// serverInfo is what is known of the server before a user has signed in.
type serverInfo struct {
	shared.AboutServer
	Known bool // it has answered, or cannot
}

// name is what the server is called. Until the server has answered, the name is
// that on the page that the app began in.
func (i serverInfo) name() string { return cmp.Or(i.Name, "Latchkey") }

const serverInfoAction = "server-info"

// fetchServerInfo asks the server what it is called and who may sign up.
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
			info.SignUp, info.Known = true, true // let people try
		}
	})
}

// served is what the pages say that the service worker keeps: in which language they
// are, and what they call the server.
type served struct{ language, name string }

// renewPages has the service worker get its pages again if they are outdated: each
// start, and all that there is without a network, begins with them.
func (s *shell) renewPages() {
	now := served{s.env.Language.Tag, s.env.server.Name}
	if now.name == "" || s.served == now {
		return
	}
	s.served = now
	if controller := app.Window().Get("navigator").Get("serviceWorker").Get("controller"); controller.Truthy() {
		controller.Call("postMessage", "pages")
	}
}
