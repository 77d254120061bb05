package ui

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// events is the section that shows the security log: that of the user or, for users
// with the permission, that of all users.
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
	if !s.list.paged { // a user who has gone on to more pages is reading
		s.list.loadFrom("")
	}
}

// fetch asks for the events of a kind, from before one on.
func (s *events) fetch(ctx app.Context, kind, before string, answered func(app.Context, page, error)) {
	endpoint := shared.ListEvents
	if s.All {
		endpoint = shared.ListAllEvents
	}
	call(ctx, s.Env, endpoint, shared.EventQuery{Kind: kind, Before: before}, func(ctx app.Context, out shared.EventPage, err error) {
		p := page{next: out.Next, items: len(out.Events)}
		if p.items > 0 {
			p.first = eventID(out.Events[0])
		}
		p.show = func(replace bool) {
			if replace {
				s.events = nil
			}
			s.events = append(s.events, out.Events...)
		}
		answered(ctx, p, err)
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
	name, text := e.T("Security log"), e.T("What was done with your account, the newest first. If something was not you, change your password and revoke the sessions that you do not recognise.")
	if s.All {
		name, text = e.T("Security log of everybody"), e.T("What was done with all accounts and with the server, the newest first.")
	}
	return section("log", name,
		html.P().Text(text),
		html.Div().Class("actions filter").Body(
			&field{Env: e, ID: "log-kind", Name: "kind", Label: e.T("Show"), Options: e.kindOptions(s.All), Typed: s.choose},
			html.Div().Body(app.If(s.All && s.Offline, func() app.UI {
				return html.Button().Text(e.T("Download CSV")) // disabled with the rest of the page, which a link cannot be
			}).ElseIf(s.All, func() app.UI {
				return html.A(shared.ExportEvents.Path).Class("button").Attr("download", "security-log.csv").Text(e.T("Download CSV"))
			})),
		),
		s.list.drawState(),
		html.Div().Aria("busy", !s.list.known).Body(
			app.If(s.list.waiting(), skeleton).ElseIf(s.list.known && len(s.events) == 0, func() app.UI {
				return html.P().Class("hint").Text(e.T("Nothing."))
			}).ElseIf(s.list.known, func() app.UI {
				return html.Ul().Class("events").Body(
					app.Range(s.events).Slice(func(i int) app.UI {
						return s.entry(s.events[i])
					}),
				)
			}),
		),
		s.list.drawMore(),
	)
}

func eventID(e shared.Event) string { return "event-" + e.ID }

// entry draws one entry of the log. It is not a component, because it has no state.
func (s *events) entry(e shared.Event) app.UI {
	return html.Li().Class("event").ID(eventID(e)).TabIndex(-1).Body(
		html.P().Body(html.Strong().Text(e.Text)),
		html.P().Class("hint").Body(s.Env.timestamp(e.At, s.Env.ago(e.At.Time, s.list.now))),
		html.P().Class("hint").Text(s.Env.eventWords(e, s.All)),
	)
}

// eventWords describes an event further: the account, the actor, the device, the
// address and the details. all says that the log is that of all users.
func (t *translator) eventWords(e shared.Event, all bool) string {
	var parts []string
	if e.Kind == "setting-changed" || strings.HasPrefix(e.Kind, "permission-") {
		parts = append(parts, e.Subject) // other subjects are names for programs
	}
	if all && e.Account != nil && e.Kind != "setting-changed" {
		parts = append(parts, t.personWords(*e.Account))
	}
	if e.Actor != nil && (e.Account == nil || e.Actor.ID != e.Account.ID || e.Kind == "setting-changed") {
		parts = append(parts, t.T("by %s", t.personWords(*e.Actor)))
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
		return t.T("an account that is no more")
	}
	return p.Email
}

// kinds are the kinds of events to choose from, in the order of the list.
var kinds = []struct {
	kind string
	name key
}{
	{"sign-in", "Sign-ins"},
	{"sign-in-failed", "Wrong passwords at sign-in"},
	{"sign-in-limited", "Too many wrong passwords"},
	{"sign-in-refused", "Sign-ins refused"},
	{"challenged", "Second factors asked for"},
	{"sign-out", "Sign-outs"},
	{"session-revoked", "Sessions ended"},
	{"sessions-revoked", "All other sessions ended"},
	{"sessions-ended", "Sessions ended by administrators"},
	{"step-up", "Identity confirmed"},

	{"password-changed", "Password changed"},
	{"password-failed", "Wrong passwords in a session"},
	{"reset-requested", "New password asked for"},
	{"password-reset", "Forgotten password replaced"},

	{"two-factor-pending", "2FA begun"},
	{"two-factor-enabled", "2FA turned on"},
	{"two-factor-disabled", "2FA turned off"},
	{"authenticator-replaced", "Authenticator app replaced"},
	{"totp-uri-read", "Authenticator key shown"},
	{"code-failed", "Wrong codes"},
	{"codes-locked", "Too many wrong codes"},
	{"codes-unlocked", "Codes taken again"},
	{"code-mailed", "Codes sent by mail"},
	{"backup-codes-made", "Backup codes made"},
	{"backup-code-used", "Backup codes used"},
	{"factors-reset", "Factors reset by administrators"},
	{"device-trusted", "Devices trusted"},
	{"trusted-device-revoked", "Trusted devices revoked"},

	{"passkey-added", "Passkeys added"},
	{"passkey-renamed", "Passkeys renamed"},
	{"passkey-deleted", "Passkeys removed"},
	{"passkey-failed", "Passkeys refused"},
	{"passkey-copied", "Passkeys that may be copies"},

	{"sign-up", "Accounts created"},
	{"user-updated", "Profile changed"},
	{"email-verified", "Email address verified"},
	{"email-change-requested", "New email address asked for"},
	{"email-changed", "Email address changed"},
	{"disowned", "“It wasn't me”"},
	{"recovered", "Accounts recovered by the operator"},
	{"user-disabled", "Accounts disabled"},
	{"user-enabled", "Accounts enabled"},
	{"user-deletion-requested", "Deletion asked for"},
	{"user-deleted", "Accounts deleted"},
	{"permission-granted", "Permissions given"},
	{"permission-revoked", "Permissions taken away"},

	{"sign-up-taken", "Sign-ups with a taken address"}, // from here on, of nobody's own log
	{"setting-changed", "System settings changed"},
	{"mail-dropped", "Mails that nobody took"},
	{"key-rotated", "Server keys changed"},
	{"key-missing", "Server keys missing"},
}

const ofEverybody = 5 // of those, at the end

const everything = "everything" // go-app drops the value of an option that is empty

func (t *translator) kindOptions(all bool) []option {
	options := []option{{everything, t.T("Everything")}}
	for _, k := range kinds {
		options = append(options, option{k.kind, t.T(k.name)})
	}
	if all {
		return options
	}
	return options[:len(options)-ofEverybody]
}
