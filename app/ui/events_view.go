package ui

import (
	"cmp"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// eventList is what [eventsView] draws.
type eventList struct {
	Events  []shared.Event
	All     bool // the log of all users
	Offline bool
	Filter  string // the filter that selects the events; see [groupFilter]
	Chosen  bool   // the user has chosen a filter
	Known   bool   // the events have been loaded
	Failed  bool   // the last load failed
	From    string // only older events than this one are shown, or "" for the newest
	Next    string // as From, for the next page; "" if there is none
	Only    logScope
	Busy    bool      // they are being loaded
	Now     time.Time // today's
}

// eventActions are what users can do in the security log.
type eventActions struct {
	choose    func(filter string)
	chooseDay func(day string)
	all       app.EventHandler
	more      app.EventHandler
}

// eventsView draws the security log.
type eventsView struct {
	app.Compo
	Env   *env
	Value eventList
	Do    eventActions
}

// chooseChip chooses the filter of the chip that was pressed.
func (v *eventsView) chooseChip(ctx app.Context, e app.Event) {
	e.PreventDefault()
	v.Do.choose(filterNamed(ctx.JSSrc().Get("value").String(), false))
}

func (v *eventsView) chooseOption() {
	v.Do.choose(filterNamed(valueOf("log-kind"), true))
}

// chooseDay chooses the day in the field. It ignores what the field reports while the user types: an
// incomplete date, and years such as 0202.
func (v *eventsView) chooseDay() {
	day := valueOf("log-day")
	if day == "" && element("log-day").Get("validity").Get("badInput").Bool() || strings.HasPrefix(day, "0") {
		return
	}
	if day == "" || !nextDay(day).IsZero() {
		v.Do.chooseDay(day)
	}
}

// Render implements [app.Composer].
func (v *eventsView) Render() app.UI {
	e := v.Env
	status, class, live := "", "hint", "off"
	if v.Value.Chosen { // screen readers announce what the filter selects, and not each page that opens
		live = "polite"
	}
	if v.Value.Known {
		status = e.countText(len(v.Value.Events), v.Value.Next != "" && v.Value.From == "")
		if len(v.Value.Events) == 0 { // the page shows another sentence
			class = "visually-hidden"
		}
	}
	filter := v.drawChips
	if v.Value.All {
		filter = v.drawSelect
	}
	return html.Div().Class("log").Body(
		filter(),
		html.P().Class(class).Role("status").Aria("live", live).Text(status),
		v.drawDays(),
		div("actions", v.pages()...),
		e.pageForm("log-older", "log", beforeParameter),
		e.pageForm("log-filter", "log", filterParameter, beforeParameter, sessionParameter),
		e.keepParameters("log-filters", filterParameter, dayParameter, beforeParameter, sessionParameter),
	)
}

// pages draws the ways to other pages of the log.
func (v *eventsView) pages() (ways []app.UI) {
	e := v.Env
	if v.Value.Next != "" {
		more := busyButton(e.T(message.ShowMore), v.Do.more, v.Value.Busy)
		ways = append(ways, openPage(more, "log-older", beforeParameter, v.Value.Next))
	}
	switch only := v.Value.Only; {
	case only.session != "":
		ways = append(ways, html.A(withFilter(e.address(), v.Value.Filter, logScope{})).Text(e.T(message.ShowAllEvents)))
	case v.Value.From != "":
		ways = append(ways, html.A(withFilter(e.address(), v.Value.Filter, only)).Text(e.T(message.ShowNewestEntries)))
	}
	return ways
}

// everything is the name of the empty filter in the list of filters: go-app drops an attribute without a
// value.
const everything = "all"

// drawChips draws the filters of a user's own log.
func (v *eventsView) drawChips() app.UI {
	e := v.Env
	chip := func(filter, label string) html.Element {
		pressed := filter == v.Value.Filter
		return v.openFilter(button(label, v.chooseChip), filter).Class("chip").Aria("pressed", pressed)
	}
	chips := []app.UI{chip("", e.T(message.AllEvents)).ID("log-all")}
	for _, g := range shared.EventGroups {
		if g.Own {
			chips = append(chips, chip(groupFilter+string(g.Name), e.T(g.Label)))
		}
	}
	return html.Div().Class("chips").Role("group").Aria("label", e.T(message.ShowItem)).Body(chips...)
}

// openFilter makes a button open the page with a filter, without the app.
func (v *eventsView) openFilter(button html.Element, filter string) html.Element {
	parameter := filterParameter
	if filter == "" {
		parameter = ""
	}
	return openPage(button, "log-filter", parameter, filterName(filter))
}

// drawSelect draws the filters of the log of all users.
func (v *eventsView) drawSelect() app.UI {
	e := v.Env
	options, groups := e.eventOptions()
	return getForm(shared.PageSystem, "log").ID("log-filters").Class("actions filter").Body(
		&field{
			Env: e, ID: "log-kind", Name: filterParameter, Label: e.T(message.ShowItem), Options: options, Groups: groups,
			Value: cmp.Or(filterName(v.Value.Filter), everything), Typed: v.chooseOption,
		},
		&field{
			Env: e, ID: "log-day", Name: dayParameter, Label: e.T(message.UpToDay), Type: "date", Value: v.Value.Only.day,
			Typed: v.chooseDay,
		},
		e.showFiltered(),
		html.Div().Body(app.If(v.Value.Offline, func() app.UI {
			return html.Button().Text(e.T(message.DownloadCSV)) // a fieldset cannot disable a link
		}).Else(func() app.UI {
			return html.A(shared.ExportEvents.Path).Class("button").Attr("download", "security-log.csv").Text(e.T(message.DownloadCSV))
		})),
	)
}

// eventOptions returns the filters of the log of all users: everything, the warnings, and the
// kinds in groups.
func (t *env) eventOptions() (options []option, groups []optionGroup) {
	options = []option{{everything, t.T(message.AllEvents)}}
	for _, g := range shared.EventGroups {
		name, label := string(g.Name), t.T(g.Label)
		if g.Name == shared.GroupWarnings {
			options = append(options, option{name, label})
			continue
		}
		group := optionGroup{label, []option{{name, t.T(message.AllOfGroup, label)}}}
		for _, k := range shared.EventKinds {
			if k.Group == g.Name {
				group.Options = append(group.Options, option{k.Name, t.T(k.Filter)})
			}
		}
		groups = append(groups, group)
	}
	return options, groups
}

// countText returns how many entries the page shows. newest means that there are older ones, but no
// newer ones.
func (t *env) countText(n int, newest bool) string {
	switch {
	case newest:
		return t.T(message.EntriesNewest, n)
	case n == 1:
		return t.T(message.EntriesOne)
	}
	return t.T(message.EntriesMany, n)
}

// drawDays draws the events of each day below a heading.
func (v *eventsView) drawDays() app.UI {
	e := v.Env
	switch {
	case !v.Value.Known && v.Value.Failed:
		return html.Div()
	case !v.Value.Known:
		return html.Div().Aria("busy", true).Body(skeleton())
	case len(v.Value.Events) == 0:
		return v.drawNone()
	}
	days, heading := daysOf(v.Value.Events, e.timeZone), html.H2
	if v.Value.All {
		heading = html.H3 // the log is a section of its page
	}
	return html.Div().Class("days").Body(app.Range(days).Slice(func(i int) app.UI {
		day := days[i]
		id := "log-" + day.date
		return html.Div().Class("day").Body(
			heading().ID(id).Text(e.dayHeading(day, v.Value.Now)),
			html.Ul().Class("events").Aria("labelledby", id).Body(app.Range(day.events).Slice(func(i int) app.UI {
				one := day.events[i]
				return e.eventItem(one, e.eventText(one, v.Value.All), e.timestamp(one.At, e.clockTime(one.At)))
			})),
		)
	}))
}

// drawNone draws what an empty list means.
func (v *eventsView) drawNone() app.UI {
	e := v.Env
	text := e.T(message.NoEventsFound)
	if v.Value.Filter == groupFilter+string(shared.GroupWarnings) {
		text = e.T(message.NoWarnings)
	}
	return html.Div().Class("empty").Body(
		html.P().Text(text),
		app.If(v.Value.Filter != "" && !v.Value.All, func() app.UI {
			return v.openFilter(button(e.T(message.ShowAllEvents), v.Do.all), "")
		}),
	)
}

func eventID(e shared.Event) string { return "event-" + e.ID }

// eventItem draws an entry of a log. Its weight is an icon and a word, besides a color. It is
// not a component, because it has no state.
func (t *env) eventItem(e shared.Event, text string, at app.UI) app.UI {
	kind := shared.FindEventKind(e.Kind)
	class, image, word := "routine", groupIcons[kind.Group], app.UI(html.Span())
	switch kind.Weight {
	case shared.WeightChange:
		class, word = "change", html.Span().Class("visually-hidden").Text(t.T(message.EventIsChange))
	case shared.WeightAlarm:
		class, image, word = "alarm", "alarm", badge(levelAlarm.name(), t.T(message.EventIsWarning))
	}
	return html.Li().Class("event", class).ID(eventID(e)).TabIndex(-1).Body(
		icon(image),
		html.P().Class("what").Body(html.Strong().Text(e.Text), word),
		html.P().Class("hint").Body(at),
		hint(text),
	)
}

// groupIcons has the icons of the groups of events.
var groupIcons = map[shared.EventGroup]string{
	shared.GroupSignIns: "enter", shared.GroupCredentials: "lock", shared.GroupFactors: "key",
	shared.GroupSessions: "desktop", shared.GroupAccounts: "person", shared.GroupServer: "server",
}

// eventText returns the details of an event: the account, the actor, the device, the address
// and more. all means that the log is the one of all users.
func (t *env) eventText(e shared.Event, all bool) string {
	var parts []string
	switch e.Kind {
	case shared.EventSettingChanged, shared.EventPermissionGranted, shared.EventPermissionRevoked, shared.EventMailDiscarded:
		parts = append(parts, e.Subject) // other subjects are IDs for programs
	}
	if all && e.Account != nil && e.Kind != shared.EventSettingChanged {
		parts = append(parts, t.personText(*e.Account))
	}
	if e.Actor != nil && (e.Account == nil || e.Actor.ID != e.Account.ID || e.Kind == shared.EventSettingChanged) {
		parts = append(parts, t.T(message.ByActor, t.personText(*e.Actor)))
	}
	parts = append(parts, e.Detail)
	if e.Device.Browser != "" || e.Device.OS != "" {
		device := t.deviceName(e.Device)
		switch e.Kind {
		case shared.EventSessionRevoked, shared.EventTrustedDeviceRevoked, shared.EventReportedNotMe:
			device = t.T(message.FromDevice, device) // the detail may name another device
		}
		parts = append(parts, device)
	}
	parts = append(parts, e.IPAddress)
	return joinParts(parts...)
}

// joinParts joins the parts that are not empty.
func joinParts(parts ...string) string {
	text := ""
	for _, part := range parts {
		if text != "" && part != "" {
			text += " · "
		}
		text += part
	}
	return text
}

func (t *env) personText(p shared.Person) string {
	if p.Email == "" {
		return t.T(message.AccountGone)
	}
	return p.Email
}
