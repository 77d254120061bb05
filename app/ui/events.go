package ui

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// events is the section that shows the security log: the user's own or, for users with the
// permission, the log of all users. It loads what [eventsView] draws.
type events struct {
	app.Compo
	Env     *env
	All     bool // the log of all users
	Offline bool

	list   pager
	events []shared.Event
	path   string // the page's
	only   logScope
	user   *shared.Person // the account of the scope; nil until a page of the list has come
}

// A logScope limits the log to a session, a user and a last day. The page of a user's own log has only the
// session.
type logScope struct {
	session string // the ID of the session that has caused the events; "" for any
	user    string // the ID of the account concerned; "" for any
	day     string // the last day that is shown, as "2026-11-28"; "" for today
}

// scopeOf returns the scope of the log that the address of a page names.
func scopeOf(address *url.URL, all bool) logScope {
	query := address.Query()
	only := logScope{session: query.Get(sessionParameter)}
	if all {
		if user := query.Get(userParameter); isID(user) {
			only.user = user
		}
		if day := query.Get(dayParameter); !nextDay(day).IsZero() {
			only.day = day
		}
	}
	return only
}

// isID reports whether text has the form of an ID. A link can have any text, which the page shows.
func isID(text string) bool {
	return len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// narrow narrows a query to the scope. zone is as in [endOf].
func (o logScope) narrow(query shared.EventQuery, zone func(time.Time) time.Duration) shared.EventQuery {
	query.Session, query.User = o.session, o.user
	if o.day != "" {
		query.Until = endOf(o.day, zone).Format(time.RFC3339)
	}
	return query
}

func (s *events) OnInit() {
	defer rescue()
	s.list.init(s.Env, "log")
	s.list.fetch = s.fetch
	address := s.Env.address()
	s.path, s.list.filter = address.Path, filterOf(address, s.All)
	s.list.from, s.only = address.Query().Get(beforeParameter), scopeOf(address, s.All)
	var first shared.EventPage
	if s.list.fromPage(s.endpoint().Path, eventQuery(address, s.All, s.Env.timeZone), &first) {
		s.user = first.Account
		s.list.start(newPage(&s.events, first.Events, first.Next, eventID))
	}
}

func (s *events) OnMount(ctx app.Context) {
	defer rescue()
	handle(ctx, refreshAction, s.refresh)
	s.list.mount(ctx)
	tickClock(ctx, s.Env, &s.list.now)
}

func (s *events) refresh(app.Context, app.Action) {
	if !s.list.paged { // do not disturb a user who has opened more pages
		s.list.loadFrom("")
	}
}

// fetch fetches the page of events that a filter selects and that are older than before.
func (s *events) fetch(ctx app.Context, filter, before string, answered func(app.Context, page, error)) {
	query := s.only.narrow(queryOf(filter), s.Env.timeZone)
	query.Before = before
	call(ctx, s.Env, s.endpoint(), query, func(ctx app.Context, out shared.EventPage, err error) {
		if err == nil {
			s.user = out.Account
		}
		answered(ctx, newPage(&s.events, out.Events, out.Next, eventID), err)
	})
}

func (s *events) endpoint() shared.Endpoint[shared.EventQuery, shared.EventPage] {
	if s.All {
		return shared.ListAllEvents
	}
	return shared.ListEvents
}

// eventQuery returns the query for the events that the address of a page names. zone is as in [endOf].
func eventQuery(address *url.URL, all bool, zone func(time.Time) time.Duration) shared.EventQuery {
	query := scopeOf(address, all).narrow(queryOf(filterOf(address, all)), zone)
	query.Before = address.Query().Get(beforeParameter)
	return query
}

// queryOf returns the query for the first page of the events that a filter selects.
func queryOf(filter string) shared.EventQuery {
	if group, ok := strings.CutPrefix(filter, groupFilter); ok {
		return shared.EventQuery{Group: shared.EventGroup(group)}
	}
	return shared.EventQuery{Kind: filter}
}

// groupFilter begins a filter that is a group of kinds. Other filters are a kind, or "" for
// all.
const groupFilter = "group:"

// filterParameter is the name of the filter in the address of the page: a group or a kind.
const filterParameter = "show"

// filterOf returns the filter that the address of the page names, or "" for all. The page of a
// user's own log has no filters by kind; that of all users does.
func filterOf(address *url.URL, all bool) string {
	return filterNamed(address.Query().Get(filterParameter), all)
}

// filterNamed returns the filter with a name in addresses, or "" for all.
func filterNamed(name string, all bool) string {
	for _, g := range shared.EventGroups {
		if string(g.Name) == name && (g.Own || all) {
			return groupFilter + name
		}
	}
	if all && shared.FindEventKind(name).Name != "" {
		return name
	}
	return ""
}

// filterName returns the name of a filter in addresses.
func filterName(filter string) string { return strings.TrimPrefix(filter, groupFilter) }

// withFilter returns the address of the page with the newest events that a filter selects in a scope.
func withFilter(address *url.URL, filter string, only logScope) string {
	changed, query := *address, address.Query()
	query.Del(beforeParameter)
	for name, value := range map[string]string{
		filterParameter: filterName(filter), sessionParameter: only.session, userParameter: only.user, dayParameter: only.day,
	} {
		query.Del(name)
		if value != "" {
			query.Set(name, value)
		}
	}
	changed.RawQuery = query.Encode()
	return requestURI(&changed)
}

// logOf is [withFilter], at the log of all users.
func logOf(address *url.URL, filter string, only logScope) string {
	at := *address
	at.Fragment = "log"
	return withFilter(&at, filter, only)
}

// OnNav implements [app.Navigator]. A link to the page itself, as in the list of pages, leads to
// all events. The heading says what the list shows, so it gets the focus.
func (s *events) OnNav(ctx app.Context) {
	defer rescue()
	address := ctx.Page().URL()
	filter, from, only := filterOf(address, s.All), address.Query().Get(beforeParameter), scopeOf(address, s.All)
	if address.Path == s.path && (filter != s.list.filter || from != s.list.from || only != s.only) {
		s.show(filter, from, only)
		if address.Fragment == "log" && !s.Env.wentBack { // a link leads to it
			afterRender(ctx, func(app.Context) {
				if heading := element("log"); heading.Truthy() {
					heading.Call("focus", map[string]any{"preventScroll": true})
				}
			})
			scrollTop(ctx, "log")
		}
	}
}

// choose shows what another filter selects: in the log of all users, of the same user and up to the same
// day.
func (s *events) choose(filter string) {
	only := s.only
	only.session = ""
	s.open(filter, only)
}

// chooseDay shows the events up to the end of a day, or all if it is "".
func (s *events) chooseDay(day string) {
	only := s.only
	only.session, only.day = "", day
	s.open(s.list.filter, only)
}

// open shows the newest events that a filter selects in a scope. The handler that calls it belongs to
// another component, so it dispatches. The filter replaces the former one in the browser's history, so
// that the Back button leads to the page before this one.
func (s *events) open(filter string, only logScope) {
	dispatch(s.list.ctx, func(app.Context) {
		window := app.Window()
		history := window.Get("history")
		history.Call("replaceState", history.Get("state"), "", withFilter(window.URL(), filter, only))
		s.show(filter, "", only)
	})
}

// show shows the page of the events that a filter selects in a scope and that are older than from.
func (s *events) show(filter, from string, only logScope) {
	if only.user != s.only.user {
		s.user = nil
	}
	s.list.from, s.only = from, only
	s.events, s.list.shown, s.list.known, s.list.next = nil, 0, false, ""
	s.list.restart(filter)
}

// all shows all events. The button that calls it disappears, so the filter gets the focus. The
// context is not the button's, which ends with it.
func (s *events) all(_ app.Context, e app.Event) {
	e.PreventDefault()
	focus(s.list.ctx, "log-all")
	s.choose("")
}

func (s *events) more(_ app.Context, e app.Event) {
	e.PreventDefault()
	dispatch(s.list.ctx, func(app.Context) { s.list.loadMore() })
}

// Render implements [app.Composer].
func (s *events) Render() app.UI {
	e := s.Env
	name, text := e.T(message.SecurityLog), e.T(message.SecurityLogExplanation)
	switch {
	case s.only.user != "" && s.user == nil:
		text = ""
	case s.only.user != "":
		name, text = e.T(message.SecurityLogOfUser, cmp.Or(s.user.Email, s.user.ID)), "" // a deleted account has only its ID
	case s.All:
		name, text = e.T(message.SecurityLogOfAllUsers), e.T(message.SecurityLogOfAllUsersExplanation)
	}
	return section("log", name,
		html.P().Body(app.If(text != "", func() app.UI { return html.Text(text) }).Else(s.drawAllUsers)),
		s.list.drawState(),
		&eventsView{
			Env: e,
			Value: eventList{
				Events: s.events, All: s.All, Offline: s.Offline, Filter: s.list.filter, Chosen: s.list.restarted,
				Known: s.list.known, Failed: s.list.problem != nil, From: s.list.from, Next: s.list.next, Only: s.only,
				Busy: s.list.busy, Now: s.list.now,
			},
			Do: eventActions{s.choose, s.chooseDay, s.all, s.more},
		},
	)
}

// drawAllUsers draws the link from the log of one user to that of all.
func (s *events) drawAllUsers() app.UI {
	only := s.only
	only.user = ""
	return html.A(logOf(s.Env.address(), s.list.filter, only)).Text(s.Env.T(message.ShowAllAccounts))
}
