package server

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"latchkey/backend/site"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// everyPage returns all pages in a language, in each of their forms.
func everyPage(l *message.Language) []string {
	pages := web.NewPages(l, site.Address)
	all := []string{string(pages.NotFound("").Form(""))}
	for _, path := range shared.Pages {
		all = append(all, string(pages.Shell(path, "").Form("")))
	}
	for path, names := range formFields {
		for _, field := range append([]string{""}, names...) {
			for _, t := range []web.FormState{{}, {BackupCode: true, NewPassword: true}, {Final: true}} {
				t.Error, t.Field = "{}", field
				all = append(all, string(pages.Redisplay(path, "", t)))
			}
		}
	}
	return all
}

// TestPageTextIsInCatalog tests that all text on the pages comes
// from the catalog: without it, the pages have no text.
func TestPageTextIsInCatalog(t *testing.T) {
	seen := 0
	look := func(text string) {
		seen++
		if strings.ContainsFunc(text, unicode.IsLetter) {
			t.Errorf("the pages say %q in every language", text)
		}
	}
	for _, page := range everyPage(new(message.Language)) {
		page = strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(page) // otherwise its content is one text
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type == html.TextNode {
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

// TestErrorsInGerman tests the messages of refused forms in German.
func TestErrorsInGerman(t *testing.T) {
	de := message.German
	for _, tt := range []struct {
		err  *shared.Error
		want string
	}{
		{shared.ErrCredentials, de.T(message.ErrInvalidCredentials)},
		{shared.ErrDisabled, de.T(message.ErrAccountDisabled)},
		{shared.ErrValidation.WithMessage("[body.email] Invalid input"), de.T(message.ErrInvalidInput)},
		{shared.ErrTooManyRequests.After(9e9), de.T(message.ErrTooManyTries) + " " + de.T(message.TryAgainSecondsMany, 9)},
		{shared.ErrTooManyPasswords.After(15 * 60e9), de.T(message.ErrTooManyTries) + " " + de.T(message.TryAgainAboutMinutes, 15)},
		{shared.ErrLockedOut.After(7 * 3600e9), de.T(message.ErrLockoutCodes) + " " + de.T(message.TryAgainAboutHours, 7)},
		{shared.ErrBackupCodeUsed, de.T(message.ErrBackupCodeUsed)},
	} {
		if got := tt.err.Text(de); got != tt.want {
			t.Errorf("%v is %q; want %q", tt.err, got, tt.want)
		}
	}
}
