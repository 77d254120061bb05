package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared/message"
)

// The permissions for parts of the system page.
const (
	manageSettings = "settings.manage"
	manageUsers    = "users.manage"
	readEvents     = "audit.read"
)

// administers reports whether the user may see a part of the system page.
func (i *identity) administers() bool {
	return i.may(manageSettings) || i.may(manageUsers) || i.may(readEvents)
}

// system draws the page on which administrators manage the server. It shows only the sections
// for which the user has permission; the server checks permissions itself.
func (s *shell) system() app.UI {
	e, i, offline := s.env, &s.env.identity, s.env.connection.offline
	var parts []pageSection
	var cards []app.UI
	add := func(permission, id string, name message.ID, card app.UI) {
		if i.may(permission) {
			parts, cards = append(parts, pageSection{id, name}), append(cards, card)
		}
	}
	switch {
	case i.user == nil:
		cards = []app.UI{section("system-settings", e.T(message.SystemSettings), skeleton())}
	case offline && i.permissions == nil:
		cards = []app.UI{section("away", e.T(message.SystemSettings), html.P().Text(e.T(laterText)))}
	case s.overdue():
		cards = []app.UI{section("due", e.T(message.TwoFactorFirst),
			html.P().Text(e.T(message.ReturnWhenTwoFactorOn)),
		)}
	case !i.administers():
		cards = []app.UI{section("none", e.T(message.NothingForYou),
			html.P().Text(e.T(message.ErrNoPagePermission)),
		)}
	default:
		add(manageSettings, "system-settings", message.SystemSettings, &systemSettings{Env: e, Email: i.user.Email})
		add(manageSettings, "check", message.SelfCheck, &selfCheck{Env: e})
		add(manageSettings, "server-keys", message.ServerKeys, &serverKeys{Env: e})
		add(manageUsers, "users", message.UserAccounts, &users{Env: e, Own: i.user.ID, Log: i.may(readEvents), Offline: offline})
		add(readEvents, "log", message.SecurityLogOfAllUsers, &events{Env: e, All: true, Offline: offline})
	}
	return html.Div().Class("settings").Body(
		html.Div().Class("head").Body(e.backLink(), heading(e.T(message.SystemAdministration))),
		e.sectionLinks(parts),
		html.Div().Class("cards").Aria("busy", i.user == nil).Body(cards...),
	)
}
