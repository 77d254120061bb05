package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // of the test only

	"latchkey/shared"
	"latchkey/shared/message"
)

// zoneOf returns what [env.timeZone] returns in a browser of a place.
func zoneOf(t *testing.T, place string) func(time.Time) time.Duration {
	t.Helper()
	location, err := time.LoadLocation(place)
	if err != nil {
		t.Fatal(err)
	}
	return func(at time.Time) time.Duration {
		_, seconds := at.In(location).Zone()
		return time.Duration(seconds) * time.Second
	}
}

// TestDays tests that a day is one of the user's time zone, also where the clock changes.
func TestDays(t *testing.T) {
	at := func(text string) time.Time {
		t.Helper()
		one, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	for _, tt := range []struct {
		place  string
		events []string // newest first
		want   string   // the dates, each with the number of its events
	}{
		{"UTC", []string{"2026-11-28T00:00:00Z", "2026-11-27T23:59:59Z", "2026-11-27T00:00:00Z"}, "2026-11-28 1, 2026-11-27 2"},
		{"America/Los_Angeles", []string{"2026-11-28T00:00:00Z", "2026-11-27T23:59:59Z", "2026-11-27T00:00:00Z"}, "2026-11-27 2, 2026-11-26 1"},
		{"Pacific/Kiritimati", []string{"2026-11-28T10:00:00Z", "2026-11-28T09:59:59Z"}, "2026-11-29 1, 2026-11-28 1"},
		{"Asia/Kathmandu", []string{"2026-11-27T18:15:00Z", "2026-11-27T18:14:59Z"}, "2026-11-28 1, 2026-11-27 1"},
		// Summer time ends in the night of 25 October, and begins on 29 March.
		{"Europe/Berlin", []string{"2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", "2026-10-24T21:59:59Z"}, "2026-10-25 2, 2026-10-24 1"},
		{"Europe/Berlin", []string{"2026-03-29T22:00:00Z", "2026-03-29T21:59:59Z", "2026-03-28T22:59:59Z"},
			"2026-03-30 1, 2026-03-29 1, 2026-03-28 1"},
	} {
		var events []shared.Event
		for _, text := range tt.events {
			events = append(events, shared.Event{ID: text, At: shared.Time{Time: at(text)}})
		}
		var got, ids []string
		for _, d := range daysOf(events, zoneOf(t, tt.place)) {
			got = append(got, fmt.Sprint(d.date, " ", len(d.events)))
			for _, e := range d.events {
				ids = append(ids, e.ID)
			}
		}
		if text := strings.Join(got, ", "); text != tt.want || !slices.Equal(ids, tt.events) {
			t.Errorf("in %s: %s; want %s", tt.place, text, tt.want)
		}
	}

	for _, tt := range []struct {
		place, date, want string // the end of the day; "" if it is not one
	}{
		{"UTC", "2026-11-28", "2026-11-29T00:00:00Z"},
		{"America/Los_Angeles", "2026-11-28", "2026-11-29T08:00:00Z"},
		{"Pacific/Kiritimati", "2026-11-28", "2026-11-28T10:00:00Z"},
		{"Europe/Berlin", "2026-10-25", "2026-10-25T23:00:00Z"}, // summer time ends on that day
		{"Europe/Berlin", "2026-03-28", "2026-03-28T23:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "2026-03-29T22:00:00Z"}, // it begins
		{"UTC", "2026-12-31", "2027-01-01T00:00:00Z"},
		{"America/Havana", "2026-03-07", "2026-03-08T05:00:00Z"}, // the clocks skip midnight
		{"America/Santiago", "2026-09-05", "2026-09-06T04:00:00Z"},
		{"America/Havana", "2026-10-31", "2026-11-01T04:00:00Z"},
		{"Africa/Cairo", "2026-04-23", "2026-04-23T22:00:00Z"},
		{"UTC", "9999-12-31", ""},
		{"UTC", "2026-02-29", ""},
		{"UTC", "yesterday", ""},
		{"UTC", "", ""},
	} {
		want := time.Time{}
		if tt.want != "" {
			want = at(tt.want)
		}
		if got := endOf(tt.date, zoneOf(t, tt.place)); !got.Equal(want) {
			t.Errorf("in %s, %s ends at %s; want %s", tt.place, tt.date, got, want)
		}
	}

	for _, tt := range []struct {
		place, date, now string
		want             message.ID
	}{
		{"UTC", "2026-11-28", "2026-11-28T23:59:59Z", message.DayToday},
		{"UTC", "2026-11-27", "2026-11-28T00:00:00Z", message.DayYesterday},
		{"UTC", "2026-11-26", "2026-11-28T00:00:00Z", 0},
		{"UTC", "2026-11-29", "2026-11-28T23:59:59Z", 0}, // by the clock of another server
		{"Pacific/Kiritimati", "2026-11-29", "2026-11-28T10:00:00Z", message.DayToday},
		{"America/Los_Angeles", "2026-11-27", "2026-11-28T07:59:59Z", message.DayToday},
		{"Europe/Berlin", "2026-10-25", "2026-10-26T22:30:00Z", message.DayYesterday}, // which had 25 hours
		{"Europe/Berlin", "2026-03-28", "2026-03-29T21:30:00Z", message.DayYesterday},
		{"UTC", "2026-02-28", "2026-03-01T00:00:00Z", message.DayYesterday},
	} {
		if got := relativeDay(tt.date, at(tt.now), zoneOf(t, tt.place)); got != tt.want {
			t.Errorf("in %s at %s, %s is %q; want %q", tt.place, tt.now, tt.date, en.T(got), en.T(tt.want))
		}
	}
}
