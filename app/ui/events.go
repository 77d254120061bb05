package ui

import (
	"slices"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// events is the section that shows the security log: one's own or, to those who
// may read it, everybody's.
type events struct {
	app.Compo
	All bool // everybody's

	ctx     app.Context
	events  []shared.Event // nil until they are known
	problem error          // why they are not
	now     time.Time      // that the relative times are relative to
	kind    string         // that is shown; all if empty
	next    string         // where the next page begins; empty if there is none
	paged   bool           // more than the first page is shown
	busy    bool           // the next is on its way
}

func (s *events) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	ctx.Handle(refreshAction, s.refresh)
	s.load("")
}

func (s *events) refresh(app.Context, app.Action) {
	defer rescue()
	if !s.paged { // who has leafed on is reading
		s.load("")
	}
}

// load asks for the page that begins at before, the first if that is empty.
func (s *events) load(before string) {
	list, kind := shared.ListEvents, s.kind
	if s.All {
		list = shared.ListAllEvents
	}
	call(s.ctx, list, shared.EventQuery{Kind: kind, Before: before}, func(ctx app.Context, page shared.EventPage, err error) {
		s.busy = false
		if kind != s.kind || before == "" && s.paged {
			return // something else has been asked for since
		}
		if s.problem = err; err != nil {
			return
		}
		if before == "" {
			s.events = []shared.Event{}
		}
		if n := len(s.events); n > 0 && len(page.Events) > 0 {
			s.paged = true
			focus(ctx, eventID(page.Events[0])) // the button that had it may be gone
		}
		s.events, s.next, s.now = append(s.events, page.Events...), page.Next, time.Now()
	})
}

func (s *events) again(app.Context, app.Event) {
	defer rescue()
	s.problem = nil
	focus(s.ctx, "log")
	s.load("")
}

func (s *events) more(app.Context, app.Event) {
	defer rescue()
	if !s.busy {
		s.busy = true
		s.load(s.next)
	}
}

func (s *events) choose() {
	s.kind, s.paged, s.events = valueOf("log-kind"), false, nil
	s.load("")
}

// Render implements [app.Composer].
func (s *events) Render() app.UI {
	name, text := "Security log", "What was done with your account, the newest first. If something was not you, change your password and revoke the sessions that you do not recognise."
	if s.All {
		name, text = "Security log of everybody", "What was done with all accounts and with the server, the newest first."
	}
	return section("log", name,
		app.P().Text(text),
		app.Div().Class("deeds filter").Body(
			&field{ID: "log-kind", Name: "kind", Label: "Show", Options: kindOptions(s.All), Typed: s.choose},
			app.Div().Body(app.If(s.All, func() app.UI {
				return app.A().Class("button").Href(shared.ExportEvents.Path).Attr("download", "security-log.csv").Text("Download CSV")
			})),
		),
		stale(s.problem, s.events != nil, s.again),
		app.Div().Aria("busy", s.events == nil).Body(
			app.If(s.events == nil && s.problem == nil, func() app.UI {
				return bones()
			}).ElseIf(s.events != nil && len(s.events) == 0, func() app.UI {
				return app.P().Class("hint").Text("Nothing.")
			}).ElseIf(s.events != nil, func() app.UI {
				return app.Ul().Class("events").Body(
					app.Range(s.events).Slice(func(i int) app.UI {
						return &eventRow{Event: s.events[i], Now: s.now, All: s.All}
					}),
				)
			}),
		),
		moreButton(s.next != "", s.busy, s.more),
	)
}

// moreButton draws the button that goes on with a list, if there is more of it.
func moreButton(more, busy bool, on app.EventHandler) app.UI {
	return app.Div().Body(app.If(more, func() app.UI {
		return app.Button().Type("button").Aria("busy", busy).Aria("disabled", busy).Text("Show more").OnClick(on)
	}))
}

// eventRow is one entry of the log.
type eventRow struct {
	app.Compo
	Event shared.Event
	Now   time.Time
	All   bool
}

// CompoID implements [app.DismountEnforcer].
func (r *eventRow) CompoID() string { return r.Event.ID }

func eventID(e shared.Event) string { return "event-" + e.ID }

// Render implements [app.Composer].
func (r *eventRow) Render() app.UI {
	e := r.Event
	return app.Li().Class("event").ID(eventID(e)).TabIndex(-1).Body(
		app.P().Body(app.Strong().Text(e.Text)),
		app.P().Class("hint when").Body(moment(e.At, ago(e.At.Time, r.Now))),
		app.P().Class("hint").Text(eventWords(e, r.All)),
	)
}

// eventWords is what there is to tell of an event beside what it was: whose
// account, by whom, from where, and how.
func eventWords(e shared.Event, all bool) string {
	var parts []string
	if all && e.Account != nil {
		parts = append(parts, personWords(*e.Account))
	}
	if e.Actor != nil && (e.Account == nil || e.Actor.ID != e.Account.ID) {
		parts = append(parts, "by "+personWords(*e.Actor))
	}
	if e.Device.Browser != "" || e.Device.OS != "" {
		parts = append(parts, deviceWords(e.Device))
	}
	for _, one := range []string{e.IPAddress, e.Detail} {
		if one != "" {
			parts = append(parts, one)
		}
	}
	return strings.Join(parts, " · ")
}

func personWords(p shared.Person) string {
	if p.Email == "" {
		return "an account that is no more"
	}
	return p.Email
}

// kinds are the kinds of events to choose from, in the order of the list.
var kinds = []option{
	{"sign-in", "Sign-ins"},
	{"sign-in-failed", "Failed sign-ins"},
	{"sign-in-limited", "Sign-ins refused for too many tries"},
	{"challenged", "Second factors asked for"},
	{"sign-out", "Sign-outs"},
	{"session-revoked", "Sessions ended"},
	{"sessions-revoked", "All sessions ended"},
	{"step-up", "Identity confirmed"},

	{"password-changed", "Password changed"},
	{"password-failed", "Wrong passwords"},

	{"two-factor-pending", "2FA begun"},
	{"two-factor-enabled", "2FA turned on"},
	{"two-factor-disabled", "2FA turned off"},
	{"authenticator-replaced", "Authenticator app replaced"},
	{"totp-uri-read", "Authenticator key shown"},
	{"code-failed", "Wrong codes"},
	{"codes-locked", "Codes locked"},
	{"codes-unlocked", "Codes unlocked"},
	{"code-mailed", "Codes sent by mail"},
	{"backup-codes-made", "Backup codes made"},
	{"backup-code-used", "Backup codes used"},
	{"device-trusted", "Devices trusted"},
	{"trusted-device-revoked", "Trusted devices revoked"},

	{"passkey-added", "Passkeys added"},
	{"passkey-renamed", "Passkeys renamed"},
	{"passkey-deleted", "Passkeys deleted"},
	{"passkey-failed", "Passkeys refused"},
	{"passkey-copied", "Passkeys that may be copied"},

	{"sign-up", "Accounts made"},
	{"user-updated", "Profile changed"},
	{"user-deleted", "Accounts deleted"},
	{"setting-changed", "System settings changed"},
}

// ofEverybody are those that are in nobody's own log.
var ofEverybody = []string{"user-deleted", "setting-changed"}

func kindOptions(all bool) []option {
	options := append([]option{{"", "Everything"}}, kinds...)
	if all {
		return options
	}
	return slices.DeleteFunc(options, func(o option) bool { return slices.Contains(ofEverybody, o.Value) })
}
