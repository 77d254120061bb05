package ui

import (
	"cmp"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// about is what is known of the server before anybody has signed in.
type about struct {
	shared.AboutServer
	Known bool // it has answered, or cannot
}

// name is what the server is called: as the shell calls it, until it has
// answered.
func (a about) name() string { return cmp.Or(a.Name, "Latchkey") }

// shell is what the page that the app began in says, or has been told to say since:
// in which language it is, and what it calls the server.
var shell struct{ language, name string }

// renewPages has the service worker get the pages anew that it keeps, if they say
// something else than is so now: each start, and all that there is without a
// network, begins with them.
func (f *frame) renewPages() {
	if f.about.Name == "" || shell.language == language && shell.name == f.about.Name {
		return
	}
	shell.language, shell.name = language, f.about.Name
	if controller := app.Window().Get("navigator").Get("serviceWorker").Get("controller"); controller.Truthy() {
		controller.Call("postMessage", "pages")
	}
}

const learnAction = "learn"

// learn asks the server what it is called and whom it takes.
func learn(ctx app.Context) {
	ctx.NewAction(learnAction)
}

func (f *frame) learn(app.Context, app.Action) {
	call(f.ctx, shared.About, shared.None{}, func(_ app.Context, out shared.AboutServer, err error) {
		switch {
		case err == nil:
			f.about = about{out, true}
			f.entitle()
			f.renewPages()
		case !f.about.Known:
			f.about.SignUp, f.about.Known = true, true // let people try
		}
	})
}
