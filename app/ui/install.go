package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// install offers to install the page as an app, where that can be done.
type install struct {
	app.Compo
	Env      *env
	Language string // that it is drawn in

	offered bool // the browser can ask the user
	apple   bool // it cannot, but the user can do it by hand
}

func (i *install) OnMount(ctx app.Context) {
	defer rescue()
	i.OnAppInstallChange(ctx)
}

// OnAppInstallChange implements [app.AppInstaller].
func (i *install) OnAppInstallChange(ctx app.Context) {
	defer rescue()
	if !app.IsClient {
		return
	}
	// go-app calls it installable on Apple's, too, where no page can ask.
	installable, apple := ctx.IsAppInstallable(), app.Window().Call("goappIsAppleBrowser").Bool()
	i.offered, i.apple = installable && !apple, installable && apple
}

func (i *install) ask(ctx app.Context, _ app.Event) {
	ctx.ShowAppInstallPrompt()
	i.offered = false // the browser offers it once
	focus(ctx, "content")
}

// Render implements [app.Composer].
func (i *install) Render() app.UI {
	e := i.Env
	how := e.T("In Safari, choose “Add to Dock” in the File menu, and this opens as an app of its own, without a connection, too.")
	if coarsePointer() {
		how = e.T("To have this as an app, open Safari's Share menu and choose “Add to Home Screen”. It opens without a connection, too.")
	}
	return html.Div().Class("install").Body(
		app.If(i.offered, func() app.UI {
			return html.Div().Body(
				html.P().Text(e.T("Have this as an app: it opens in a window of its own, and without a connection, too.")),
				button(e.T("Install app"), i.ask),
			)
		}).ElseIf(i.apple, func() app.UI {
			return html.P().Text(how)
		}),
	)
}
