package ui

import (
	"strings"

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
}

func (s *events) OnInit() {
	defer rescue()
	s.list.init(s.Env, "log")
	s.list.fetch = s.fetch
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
	endpoint := shared.ListEvents
	if s.All {
		endpoint = shared.ListAllEvents
	}
	query := shared.EventQuery{Before: before}
	if group, ok := strings.CutPrefix(filter, groupFilter); ok {
		query.Group = shared.EventGroup(group)
	} else {
		query.Kind = filter
	}
	call(ctx, s.Env, endpoint, query, func(ctx app.Context, out shared.EventPage, err error) {
		answered(ctx, newPage(&s.events, out.Events, out.Next, eventID), err)
	})
}

// groupFilter begins a filter that is a group of kinds. Other filters are a kind, or "" for
// all.
const groupFilter = "group:"

// choose shows what another filter selects. The handler that calls it belongs to another
// component, so it dispatches.
func (s *events) choose(filter string) {
	dispatch(s.list.ctx, func(app.Context) {
		s.events, s.list.shown, s.list.known, s.list.next = nil, 0, false, ""
		s.list.restart(filter)
	})
}

// all shows all events. The button that calls it disappears, so the filter gets the focus. The
// context is not the button's, which ends with it.
func (s *events) all(app.Context, app.Event) {
	focus(s.list.ctx, "log-all")
	s.choose("")
}

func (s *events) more(app.Context, app.Event) {
	dispatch(s.list.ctx, func(ctx app.Context) { s.list.more(ctx, app.Event{}) })
}

// Render implements [app.Composer].
func (s *events) Render() app.UI {
	e := s.Env
	name, text := e.T(message.SecurityLog), e.T(message.SecurityLogExplanation)
	if s.All {
		name, text = e.T(message.SecurityLogOfAllUsers), e.T(message.SecurityLogOfAllUsersExplanation)
	}
	return section("log", name,
		html.P().Text(text),
		s.list.drawState(),
		&eventsView{
			Env: e,
			Value: eventList{
				Events: s.events, All: s.All, Offline: s.Offline, Filter: s.list.filter, Chosen: s.list.restarted,
				Known: s.list.known, Failed: s.list.problem != nil, More: s.list.next != "", Busy: s.list.busy, Now: s.list.now,
			},
			Do: eventActions{s.choose, s.all, s.more},
		},
	)
}
