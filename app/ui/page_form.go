package ui

import (
	"maps"
	"net/url"
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// The address of a page has parameters: the filter of a log, a search, and the page of a list that it
// shows. Without the app, browsers set them by forms with the method GET.

// The parameters of addresses. [filterParameter] is another one.
const (
	beforeParameter  = "before"  // [shared.EventQuery].Before
	sessionParameter = "session" // [shared.EventQuery].Session
	userParameter    = "user"    // [shared.EventQuery].User
	dayParameter     = "day"     // the last day of the events: "2026-11-28"
	searchParameter  = "search"  // [shared.UserQuery].Search
	afterParameter   = "after"   // [shared.UserQuery].After
)

// openPage makes a button open the page without the app, with a parameter. form is the ID of a
// [env.pageForm], or "" for the form around the button.
func openPage(button html.Element, form, parameter, value string) html.Element {
	return button.Attr("type", "submit").Attr("form", form).Attr("name", parameter).Attr("value", value)
}

// pageForm draws the form of the buttons that open a page at a section: see [openPage]. The new address
// keeps the parameters of the current one, except those that are listed.
func (t *env) pageForm(id, section string, except ...string) app.UI {
	if app.IsClient {
		return nil
	}
	form := getForm(t.address().Path, section).ID(id).Attr("hidden", true)
	return html.WithoutApp(form.Body(t.keptParameters(id, except)...))
}

// keepParameters draws the parameters of the address that another form keeps. id is its ID.
func (t *env) keepParameters(id string, except ...string) app.UI {
	if app.IsClient {
		return nil
	}
	return html.WithoutApp(t.keptParameters(id, except)...)
}

// keptParameters returns the inputs of [env.keepParameters].
func (t *env) keptParameters(id string, except []string) (kept []app.UI) {
	query := t.address().Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if name != shared.FormCall && !slices.Contains(except, name) {
			kept = append(kept, html.Input("hidden").Attr("form", id).Attr("name", name).Attr("value", query.Get(name)))
		}
	}
	return kept
}

// showFiltered draws the button that applies the filter of the log of all users. In the app, the choice
// does.
func (t *env) showFiltered() app.UI {
	if app.IsClient {
		return nil
	}
	return html.WithoutApp(html.Button().Attr("type", "submit").Text(t.T(message.ShowItem)))
}

// getForm draws a form that opens the page at a path, at a section.
func getForm(path, section string) html.Element {
	return html.Form().Attr("method", "get").Attr("action", path+"#"+section)
}

// userQuery returns the query for the page of the accounts that the address of a page names.
func userQuery(address *url.URL) shared.UserQuery {
	query := address.Query()
	return shared.UserQuery{Search: query.Get(searchParameter), After: query.Get(afterParameter)}
}
