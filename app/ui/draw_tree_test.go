package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	parser "golang.org/x/net/html"

	"latchkey/app/client"
	"latchkey/shared"
	"latchkey/shared/message"
)

// answers returns responses of the API as they come with a page.
func answers(t *testing.T, values map[string]any) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for path, value := range values {
		body, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = body
	}
	return all
}

// richAnswers returns responses with something of everything that the pages show.
func richAnswers() map[string]any {
	at := shared.Time{Time: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	soon := shared.Time{Time: at.Add(48 * time.Hour)}
	name, by, value := `<b>"Yubi"`, "totp", "12"
	user := shared.User{ID: "u", Email: `ada"<b>@example.com`, Name: "Ada <i>", CreatedAt: at, TwoFactorEnabled: true}
	device := shared.Device{Browser: "Firefox 150", OS: "Linux", Kind: "desktop"}
	session := shared.Session{
		ID: "s", Token: "s", CreatedAt: at, UpdatedAt: at, ExpiresAt: soon, LastActiveAt: at, ConfirmedAt: at, SecondFactorAt: &at,
		SecondFactorBy: &by, IPAddress: "192.0.2.1", UserAgent: "<x>", Device: device, Method: "password+totp", IsCurrent: true,
	}
	other := session
	other.Token, other.IsCurrent, other.IsNew, other.Method, other.PasskeyName = "o", false, true, "passkey", &name
	passkeys := []shared.Passkey{
		{
			ID: "p", Name: &name, CreatedAt: at, LastUsedAt: &at, UserVerified: true, Synced: true, BackedUp: true,
			Provider: &shared.Provider{Name: "iCloud <Keychain>", IconLight: "/a.svg", IconDark: "/b.svg"},
		},
		{ID: "q", CreatedAt: at, LastCredential: true},
	}
	var events []shared.Event
	for i, kind := range shared.EventKinds {
		events = append(events, shared.Event{ID: strconv.Itoa(i), Kind: kind.Name, At: at, IPAddress: "192.0.2.1", Device: device})
	}
	page := shared.EventPage{Events: events, Next: "1"}
	own, all := &url.URL{Path: shared.PageActivity}, &url.URL{Path: shared.PageSystem}
	return map[string]any{
		shared.About.Path: shared.AboutServer{Name: "Latch & key", SignUp: true},
		shared.GetSession.Path: shared.Current{
			Session: session, User: user, EnrollmentDeadline: &soon, Permissions: []string{manageSettings, manageUsers, readEvents},
		},
		shared.GetPendingSignIn.Path: shared.PendingSignIn{Email: user.Email, Methods: []string{byApp, byMail, byPasskey}},
		shared.GetOverview.Path: shared.Overview{
			User: user, Password: shared.PasswordState{Set: true, ChangedAt: &at},
			TwoFactor: shared.TwoFactor{Enabled: true, Since: &at, BackupCodesLeft: 1, Pending: true},
			Passkeys:  shared.PasskeySummary{Count: 2, Synced: 1, LastUsedAt: &at, LastUsed: &name},
			Sessions:  shared.SessionSummary{Count: 2, New: 1, Newest: []shared.Session{session, other}},
			Email:     shared.PendingEmail{Address: "new@example.com", SentTo: user.Email, ExpiresAt: &soon},
			Newest:    &events[0], Question: &other, Delivers: true, Trusted: 1, Admin: true,
		},
		shared.TwoFactorStatus.Path: shared.TwoFactor{Enabled: true, Since: &at, BackupCodesLeft: 1, Pending: true},
		shared.ListTrustedDevices.Path: []shared.TrustedDevice{
			{ID: "1", Device: device, CreatedAt: at, LastUsedAt: at, ExpiresAt: soon, IsCurrent: true}, {ID: "2", CreatedAt: at, ExpiresAt: soon},
		},
		shared.ListPasskeys.Path: passkeys,
		shared.ListSessions.Path: []shared.Session{session, other},
		shared.ListEvents.Path + client.Query(eventQuery(own, false)):   page,
		shared.ListAllEvents.Path + client.Query(eventQuery(all, true)): page,
		shared.ListUsers.Path + client.Query(shared.UserQuery{}): shared.UserPage{Next: "n", Users: []shared.ManagedUser{
			{User: user, Passkeys: 1, Sessions: 2, LastActiveAt: &at, Permissions: []string{"users"}},
			{User: shared.User{ID: "v", Email: "bob@example.com"}, DisabledAt: &at},
		}},
		shared.ListSettings.Path: shared.Settings{Settings: []shared.Setting{
			{Key: "A", Type: "string", Title: "A", Description: "<a>", Value: &name, Group: "One", UpdatedAt: &at, UpdatedBy: &user.Email},
			{Key: "B", Type: "bool", Title: "B", Value: &value, Group: "One", ReadOnly: true, IsSet: true, Source: "env"},
			{Key: "C", Type: "enum", Title: "C", Value: &value, Options: []string{"12", "13"}, Group: "Two"},
			{Key: "D", Type: "secret", Title: "D", Secret: true, IsSet: true, Group: "Two"},
			{Key: "E", Type: "int", Title: "E", Value: &value, Min: "1", Max: "20", Group: "Two", Consequence: "Much."},
			{Key: "F", Type: "duration", Title: "F", Value: &value, Group: "Two"},
		}},
	}
}

// TestDrawnAsParsed tests that browsers parse each page as it was drawn. They would move, for
// example, a paragraph out of a paragraph, and the app would then draw another document than the
// server.
func TestDrawnAsParsed(t *testing.T) {
	rich := richAnswers()
	out := map[string]any{shared.About.Path: rich[shared.About.Path], shared.GetPendingSignIn.Path: rich[shared.GetPendingSignIn.Path]}
	states := map[string]shared.PageState{
		"without data":    {},
		"signed out":      {Answers: answers(t, out)},
		"signed in":       {Answers: answers(t, rich)},
		"refused":         refused(shared.ErrInternal, shared.FormState{Email: "<a>"}),
		"wrong":           refused(shared.ErrCredentials, shared.FormState{Email: "<a>"}),
		"a backup code":   refused(shared.ErrInvalidBackupCode, shared.FormState{BackupCode: true}),
		"a new password":  refused(shared.ErrNewPasswordDue, shared.FormState{}),
		"not verified":    refused(shared.ErrNotVerified, shared.FormState{Email: "<a>"}),
		"a final refusal": refused(shared.ErrNoPendingSignIn, shared.FormState{}),
	}
	shows := map[string]string{
		shared.PageSystem: "bob@example.com", shared.PageSettings: "Firefox", shared.PageTwoFactorSettings: "Firefox",
		shared.PagePasskeys: "iCloud &lt;Keychain&gt;", shared.PageSessions: "Firefox", shared.PageActivity: "192.0.2.1",
		shared.PageProfile: "new@example.com",
	}
	for what, state := range states {
		state.At = shared.Time{Time: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
		for _, path := range append([]string{"/nowhere"}, shared.Pages...) {
			p := Page{
				Address: &url.URL{Path: path}, Name: "Latch & key", Language: message.English, Locale: "en", Zone: time.UTC, State: state,
			}
			if state.Form != nil { // Draw takes it
				form := *state.Form
				p.State.Form = &form
			}
			var b bytes.Buffer
			Draw(&b, p)
			if text := shows[path]; what == "signed in" && !strings.Contains(b.String(), text) {
				t.Errorf("%s does not show %s", path, text)
			}
			for _, scripting := range []bool{false, true} {
				drawn := b.String()
				if scripting {
					drawn = noscript.ReplaceAllString(drawn, "")
				}
				want := drawnTags(drawn)
				var got []string
				for n := range parse(t, drawn, scripting).FirstChild.NextSibling.LastChild.ChildNodes() {
					got = append(got, parsedTags(n)...)
				}
				if i := difference(got, want); i >= 0 {
					t.Errorf("%s, %s, scripting %t: a browser parses\n%s\nas\n%s", path, what, scripting, around(want, i), around(got, i))
				}
			}
		}
	}
}

// noscript matches what a browser with JavaScript does not parse.
var noscript = regexp.MustCompile(`<noscript>.*?</noscript>`)

// difference returns the first index at which two lists differ, or -1.
func difference(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}

// around returns the elements of a list near an index.
func around(list []string, i int) string {
	return strings.Join(list[max(0, i-8):min(i+4, len(list))], " ")
}

// drawnTags returns the tags and texts of HTML in order. Each element has an end tag or no
// content, so they tell one tree from another.
func drawnTags(drawn string) (all []string) {
	for z := parser.NewTokenizer(strings.NewReader(drawn)); z.Next() != parser.ErrorToken; {
		switch token := z.Token(); token.Type {
		case parser.StartTagToken:
			z.NextIsNotRawText() // the content of noscript is markup
			all = append(all, startTag(token.Data, token.Attr))
		case parser.EndTagToken:
			all = append(all, "</"+token.Data+">")
		default:
			all = append(all, token.Data)
		}
	}
	return all
}

// parsedTags is [drawnTags] for a parsed node.
func parsedTags(n *parser.Node) []string {
	if n.Type == parser.TextNode {
		return []string{n.Data}
	}
	all := []string{startTag(n.Data, n.Attr)}
	switch n.Data {
	case "br", "hr", "img", "input", "source":
		return all
	}
	for child := range n.ChildNodes() {
		all = append(all, parsedTags(child)...)
	}
	return append(all, "</"+n.Data+">")
}

// startTag returns a start tag, with its attributes sorted: the parser sorts those of some
// elements.
func startTag(name string, attributes []parser.Attribute) string {
	var all []string
	for _, a := range attributes {
		all = append(all, fmt.Sprintf(" %s=%q", strings.ToLower(a.Key), a.Val))
	}
	slices.Sort(all)
	return "<" + name + strings.Join(all, "") + ">"
}
