//go:build !js

package ui

import (
	"strings"
	"testing"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// TestTwoFactorView tests that the view says at a glance whether two-factor authentication is
// on, and what to do. The server can draw it, because it needs nothing but the state.
func TestTwoFactorView(t *testing.T) {
	since := shared.Time{Time: en.now()}
	on := func(left int, pending bool) shared.TwoFactor {
		return shared.TwoFactor{Enabled: true, Since: &since, BackupCodesLeft: left, Pending: pending}
	}
	for _, tt := range []struct {
		what            string
		state           shared.TwoFactor
		shows, withheld []string
	}{
		{
			"off", shared.TwoFactor{},
			[]string{en.T(message.StateOff), "badge with-icon advice", en.T(message.TwoFactorBenefit), en.T(message.EnableTwoFactor)},
			[]string{en.T(message.SinceDate), en.T(message.DisableTwoFactor), en.T(message.EnrollmentUnfinished)},
		},
		{
			"off and unfinished", shared.TwoFactor{Pending: true},
			[]string{en.T(message.EnableTwoFactor), en.T(message.EnrollmentUnfinished)},
			[]string{en.T(message.PhoneMoveUnfinished)},
		},
		{
			"on", on(9, false),
			[]string{
				en.T(message.StateOn), en.T(message.SinceDate), en.T(message.BackupCodesOfTenLeft, 9), en.T(message.NewBackupCodes),
				en.T(message.MoveToNewPhone), en.T(message.DisableTwoFactor),
			},
			[]string{en.T(message.StateOff), en.T(message.EnableTwoFactor), "few-codes", en.T(message.PhoneMoveUnfinished)},
		},
		{
			"on with few codes", on(2, true),
			[]string{"few-codes", en.fewText(2), en.T(message.NewBackupCodes), en.T(message.PhoneMoveUnfinished)},
			nil,
		},
		{"on without codes", on(0, false), []string{en.fewText(0)}, nil},
	} {
		html := unescape(html.String(&twoFactorView{Env: en, State: tt.state}))
		for _, text := range tt.shows {
			if n := strings.Count(html, text); n == 0 || text == en.T(message.NewBackupCodes) && n != 1 {
				t.Errorf("%s: the view has %q %d times:\n%s", tt.what, text, n, html)
			}
		}
		for _, text := range tt.withheld {
			if strings.Contains(html, text) {
				t.Errorf("%s: the view has %q:\n%s", tt.what, text, html)
			}
		}
	}
}

// TestTrustedDevicesView tests that the view says so if there are no devices, and offers to
// revoke all of several.
func TestTrustedDevicesView(t *testing.T) {
	devices := []shared.TrustedDevice{{ID: "1", IPAddress: "192.0.2.1"}, {ID: "2", IPAddress: "192.0.2.2"}}
	for n := range 3 {
		html := unescape(html.String(&trustedDevicesView{Env: en, Devices: devices[:n]}))
		if rows := strings.Count(html, "<li"); rows != n {
			t.Errorf("%d devices: %d rows", n, rows)
		}
		if none := strings.Contains(html, en.T(message.NoTrustedDevices)); none != (n == 0) {
			t.Errorf("%d devices: the view says that there are none: %t", n, none)
		}
		if all := strings.Contains(html, en.T(message.RevokeTrustedDevices)); all != (n > 1) {
			t.Errorf("%d devices: the view offers to revoke all: %t", n, all)
		}
	}
}

// unescape returns HTML with the apostrophes of the sentences.
func unescape(html string) string { return strings.ReplaceAll(html, "&#39;", "'") }
