package ui

import (
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared/message"
)

// strength is an estimate of how hard a password is to guess. The server also has a list of
// common passwords, which would be too large for the app.
type strength int

const (
	strengthNone     strength = iota // nothing has been typed
	strengthShort                    // the server refuses it
	strengthPersonal                 // it is little more than the user's own names
	strengthWeak
	strengthFair
	strengthGood
	strengthStrong
)

// minPassword is the minimum length of a password, in characters. The server checks it.
const minPassword = 8

// strengthOf estimates the strength of a password by its length and variety. A part of it that
// is one of words, such as the user's name, counts as one character.
func strengthOf(password string, words ...string) strength {
	switch n := len([]rune(password)); {
	case n == 0:
		return strengthNone
	case n < minPassword:
		return strengthShort
	}
	rest, personal := strings.ToLower(password), false
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) }) // an address before its parts
	for _, word := range words {
		if word = strings.ToLower(strings.TrimSpace(word)); len([]rune(word)) > 2 && strings.Contains(rest, word) {
			rest, personal = strings.ReplaceAll(rest, word, "*"), true
		}
	}
	bits := variety(password) * varied(rest)
	switch {
	case personal && bits < 45:
		return strengthPersonal
	case bits < 45:
		return strengthWeak
	case bits < 60:
		return strengthFair
	case bits < 80:
		return strengthGood
	}
	return strengthStrong
}

// variety returns the bits of a random character of the kinds that a password has.
func variety(password string) float64 {
	has := [4]bool{}
	for _, r := range password {
		switch {
		case '0' <= r && r <= '9':
			has[0] = true
		case 'A' <= r && r <= 'Z':
			has[1] = true
		case 'a' <= r && r <= 'z':
			has[2] = true
		default: // tables of other letters and digits would add to the download
			has[3] = true
		}
	}
	kinds := 0
	for _, present := range has {
		if present {
			kinds++
		}
	}
	if kinds == 1 && has[0] {
		return 3.3 // ten digits
	}
	return [...]float64{0, 4.7, 5.2, 5.9, 6.5}[kinds]
}

// varied returns the number of characters of a text, where one that repeats or continues the
// one before ("aa", "ab", "21") counts for a quarter.
func varied(text string) float64 {
	n, last := 0.0, rune(-9)
	for _, r := range text {
		if d := r - last; -1 <= d && d <= 1 {
			n += 0.25
		} else {
			n++
		}
		last = r
	}
	return n
}

// strengthTexts has a sentence for each strength.
var strengthTexts = [...]message.ID{
	strengthShort: message.StrengthShort, strengthPersonal: message.StrengthPersonal, strengthWeak: message.StrengthWeak,
	strengthFair: message.StrengthFair, strengthGood: message.StrengthGood, strengthStrong: message.StrengthStrong,
}

// drawStrength draws a meter, with the strength in words. Screen readers announce the words when
// they change. It draws none beside an error of the password, which could contradict it.
func (t *env) drawStrength(s strength, wrong string) app.UI {
	text, filled, class := "", 0, "bad"
	if wrong != "" {
		s = strengthNone
	}
	if s != strengthNone {
		text = t.T(strengthTexts[s])
	}
	switch s {
	case strengthShort, strengthPersonal, strengthWeak:
		filled = 1
	case strengthFair:
		filled, class = 2, "fair"
	case strengthGood:
		filled, class = 3, "good"
	case strengthStrong:
		filled, class = 4, "good"
	}
	return html.Div().Class("strength", class).Body(
		html.Div().Class("meter").Aria("hidden", "true").Body(
			app.If(s != strengthNone, func() app.UI {
				parts := make([]app.UI, 4)
				for i := range parts {
					on := ""
					if i < filled {
						on = "on"
					}
					parts[i] = html.Div().Class("part", on)
				}
				return html.Div().Class("meter-parts").Body(parts...)
			}),
		),
		hint(text).Role("status"),
	)
}
