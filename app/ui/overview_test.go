//go:build !js

package ui

import (
	"strings"
	"testing"
	"time"

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

// TestQuestionOfNewSession tests that the home has no button to confirm a sign-in if the server
// would refuse it, and says where to answer instead.
func TestQuestionOfNewSession(t *testing.T) {
	at := func(minute int) shared.Time {
		return shared.Time{Time: en.now().Add(time.Duration(minute) * time.Minute)}
	}
	for _, tt := range []struct {
		what    string
		isNew   bool        // the current session
		created shared.Time // the current session
		known   int         // other sessions that are not new
		yes     bool
	}{
		{"a known session", false, at(0), 1, true},
		{"the older one of two new sessions", true, at(0), 0, true},
		{"the newer one of two new sessions", true, at(2), 0, false},
		{"a new session beside a known one", true, at(0), 1, false},
	} {
		question := shared.Session{Token: "other", CreatedAt: at(1), IsNew: true}
		current := shared.Session{Token: "me", IsCurrent: true, IsNew: tt.isNew, CreatedAt: tt.created}
		view := &home{Env: newEnv(), Overview: *overview(func(o *shared.Overview) {
			o.Question = &question
			o.Sessions = shared.SessionSummary{Count: 2 + tt.known, New: 1, Newest: []shared.Session{current, question}}
		})}
		drawn := unescape(html.String(view))
		yes, where := strings.Contains(drawn, ">"+en.T(message.YesItWasMe)+"<"), strings.Contains(drawn, en.T(message.ErrSessionUnconfirmed))
		if yes != tt.yes || where == tt.yes || !strings.Contains(drawn, en.T(message.NoSecureAccount)) {
			t.Errorf("%s: the button to confirm %t, the sentence %t; want the button %t", tt.what, yes, where, tt.yes)
		}
	}
}
