package ui

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// events is the section that shows the security log: the user's own or, for users with the
// permission, the log of all users.
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

// fetch fetches the page of events of a kind that are older than before.
func (s *events) fetch(ctx app.Context, kind, before string, answered func(app.Context, page, error)) {
	endpoint := shared.ListEvents
	if s.All {
		endpoint = shared.ListAllEvents
	}
	call(ctx, s.Env, endpoint, shared.EventQuery{Kind: kind, Before: before}, func(ctx app.Context, out shared.EventPage, err error) {
		answered(ctx, newPage(&s.events, out.Events, out.Next, eventID), err)
	})
}

func (s *events) choose() {
	kind := valueOf("log-kind")
	if kind == everything {
		kind = ""
	}
	s.events, s.list.shown, s.list.known = nil, 0, false
	s.list.restart(kind)
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
		html.Div().Class("actions filter").Body(
			&field{Env: e, ID: "log-kind", Name: "kind", Label: e.T(message.ShowItem), Options: e.kindOptions(s.All), Typed: s.choose},
			html.Div().Body(app.If(s.All && s.Offline, func() app.UI {
				return html.Button().Text(e.T(message.DownloadCSV)) // a fieldset cannot disable a link
			}).ElseIf(s.All, func() app.UI {
				return html.A(shared.ExportEvents.Path).Class("button").Attr("download", "security-log.csv").Text(e.T(message.DownloadCSV))
			})),
		),
		s.list.drawState(),
		s.list.drawItems("events", len(s.events), e.T(message.NoEventsFound), func(i int) app.UI { return s.entry(s.events[i]) }),
		s.list.drawMore(),
	)
}

func eventID(e shared.Event) string { return "event-" + e.ID }

// entry draws one entry of the log. It is not a component, because it has no state.
func (s *events) entry(e shared.Event) app.UI {
	return html.Li().Class("event").ID(eventID(e)).TabIndex(-1).Body(
		html.P().Body(html.Strong().Text(e.Text)),
		html.P().Class("hint").Body(s.Env.timestamp(e.At, s.Env.ago(e.At.Time, s.list.now))),
		hint(s.Env.eventText(e, s.All)),
	)
}

// eventText returns the details of an event: the account, the actor, the device, the address
// and more. all means that the log is the one of all users.
func (t *env) eventText(e shared.Event, all bool) string {
	var parts []string
	if e.Kind == "setting-changed" || strings.HasPrefix(e.Kind, "permission-") {
		parts = append(parts, e.Subject) // other subjects are IDs for programs
	}
	if all && e.Account != nil && e.Kind != "setting-changed" {
		parts = append(parts, t.personText(*e.Account))
	}
	if e.Actor != nil && (e.Account == nil || e.Actor.ID != e.Account.ID || e.Kind == "setting-changed") {
		parts = append(parts, t.T(message.ByActor, t.personText(*e.Actor)))
	}
	if e.Device.Browser != "" || e.Device.OS != "" {
		parts = append(parts, t.deviceText(e.Device))
	}
	for _, one := range []string{e.IPAddress, e.Detail} {
		if one != "" {
			parts = append(parts, one)
		}
	}
	return strings.Join(parts, " · ")
}

func (t *env) personText(p shared.Person) string {
	if p.Email == "" {
		return t.T(message.AccountGone)
	}
	return p.Email
}

const everything = "everything" // go-app drops the value of an option that is empty

func (t *env) kindOptions(all bool) []option {
	options := []option{{everything, t.T(message.AllEvents)}}
	for _, k := range shared.EventKinds {
		if all || !k.Server {
			options = append(options, option{k.Name, t.T(k.Filter)})
		}
	}
	return options
}
