package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"

	"latchkey/shared/message"
)

// install offers to install the page as an app, if that is possible.
type install struct {
	app.Compo
	Env      *env
	Language string // in which it is drawn

	ctx     app.Context
	offered bool // the browser has an installation prompt
	asked   bool // the prompt is open, or was
	apple   bool // an Apple browser, in which the user can install it manually
}

func (i *install) OnMount(ctx app.Context) {
	defer rescue()
	i.ctx = ctx
	i.OnAppInstallChange(ctx)
}

// OnAppInstallChange implements [app.AppInstaller].
func (i *install) OnAppInstallChange(ctx app.Context) {
	defer rescue()
	if !app.IsClient {
		return
	}
	// go-app also reports Apple browsers as installable, but these have no prompt.
	installable, apple := ctx.IsAppInstallable(), app.Window().Call("goappIsAppleBrowser").Bool()
	i.offered, i.apple = installable && !apple, installable && apple
}

func (i *install) prompt(ctx app.Context, _ app.Event) {
	ctx.ShowAppInstallPrompt()
	i.offered, i.asked = false, true // the browser shows the prompt only once
	focus(i.ctx, "install-asked")    // the button disappears, and its context with it
}

// Render implements [app.Composer].
func (i *install) Render() app.UI {
	e := i.Env
	return html.Div().Class("install").Body(
		app.If(i.offered, func() app.UI {
			return html.Div().Body(
				html.P().Text(e.T(message.InstallAppBenefit, e.server.name())),
				button(e.T(message.InstallApp), i.prompt),
			)
		}).ElseIf(i.asked, func() app.UI {
			return html.P().ID("install-asked").TabIndex(-1).Text(e.T(message.FollowBrowserPrompt))
		}).ElseIf(i.apple, func() app.UI {
			if coarsePointer() {
				return html.P().Text(e.T(message.AddToHomeScreen))
			}
			return html.P().Text(e.T(message.AddToDock))
		}),
	)
}
