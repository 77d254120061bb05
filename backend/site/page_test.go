package site

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// everyPage returns all pages in a language, with and without a refused form.
func everyPage(l *message.Language) (all []string) {
	documents := web.NewPages(l, Address)
	for _, path := range append([]string{notFoundPath}, shared.Pages...) {
		p := publicPage{l, path}.page("1")
		all = append(all, string(draw(documents, p, path != notFoundPath, false)))
		for _, e := range []*shared.Error{shared.ErrCredentials, shared.ErrNewPasswordDue, shared.ErrNoPendingSignIn} {
			p.State = shared.PageState{At: shared.Time{Time: time.Now()}, Form: &shared.FormState{Error: e, BackupCode: true}}
			all = append(all, string(draw(documents, p, path != notFoundPath, false)))
		}
	}
	return all
}

// TestPageTextIsInCatalog tests that all text on the pages comes from the catalog: without it,
// the pages have no text.
func TestPageTextIsInCatalog(t *testing.T) {
	seen := 0
	look := func(text string) {
		seen++
		if strings.ContainsFunc(text, unicode.IsLetter) {
			t.Errorf("the pages say %q in every language", text)
		}
	}
	for _, page := range everyPage(new(message.Language)) {
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type == html.TextNode && n.Parent.Data != "script" {
				look(n.Data)
			}
			for _, a := range n.Attr {
				switch a.Key {
				case "aria-label", "alt", "title", "placeholder":
					look(a.Val)
				}
			}
		}
	}
	if seen < 500 {
		t.Errorf("only %d texts were found: this test looks for the wrong thing", seen)
	}
}
