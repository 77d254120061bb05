package ui

import (
	"errors"
	"testing"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

func TestIdentityAnswer(t *testing.T) {
	ada := &shared.Current{User: shared.User{ID: "ada"}, Permissions: []string{manageUsers}}
	tests := []struct {
		name     string
		known    bool // the page shows a user
		snapshot bool
		outdated bool
		current  *shared.Current
		err      error
		want     sessionAnswer
		account  string
	}{
		{"signed in", false, false, false, ada, nil, answerSignedIn, "ada"},
		{"still signed in", true, true, false, ada, nil, answerSignedIn, "ada"},
		{"signed out", false, false, false, nil, nil, answerSignedOut, ""},
		{"ended while the page is open", true, false, false, nil, nil, answerEnded, "eve"},
		{"ended since the snapshot", false, true, false, nil, nil, answerEnded, ""},
		{"offline", true, true, false, nil, client.ErrOffline, answerOffline, "eve"},
		{"server error", true, false, false, nil, shared.ErrInternal, answerVoid, "eve"},
		{"outdated response: signed out", true, false, true, nil, nil, answerVoid, "eve"},
		{"outdated response: signed in", false, false, true, ada, nil, answerVoid, ""},
	}
	for _, tt := range tests {
		var i identity
		if tt.known {
			i.setUser(shared.User{ID: "eve"}, time.Now())
		}
		version := i.version
		if tt.outdated {
			version--
		}
		got := i.answer(version, tt.current, tt.err, func() bool { return tt.snapshot })
		if got != tt.want || i.account() != tt.account {
			t.Errorf("%s: %v, for account %q; want %v and %q", tt.name, got, i.account(), tt.want, tt.account)
		}
		if want := !tt.outdated && tt.err != nil; (i.problem != nil) != want {
			t.Errorf("%s: the problem is %v", tt.name, i.problem)
		}
	}
}

func TestIdentityVersion(t *testing.T) {
	var i identity
	asked := i.version
	i.signIn(shared.User{ID: "ada"}, time.Now())
	if got := i.answer(asked, nil, nil, func() bool { return false }); got != answerVoid || i.account() != "ada" {
		t.Errorf("an answer from before the sign-in is %v and leaves %q", got, i.account())
	}
	asked = i.version
	i.clearUser()
	current := &shared.Current{User: shared.User{ID: "ada"}}
	if got := i.answer(asked, current, nil, func() bool { return false }); got != answerVoid || i.account() != "" {
		t.Errorf("an answer from before the sign-out is %v and leaves %q", got, i.account())
	}
	if !errors.Is(i.problem, nil) || i.permissions != nil || i.enrollBy != nil {
		t.Errorf("after the sign-out there is %+v", i)
	}
}

func TestIdentityExpires(t *testing.T) {
	now := time.Now()
	for age, want := range map[time.Duration]bool{
		0: false, 6 * 24 * time.Hour: false, 8 * 24 * time.Hour: true,
		-time.Minute: false, -2 * time.Hour: true, // the clock was set back
	} {
		var i identity
		if i.expired() {
			t.Error("an identity without a user has expired")
		}
		i.setUser(shared.User{ID: "ada"}, now.Add(-age))
		if i.expired() != want {
			t.Errorf("after %v it has expired: %v", age, !want)
		}
	}
}

func TestOverdue(t *testing.T) {
	now := time.Now()
	by := func(d time.Duration) *shared.Time { return &shared.Time{Time: now.Add(d)} }
	for _, tt := range []struct {
		by   *shared.Time
		want bool
	}{{nil, false}, {by(time.Second), false}, {by(0), true}, {by(-time.Hour), true}} {
		if got := (&identity{enrollBy: tt.by}).overdue(now); got != tt.want {
			t.Errorf("with the enrollment deadline %v, overdue is %v", tt.by, got)
		}
	}
}
