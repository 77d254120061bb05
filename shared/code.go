package shared

import (
	"strings"
	"unicode"
)

// SixDigits returns the six-digit code in text, which it reads as [TypedCode] does. ok is
// false if text is not such a code.
func SixDigits(text string) (code string, ok bool) {
	code = TypedCode(text)
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		return "", false
	}
	return code, true
}

// TypedCode normalizes a code that a user typed or pasted. It removes spaces, dashes and
// invisible characters. It converts the decimal digits of all scripts and the full-width
// characters of East Asian keyboards to ASCII. It keeps upper and lower case.
func TypedCode(text string) string {
	return strings.Map(func(r rune) rune {
		if '\uff01' <= r && r <= '\uff5e' { // the full-width forms of ! to ~, in the order of ASCII
			r -= '\uff01' - '!'
		}
		if unicode.IsSpace(r) || isDash(r) || isInvisible(r) {
			return -1
		}
		return asciiDigit(r)
	}, text)
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
