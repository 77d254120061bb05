//go:build !js

package ui

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// listed returns sessions with the handles in text, the current one first. An asterisk after a
// handle means that the session is new.
func listed(text string) (list []shared.Session) {
	for i, name := range strings.Fields(text) {
		handle, isNew := strings.CutSuffix(name, "*")
		list = append(list, shared.Session{Token: handle, IsCurrent: i == 0, IsNew: isNew})
	}
	return list
}

// TestSessionRows tests that rows stay where they are while the user looks at them.
func TestSessionRows(t *testing.T) {
	var r sessionRows
	is := func(what, rows, waiting string) {
		t.Helper()
		var got, begun []string
		for _, row := range r.rows {
			text := fmt.Sprint(row.Group, row.Token)
			if row.Ended {
				text += "-"
			}
			if row.IsNew {
				text += "*"
			}
			got = append(got, text)
		}
		for _, one := range r.waiting {
			begun = append(begun, one.Token)
		}
		if strings.Join(got, " ") != rows || strings.Join(begun, " ") != waiting {
			t.Errorf("%s: the rows are %q, and %q wait; want %q and %q", what, got, begun, rows, waiting)
		}
	}
	ends := func(list, want string) {
		t.Helper()
		var got []string
		for _, one := range r.update(listed(list)) {
			got = append(got, one.Token)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("with the list %q, %q have ended; want %q", list, got, want)
		}
	}

	r.reset(listed("me a b* c d*"))
	is("at first", "0me 1b* 1d* 2a 2c", "")
	ends("me d* c b* a", "")
	is("in another order", "0me 1b* 1d* 2a 2c", "")
	ends("me e f* d b* a", "c")
	is("after changes", "0me 1b* 1d 2a 2c-", "e f")
	ends("me e f* d b* a", "") // said once
	is("unchanged", "0me 1b* 1d 2a 2c-", "e f")

	r.row("a").Open, r.row("a").Log = true, new(sessionLog)
	if first := r.showWaiting(); first != "f" {
		t.Errorf("the first of the new rows is %q; want f", first)
	}
	is("with the new rows", "0me 1f* 1b* 1d 2e 2a", "")
	ends("me a", "f b d e")
	is("with one left", "0me 1f-* 1b-* 1d- 2e- 2a", "")
	ends("me a b*", "")
	is("one that is back", "0me 1f-* 1b* 1d- 2e- 2a", "")
	r.reset(listed("me b a g*"))
	is("for a user who returns", "0me 1g* 2b 2a", "")
	if row := r.row("a"); !row.Open || row.Log == nil {
		t.Error("the details have closed")
	}
	if row := r.row("gone"); row != nil {
		t.Errorf("a session that is not listed has the row %+v", row)
	}
	r.reset(nil)
	if first := r.showWaiting(); first != "" {
		t.Errorf("without new rows, the first is %q", first)
	}
}

// TestActiveText tests that the current session and one that was just used are active now.
func TestActiveText(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		ago     time.Duration
		current bool
		want    string
	}{
		{0, false, en.T(message.ActiveNow)},
		{119 * time.Second, false, en.T(message.ActiveNow)},
		{2 * time.Minute, false, en.T(message.ActiveAgo, en.T(message.MinutesAgoMany, 2))},
		{3 * time.Hour, true, en.T(message.ActiveNow)},
		{25 * time.Hour, false, en.T(message.ActiveAgo, en.T(message.DaysAgoYesterday))},
		{-time.Minute, false, en.T(message.ActiveNow)}, // by the clock of another server
	} {
		one := shared.Session{IsCurrent: tt.current, LastActiveAt: shared.Time{Time: now.Add(-tt.ago)}}
		if got := en.activeText(one, now); got != tt.want {
			t.Errorf("%v ago, current %t: %q; want %q", tt.ago, tt.current, got, tt.want)
		}
	}
}

// TestSessionsView tests that the view draws all of its value without a browser.
func TestSessionsView(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	at := shared.Time{Time: now.Add(-time.Hour)}
	phone := shared.Device{Browser: "Safari 18", OS: "iOS", Kind: "mobile"}
	one := shared.Session{
		Token: "t", CreatedAt: at, LastActiveAt: at, ExpiresAt: at, IPAddress: "192.0.2.1", UserAgent: "UA", Device: phone,
		Method: "passkey", PasskeyName: new("ThinkPad"), IsNew: true,
	}
	log := sessionLog{Known: true, Events: []shared.Event{{ID: "e", Kind: "sign-in", Text: "Hello"}}}
	view := &sessionsView{Env: newEnv(), Value: sessionList{
		Known: true, Now: now, At: now, New: 2, Ended: "It has ended.",
		Rows: []listedSession{
			{Session: one, Group: newSignIns, Open: true, Log: &log},
			{Session: shared.Session{Token: "u", Device: phone}, Group: otherSessions, Ended: true},
		},
	}}
	drawn := html.String(view)
	for _, want := range []string{
		"iPhone · Safari", en.T(message.ActiveAgo, en.T(message.HoursAgoOne)), "192.0.2.1", en.T(message.NewSession), en.T(message.OtherSessions),
		en.T(message.NewSessionsMany, 2), "It has ended.", en.T(message.WasThisYou), shared.MethodText(en.Language, "passkey", "ThinkPad"),
		"Safari 18", "UA", en.T(message.SignedInUntil), "Hello", en.T(message.SessionHasEnded),
	} {
		if !strings.Contains(drawn, want) {
			t.Errorf("the list lacks %q: %s", want, drawn)
		}
	}
	if strings.Contains(drawn, en.T(message.ThisDevice)) {
		t.Errorf("the list has an empty group: %s", drawn)
	}
}

// TestTwins tests that rows with the same name say when their sessions began.
func TestTwins(t *testing.T) {
	now := time.Now()
	firefox := shared.Device{Browser: "Firefox 153", OS: "Windows", Kind: "desktop"}
	list := listed("me a b")
	for i := range list {
		list[i].CreatedAt = shared.Time{Time: now.Add(-time.Hour * time.Duration(i+1))}
		list[i].LastActiveAt = list[i].CreatedAt
	}
	list[1].Device, list[2].Device = firefox, firefox
	var r sessionRows
	r.reset(list)
	view := &sessionsView{Env: newEnv(), Value: sessionList{Rows: r.rows, Known: true, Now: now}}
	drawn := html.String(view)
	for hours, want := range map[int]int{1: 0, 2: 1, 3: 1} {
		ago := en.ago(now.Add(-time.Hour*time.Duration(hours)), now)
		if n := strings.Count(drawn, en.T(message.SignedInAgo, ago)); n != want {
			t.Errorf("%d rows say that the session began %s; want %d", n, ago, want)
		}
	}
}

// TestFirstSessions tests that the first list is shown at once, whether it came with the page or
// not, and that later ones do not move its rows.
func TestFirstSessions(t *testing.T) {
	one, other := shared.Session{Token: "one", IsCurrent: true}, shared.Session{Token: "other"}
	for _, given := range []bool{false, true} {
		e := newEnv()
		if given {
			e.answers = newPageAnswers(shared.PageState{Answers: map[string]json.RawMessage{
				shared.ListSessions.Path: []byte(`[{"token":"one","isCurrent":true}]`),
			}})
		}
		s := &sessions{Env: e}
		s.OnInit()
		var ctx app.Context
		for i, list := range [][]shared.Session{{one}, {one, other}} {
			s.list.value = list
			s.loaded(ctx)
			if rows, waiting := len(s.rows.rows), len(s.rows.waiting); rows != 1 || waiting != i {
				t.Errorf("given %t: after list %d, %d rows are shown and %d wait", given, i+1, rows, waiting)
			}
		}
	}
}
