package shared

import (
	"strings"
	"unicode"
)

// SixDigits is the code that somebody meant who typed text, if it is one: they
// may have copied it as it is shown, "123 456".
func SixDigits(text string) (code string, ok bool) {
	code = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, text)
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		return "", false
	}
	return code, true
}

// WrittenBackupCode writes a backup code as it was given out, xxxxx-xxxxx, from how
// it was typed off paper. Upper and lower case are different letters in it.
func WrittenBackupCode(text string) string {
	code := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) {
			return -1
		}
		return r
	}, text)
	if len(code) == 10 {
		return code[:5] + "-" + code[5:]
	}
	return code
}
