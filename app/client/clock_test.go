//go:build !js

package client

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"latchkey/shared"
)

func TestClock(t *testing.T) {
	const day = 24 * time.Hour
	server := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	after := func(heard instant, wall, elapsed time.Duration) instant {
		return instant{heard.wall.Add(wall), heard.elapsed + elapsed}
	}
	for _, off := range []time.Duration{0, -day, day, 40 * 365 * day} {
		heard := instant{server.Add(off), time.Minute}
		k := new(clock)
		if got := k.now(heard); got != heard.wall || k.disturbed(heard) {
			t.Errorf("with no answer it is %v, disturbed %v; want %v", got, k.disturbed(heard), heard.wall)
		}
		k.observe("", heard)
		k.observe("yesterday", heard)
		if got := k.now(heard); got != heard.wall {
			t.Errorf("after an answer with no date it is %v; want %v", got, heard.wall)
		}
		k.observe("Mon, 04 May 2026 12:00:00 GMT", heard)
		for _, tt := range []struct {
			what          string
			wall, elapsed time.Duration
			want          time.Duration
			disturbed     bool
		}{
			{"at once", 0, 0, 0, false},
			{"after an hour", time.Hour, time.Hour, time.Hour, false},
			{"after an hour in which the clock was slewed", time.Hour + time.Second, time.Hour, time.Hour + time.Second, false},
			{"after an hour in which the clock was set back", time.Hour - day, time.Hour, time.Hour, true},
			{"after an hour's sleep", time.Hour, time.Second, time.Hour, true},
		} {
			at := after(heard, tt.wall, tt.elapsed)
			if got, want := k.now(at), server.Add(tt.want); !got.Equal(want) || k.disturbed(at) != tt.disturbed {
				t.Errorf("with a clock that is off by %v, %s it is %v, disturbed %v; want %v, %v", off, tt.what,
					got, k.disturbed(at), want, tt.disturbed)
			}
		}

		// The next response corrects the guess.
		at := after(heard, day+time.Hour, time.Hour)
		k.observe("Mon, 04 May 2026 13:00:00 GMT", at)
		if got, want := k.now(at), server.Add(time.Hour); !got.Equal(want) || k.disturbed(at) {
			t.Errorf("with a clock that was set ahead it is %v, disturbed %v; want %v", got, k.disturbed(at), want)
		}
	}
}

// TestClientNow tests that the client takes the time from responses, even from errors, and
// that the next run can assume the difference.
func TestClientNow(t *testing.T) {
	date := time.Now().Add(-24 * time.Hour).UTC().Truncate(time.Second)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{}`)
	})
	near := func(got, want time.Time) bool { return got.Sub(want).Abs() < time.Minute }

	if c.Assume(time.Hour); !near(c.Now(), time.Now().Add(time.Hour)) {
		t.Errorf("it is %v; want an hour from now", c.Now())
	}
	Call(context.Background(), c, "", shared.OK, shared.None{})
	if !near(c.Now(), date) || c.Disturbed() {
		t.Errorf("it is %v, disturbed %v; want %v", c.Now(), c.Disturbed(), date)
	}
	ahead := c.Ahead()
	if c.Assume(time.Hour); !near(c.Now(), date) {
		t.Errorf("it is %v; want %v still", c.Now(), date)
	}
	next := New(c.Origin)
	if next.Assume(ahead); !near(next.Now(), date) {
		t.Errorf("in the next run it is %v; want %v", next.Now(), date)
	}
}
