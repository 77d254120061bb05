//go:build !js

package ui

import (
	"strings"
	"testing"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// TestSameLayout tests which overviews the home may show while a user is about to click something.
func TestSameLayout(t *testing.T) {
	base := overview(func(o *shared.Overview) { o.Sessions.Newest = listed("me a b") })
	for what, tt := range map[string]struct {
		change func(o *shared.Overview)
		same   bool
	}{
		"the same":             {func(*shared.Overview) {}, true},
		"the sessions by time": {func(o *shared.Overview) { o.Sessions.Newest = listed("me b a") }, true},
		"another session":      {func(o *shared.Overview) { o.Sessions.Newest = listed("me b c") }, false},
		"an ended session":     {func(o *shared.Overview) { o.Sessions.Newest = listed("me a") }, false},
		"a question":           {func(o *shared.Overview) { o.Question = &shared.Session{Token: "a"} }, false},
		"another name":         {func(o *shared.Overview) { o.User.Name = "Ada" }, true},
		"no second factor":     {func(o *shared.Overview) { o.TwoFactor.Enabled = false }, false},
		"fewer backup codes":   {func(o *shared.Overview) { o.TwoFactor.BackupCodesLeft = 1 }, false},
	} {
		o := overview(func(o *shared.Overview) {
			o.Sessions.Newest = listed("me a b")
			tt.change(o)
		})
		keepOrder(o.Sessions.Newest, base.Sessions.Newest)
		if got := en.sameLayout(base, o); got != tt.same {
			t.Errorf("%s: the same layout: %t; want %t", what, got, tt.same)
		}
	}
}

// TestHomeHasNoActionTwice tests that the home has one button for each action, whatever the
// check-up advises.
func TestHomeHasNoActionTwice(t *testing.T) {
	for what, change := range map[string]func(o *shared.Overview){
		"a new account":             func(o *shared.Overview) { o.TwoFactor, o.Passkeys = shared.TwoFactor{}, shared.PasskeySummary{} },
		"a passkey":                 func(o *shared.Overview) { o.TwoFactor = shared.TwoFactor{} },
		"two-factor authentication": func(o *shared.Overview) { o.Passkeys = shared.PasskeySummary{} },
	} {
		view := &home{Env: newEnv(), Overview: *overview(change)}
		drawn := html.String(view)
		want := 1
		if what == "two-factor authentication" {
			want = 0 // it is on
		}
		if n := strings.Count(drawn, ">"+en.T(message.EnableTwoFactor)+"<"); n != want {
			t.Errorf("%s: the home has %d buttons that turn it on; want %d", what, n, want)
		}
	}
}
