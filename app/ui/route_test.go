package ui

import (
	"net/url"
	"testing"

	"latchkey/shared"
	"latchkey/shared/message"
)

func address(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse("https://example.com" + text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestRedirect(t *testing.T) {
	tests := []struct {
		at                  string
		signedIn, signedOut string     // the expected redirects; "" for none
		reason              message.ID // the expected reason on the sign-in page
	}{
		{"/", shared.PageSettings, shared.PageSignIn, 0},
		{"/sign-in", shared.PageSettings, "", 0},
		{"/sign-in?next=/dashboard/system", shared.PageSystem, "", 0},
		{"/sign-in?next=https://evil.example", shared.PageSettings, "", 0},
		{"/two-factor", shared.PageSettings, "", 0},
		{"/sign-up", shared.PageSettings, "", 0},
		{"/sign-up?invite=token", "", "", 0},
		{"/forgot-password", "", "", 0},
		{"/reset-password?token=t", "", "", 0},
		{"/dashboard/settings", "", shared.PageSignIn, signInFirst},
		{"/dashboard/settings/profile", "", shared.PageSignIn, signInFirst},
		{"/dashboard/settings/password", "", shared.PageSignIn, signInFirst},
		{"/dashboard/settings/two-factor", "", shared.PageSignIn, signInFirst},
		{"/dashboard/settings/passkeys", "", shared.PageSignIn, signInFirst},
		{"/dashboard/settings/sessions", "", shared.PageSignIn, signInFirst},
		{"/dashboard/settings/activity", "", shared.PageSignIn, signInFirst},
		{"/sign-in?next=/dashboard/settings/sessions", shared.PageSessions, "", 0},
		{"/dashboard/system", "", shared.PageSignIn, signInToGoOn},
		{"/nowhere", "", "", 0},
	}
	for _, tt := range tests {
		for signedIn, want := range map[bool]string{true: tt.signedIn, false: tt.signedOut} {
			var r route
			at := address(t, tt.at)
			if !r.moveTo(at) {
				t.Fatalf("moveTo(%s) reports no change", tt.at)
			}
			if got := r.redirect(at, signedIn); got != want {
				t.Errorf("%s, signed in %v, leads to %q; want %q", tt.at, signedIn, got, want)
			}
			if want := tt.reason; !signedIn && r.reason.text != want {
				t.Errorf("%s: the sign-in page says %q; want %q", tt.at, message.English.T(r.reason.text), message.English.T(want))
			}
		}
	}
}

func TestRouteNextAfterSignIn(t *testing.T) {
	var r route
	at := address(t, "/dashboard/settings?a=b#passkeys")
	r.moveTo(at)
	if r.moveTo(at) {
		t.Error("the page itself is another page")
	}
	if r.redirect(at, false); r.next != "/dashboard/settings?a=b#passkeys" {
		t.Errorf("a sign-in leads to %q", r.next)
	}

	tests := []struct {
		at     string
		reason signInReason
		want   string
	}{
		{"/dashboard/system#log", signInReason{text: sessionEnded}, "/dashboard/system#log"},
		{"/dashboard/system", signInReason{text: signedOut}, ""},
		{"/dashboard/system", signInReason{text: accountDeleted}, ""},
		{"/reset-password", signInReason{text: passwordChosen}, ""},
		{"/two-factor", signInReason{err: shared.ErrNoPendingSignIn}, ""},
		{"/sign-in", signInReason{text: sessionEnded}, ""},
	}
	for _, tt := range tests {
		var r route
		if r.leave(address(t, tt.at), tt.reason); r.next != tt.want {
			t.Errorf("after leaving %s (%+v), the next page is %q; want %q", tt.at, tt.reason, r.next, tt.want)
		}
	}
}

// TestMoved tests the addresses that led to a section when the settings were one page.
func TestMoved(t *testing.T) {
	for at, want := range map[string]string{
		"/dashboard/settings#profile":      shared.PageProfile,
		"/dashboard/settings#password":     shared.PagePassword,
		"/dashboard/settings#two-factor":   shared.PageTwoFactorSettings,
		"/dashboard/settings#passkeys":     shared.PagePasskeys,
		"/dashboard/settings#sessions":     shared.PageSessions,
		"/dashboard/settings?a=b#log":      shared.PageActivity,
		"/dashboard/settings":              "",
		"/dashboard/settings#":             "",
		"/dashboard/settings#title":        "",
		"/dashboard/system#log":            "",
		"/dashboard/settings/profile#log":  "",
		"/sign-in#sessions":                "",
		"/dashboard/settings#sessions%2F.": "",
	} {
		if got := sectionPage(address(t, at)); got != want {
			t.Errorf("%s leads to %q; want %q", at, got, want)
		}
	}
}

// TestSettingsPages tests that every page of the settings has a title of its own, and that
// the app and the server list the pages in the same order.
func TestSettingsPages(t *testing.T) {
	titles := map[string]string{}
	for i, page := range settingsPages {
		if shared.SettingsPages[i+1] != page.path {
			t.Errorf("%s is page %d of the settings; the server lists it elsewhere", page.path, i+1)
		}
	}
	for _, path := range shared.SettingsPages {
		title := en.title(path)
		if other, ok := titles[title]; ok || title == en.title("/nowhere") {
			t.Errorf("the title of %s is %q, like that of %q", path, title, other)
		}
		titles[title] = path
		if (settingsPageAt(path) == nil) != (path == shared.PageSettings) {
			t.Errorf("%s is missing from the list of pages", path)
		}
	}
}

func TestReasonIsClearedOnOtherPages(t *testing.T) {
	r := route{reason: signInReason{text: signedOut}}
	if r.moveTo(address(t, "/sign-in")); r.reason.text != signedOut {
		t.Error("the sign-in page does not say why the user is there")
	}
	if r.moveTo(address(t, "/sign-up")); r.reason != (signInReason{}) {
		t.Error("the reason outlives the sign-in page")
	}
}

// TestReasonText tests that the error which ended a sign-in is shown in the language of the
// page, even after that changes.
func TestReasonText(t *testing.T) {
	de := newEnv()
	de.setLanguage("de")
	for _, r := range []signInReason{{err: shared.ErrNoPendingSignIn}, {text: signedOut}} {
		if got, other := en.reasonText(r), de.reasonText(r); got == "" || other == "" || got == other {
			t.Errorf("the reason is %q in English and %q in German", got, other)
		}
	}
	if got := en.reasonText(signInReason{err: shared.ErrNoPendingSignIn}); got != en.errorMessage(shared.ErrNoPendingSignIn) {
		t.Errorf("an error says %q", got)
	}
	if got := en.reasonText(signInReason{}); got != "" {
		t.Errorf("no reason says %q", got)
	}
}
