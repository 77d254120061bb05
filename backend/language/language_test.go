package language

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/shared"
	"latchkey/shared/message"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct{ chosen, accepted, want string }{
		{"", "", "en"},
		{"", "de", "de"},
		{"", "de-AT,de;q=0.9,en;q=0.8", "de"},
		{"", "en-GB,en;q=0.9,de;q=0.8", "en"},
		{"", "en;q=0.3, de;q=0.7", "de"},
		{"", "fr;q=0.9, DE;q=0.2", "de"},
		{"", "de;q=0, en", "en"},
		{"", "fr, ja;q=0.5", "en"},
		{"", "*", "en"},
		{"", "de;q=much;;, \x00", "en"},
		{"en", "de", "en"}, // the choice takes precedence
		{"de", "en", "de"},
		{"fr", "de", "de"}, // a cookie of another version
		{"DE", "", "en"},
	} {
		if got := Of(tt.chosen, tt.accepted).Tag; got != tt.want {
			t.Errorf("Of(%q, %q) is %s; want %s", tt.chosen, tt.accepted, got, tt.want)
		}
	}
	for i, tag := range shared.Languages {
		if l := message.Languages[i]; l.Tag != tag || Of(tag, "") != l {
			t.Errorf("for %s Of returns %s", tag, Of(tag, "").Tag)
		}
	}
}

// TestCache tests that the cache returns what match returns, and that no number or length of
// headers makes it grow beyond its limits.
func TestCache(t *testing.T) {
	var c cache
	for n := range 2*maxCached + 1 {
		for _, tag := range shared.Languages {
			accepted := fmt.Sprintf("fr-x-%d, %s", n, tag)
			for range 2 {
				if got, want := c.of(accepted), match(accepted); got != want {
					t.Fatalf("the language of %q is %s; want %s", accepted, got.Tag, want.Tag)
				}
			}
		}
	}
	if len(c.languages) == 0 || len(c.languages) > maxCached {
		t.Errorf("the cache has %d headers; want 1 to %d", len(c.languages), maxCached)
	}
	long := "de" + strings.Repeat(",fr", maxCachedLength)
	if got, want := c.of(long), match(long); got != want || c.languages[long] != nil {
		t.Errorf("a long header is %s, and in the cache: %t; want %s, and not in the cache", got.Tag, c.languages[long] != nil, want.Tag)
	}
}

// TestLocale tests that dates have the form of the browser's first preference in the language of
// the page.
func TestLocale(t *testing.T) {
	for _, tt := range []struct{ language, accepted, want string }{
		{"en", "", "en"},
		{"en", "en-GB,en;q=0.9,de;q=0.8", "en-GB"},
		{"de", "en-GB,en;q=0.9,de;q=0.8", "de"},
		{"de", "de-at, de", "de-AT"},
		{"de", "en;q=0.3, de-CH;q=0.2, de-AT;q=0.4", "de-AT"},
		{"en", "de", "en"},
		{"en", "*", "en"},
		{"en", "en-GB;q=much;;, \x00", "en"},
	} {
		if got := Locale(Of(tt.language, ""), tt.accepted); got != tt.want {
			t.Errorf("the locale of %s for %q is %s; want %s", tt.language, tt.accepted, got, tt.want)
		}
	}
}
