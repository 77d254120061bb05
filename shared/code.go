package shared

import (
	"strings"
	"unicode"
)

// SixDigits returns the six-digit code that text spells, however it was typed:
// see [TypedCode]. ok is false if text spells none.
func SixDigits(text string) (code string, ok bool) {
	code = TypedCode(text)
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		return "", false
	}
	return code, true
}

// TypedCode returns the characters of a code that was typed or pasted. It leaves
// out spaces, dashes and marks that nobody sees, turns the decimal digits of all
// scripts into those of ASCII, and the wide letters of East Asian keyboards too.
// It keeps upper and lower case.
func TypedCode(text string) string {
	return strings.Map(func(r rune) rune {
		if '\uff01' <= r && r <= '\uff5e' { // the wide forms of ! to ~, in the order of ASCII
			r -= '\uff01' - '!'
		}
		if unicode.IsSpace(r) || isDash(r) || isInvisible(r) {
			return -1
		}
		return asciiDigit(r)
	}, text)
}

// isDash reports whether r is a dash, or what a keyboard has in the place of one:
// the long vowel mark of Japanese keyboards, and a bullet and a modifier letter
// that look like a hyphen.
func isDash(r rune) bool {
	return unicode.Is(unicode.Dash, r) || strings.ContainsRune("\u30fc\uff70\u2043\u02d7", r)
}

// isInvisible reports whether r is shown as nothing: marks of the direction of a
// text, of where a line may break and of how the character before is drawn, and
// fillers. They come along when a code is copied from a message. These three
// make up Unicode's Default_Ignorable_Code_Point, but for characters that are no
// part of a code either.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// asciiDigit returns the ASCII digit of a decimal digit, and any other r as it is.
// The ten digits of a script follow each other (The Unicode Standard, section
// 4.6), so that those of a range are one or several times zero to nine.
func asciiDigit(r rune) rune {
	for _, digits := range unicode.Nd.R16 {
		if rune(digits.Lo) <= r && r <= rune(digits.Hi) {
			return '0' + (r-rune(digits.Lo))%10
		}
	}
	for _, digits := range unicode.Nd.R32 {
		if rune(digits.Lo) <= r && r <= rune(digits.Hi) {
			return '0' + (r-rune(digits.Lo))%10
		}
	}
	return r
}
