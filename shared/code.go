package shared

import (
	"strings"
	"unicode"
)

// SixDigits returns the six-digit code in text, which it reads as [TypedCode] does. If text has
// more than the code, such as "Code: 123 456", it must be short, and the code must be the only
// group of six digits in it. ok is false if there is no such code.
func SixDigits(text string) (code string, ok bool) {
	code = TypedCode(text)
	if len(code) == 6 && strings.Trim(code, "0123456789") == "" {
		return code, true
	}
	return onlySixDigits(text)
}

// shortText is the length in bytes of the longest text in which [SixDigits] looks for a code.
// The sentence that comes with a code is shorter.
const shortText = 150

// onlySixDigits returns the group of six digits in text, if there is exactly one. A group can
// contain spaces and dashes. No letter or sign touches it, as it would in a backup code or a
// phone number.
func onlySixDigits(text string) (code string, ok bool) {
	if len(text) > shortText {
		return "", false
	}
	group := ""
	opened := true // what precedes the group does not touch it
	spaced := true // the last character was a space
	for _, r := range text + "." {
		switch r = asciiDigit(halfWidth(r)); {
		case '0' <= r && r <= '9':
			group += string(r)
			spaced = false
		case unicode.IsSpace(r):
			opened = opened || group == ""
			spaced = true
		case isDash(r) || isInvisible(r):
			spaced = false
		default:
			if len(group) == 6 && opened && (spaced || isBoundary(r)) {
				if ok {
					return "", false
				}
				code, ok = group, true
			}
			group, opened, spaced = "", isBoundary(r), false
		}
	}
	return code, ok
}

// isBoundary reports whether r can touch a code that is part of a text: punctuation, and
// characters of scripts that do not separate words by spaces.
func isBoundary(r rune) bool {
	return strings.ContainsRune(`:.,;!?()[]"'`, r) || r > unicode.MaxASCII && r != unicode.ReplacementChar
}

// TypedCode normalizes a code that a user typed or pasted. It removes spaces, dashes and
// invisible characters. It converts the decimal digits of all scripts and the full-width
// characters of East Asian keyboards to ASCII. It keeps upper and lower case.
func TypedCode(text string) string {
	return strings.Map(func(r rune) rune {
		r = halfWidth(r)
		if unicode.IsSpace(r) || isDash(r) || isInvisible(r) {
			return -1
		}
		return asciiDigit(r)
	}, text)
}

// halfWidth returns the ASCII form of a full-width character of East Asian keyboards, and any
// other r unchanged.
func halfWidth(r rune) rune {
	if '\uff01' <= r && r <= '\uff5e' { // the full-width forms of ! to ~, in the order of ASCII
		r -= '\uff01' - '!'
	}
	return r
}

// isDash reports whether r is a dash or is typed in place of one: the long vowel mark of
// Japanese keyboards, and a bullet and a modifier letter that look like a hyphen.
func isDash(r rune) bool {
	return unicode.Is(unicode.Dash, r) || strings.ContainsRune("\u30fc\uff70\u2043\u02d7", r)
}

// isInvisible reports whether r has no visible form: marks for text direction and line
// breaks, variation selectors and fillers. They come along when a user copies a code from a
// message. The three tables cover Unicode's Default_Ignorable_Code_Point. The other
// characters in them are not part of a code, either.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// asciiDigit returns the ASCII form of a decimal digit, and any other r unchanged. The ten
// digits of a script are contiguous (The Unicode Standard, section 4.6), so a range holds
// zero to nine once or several times.
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
