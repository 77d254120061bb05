package language

import (
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
