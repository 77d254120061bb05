package ui

import (
	"strings"
	"testing"

	"latchkey/shared/message"
)

func TestStrength(t *testing.T) {
	words := []string{"Ada", "King", "ada.king@example.com", "ada.king", "Latchkey"}
	for password, want := range map[string]strength{
		"":                                strengthNone,
		"1234567":                         strengthShort,
		"äöüäöüä":                         strengthShort,
		"12345678":                        strengthWeak,
		"aaaaaaaaaaaaaaaaaaaaaaaa":        strengthWeak,
		"abcdefghijklmnop":                strengthWeak,
		"password":                        strengthWeak,
		"ada.king@example.com":            strengthPersonal,
		"AdaKing1":                        strengthPersonal,
		"latchkeylatchkey":                strengthPersonal,
		"Tr0ub4dor&3":                     strengthGood,
		"tzw8rkqb":                        strengthWeak,
		"tzw8rkqbhd":                      strengthFair,
		"correct horse battery staple":    strengthStrong,
		"ada likes to count all the cats": strengthStrong,
		"дождь и туман над рекой": strengthStrong,
	} {
		if got := strengthOf(password, words...); got != want {
			t.Errorf("the strength of %q is %d; want %d", password, got, want)
		}
	}
	// A longer password is never weaker.
	last := strengthNone
	for n := range 40 {
		now := strengthOf(strings.Repeat("k8x!Q2", 7)[:n])
		if now < last && now != strengthWeak {
			t.Errorf("%d characters are weaker than %d", n, n-1)
		}
		last = now
	}
	for s, id := range strengthTexts {
		if id == 0 && strength(s) != strengthNone {
			t.Errorf("the strength %d has no text", s)
		}
	}
	if got := en.passwordStrength("My Ada Server", "x@example.com", "Ada"); got == strengthNone || en.T(message.StrengthWeak) == "" {
		t.Errorf("the strength is %d", got)
	}
}
