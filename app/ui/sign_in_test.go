package ui

import (
	"encoding/json"
	"slices"
	"testing"

	"latchkey/shared"
)

// TestSecondFactorDue tests both forms in which a server requests a second factor. Its
// settings decide between them.
func TestSecondFactorDue(t *testing.T) {
	const body = `{"message":"twoFactorRequired","code":"TWO_FACTOR_REQUIRED","twoFactorRedirect":true,"twoFactorMethods":["totp","otp"]}`
	var refused shared.Error
	var redirected shared.SignedIn
	for _, v := range []any{&refused, &redirected} {
		if err := json.Unmarshal([]byte(body), v); err != nil {
			t.Fatal(err)
		}
	}
	for name, due := range map[string]*shared.SecondFactorDue{
		"error":    secondFactorDue(nil, &refused),
		"redirect": secondFactorDue(redirected.SecondFactorDue, nil),
	} {
		if due == nil || !slices.Equal(due.TwoFactorMethods, []string{byApp, byMail}) {
			t.Errorf("%s: %v is due", name, due)
		}
	}
	if due := secondFactorDue(nil, shared.ErrTwoFactorRequired); due == nil {
		t.Error("an error without methods requests no second factor")
	}
	if due := secondFactorDue(nil, shared.ErrCredentials); due != nil {
		t.Errorf("a wrong password requests a second factor: %v", due)
	}
	if due := secondFactorDue(nil, nil); due != nil {
		t.Errorf("a completed sign-in requests a second factor: %v", due)
	}
}

func TestSecondFactorPath(t *testing.T) {
	tests := []struct{ next, want string }{
		{"", "/two-factor"},
		{"/dashboard/settings?a=b#c", "/two-factor?next=%2Fdashboard%2Fsettings%3Fa%3Db%23c"},
	}
	for _, tt := range tests {
		if got := secondFactorPath(tt.next); got != tt.want {
			t.Errorf("secondFactorPath(%q) = %q; want %q", tt.next, got, tt.want)
		}
	}
}
