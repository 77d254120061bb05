package ui

import (
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// The permissions that open parts of the system page.
const (
	manageSettings = "settings.manage"
	manageUsers    = "users.manage"
	readEvents     = "audit.read"
)

func mayAny(may []string) bool {
	return slices.ContainsFunc(may, func(permission string) bool {
		return permission == manageSettings || permission == manageUsers || permission == readEvents
	})
}

// system is the page on which administrators look after the server. The server
// refuses what the page does not show, too.
type system struct {
	app.Compo
	User    *shared.User // nil until it is known
	May     []string     // what they may
	Overdue bool         // as in [settings]
}

// CompoID makes the page a new one for another user.
func (p *system) CompoID() string {
	if p.User == nil {
		return ""
	}
	return "system " + p.User.ID
}

// Render implements [app.Composer].
func (p *system) Render() app.UI {
	var parts []part
	var cards []app.UI
	add := func(permission, id, name string, card app.UI) {
		if slices.Contains(p.May, permission) {
			parts, cards = append(parts, part{id, name}), append(cards, card)
		}
	}
	switch {
	case p.User == nil:
		cards = []app.UI{section("keys", "System settings", bones())}
	case p.Overdue:
		cards = []app.UI{section("due", "Two-factor authentication first", app.P().Body(
			app.Text("You can come back when it is on. "),
			app.A().Href(shared.PageSettings).Text("Go to your settings"),
		))}
	case !mayAny(p.May):
		cards = []app.UI{section("none", "Nothing here for you", app.P().Text("Your account has no permission that opens a part of this page. Whoever runs this service can give it one."))}
	default:
		add(manageSettings, "keys", "System settings", &systemKeys{Email: p.User.Email})
		add(manageSettings, "check", "Self-check", &selfCheck{})
		add(manageUsers, "users", "People", &users{Own: p.User.ID})
		add(readEvents, "log", "Security log of everybody", &events{All: true})
	}
	return app.Div().Class("settings").Body(
		heading("System"),
		contents(parts),
		app.Div().Class("cards").Aria("busy", p.User == nil).Body(cards...),
	)
}
