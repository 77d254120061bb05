//go:build !js

package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestFormErrorField(t *testing.T) {
	signIn := []string{"email", "password"}
	secondFactor := []string{"code", "backupCode"}
	change := []string{"currentPassword", "newPassword"}
	tests := []struct {
		fields []string
		err    error
		field  string // "" for the form as a whole
	}{
		{signIn, shared.ErrCredentials, "password"},
		{signIn, shared.ErrInvalidEmail, "email"},
		{signIn, shared.ErrValidation.In("email"), "email"},
		{signIn, shared.ErrValidation.In("callbackURL"), ""},
		{signIn, shared.ErrUserExists, "email"},
		{signIn, shared.ErrPasswordTooShort, "password"},
		{signIn, shared.ErrInvite, ""},
		{signIn, shared.ErrInternal, ""},
		{signIn, client.ErrOffline, ""},
		{secondFactor, shared.ErrInvalidCode, "code"},
		{secondFactor, shared.ErrOTPExpired, "code"},
		{secondFactor, shared.ErrInvalidBackupCode, "backupCode"},
		{secondFactor, shared.ErrNoPendingSignIn, ""},
		{secondFactor, shared.ErrLockedOut, ""},
		{change, shared.ErrPasswordTooCommon, "newPassword"},
		{change, shared.ErrInvalidPassword, "currentPassword"},
		{change, shared.ErrValidation.In("newPassword"), "newPassword"},
	}
	for _, tt := range tests {
		f := form{env: newEnv(), fields: tt.fields}
		f.fail(tt.err)
		if tt.field == "" {
			if f.problem == "" || len(f.wrong) > 0 {
				t.Errorf("%v is at %v; want it with the form", tt.err, f.wrong)
			}
			continue
		}
		if f.wrong[tt.field] == "" || len(f.wrong) != 1 || f.problem != "" {
			t.Errorf("%v is at %v, %q; want it at %s alone", tt.err, f.wrong, f.problem, tt.field)
		}
	}
}

func TestFormKeepsInput(t *testing.T) {
	for _, err := range []error{client.ErrOffline, shared.ErrUnavailable} {
		f := form{env: newEnv()}
		f.fail(err)
		if !strings.HasSuffix(f.problem, en.T(message.InputStillHere)) {
			t.Errorf("%v says %q", err, f.problem)
		}
	}
}

func TestFormWaits(t *testing.T) {
	f := form{env: newEnv(), fields: []string{"email", "password"}}
	f.fail(shared.ErrTooManyRequests.In("email").After(9 * time.Second))
	if got := f.wait(); got < 8 || got > 9 {
		t.Errorf("wait is %d; want 9", got)
	}
	if len(f.wrong) > 0 || f.problem != "" {
		t.Errorf("it says %v, %q beside the countdown", f.wrong, f.problem)
	}
	if html := html.String(f.button(en.T(message.SignIn), "main")); !strings.Contains(html, `aria-disabled`) ||
		strings.Contains(html, `aria-disabled="false"`) {
		t.Errorf("the button can be used: %s", html)
	}

	// A wait shows its reason.
	f = form{env: newEnv(), fields: []string{"code"}}
	f.fail(shared.ErrLockedOut.After(15 * time.Minute))
	if html := unescape(html.String(f.drawError())); f.wait() < 899 || !strings.Contains(html, en.T(message.ErrLockoutCodes)) {
		t.Errorf("wait is %d, and it says %s", f.wait(), html)
	}

	// A busy server also sends a RetryAfter, but the user has not made too many attempts.
	f = form{env: newEnv()}
	f.fail(shared.ErrUnavailable.After(2 * time.Second))
	if f.wait() != 0 || f.problem == "" {
		t.Errorf("after 503 it waits %d and says %q", f.wait(), f.problem)
	}
}

func TestFieldErrorIsAccessible(t *testing.T) {
	f := form{env: newEnv(), id: "sign-in", fields: []string{"password"}}
	f.fail(shared.ErrCredentials)
	html := html.String(f.field(field{
		Name: "password", Label: en.T(message.AccountPassword), Type: "password", Complete: "current-password", Hint: "A hint.",
	}))
	for _, want := range []string{
		`<label for="sign-in-password"`,
		`aria-describedby="sign-in-password-hint sign-in-password-wrong"`,
		`autocomplete="current-password"`,
		`id="sign-in-password-wrong"`,
		en.errorMessage(shared.ErrCredentials),
	} {
		if !strings.Contains(html, want) {
			t.Errorf("there is no %s in %s", want, html)
		}
	}
}

func TestFormIsSubmittedOnce(t *testing.T) {
	f := form{env: newEnv()}
	if !f.start(app.Context{}, nil) {
		t.Fatal("it cannot be sent")
	}
	if f.start(app.Context{}, nil) {
		t.Error("it can be submitted again while a submission is in progress")
	}
	f.end(app.Context{}, nil)
	if !f.start(app.Context{}, nil) {
		t.Error("it cannot be sent again after the answer")
	}
}
