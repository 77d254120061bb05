package main_test

import (
	"context"
	"strings"
	"testing"
)

// TestSystemBrowser has administrators look after the server in a real browser.
func TestSystemBrowser(t *testing.T) {
	inBrowser(t, nil, map[string]func(*testing.T, context.Context, string){
		"Settings": testSystemSettings,
		"People":   testSystemPeople,
		"Stranger": testSystemStranger,
	})
}

// signUpAdministrator goes by the link that the program prints on an empty
// database.
func (p *tab) signUpAdministrator(server *program) (email string) {
	p.t.Helper()
	const page = "/sign-up?invite="
	_, rest, found := strings.Cut(server.said.String(), page)
	if !found {
		p.t.Fatalf("the program printed no link:\n%s", server.said.String())
	}
	token, _, _ := strings.Cut(rest, "\n")
	p.open(page + token)
	p.fill("Name", "Grace Hopper")
	p.fill("Email", "grace@example.com")
	p.fill("Password", password)
	p.press("Create account")
	p.at("/dashboard/settings")
	p.see("This device")
	return "grace@example.com"
}

// choose takes an option of a select.
func (p *tab) choose(label, option string) {
	p.t.Helper()
	node := p.the("combobox", label)
	p.click(node)
	p.key(option)
	p.key("\r")
	p.wait(label+" is "+option, func() bool { return words(p.the("combobox", label).Value) == option })
}

func testSystemSettings(t *testing.T, browser context.Context, binary string) {
	server := start(t, setting(t, binary, "SESSIONS_PER_USER", "50"), "-rate-limits", "off")
	p := browse(t, browser, server.origin)
	p.signUpAdministrator(server)

	// The link is there for who has a permission.
	p.click(p.the("link", "System"))
	p.at("/dashboard/system")
	p.awaitFocus("System")

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
		p.fill(key, value)
		p.press("Save " + key)
		p.see(key + " is saved.")
	}
	// What is chosen.
	for key, value := range map[string]string{
		"VERIFY_EMAIL":              "required",
		"REQUIRE_TWO_FACTOR":        "admins",
		"TWO_FACTOR_SIGN_IN":        "redirect",
		"PASSKEY_USER_VERIFICATION": "preferred",
	} {
		p.choose(key, value)
		p.press("Save " + key)
		p.see(key + " is saved.")
	}
	// What is switched.
	for _, key := range []string{"SIGN_UP_ENABLED", "NEW_DEVICE_MAIL", "TWO_FACTOR_EMAIL_CODE", "PASSKEY_AUTO_UPGRADE"} {
		p.click(p.the("switch", key))
		p.see(key + " is saved.")
	}
	if brand := eval[string](p, `document.querySelector(".brand").innerText.trim() + document.title`); brand != "Acme accountsSystem · Acme accounts" {
		t.Errorf("the new name is not on the page: %s", brand)
	}

	// What is wrong is said with the field, and what was typed stays.
	p.fill("FRESH_WINDOW", "a while")
	p.press("Save FRESH_WINDOW")
	p.see("It is a time from 1m to 1d, such as 45m, 12h or 7d.")
	p.awaitFocus("FRESH_WINDOW")
	p.fill("FRESH_WINDOW", "30m")

	// A secret is written and never read.
	p.press("Set RESEND_API_KEY")
	p.awaitFocus("RESEND_API_KEY")
	p.press("Save RESEND_API_KEY")
	p.see("Paste the new value, or cancel.")
	p.fill("RESEND_API_KEY", "re_123456789")
	p.press("Save RESEND_API_KEY")
	p.see("RESEND_API_KEY is saved.")
	p.press("Replace RESEND_API_KEY")
	p.fill("RESEND_API_KEY", "re_987654321")
	p.press("Save RESEND_API_KEY")
	p.the("button", "Replace RESEND_API_KEY")
	if html := eval[string](p, "document.documentElement.outerHTML"); strings.Contains(html, "re_") {
		t.Error("the secret is in the page")
	}
	p.press("Take away RESEND_API_KEY")
	p.the("dialog", "Take RESEND_API_KEY away?")
	p.press("Take away")
	p.the("button", "Set RESEND_API_KEY")

	// What the environment sets is told, and not to be changed.
	if n := len(p.all("textbox", "SESSIONS_PER_USER")) + len(p.all("spinbutton", "SESSIONS_PER_USER")); n != 0 {
		t.Error("a locked key can be typed into")
	}
	p.see("Set by the environment of the server.")

	// All of it is there the next time.
	p.open("/dashboard/system")
	for key, value := range map[string]string{"MAIL_FROM": "Acme <accounts@example.com>", "SESSION_IDLE": "10d", "EVENT_RETENTION": "400d"} {
		if got := words(p.the("textbox", key).Value); got != value {
			t.Errorf("%s is %q; want %q", key, got, value)
		}
	}
	for key, value := range map[string]string{"VERIFY_EMAIL": "required", "REQUIRE_TWO_FACTOR": "admins"} {
		if got := words(p.the("combobox", key).Value); got != value {
			t.Errorf("%s is %q; want %q", key, got, value)
		}
	}
	if eval[bool](p, `document.getElementById("key-NEW_DEVICE_MAIL-value").checked`) {
		t.Error("NEW_DEVICE_MAIL is on")
	}

	// Two who change the same key: the second is shown both.
	other := p.another()
	other.open("/dashboard/system")
	other.fill("APP_NAME", "Theirs")
	p.fill("APP_NAME", "Mine")
	other.press("Save APP_NAME")
	other.see("APP_NAME is saved.")
	p.press("Save APP_NAME")
	p.the("group", "Changed meanwhile")
	p.see("Theirs, by grace@example.com")
	p.press("Use theirs")
	p.wait("the field holds theirs", func() bool { return words(p.the("textbox", "APP_NAME").Value) == "Theirs" })

	other.fill("APP_NAME", "Theirs again")
	p.fill("APP_NAME", "Mine")
	other.press("Save APP_NAME")
	other.see("APP_NAME is saved.")
	p.press("Save APP_NAME")
	p.press("Save mine")
	p.see("APP_NAME is saved.")
	p.wait("the conflict is over", func() bool { return len(p.all("group", "Changed meanwhile")) == 0 })
	// Who has typed nothing sees the new value when they come back.
	other.wait("the other tab holds it, too", func() bool {
		return eval[string](other, `dispatchEvent(new Event("focus")), document.getElementById("key-APP_NAME-value")?.value`) == "Mine"
	})

	// In German, the server's words are, too, and the keys of mail are still known by
	// what they are.
	p.prefers("de-DE,de,en")
	p.open("/dashboard/system")
	p.the("heading", "Systemeinstellungen")
	p.see("Wie lange das Sicherheitsprotokoll aufbewahrt wird.")
	p.see("Für Begrenzungen zählen Sie als")
	p.see("Systemeinstellung geändert")
	p.see("von „Theirs again“ zu „Mine“")
	p.fill("FRESH_WINDOW", "a while")
	p.press("FRESH_WINDOW speichern")
	p.see("Es ist eine Zeit von 1m bis 1d, etwa 45m, 12h oder 7d.")
	p.press("Test-E-Mail senden")
	p.see("Ohne RESEND_API_KEY werden keine E-Mails gesendet.")
	if got := eval[string](p, `document.querySelector("#key-MAIL_FROM-value").closest(".group").innerText`); !strings.HasPrefix(got, "E-Mail\n") || !strings.Contains(got, "Test-E-Mail senden") {
		t.Errorf("the keys of mail: %s", got)
	}

	// Nobody can sign up now, and the pages say so.
	stranger := browse(t, browser, server.origin)
	stranger.open("/sign-in")
	stranger.wait("the page knows the server", func() bool { return eval[string](stranger, "document.title") == "Sign in · Mine" })
	if n := len(stranger.all("link", "Create an account")); n != 0 {
		t.Error("there is a link to a page that makes no account")
	}
	stranger.open("/sign-up")
	stranger.see("Nobody can create an account here by themselves.")
}

func testSystemPeople(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	p, ada := browse(t, browser, server.origin), browse(t, browser, server.origin)
	p.signUpAdministrator(server)
	ada.as(firefox)
	email := ada.signUp()

	p.open("/dashboard/system")
	p.see(email)
	if n := len(p.all("button", "Disable")); n != 1 {
		t.Errorf("%d accounts can be disabled; one's own cannot", n)
	}
	help := func(button, asked, done string) {
		t.Helper()
		p.press(button)
		p.the("dialog", asked)
		p.press(button)
		p.see(done)
	}
	help("Disable", "Disable the account "+email+"?", "The account "+email+" is disabled.")
	ada.press("Save")
	ada.at("/sign-in")
	ada.submitSignIn(email, password)
	ada.see("This account is disabled.")
	help("Enable", "Enable the account "+email+" again?", "The account "+email+" is enabled.")
	ada.press("Sign in")
	ada.at("/dashboard/settings")
	help("End sessions", "End all sessions of "+email+"?", email+" is signed out everywhere.")
	ada.press("Save")
	ada.at("/sign-in")
	help("Reset factors", "Reset the factors of "+email+"?", "The factors of "+email+" are reset.")

	p.click(p.the("searchbox", "Search"))
	p.key("nobody of that name\r")
	p.see("Nobody.")
	p.choose("Show", "Accounts disabled")
	p.see(email + " · by grace@example.com")
	p.the("link", "Download CSV")

	// A second factor is required, first in a while and then at once.
	p.choose("REQUIRE_TWO_FACTOR", "all")
	p.press("Save REQUIRE_TWO_FACTOR")
	p.see("Your account needs two-factor authentication: turn it on, or sign in with a passkey, by ")
	p.fill("REQUIRE_TWO_FACTOR_GRACE", "0s")
	p.press("Save REQUIRE_TWO_FACTOR_GRACE")
	p.see("the time for it is over")
	p.open("/dashboard/settings")
	p.see("Enable 2FA")
	if p.sees("Active sessions") {
		t.Error("there is more to do than getting a second factor")
	}
}

// testSystemStranger opens the page without a permission.
func testSystemStranger(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	p := browse(t, browser, server.origin)
	p.signUp()
	if n := len(p.all("link", "System")); n != 0 {
		t.Error("there is a link to a page that is not for them")
	}
	p.open("/dashboard/system")
	p.see("Nothing here for you")
	p.press("Sign out")
	p.at("/sign-in")
	p.open("/dashboard/system")
	p.at("/sign-in")
	p.see("Sign in to go on.")
}
