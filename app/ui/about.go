package ui

import (
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
func (a about) name() string {
	if a.Name == "" {
		return "Latchkey"
	}
	return a.Name
}

const learnAction = "learn"

// learn asks the server what it is called and whom it takes.
func learn(ctx app.Context) {
	ctx.NewAction(learnAction)
}

func (f *frame) learn(app.Context, app.Action) {
	defer rescue()
	call(f.ctx, shared.About, shared.None{}, func(_ app.Context, out shared.AboutServer, err error) {
		switch {
		case err == nil:
			f.about = about{out, true}
			f.entitle()
		case !f.about.Known:
			f.about.SignUp, f.about.Known = true, true // let people try
		}
	})
}
