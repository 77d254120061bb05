package ui

import "testing"

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
