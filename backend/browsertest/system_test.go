package browsertest

import (
	"latchkey/backend/testkit"
	"strings"
	"testing"
)

// TestSystemBrowser has administrators look after the server in a real browser.
func TestSystemBrowser(t *testing.T) {
	suite(t, nil, map[string]func(*testing.T){
		"Settings": testSystemSettings,
		"People":   testSystemPeople,
		"Stranger": testSystemStranger,
	})
}

func testSystemSettings(t *testing.T) {
	server := testkit.Start(t, "SESSIONS_PER_USER=50", "-rate-limits", "off")
	p := browse(t, server)
	p.signUpAdministrator(server)

	// The link is there for who has a permission.
	p.Click("link", "System", "")
	p.At("/dashboard/system")
	p.AwaitFocus("System")

	// What is typed.
	for key, value := range map[string]string{
		"APP_NAME":                 "Acme accounts",
		"MAIL_FROM":                "Acme <accounts@example.com>",
		"REQUIRE_TWO_FACTOR_GRACE": "14d",
		"FRESH_WINDOW":             "30m",
		"SESSION_IDLE":             "10d",
		"SESSION_LIFETIME":         "60d",
		"EVENT_RETENTION":          "400d",
	} {
		p.Fill(key, value)
		p.Press("Save " + key)
		p.See(key + " is saved.")
	}
	// What is chosen.
	for key, value := range map[string]string{
		"VERIFY_EMAIL":              "required",
		"REQUIRE_TWO_FACTOR":        "admins",
		"TWO_FACTOR_SIGN_IN":        "redirect",
		"PASSKEY_USER_VERIFICATION": "preferred",
	} {
		p.Choose(key, value)
		p.Press("Save " + key)
		p.See(key + " is saved.")
	}
	// What is switched.
	for _, key := range []string{"SIGN_UP_ENABLED", "NEW_DEVICE_MAIL", "TWO_FACTOR_EMAIL_CODE", "PASSKEY_AUTO_UPGRADE"} {
		p.Click("switch", key, "")
		p.See(key + " is saved.")
	}
	if brand := eval[string](p, `document.querySelector(".brand").innerText.trim() + document.title`); brand != "Acme accountsSystem · Acme accounts" {
		t.Errorf("the new name is not on the page: %s", brand)
	}

	// What is wrong is said with the field, and what was typed stays.
	p.Fill("FRESH_WINDOW", "a while")
	p.Press("Save FRESH_WINDOW")
	p.See("It is a time from 1m to 1d, such as 45m, 12h or 7d.")
	p.AwaitFocus("FRESH_WINDOW")
	p.Fill("FRESH_WINDOW", "30m")

	// A secret is written and never read.
	p.Press("Set RESEND_API_KEY")
	p.AwaitFocus("RESEND_API_KEY")
	p.Press("Save RESEND_API_KEY")
	p.See("Paste the new value, or cancel.")
	p.Fill("RESEND_API_KEY", "re_123456789")
	p.Press("Save RESEND_API_KEY")
	p.See("RESEND_API_KEY is saved.")
	p.Press("Replace RESEND_API_KEY")
	p.Fill("RESEND_API_KEY", "re_987654321")
	p.Press("Save RESEND_API_KEY")
	p.The("button", "Replace RESEND_API_KEY")
	if html := eval[string](p, "document.documentElement.outerHTML"); strings.Contains(html, "re_") {
		t.Error("the secret is in the page")
	}
	p.Press("Take away RESEND_API_KEY")
	p.The("dialog", "Take RESEND_API_KEY away?")
	p.Press("Take away")
	p.The("button", "Set RESEND_API_KEY")

	// What the environment sets is told, and not to be changed.
	if n := len(p.All("textbox", "SESSIONS_PER_USER")) + len(p.All("spinbutton", "SESSIONS_PER_USER")); n != 0 {
		t.Error("a locked key can be typed into")
	}
	p.See("Set by the environment of the server.")

	// All of it is there the next time.
	p.Open("/dashboard/system")
	for key, value := range map[string]string{"MAIL_FROM": "Acme <accounts@example.com>", "SESSION_IDLE": "10d", "EVENT_RETENTION": "400d"} {
		if got := testkit.Words(p.The("textbox", key).Value); got != value {
			t.Errorf("%s is %q; want %q", key, got, value)
		}
	}
	for key, value := range map[string]string{"VERIFY_EMAIL": "required", "REQUIRE_TWO_FACTOR": "admins"} {
		if got := testkit.Words(p.The("combobox", key).Value); got != value {
			t.Errorf("%s is %q; want %q", key, got, value)
		}
	}
	if eval[bool](p, `document.getElementById("key-NEW_DEVICE_MAIL-value").checked`) {
		t.Error("NEW_DEVICE_MAIL is on")
	}

	// Two who change the same key: the second is shown both.
	other := p.another()
	other.Open("/dashboard/system")
	other.Fill("APP_NAME", "Theirs")
	p.Fill("APP_NAME", "Mine")
	other.Press("Save APP_NAME")
	other.See("APP_NAME is saved.")
	p.Press("Save APP_NAME")
	p.The("group", "Changed meanwhile")
	p.See("Theirs, by grace@example.com")
	p.Press("Use theirs")
	p.Await("the field holds theirs", func() bool { return testkit.Words(p.The("textbox", "APP_NAME").Value) == "Theirs" })

	other.Fill("APP_NAME", "Theirs again")
	p.Fill("APP_NAME", "Mine")
	other.Press("Save APP_NAME")
	other.See("APP_NAME is saved.")
	p.Press("Save APP_NAME")
	p.Press("Save mine")
	p.See("APP_NAME is saved.")
	p.None("group", "Changed meanwhile")
	// Who has typed nothing sees the new value when they come back.
	other.Until("the other tab holds it, too", `dispatchEvent(new Event("focus")), document.getElementById("key-APP_NAME-value")?.value === "Mine"`)

	// In German, the server's words are, too, and the keys of mail are still known by
	// what they are.
	p.Prefers("de-DE,de,en")
	p.Open("/dashboard/system")
	p.The("heading", "Systemeinstellungen")
	p.See("Wie lange das Sicherheitsprotokoll aufbewahrt wird.")
	p.See("Für Begrenzungen zählen Sie als")
	p.See("Systemeinstellung geändert")
	p.See("von „Theirs again“ zu „Mine“")
	p.Fill("FRESH_WINDOW", "a while")
	p.Press("FRESH_WINDOW speichern")
	p.See("Es ist eine Zeit von 1m bis 1d, etwa 45m, 12h oder 7d.")
	p.Press("Test-E-Mail senden")
	p.See("Ohne RESEND_API_KEY werden keine E-Mails gesendet.")
	if got := eval[string](p, `document.querySelector("#key-MAIL_FROM-value").closest(".group").innerText`); !strings.HasPrefix(got, "E-Mail\n") || !strings.Contains(got, "Test-E-Mail senden") {
		t.Errorf("the keys of mail: %s", got)
	}

	// Nobody can sign up now, and the pages say so.
	stranger := browse(t, server)
	stranger.Open("/sign-in")
	stranger.Until("the page knows the server", `document.title === "Sign in · Mine"`)
	if n := len(stranger.All("link", "Create an account")); n != 0 {
		t.Error("there is a link to a page that makes no account")
	}
	stranger.Open("/sign-up")
	stranger.See("Nobody can create an account here by themselves.")
}

func testSystemPeople(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p, ada := browse(t, server), browse(t, server)
	p.signUpAdministrator(server)
	ada.As(firefox)
	email := ada.signUp()

	p.Open("/dashboard/system")
	p.See(email)
	if n := len(p.All("button", "Disable")); n != 1 {
		t.Errorf("%d accounts can be disabled; one's own cannot", n)
	}
	help := func(button, asked, done string) {
		t.Helper()
		p.Press(button)
		p.The("dialog", asked)
		p.Press(button)
		p.See(done)
	}
	help("Disable", "Disable the account "+email+"?", "The account "+email+" is disabled.")
	ada.Press("Save")
	ada.At("/sign-in")
	ada.submitSignIn(email, password)
	ada.See("This account is disabled.")
	help("Enable", "Enable the account "+email+" again?", "The account "+email+" is enabled.")
	ada.Press("Sign in")
	ada.At("/dashboard/settings")
	help("End sessions", "End all sessions of "+email+"?", email+" is signed out everywhere.")
	ada.Press("Save")
	ada.At("/sign-in")
	help("Reset factors", "Reset the factors of "+email+"?", "The factors of "+email+" are reset.")

	p.Click("searchbox", "Search", "")
	p.Key("nobody of that name\r")
	p.See("Nobody.")
	p.Choose("Show", "Accounts disabled")
	p.See(email + " · by grace@example.com")
	p.The("link", "Download CSV")

	// A second factor is required, first in a while and then at once.
	p.Choose("REQUIRE_TWO_FACTOR", "all")
	p.Press("Save REQUIRE_TWO_FACTOR")
	p.See("Your account needs two-factor authentication: turn it on, or sign in with a passkey, by ")
	p.Fill("REQUIRE_TWO_FACTOR_GRACE", "0s")
	p.Press("Save REQUIRE_TWO_FACTOR_GRACE")
	p.See("the time for it is over")
	p.Open("/dashboard/settings")
	p.See("Enable 2FA")
	if p.Sees("Active sessions") {
		t.Error("there is more to do than getting a second factor")
	}
}

// testSystemStranger opens the page without a permission.
func testSystemStranger(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.signUp()
	if n := len(p.All("link", "System")); n != 0 {
		t.Error("there is a link to a page that is not for them")
	}
	p.Open("/dashboard/system")
	p.See("Nothing here for you")
	p.Press("Sign out")
	p.At("/sign-in")
	p.Open("/dashboard/system")
	p.At("/sign-in")
	p.See("Sign in to go on.")
}
