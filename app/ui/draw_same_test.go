//go:build !js

package ui

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// drawnAt is the time of the pages of [richPage].
var drawnAt = time.Date(2026, time.November, 28, 23, 30, 0, 0, time.UTC)

// richAnswers returns responses with data of all kinds for each page. The user has all permissions.
func richAnswers() map[string]any {
	ago := func(d time.Duration) shared.Time { return shared.Time{Time: drawnAt.Add(-d)} }
	then := func(d time.Duration) *shared.Time { return new(ago(d)) }
	const day = 24 * time.Hour
	user := shared.User{
		ID: "u", Name: `Ada "<b>" Lovelace`, Email: "ada@example.com", EmailVerified: true, CreatedAt: ago(400 * day), TwoFactorEnabled: true,
	}
	phone := shared.Device{Browser: "Safari 18", OS: "iOS", Kind: "mobile"}
	session := shared.Session{
		Token: "s1", Method: "password+totp", IsCurrent: true, CreatedAt: ago(9 * day), LastActiveAt: ago(0), ExpiresAt: ago(-5 * day),
		IPAddress: "192.0.2.1", Device: shared.Device{Browser: "Firefox 153", OS: "Linux", Kind: "desktop"},
	}
	other := shared.Session{
		Token: "s2", Method: "passkey", PasskeyName: new("Phone"), IsNew: true, CreatedAt: ago(20 * time.Minute),
		LastActiveAt: ago(5 * time.Minute), ExpiresAt: ago(-7 * day), IPAddress: "192.0.2.2", Device: phone,
	}
	old := other
	old.Token, old.IsNew, old.CreatedAt, old.LastActiveAt = "s3", false, ago(50*day), ago(3*day)
	sessions := []shared.Session{session, other, old}
	state := shared.TwoFactor{Enabled: true, Since: then(100 * day), BackupCodesLeft: 2}
	var events []shared.Event
	for i, kind := range shared.EventKinds {
		events = append(events, shared.Event{
			ID: fmt.Sprint(i), Kind: kind.Name, Text: kind.Name, At: ago(time.Duration(i) * 7 * time.Hour), Device: phone,
			IPAddress: "192.0.2.3", Detail: "a detail", Account: &shared.Person{ID: "u", Email: user.Email},
		})
	}
	log := shared.EventPage{Events: events, Next: "more"}
	return map[string]any{
		shared.About.Path: shared.AboutServer{Name: "Latchkey", SignUp: true},
		shared.GetSession.Path: shared.Current{
			Session: session, User: user, EnrollmentDeadline: then(-2 * day), Permissions: []string{manageSettings, manageUsers, readEvents},
		},
		shared.GetOverview.Path: shared.Overview{
			User: user, Password: shared.PasswordState{Set: true, ChangedAt: then(40 * day)}, TwoFactor: state, Newest: &events[0],
			Passkeys: shared.PasskeySummary{Count: 2, Synced: 1, LastUsedAt: then(time.Hour), LastUsed: new("Phone")},
			Sessions: shared.SessionSummary{Count: 3, New: 1, Newest: sessions}, Question: &other, Delivers: true, Trusted: 1,
			Email: shared.PendingEmail{Address: "new@example.com", SentTo: "new@example.com", ExpiresAt: then(-time.Hour)},
		},
		shared.ListSessions.Path:    sessions,
		shared.TwoFactorStatus.Path: state,
		shared.ListTrustedDevices.Path: []shared.TrustedDevice{
			{ID: "t", Device: phone, CreatedAt: ago(9 * day), LastUsedAt: ago(day), ExpiresAt: ago(-21 * day)},
		},
		shared.ListPasskeys.Path: []shared.Passkey{
			{ID: "p", Name: new("Phone"), CreatedAt: ago(80 * day), LastUsedAt: then(time.Hour), Synced: true},
			{ID: "q", Name: new("Key"), CreatedAt: ago(90 * day), Transports: "usb"},
		},
		shared.ListEvents.Path: log, shared.ListAllEvents.Path: log,
		shared.ListUsers.Path: shared.UserPage{Users: []shared.ManagedUser{
			{User: user, Sessions: 3, LastActiveAt: then(2 * day)},
			{User: shared.User{ID: "v", Email: "bob@example.com", CreatedAt: ago(day)}, DisabledAt: then(time.Hour)},
		}},
		shared.ListSettings.Path: shared.Settings{Settings: []shared.Setting{
			{Key: "APP_NAME", Title: "Name", Type: "string", Value: new("Latchkey"), UpdatedAt: then(3 * day), UpdatedBy: new("ada@example.com")},
		}},
		shared.ListServerKeys.Path: []shared.ServerKey{
			{ID: "k", Name: "Shop", CreatedAt: ago(9 * day), CreatedBy: new("ada@example.com"), LastUsedAt: then(time.Hour)},
			{ID: "l", Name: "Back office", CreatedAt: ago(day)},
		},
		shared.GetPendingSignIn.Path: shared.PendingSignIn{Email: user.Email, Methods: []string{byApp, byMail, byPasskey}},
	}
}

// richPage returns the page at a path with [richAnswers], for a user who is signed in, or for one who
// is not.
func richPage(t *testing.T, path string, signedIn bool) Page {
	t.Helper()
	address, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	p := Page{
		Address: address, Name: "Latchkey", Language: message.English, Locale: "en-US", Zone: time.UTC,
		State: shared.PageState{At: shared.Time{Time: drawnAt}},
	}
	rich, shown := richAnswers(), map[string]any{}
	if !signedIn {
		rich[shared.GetSession.Path] = nil
	}
	for _, request := range Requests(address, p.Zone, signedIn) {
		path, _, _ := strings.Cut(request, "?")
		shown[request] = rich[path]
	}
	p.State.Answers = answers(t, shown)
	return p
}

func drawnPage(p Page) string {
	var b bytes.Buffer
	title := Draw(&b, p)
	return title + b.String()
}

// eachRichPage calls f with each page, for a user who is signed in and for one who is not.
func eachRichPage(t *testing.T, f func(name string, p Page)) {
	t.Helper()
	for _, path := range slices.Concat(shared.Pages, []string{shared.PageSystem + "?user=u", shared.PageSettings + "?" + allChecks}) {
		for _, signedIn := range []bool{true, false} {
			f(fmt.Sprint(path, " ", signedIn), richPage(t, path, signedIn))
		}
	}
}

// TestDrawSame tests that what is drawn depends on the page alone, and not on the clock or the
// time zone of the machine: the app draws the same as the server did on another one.
func TestDrawSame(t *testing.T) {
	local := time.Local
	defer func() { time.Local = local }()
	eachRichPage(t, func(name string, p Page) {
		time.Local = time.UTC
		want := drawnPage(p)
		if got := drawnPage(p); got != want {
			t.Errorf("%s is drawn in two ways: %s", name, firstDifference(got, want))
		}
		time.Local = time.FixedZone("far", 14*60*60)
		if got := drawnPage(p); got != want {
			t.Errorf("%s depends on the machine's time zone: %s", name, firstDifference(got, want))
		}
		synctest.Test(t, func(t *testing.T) { // in the year 2000
			if got := drawnPage(p); got != want {
				t.Errorf("%s depends on the machine's clock: %s", name, firstDifference(got, want))
			}
		})
	})
}

// TestDrawAtOnce tests that pages which are drawn at the same time share nothing that one of them
// changes, which the race detector finds.
func TestDrawAtOnce(t *testing.T) {
	var drawing sync.WaitGroup
	eachRichPage(t, func(name string, p Page) {
		for _, l := range message.Languages {
			one := p
			one.Language = l
			want := drawnPage(one)
			for range 4 {
				drawing.Go(func() {
					if got := drawnPage(one); got != want {
						t.Errorf("%s is drawn in another way beside others: %s", name, firstDifference(got, want))
					}
				})
			}
		}
	})
	drawing.Wait()
}

func firstDifference(got, want string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%q; want %q", got[i:min(i+80, len(got))], want[i:min(i+80, len(want))])
		}
	}
	return fmt.Sprintf("%d bytes; want %d", len(got), len(want))
}

// TestDrawDates tests that the dates of each page with data follow its zone, locale and language,
// and that times are in UTC and say so if the zone is unknown.
func TestDrawDates(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path                            string
		american, british, german, none string
	}{
		{shared.PageSettings, "Nov 30, 2026, 11:30 PM", "1 Dec 2026, 00:30", "01.12.2026, 00:30", "Nov 30, 2026, 11:30 PM UTC"},
		{shared.PageSettings, "Aug 20, 2026<", "21 Aug 2026<", "21.08.2026<", "Aug 20, 2026<"},
		{shared.PageSessions, "November 28, 2026 at 11:30:00 PM", "29 November 2026 at 00:30:00", "29. November 2026 um 00:30:00",
			"11:30:00 PM UTC"},
		{shared.PageActivity, ">11:30 PM<", ">00:30<", ">00:30<", ">11:30 PM UTC<"},
		{shared.PageActivity, ">Thursday, November 26, 2026<", ">Thursday, 26 November 2026<", ">Donnerstag, 26. November 2026<", " 2026<"},
		{shared.PagePasskeys, "Sep 9, 2026<", "10 Sept 2026<", "10.09.2026<", "Sep 9, 2026<"},
		{shared.PageTwoFactorSettings, "Nov 27, 2026, 11:30 PM", "28 Nov 2026, 00:30", "28.11.2026, 00:30", "11:30 PM UTC"},
		{shared.PagePassword, "October 19, 2026 at", "20 October 2026 at", "20. Oktober 2026 um", "11:30:00 PM UTC"},
		{shared.PageSystem, ">11:30 PM<", ">00:30<", ">00:30<", ">11:30 PM UTC<"},
	} {
		for _, version := range []struct {
			language *message.Language
			locale   string
			zone     *time.Location
			want     string
		}{
			{message.English, "en-US", time.UTC, tt.american}, {message.English, "en-GB", berlin, tt.british},
			{message.German, "de-DE", berlin, tt.german}, {message.English, "en", nil, tt.none},
		} {
			p := richPage(t, tt.path, true)
			p.Language, p.Locale, p.Zone = version.language, version.locale, version.zone
			drawn := drawnPage(p)
			if !strings.Contains(drawn, version.want) {
				t.Errorf("%s, %s: it lacks %q: %s", tt.path, version.locale, version.want, drawn)
			}
			if says := strings.Contains(drawn, " UTC"); says != (version.zone == nil) {
				t.Errorf("%s, %s: it says UTC: %t", tt.path, version.locale, says)
			}
		}
	}
}

// TestDrawClosed tests that the rows of the sessions are drawn closed, as the app draws them, and
// that the page is one for a browser that supports passkeys and has stored nothing.
func TestDrawClosed(t *testing.T) {
	sessions := drawnPage(richPage(t, shared.PageSessions, true))
	if !strings.Contains(sessions, en.T(message.ActiveAgo, en.T(message.MinutesAgoMany, 5))) || strings.Contains(sessions, "<details open") {
		t.Errorf("the sessions are drawn with their details: %s", sessions)
	}
	passkeys := drawnPage(richPage(t, shared.PagePasskeys, true))
	if !strings.Contains(passkeys, `id="add-passkey-open"`) || strings.Contains(passkeys, en.T(message.UsedOnThisDevice)) {
		t.Errorf("the passkeys are %s", passkeys)
	}
}

// TestFirstDrawing tests that the first drawing in the app ignores what the browser has stored, as the
// server does, and that later ones use it.
func TestFirstDrawing(t *testing.T) {
	snapshots, _, session := newSnapshots()
	snapshots.saveUser(ada, time.Now(), true)
	snapshots.savePasskeyUsed(ada.ID, []byte(`{"id":"c","authenticatorAttachment":"platform"}`))
	saveMethods(session, []string{byPasskey})
	for _, first := range []bool{true, false} {
		e := newEnv()
		e.snapshots, e.sessionStorage = *snapshots, session
		e.identity.setUser(ada, time.Now())
		if first {
			e.drawnAt = drawnAt
		}
		list := &passkeys{Env: e, User: ada}
		list.OnInit()
		list.list.known, list.list.value = true, []shared.Passkey{{ID: "p", CredentialID: "c"}}
		if marks := strings.Contains(html.String(list), en.T(message.CreatedOnThisDevice)); marks == first {
			t.Errorf("first %t: the list marks the passkeys of this device: %t", first, marks)
		}
		page := &secondFactor{Env: e}
		page.OnInit()
		if knows := page.methods != nil; knows == first {
			t.Errorf("first %t: the page knows the methods of the sign-in: %t", first, knows)
		}
	}
}
