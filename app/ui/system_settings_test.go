package ui

import (
	"testing"

	"latchkey/shared"
)

func TestLimits(t *testing.T) {
	tests := []struct {
		key  shared.Setting
		set  bool
		want string
	}{
		{shared.Setting{Type: "string", Default: "Latchkey", Min: "1", Max: "60"}, true, " The default is Latchkey. 1 to 60 characters."},
		{shared.Setting{Type: "string", Min: "0", Max: "254"}, false, ""},
		{shared.Setting{Type: "bool", Default: "true"}, true, " The default is on."},
		{shared.Setting{Type: "duration", Default: "7d", Min: "0s", Max: "90d"}, false, " A time from 0s to 90d, such as 45m, 12h or 7d."},
		{shared.Setting{Type: "int", Default: "100", Min: "1", Max: "1000"}, false, " A number from 1 to 1000."},
	}
	for _, tt := range tests {
		if got := en.limits(tt.key, tt.set); got != tt.want {
			t.Errorf("limits of %+v: %q; want %q", tt.key, got, tt.want)
		}
	}
}

// TestLinks tests that the next parameter of an address never leads to a page for links in
// emails.
func TestLinks(t *testing.T) {
	for _, page := range []string{shared.PageForgotPassword, shared.PageResetPassword, shared.PageNotMe, shared.PageEmail, shared.PageSignUp} {
		if got := shared.NextPage(page + "?token=x"); got != shared.PageSettings {
			t.Errorf("signing in leads to %s", got)
		}
	}
	if got := shared.NextPage(shared.PageSystem); got != shared.PageSystem {
		t.Errorf("signing in does not lead back to the system page but to %s", got)
	}
}
