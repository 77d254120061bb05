package ui

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
		if got, ok := sixDigits(tt.text); got != tt.want || ok != (tt.want != "") {
			t.Errorf("sixDigits(%q) = %q, %v; want %q", tt.text, got, ok, tt.want)
		}
	}
}

func FuzzSixDigits(f *testing.F) {
	f.Add("123 456")
	six := regexp.MustCompile(`^[0-9]{6}$`)
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := sixDigits(text); ok != six.MatchString(got) {
			t.Errorf("sixDigits(%q) = %q, %v", text, got, ok)
		}
	})
}

func TestBackupCode(t *testing.T) {
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
		if got := backupCode(tt.text); got != tt.want {
			t.Errorf("backupCode(%q) = %q; want %q", tt.text, got, tt.want)
		}
	}
}

func TestInFours(t *testing.T) {
	tests := []struct{ key, want string }{
		{"JBSWY3DPEHPK3PXP", "JBSW Y3DP EHPK 3PXP"},
		{"JBSWY", "JBSW Y"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := inFours(tt.key); got != tt.want {
			t.Errorf("inFours(%q) = %q; want %q", tt.key, got, tt.want)
		}
	}
}
