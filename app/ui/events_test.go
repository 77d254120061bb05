//go:build !js

package ui

import (
	"strings"
	"testing"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// TestEveryEventKindHasFilter tests that the filters of the log of all users have every kind of
// event once, and every group.
func TestEveryEventKindHasFilter(t *testing.T) {
	options, groups := en.eventOptions()
	for _, g := range groups {
		options = append(options, g.Options...)
	}
	count := func(value string) (n int) {
		for _, o := range options {
			if o.Value == value && o.Label != "" {
				n++
			}
		}
		return n
	}
	for _, k := range shared.EventKinds {
		if n := count(k.Name); n != 1 {
			t.Errorf("the filters have %s %d times", k.Name, n)
		}
	}
	for _, g := range shared.EventGroups {
		if n := count(string(g.Name)); n != 1 {
			t.Errorf("the filters have the group %s %d times", g.Name, n)
		}
		if g.Name != shared.GroupWarnings && groupIcons[g.Name] == "" {
			t.Errorf("the group %s has no icon", g.Name)
		}
	}
	if len(options) != 1+len(shared.EventKinds)+len(shared.EventGroups) || options[0].Value != everything {
		t.Errorf("there are %d filters, first %v", len(options), options[0])
	}
}

func TestCountText(t *testing.T) {
	for _, tt := range []struct {
		n    int
		more bool
		want string
	}{
		{0, false, en.T(message.EntriesMany, 0)},
		{1, false, en.T(message.EntriesOne)},
		{12, false, en.T(message.EntriesMany, 12)},
		{50, true, en.T(message.EntriesNewest, 50)},
	} {
		if got := en.countText(tt.n, tt.more); got != tt.want {
			t.Errorf("of %d, %t: %q; want %q", tt.n, tt.more, got, tt.want)
		}
	}
}

// TestEventItem tests that the weight of an entry is more than a color.
func TestEventItem(t *testing.T) {
	for kind, word := range map[string]string{
		shared.EventSignIn: "", shared.EventPasswordChanged: en.T(message.EventIsChange), shared.EventSignInFailed: en.T(message.EventIsWarning),
		"of-a-newer-server": "",
	} {
		drawn := html.String(en.eventItem(shared.Event{Kind: kind, Text: "What"}, "details", html.Span()))
		for _, one := range []string{en.T(message.EventIsChange), en.T(message.EventIsWarning)} {
			if strings.Contains(drawn, one) != (one == word) {
				t.Errorf("%s: %s; want the word %q", kind, drawn, word)
			}
		}
		if !strings.Contains(drawn, "<path") {
			t.Errorf("%s has no icon: %s", kind, drawn)
		}
	}
}

func TestEventText(t *testing.T) {
	ada, grace, gone := &shared.Person{ID: "1", Email: "ada@example.com"}, &shared.Person{ID: "2", Email: "grace@example.com"},
		&shared.Person{ID: "3"}
	firefox := shared.Device{Browser: "Firefox 153", OS: "Windows", Kind: "desktop"}
	tests := []struct {
		event    shared.Event
		own, all string
	}{
		{
			shared.Event{Kind: "sign-in", Account: ada, Actor: ada, Device: firefox, IPAddress: "192.0.2.1"},
			"Windows PC · Firefox · 192.0.2.1", "ada@example.com · Windows PC · Firefox · 192.0.2.1",
		},
		{shared.Event{Kind: "user-disabled", Account: ada, Actor: grace}, "by grace@example.com", "ada@example.com · by grace@example.com"},
		{shared.Event{Kind: "user-deleted", Account: gone, Actor: gone}, "", en.T(message.AccountGone)},
		{
			shared.Event{Kind: "setting-changed", Account: grace, Actor: grace, Subject: "APP_NAME", Detail: "from “a” to “b”"},
			"APP_NAME · by grace@example.com · from “a” to “b”", "APP_NAME · by grace@example.com · from “a” to “b”",
		},
		{
			shared.Event{Kind: "passkey-added", Account: ada, Actor: ada, Subject: "ID", Detail: "“ThinkPad”", Device: firefox},
			"“ThinkPad” · Windows PC · Firefox", "ada@example.com · “ThinkPad” · Windows PC · Firefox",
		},
		{ // it names two devices
			shared.Event{Kind: "session-revoked", Account: ada, Actor: ada, Detail: "Ended: Windows PC · Edge", Device: firefox},
			"Ended: Windows PC · Edge · from Windows PC · Firefox", "ada@example.com · Ended: Windows PC · Edge · from Windows PC · Firefox",
		},
		{shared.Event{Kind: "mail-dropped", Account: ada, Subject: "Your code"}, "Your code", "Your code · ada@example.com"},
	}
	for _, tt := range tests {
		if got := en.eventText(tt.event, false); got != tt.own {
			t.Errorf("%s, to its owner: %q; want %q", tt.event.Kind, got, tt.own)
		}
		if got := en.eventText(tt.event, true); got != tt.all {
			t.Errorf("%s: %q; want %q", tt.event.Kind, got, tt.all)
		}
	}
}
