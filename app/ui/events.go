package ui

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// events is the section that shows the security log: one's own or, to those who
// may read it, everybody's.
type events struct {
	app.Compo
	Env     *env
	All     bool // everybody's
	Offline bool

	list pager[shared.Event]
}

func (s *events) OnInit() {
	defer rescue()
	s.list = newPager(s.Env, "log", eventID)
	s.list.fetch = s.fetch
}

func (s *events) OnMount(ctx app.Context) {
	defer rescue()
	handle(ctx, refreshAction, s.refresh)
	s.list.mount(ctx)
	tickClock(ctx, s.Env, &s.list.now)
}

func (s *events) refresh(app.Context, app.Action) {
	if !s.list.paged { // who has leafed on is reading
		s.list.load("")
	}
}

// fetch asks for the events of a kind, from before one on.
func (s *events) fetch(ctx app.Context, kind, before string, then func(app.Context, []shared.Event, string, error)) {
	endpoint := shared.ListEvents
	if s.All {
		endpoint = shared.ListAllEvents
	}
	call(ctx, s.Env, endpoint, shared.EventQuery{Kind: kind, Before: before}, func(ctx app.Context, page shared.EventPage, err error) {
		then(ctx, page.Events, page.Next, err)
	})
}

func (s *events) choose() {
	kind := valueOf("log-kind")
	if kind == everything {
		kind = ""
	}
	s.list.items, s.list.known = nil, false
	s.list.restart(kind)
}

// Render implements [app.Composer].
func (s *events) Render() app.UI {
	tr := s.Env.T
	name, text := tr(message.SecurityLog), tr(message.SecurityLogExplanation)
	if s.All {
		name, text = tr(message.SecurityLogOfEverybody), tr(message.SecurityLogOfEverybodyExplained)
	}
	return section("log", name,
		html.P().Text(text),
		html.Div().Class("deeds filter").Body(
			&field{Env: s.Env, ID: "log-kind", Name: "kind", Label: tr(message.ShowItem), Options: s.Env.kindOptions(s.All), Typed: s.choose},
			html.Div().Body(app.If(s.All && s.Offline, func() app.UI {
				return html.Button().Text(tr(message.DownloadCSV)) // disabled as all of the page, which a link cannot be
			}).ElseIf(s.All, func() app.UI {
				return html.A(shared.ExportEvents.Path).Class("button").Attr("download", "security-log.csv").Text(tr(message.DownloadCSV))
			})),
		),
		s.list.drawState(),
		html.Div().Aria("busy", !s.list.known).Body(
			app.If(s.list.waiting(), skeleton).ElseIf(s.list.known && len(s.list.items) == 0, func() app.UI {
				return html.P().Class("hint").Text(tr(message.NoEventsFound))
			}).ElseIf(s.list.known, func() app.UI {
				return html.Ul().Class("events").Body(
					app.Range(s.list.items).Slice(func(i int) app.UI {
						return s.entry(s.list.items[i])
					}),
				)
			}),
		),
		s.list.drawMore(),
	)
}

func eventID(e shared.Event) string { return "event-" + e.ID }

// entry draws one entry of the log. It is no component, as there is nothing to do
// to it.
func (s *events) entry(e shared.Event) app.UI {
	return html.Li().Class("event").ID(eventID(e)).TabIndex(-1).Body(
		html.P().Body(html.Strong().Text(e.Text)),
		html.P().Class("hint").Body(s.Env.timestamp(e.At, s.Env.ago(e.At.Time, s.list.now))),
		html.P().Class("hint").Text(s.Env.eventWords(e, s.All)),
	)
}

// eventWords is what there is to tell of an event beside what it was: whose
// account, by whom, from where, and how.
func (t *translator) eventWords(e shared.Event, all bool) string {
	var parts []string
	if e.Kind == "setting-changed" || strings.HasPrefix(e.Kind, "permission-") {
		parts = append(parts, e.Subject) // what is no name of anything for programs
	}
	if all && e.Account != nil && e.Kind != "setting-changed" {
		parts = append(parts, t.personWords(*e.Account))
	}
	if e.Actor != nil && (e.Account == nil || e.Actor.ID != e.Account.ID || e.Kind == "setting-changed") {
		parts = append(parts, t.T(message.ByActor, t.personWords(*e.Actor)))
	}
	if e.Device.Browser != "" || e.Device.OS != "" {
		parts = append(parts, t.deviceWords(e.Device))
	}
	for _, one := range []string{e.IPAddress, e.Detail} {
		if one != "" {
			parts = append(parts, one)
		}
	}
	return strings.Join(parts, " · ")
}

func (t *translator) personWords(p shared.Person) string {
	if p.Email == "" {
		return t.T(message.AccountNoMore)
	}
	return p.Email
}

const everything = "everything" // go-app drops the value of an option that is empty

func (t *translator) kindOptions(all bool) []option {
	options := []option{{everything, t.T(message.AllEvents)}}
	for _, k := range shared.EventKinds {
		if all || !k.Server {
			options = append(options, option{k.Name, t.T(k.Filter)})
		}
	}
	return options
}
