package shared

import (
	"regexp"
	"testing"
)

func TestSixDigits(t *testing.T) {
	tests := []struct {
		text, want string
	}{
		{"123456", "123456"},
		{"123 456", "123456"},
		{" 123\u00a0456\n", "123456"}, // as some apps put it on the clipboard
		{"123-456", "123456"},
		{"012345", "012345"},
		{"", ""},
		{"12345", ""},
		{"1234567", ""},
		{"12345a", ""},
		{"+12345", ""},
		{"１２３４５６", ""},
		{"\u0661\u0662\u0663", ""}, // six bytes
	}
	for _, tt := range tests {
		if got, ok := SixDigits(tt.text); got != tt.want || ok != (tt.want != "") {
			t.Errorf("SixDigits(%q) = %q, %v; want %q", tt.text, got, ok, tt.want)
		}
	}
}

func FuzzSixDigits(f *testing.F) {
	f.Add("123 456")
	six := regexp.MustCompile(`^[0-9]{6}$`)
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := SixDigits(text); ok != six.MatchString(got) {
			t.Errorf("SixDigits(%q) = %q, %v", text, got, ok)
		}
	})
}

func TestWrittenBackupCode(t *testing.T) {
	tests := []struct{ text, want string }{
		{"aBc1x-Y2z3Q", "aBc1x-Y2z3Q"},
		{"aBc1xY2z3Q", "aBc1x-Y2z3Q"},
		{"  aBc1x - Y2z3Q\n", "aBc1x-Y2z3Q"},
		{"aBc1x–Y2z3Q", "aBc1x-Y2z3Q"}, // keyboards make a dash of it
		{"aBc1x Y2z3Q", "aBc1x-Y2z3Q"},
		{"ABC1X-Y2Z3Q", "ABC1X-Y2Z3Q"},
		{"short", "short"}, // the server says what is wrong
		{"", ""},
	}
	for _, tt := range tests {
		if got := WrittenBackupCode(tt.text); got != tt.want {
			t.Errorf("WrittenBackupCode(%q) = %q; want %q", tt.text, got, tt.want)
		}
	}
}
