package shared

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestSixDigits(t *testing.T) {
	tests := []struct {
		text, want string
	}{
		{"123456", "123456"},
		{"123 456", "123456"},
		{" 123\u00a0456\n", "123456"}, // as some apps copy it to the clipboard
		{"123\u202f456", "123456"},
		{"123-456", "123456"},
		{"123–456", "123456"},
		{"012345", "012345"},
		{"１２３４５６", "123456"},
		{"１２３　４５６", "123456"},
		{"１２３\u30fc４５６", "123456"},
		{"\u0661\u0662\u0663\u0664\u0665\u0666", "123456"}, // Arabic-Indic
		{"\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6", "123456"}, // Persian
		{"\u0967\u0968\u0969456", "123456"},                // Devanagari
		{"\u200f\u0661\u0662\u0663\u200f \u0664\u0665\u0666\u061c", "123456"},
		{"𝟏𝟐𝟑𝟺𝟻𝟼", "123456"}, // from two of the five runs of one range
		{"\ufeff123456", "123456"},
		{"123\u200b456", "123456"},
		{"\u200e1\u200e2\u200e3\u200e4\u200e5\u200e6\u200e", "123456"},
		{"\u2068123456\u2069", "123456"},
		{"123\u00ad456", "123456"},
		{"123\u2060456", "123456"},
		{"1\ufe0e23456", "123456"},
		{"123\u034f456", "123456"},
		{"123\U000e0100456", "123456"},
		{"", ""},
		{"12345", ""},
		{"1234567", ""},
		{"12345a", ""},
		{"+12345", ""},
		{"+123456", ""},
		{"123.456", ""},
		{"12345\u00b2", ""},        // a superscript is not a decimal digit
		{"\u0661\u0662\u0663", ""}, // six bytes
		{"123456\x00", ""},
		{"\xff123456", ""},

		{"Code: 756 356", "756356"},
		{"Your code is 123456. It works once, within 10 minutes.", "123456"},
		{"123456 is your code", "123456"},
		{"(123-456)", "123456"},
		{"验证码123456，10分钟内有效", "123456"},
		{"Code：１２３４５６", "123456"},
		{"Code:\u200e\u0661\u0662\u0663 \u0664\u0665\u0666", "123456"},
		{"2026-11-28, code 123456", "123456"},
		{"123456 or 654321", ""},
		{"123456, 123456", ""},
		{"12 123456", ""}, // eight digits
		{"Code: 12345", ""},
		{"Code: 1234567", ""},
		{"ab12-3456-wxyz", ""}, // a backup code
		{"abcd-1234-56ef", ""},
		{"1234-56ab-cdef", ""},
		{"ab12 3456 wxyz", ""},
		{"G-123456", ""},
		{"call +123456", ""},
		{"123456%", ""},
		{"code 123456" + strings.Repeat(" and more", 16), ""}, // too long
	}
	for _, tt := range tests {
		if got, ok := SixDigits(tt.text); got != tt.want || ok != (tt.want != "") {
			t.Errorf("SixDigits(%q) = %q, %v; want %q", tt.text, got, ok, tt.want)
		}
	}
}

// TestDigitsOfAllScripts tests asciiDigit on every character: the digits of each script are
// contiguous, from zero to nine.
func TestDigitsOfAllScripts(t *testing.T) {
	next := '0'
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) {
			if next != '0' {
				t.Fatalf("the digits before %U end before nine", r)
			}
			if got := asciiDigit(r); got != r {
				t.Fatalf("asciiDigit(%U) = %q", r, got)
			}
			continue
		}
		if got := asciiDigit(r); got != next {
			t.Fatalf("asciiDigit(%U) = %q; want %q", r, got, next)
		}
		if next++; next > '9' {
			next = '0'
		}
	}
}

// TestTypedASCII tests that TypedCode removes only white space and the hyphen from ASCII.
func TestTypedASCII(t *testing.T) {
	for r := rune(0); r < 0x80; r++ {
		want := string(r)
		if strings.ContainsRune("\t\n\v\f\r -", r) {
			want = ""
		}
		if got := TypedCode(string(r)); got != want {
			t.Errorf("TypedCode(%q) = %q; want %q", r, got, want)
		}
	}
}

// digitsOf returns the digits in text, in ASCII.
func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r = asciiDigit(halfWidth(r)); '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, text)
}

func FuzzSixDigits(f *testing.F) {
	f.Add("123 456")
	f.Add("\u200e１２３４５６")
	f.Add("Code: 756 356, for 10 minutes")
	six := regexp.MustCompile(`^[0-9]{6}$`)
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := SixDigits(text)
		if ok != six.MatchString(got) {
			t.Errorf("SixDigits(%q) = %q, %v", text, got, ok)
		}
		if digits := digitsOf(text); ok && !strings.Contains(digits, got) {
			t.Errorf("SixDigits(%q) = %q, but the digits are %q", text, got, digits)
		}
		if again, repeated := SixDigits("code " + text + "; " + text + " code"); ok && repeated {
			t.Errorf("SixDigits of twice %q = %q", text, again)
		}
		typed := TypedCode(text)
		if again := TypedCode(typed); again != typed {
			t.Errorf("TypedCode(%q) = %q, and of that %q", text, typed, again)
		}
	})
}

func TestTypedCode(t *testing.T) {
	tests := []struct{ text, want string }{
		{"k7qm-3rx9-b2vd", "k7qm3rx9b2vd"},
		{"K7QM 3RX9 B2VD\n", "K7QM3RX9B2VD"},
		{"k7qm–3rx9—b2vd", "k7qm3rx9b2vd"}, // some keyboards insert dashes for hyphens
		{"k7qm\u22123rx9\u2011b2vd", "k7qm3rx9b2vd"},
		{"ｋ７ｑｍ－３ｒｘ９\u30fcｂ２ＶＤ", "k7qm3rx9b2VD"},
		{"\u200ek7qm-\u200b3rx9-b2vd\ufeff", "k7qm3rx9b2vd"},
		{"aBc1x-Y2z3Q", "aBc1xY2z3Q"},
		{"k7qm_3rx9", "k7qm_3rx9"}, // the server refuses it
		{"", ""},
	}
	for _, tt := range tests {
		if got := TypedCode(tt.text); got != tt.want {
			t.Errorf("TypedCode(%q) = %q; want %q", tt.text, got, tt.want)
		}
	}
}
