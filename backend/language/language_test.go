package language

import (
	"regexp"
	"slices"
	"testing"

	"latchkey/shared"
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
		{"en", "de", "en"}, // what was chosen counts for more
		{"de", "en", "de"},
		{"fr", "de", "de"}, // a cookie of another version
		{"DE", "", "en"},
	} {
		if got := Of(tt.chosen, tt.accepted).Tag; got != tt.want {
			t.Errorf("Of(%q, %q) is %s; want %s", tt.chosen, tt.accepted, got, tt.want)
		}
	}
	for i, tag := range shared.Languages {
		if All[i].Tag != tag || Of(tag, "") != All[i] {
			t.Errorf("who chooses %s reads %s", tag, Of(tag, "").Tag)
		}
	}
}

func TestSay(t *testing.T) {
	english, german := Of("en", ""), Of("de", "")
	for _, tt := range []struct {
		sentence string
		values   []any
		en, de   string
	}{
		{"Sign in", nil, "Sign in", "Anmelden"},
		{"Try again in %d seconds.", []any{5}, "Try again in 5 seconds.", "Versuchen Sie es in 5 Sekunden noch einmal."},
		{"What nobody has put into German.", nil, "What nobody has put into German.", "What nobody has put into German."},
		{"It is at 100%.", nil, "It is at 100%.", "It is at 100%."},
	} {
		if got := english.Say(tt.sentence, tt.values...); got != tt.en {
			t.Errorf("in English %q is %q", tt.sentence, got)
		}
		if got := german.Say(tt.sentence, tt.values...); got != tt.de {
			t.Errorf("in German %q is %q", tt.sentence, got)
		}
	}
}

var verbs = regexp.MustCompile(`%[^a-z%]*[a-z]`)

// What the app says, too, is not put into German twice. That nothing lacks German
// and that all of it is said is for those who say it to test.
func TestGerman(t *testing.T) {
	app, own := shared.Catalogue(shared.German), shared.Catalogue(german)
	for sentence, word := range own {
		if _, twice := app[sentence]; twice {
			t.Errorf("the app has the German for %q, too", sentence)
		}
		if want, got := verbs.FindAllString(sentence, -1), verbs.FindAllString(word, -1); !slices.Equal(got, want) {
			t.Errorf("the German for %q has the verbs %q", sentence, got)
		}
		if word == "" {
			t.Errorf("there is no German for %q", sentence)
		}
	}
	if len(shared.Catalogue(German)) != len(app)+len(own) {
		t.Error("the two run into each other: does the first end with a line's end?")
	}
}
