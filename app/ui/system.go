package ui

import (
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
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

// system draws the page on which administrators look after the server. The server
// refuses what the page does not show, too.
func (f *frame) system() app.UI {
	var parts []part
	var cards []app.UI
	add := func(permission, id string, name key, card app.UI) {
		if slices.Contains(f.may, permission) {
			parts, cards = append(parts, part{id, name}), append(cards, card)
		}
	}
	switch {
	case f.user == nil:
		cards = []app.UI{section("keys", tr("System settings"), bones())}
	case f.offline && f.may == nil:
		cards = []app.UI{section("away", tr("System settings"), html.P().Text(tr(laterWords)))}
	case f.overdue():
		cards = []app.UI{section("due", tr("Two-factor authentication first"), html.P().Text(tr("You can come back here when it is on.")))}
	case !mayAny(f.may):
		cards = []app.UI{section("none", tr("Nothing here for you"), html.P().Text(tr("Your account has no permission that opens a part of this page. Whoever runs this service can give it one.")))}
	default:
		add(manageSettings, "keys", "System settings", &systemKeys{Email: f.user.Email})
		add(manageSettings, "check", "Self-check", &selfCheck{})
		add(manageUsers, "users", "People", &users{Own: f.user.ID})
		add(readEvents, "log", "Security log of everybody", &events{All: true, Offline: f.offline})
	}
	return html.Div().Class("settings").Body(
		heading(tr("System")),
		contents(parts),
		html.Div().Class("cards").Aria("busy", f.user == nil).Body(cards...),
	)
}
