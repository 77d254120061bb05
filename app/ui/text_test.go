package ui

import (
	"testing"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestAgo(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	tests := []struct {
		before time.Duration
		want   string
	}{
		{-time.Hour, "just now"}, // the browser's clock is behind the server's
		{0, "just now"},
		{44 * time.Second, "just now"},
		{45 * time.Second, "1 minute ago"},
		{89 * time.Second, "1 minute ago"},
		{90 * time.Second, "2 minutes ago"},
		{5 * time.Minute, "5 minutes ago"},
		{59 * time.Minute, "59 minutes ago"},
		{time.Hour - time.Second, "1 hour ago"},
		{90 * time.Minute, "2 hours ago"},
		{23 * time.Hour, "23 hours ago"},
		{day - time.Minute, "yesterday"},
		{day, "yesterday"},
		{36 * time.Hour, "2 days ago"},
		{29 * day, "29 days ago"},
		{30 * day, "1 month ago"},
		{300 * day, "10 months ago"},
		{365 * day, "1 year ago"},
		{800 * day, "2 years ago"},
	}
	for _, tt := range tests {
		if got := en.ago(now.Add(-tt.before), now); got != tt.want {
			t.Errorf("ago(%v) = %q; want %q", tt.before, got, tt.want)
		}
	}
}

func TestDeviceText(t *testing.T) {
	tests := []struct {
		device shared.Device
		want   string
	}{
		{shared.Device{Browser: "Firefox 153", OS: "Windows"}, "Firefox 153 on Windows"},
		{shared.Device{Browser: "Firefox 153"}, "Firefox 153"},
		{shared.Device{OS: "Windows"}, "Unknown browser on Windows"},
		{shared.Device{}, "Unknown browser"},
	}
	for _, tt := range tests {
		if got := en.deviceText(tt.device); got != tt.want {
			t.Errorf("deviceText(%+v) = %q; want %q", tt.device, got, tt.want)
		}
	}
}

func TestTryAgain(t *testing.T) {
	tests := []struct {
		seconds int
		want    string
	}{
		{0, "Try again later."},
		{1, "Try again in 1 second."},
		{119, "Try again in 119 seconds."},
		{120, "Try again in 2:00 minutes."},
		{899, "Try again in 14:59 minutes."},
		{3600, "Try again in 1:00:00 hours."},
		{7384, "Try again in 2:03:04 hours."},
	}
	for _, tt := range tests {
		if got := en.retryIn(tt.seconds); got != tt.want {
			t.Errorf("tryAgain(%d) = %q; want %q", tt.seconds, got, tt.want)
		}
	}
}

func TestMethodText(t *testing.T) {
	password := en.T(message.AccountPassword)
	tests := []struct{ method, want string }{
		{"password", password},
		{"password+totp", en.T(message.MethodAndAuthenticatorApp, password)},
		{"password+backup-code", en.T(message.MethodAndBackupCode, password)},
		{"password+email-code", en.T(message.MethodAndEmailCode, password)},
		{"password+trusted-device", en.T(message.MethodOnTrustedDevice, password)},
		{"password+something-new", en.T(message.MethodAndOther, password, "something-new")},
		{"something-new", "something-new"},
		{"", en.T(message.UnknownValue)},
	}
	for _, tt := range tests {
		if got := en.methodText(tt.method); got != tt.want {
			t.Errorf("methodText(%q) = %q; want %q", tt.method, got, tt.want)
		}
	}
}

// TestSecondFactorErrorMessages tests that errors with details tell the user what to do and how
// long to wait.
func TestSecondFactorErrorMessages(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{shared.ErrInvalidCode, en.T(message.ErrInvalidCode)},
		{shared.ErrInvalidCode.WithMessage("The clock of your phone is off by 4 minutes."), "The clock of your phone is off by 4 minutes."},
		{shared.ErrInvalidBackupCode.WithMessage("This backup code has already been used."), "This backup code has already been used."},
		{shared.ErrLockedOut.After(90 * time.Second), en.T(message.ErrLockoutCodes) + " " + en.T(message.TryAgainSecondsMany, 90)},
		{shared.ErrLockedOut.WithMessage("Ask an administrator."), "Ask an administrator."},
	}
	for _, tt := range tests {
		if got := en.errorMessage(tt.err); got != tt.want {
			t.Errorf("errorMessage(%v) = %q; want %q", tt.err, got, tt.want)
		}
	}

	// Each text is different, because each asks for something else.
	said := map[string]string{}
	for _, err := range []*shared.Error{
		shared.ErrTwoFactorRequired, shared.ErrNoPendingSignIn, shared.ErrTooManyCodes, shared.ErrLockedOut.After(time.Minute),
		shared.ErrInvalidCode, shared.ErrInvalidBackupCode, shared.ErrTOTPNotEnabled, shared.ErrTOTPEnabled,
		shared.ErrBackupCodesNotEnabled, shared.ErrOTPNotConfigured, shared.ErrOTPExpired, shared.ErrTooManyRequests.After(time.Minute),
	} {
		if other := said[en.errorMessage(err)]; other != "" {
			t.Errorf("%s and %s have the same text: %q", err.Code, other, en.errorMessage(err))
		}
		said[en.errorMessage(err)] = err.Code
	}
}

// TestEveryErrorHasMessage tests that every error of the server and the client has a text, except
// for the two that users do not need to see.
func TestEveryErrorHasMessage(t *testing.T) {
	for _, err := range append(shared.Errors, client.ErrOffline, client.ErrGarbled) {
		said := en.errorMessage(err)
		if err.Code == shared.ErrUnauthorized.Code {
			if said != "" {
				t.Errorf("errorMessage(%s) = %q; want none", err.Code, said)
			}
			continue
		}
		if said == "" {
			t.Errorf("errorMessage(%s) is empty", err.Code)
		}
	}
	if said := en.errorMessage(errCanceled); said != "" {
		t.Errorf("errorMessage(%v) = %q; want none", errCanceled, said)
	}
	if said := en.errorMessage(nil); said != "" {
		t.Errorf("errorMessage(nil) = %q; want none", said)
	}
}
