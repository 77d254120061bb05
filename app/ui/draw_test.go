//go:build !js

package ui

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/shared"
	"latchkey/shared/message"
)

// noon is the time of the pages of most tests.
var noon = shared.Time{Time: time.Date(2026, time.November, 28, 12, 0, 0, 0, time.UTC)}

// drawPage draws the page at an address with responses of the API.
func drawPage(t *testing.T, address string, responses map[string]any) (title, drawn string) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p := Page{
		Address: at, Name: "Latchkey", Language: message.English, Locale: "en", Zone: time.UTC,
		State: shared.PageState{At: noon, Answers: answers(t, responses)},
	}
	var b bytes.Buffer
	title = Draw(&b, p)
	return title, b.String()
}

// TestDraw tests that each page is drawn outside a browser, with its data if there are any.
func TestDraw(t *testing.T) {
	for _, path := range append([]string{"/nowhere"}, shared.Pages...) {
		title, drawn := drawPage(t, path, nil)
		if !strings.HasSuffix(title, " · Latchkey") || !strings.HasPrefix(drawn, `<div class="shell">`) {
			t.Errorf("%s: %q, %s", path, title, drawn)
		}
	}
	user := shared.User{ID: "u", Email: `ada"<b>@example.com`, Name: "Ada"}
	_, drawn := drawPage(t, shared.PageSessions, map[string]any{
		shared.GetSession.Path:   shared.Current{User: user},
		shared.ListSessions.Path: []shared.Session{{Token: "t", IsCurrent: true, Device: shared.Device{Browser: "Firefox 150", OS: "Linux"}}},
	})
	for _, want := range []string{`ada"&lt;b&gt;@`, "Linux · Firefox", en.T(message.ThisDevice)} {
		if !strings.Contains(drawn, want) {
			t.Errorf("the page lacks %s: %s", want, drawn)
		}
	}
}

// TestClosedDialogs tests that no dialog has content before it is opened, so that the page is small.
func TestClosedDialogs(t *testing.T) {
	_, drawn := drawPage(t, shared.PageSettings, map[string]any{
		shared.GetSession.Path: shared.Current{User: shared.User{ID: "u", Email: "ada@example.com"}},
	})
	if n := strings.Count(drawn, "<dialog "); n != len(dialogs) || n != strings.Count(drawn, `-text"></dialog>`) {
		t.Errorf("want %d empty dialogs: %s", len(dialogs), drawn)
	}
}

func BenchmarkDraw(b *testing.B) {
	var sessions []shared.Session
	for range 10 {
		sessions = append(sessions, shared.Session{Token: "t", Device: shared.Device{Browser: "Firefox 150", OS: "Linux"}})
	}
	list, _ := json.Marshal(sessions)
	user, _ := json.Marshal(shared.Current{User: shared.User{ID: "u", Email: "ada@example.com", Name: "Ada"}})
	p := Page{
		Address: &url.URL{Path: shared.PageSessions}, Name: "Latchkey", Language: message.English,
		State: shared.PageState{At: shared.Time{Time: time.Now()}, Answers: map[string]json.RawMessage{
			shared.GetSession.Path: user, shared.ListSessions.Path: list,
		}},
	}
	for b.Loop() {
		var w bytes.Buffer
		Draw(&w, p)
	}
}
