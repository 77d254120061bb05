package ui

import (
	"slices"
	"testing"

	"latchkey/shared"
)

// TestEveryEventKindHasFilter tests that the filter has every kind of event, and that a user's
// own log lacks those of the server.
func TestEveryEventKindHasFilter(t *testing.T) {
	for _, k := range shared.EventKinds {
		if !slices.ContainsFunc(en.kindOptions(true), func(o option) bool { return o.Value == k.Name }) {
			t.Errorf("the list of kinds lacks %s", k.Name)
		}
	}
	own := en.kindOptions(false)
	if len(own) >= len(en.kindOptions(true)) || slices.ContainsFunc(own, func(o option) bool { return o.Value == "setting-changed" }) {
		t.Error("the filter of a user's own log has kinds that never occur in it")
	}
}

func TestEventText(t *testing.T) {
	ada, grace, gone := &shared.Person{ID: "1", Email: "ada@example.com"}, &shared.Person{ID: "2", Email: "grace@example.com"},
		&shared.Person{ID: "3"}
	firefox := shared.Device{Browser: "Firefox 153", OS: "Windows"}
	tests := []struct {
		event    shared.Event
		own, all string
	}{
		{
			shared.Event{Kind: "sign-in", Account: ada, Actor: ada, Device: firefox, IPAddress: "192.0.2.1"},
			"Firefox 153 on Windows · 192.0.2.1", "ada@example.com · Firefox 153 on Windows · 192.0.2.1",
		},
		{shared.Event{Kind: "user-disabled", Account: ada, Actor: grace}, "by grace@example.com", "ada@example.com · by grace@example.com"},
		{shared.Event{Kind: "user-deleted", Account: gone, Actor: gone}, "", "an account that is no more"},
		{
			shared.Event{Kind: "setting-changed", Account: grace, Actor: grace, Subject: "APP_NAME", Detail: "from “a” to “b”"},
			"APP_NAME · by grace@example.com · from “a” to “b”", "APP_NAME · by grace@example.com · from “a” to “b”",
		},
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
