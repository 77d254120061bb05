package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
)

// The permissions that open parts of the system page.
const (
	manageSettings = "settings.manage"
	manageUsers    = "users.manage"
	readEvents     = "audit.read"
)

// administers reports whether the user may see a part of the system page.
func (i *identity) administers() bool {
	return i.may(manageSettings) || i.may(manageUsers) || i.may(readEvents)
}

// system draws the page on which administrators look after the server. The server
// refuses what the page does not show, too.
func (s *shell) system() app.UI {
	e, i, offline := s.env, &s.env.identity, s.env.connection.offline
	var parts []pageSection
	var cards []app.UI
	add := func(permission, id string, name key, card app.UI) {
		if i.may(permission) {
			parts, cards = append(parts, pageSection{id, name}), append(cards, card)
		}
	}
	switch {
	case i.user == nil:
		cards = []app.UI{section("keys", e.T("System settings"), skeleton())}
	case offline && i.permissions == nil:
		cards = []app.UI{section("away", e.T("System settings"), html.P().Text(e.T(laterWords)))}
	case s.overdue():
		cards = []app.UI{section("due", e.T("Two-factor authentication first"),
			html.P().Text(e.T("You can come back here when it is on.")),
		)}
	case !i.administers():
		cards = []app.UI{section("none", e.T("Nothing here for you"),
			html.P().Text(e.T("Your account has no permission that opens a part of this page. Whoever runs this service can give it one.")),
		)}
	default:
		add(manageSettings, "keys", "System settings", &systemSettings{Env: e, Email: i.user.Email})
		add(manageSettings, "check", "Self-check", &selfCheck{Env: e})
		add(manageUsers, "users", "People", &users{Env: e, Own: i.user.ID})
		add(readEvents, "log", "Security log of everybody", &events{Env: e, All: true, Offline: offline})
	}
	return html.Div().Class("settings").Body(
		heading(e.T("System")),
		e.sectionLinks(parts),
		html.Div().Class("cards").Aria("busy", i.user == nil).Body(cards...),
	)
}
