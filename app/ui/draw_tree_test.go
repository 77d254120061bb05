//go:build !js

package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	parser "golang.org/x/net/html"

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
		shared.PageSystem: "bob@example.com", shared.PageSettings: "Firefox", shared.PageTwoFactorSettings: en.T(message.TrustedDevices),
		shared.PagePasskeys: "Phone", shared.PageSessions: "Firefox", shared.PageActivity: "192.0.2.3",
		shared.PageProfile: "new@example.com",
	}
	for what, state := range states {
		state.At = noon
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
			drawn := b.String()
			want := drawnTags(drawn)
			var got []string
			for n := range parse(t, drawn).FirstChild.NextSibling.LastChild.ChildNodes() {
				got = append(got, parsedTags(n)...)
			}
			if i := difference(got, want); i >= 0 {
				t.Errorf("%s, %s: a browser parses\n%s\nas\n%s", path, what, around(want, i), around(got, i))
			}
		}
	}
}

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
