package browsertest

import (
	"latchkey/backend/testkit"
	"strings"
	"testing"
)

// TestSystemBrowser tests the administration of the server in a real browser.
func TestSystemBrowser(t *testing.T) {
	suite(t, nil, map[string]func(*testing.T){
		"Settings":     testSystemSettings,
		"Users":        testSystemPeople,
		"NoPermission": testSystemStranger,
	})
}

// testSystemSettings checks that an administrator can change each kind of
// setting.
func testSystemSettings(t *testing.T) {
	server := testkit.Start(t, "SESSIONS_PER_USER=50", "-rate-limits", "off")
	p := browse(t, server)
	p.signUpAdministrator(server)

	// The page shows the link to users who have a permission.
	p.Click("link", "System", "")
	p.At("/dashboard/system")
	p.AwaitFocus("System")

	// Settings with a text field.
	for setting, value := range map[string]string{
		"APP_NAME":                 "Acme accounts",
		"MAIL_FROM":                "Acme <accounts@example.com>",
		"REQUIRE_TWO_FACTOR_GRACE": "14d",
		"FRESH_WINDOW":             "30m",
		"SESSION_IDLE":             "10d",
		"SESSION_LIFETIME":         "60d",
		"EVENT_RETENTION":          "400d",
	} {
		p.Fill(setting, value)
		p.Press("Save " + setting)
		p.See(setting + " is saved.")
	}
	// Settings with a menu.
	for setting, value := range map[string]string{
		"VERIFY_EMAIL":              "required",
		"REQUIRE_TWO_FACTOR":        "admins",
		"TWO_FACTOR_SIGN_IN":        "redirect",
		"PASSKEY_USER_VERIFICATION": "preferred",
	} {
		p.Choose(setting, value)
		p.Press("Save " + setting)
		p.See(setting + " is saved.")
	}
	// Settings with a switch.
	for _, setting := range []string{"SIGN_UP_ENABLED", "NEW_DEVICE_MAIL", "TWO_FACTOR_EMAIL_CODE", "PASSKEY_AUTO_UPGRADE"} {
		p.Click("switch", setting, "")
		p.See(setting + " is saved.")
	}
	brand := eval[string](p, `document.querySelector(".brand").innerText.trim() + document.title`)
	if brand != "Acme accountsSystem · Acme accounts" {
		t.Errorf("the page does not show the new name: %s", brand)
	}

	// An error appears at its field, and the input stays.
	p.Fill("FRESH_WINDOW", "a while")
	p.Press("Save FRESH_WINDOW")
	p.See("The value must be a time from 1m to 1d, such as 45m, 12h or 7d.")
	p.AwaitFocus("FRESH_WINDOW")
	p.Fill("FRESH_WINDOW", "30m")

	// A user can set a secret but never read it.
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
		t.Error("the page contains the secret")
	}
	p.Press("Take away RESEND_API_KEY")
	p.The("dialog", "Take RESEND_API_KEY away?")
	p.Press("Take away")
	p.The("button", "Set RESEND_API_KEY")

	// Settings from the environment are read-only.
	if n := len(p.All("textbox", "SESSIONS_PER_USER")) + len(p.All("spinbutton", "SESSIONS_PER_USER")); n != 0 {
		t.Error("a read-only setting has an input")
	}
	p.See("Set by the environment of the server.")

	// The next visit shows all saved values.
	p.Open("/dashboard/system")
	for setting, value := range map[string]string{
		"MAIL_FROM": "Acme <accounts@example.com>", "SESSION_IDLE": "10d", "EVENT_RETENTION": "400d",
	} {
		if got := testkit.Text(p.The("textbox", setting).Value); got != value {
			t.Errorf("%s is %q; want %q", setting, got, value)
		}
	}
	for setting, value := range map[string]string{"VERIFY_EMAIL": "required", "REQUIRE_TWO_FACTOR": "admins"} {
		if got := testkit.Text(p.The("combobox", setting).Value); got != value {
			t.Errorf("%s is %q; want %q", setting, got, value)
		}
	}
	if eval[bool](p, `document.getElementById("setting-NEW_DEVICE_MAIL-value").checked`) {
		t.Error("NEW_DEVICE_MAIL is on; want off")
	}

	// Two administrators change the same setting. The second one sees both
	// values.
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
	p.Await("the field holds the other administrator's value", func() bool {
		return testkit.Text(p.The("textbox", "APP_NAME").Value) == "Theirs"
	})

	other.Fill("APP_NAME", "Theirs again")
	p.Fill("APP_NAME", "Mine")
	other.Press("Save APP_NAME")
	other.See("APP_NAME is saved.")
	p.Press("Save APP_NAME")
	p.Press("Save mine")
	p.See("APP_NAME is saved.")
	p.None("group", "Changed meanwhile")
	// A tab without input shows the new value when it regains the focus.
	other.Until("the other tab shows the new value",
		`dispatchEvent(new Event("focus")), document.getElementById("setting-APP_NAME-value")?.value === "Mine"`)

	// In German, the texts of the server are German, too. The page still
	// recognizes the email settings.
	p.Prefers("de-DE,de,en")
	p.Open("/dashboard/system")
	p.The("heading", "Systemeinstellungen")
	p.See("Wie lange das Sicherheitsprotokoll aufbewahrt wird.")
	p.See("Für Begrenzungen zählen Sie als")
	p.See("Systemeinstellung geändert")
	p.See("von „Theirs again“ zu „Mine“")
	p.Fill("FRESH_WINDOW", "a while")
	p.Press("FRESH_WINDOW speichern")
	p.See("Der Wert muss eine Zeit von 1m bis 1d sein, etwa 45m, 12h oder 7d.")
	p.Press("Test-E-Mail senden")
	p.See("Ohne RESEND_API_KEY werden keine E-Mails gesendet.")
	group := eval[string](p, `document.querySelector("#setting-MAIL_FROM-value").closest(".group").innerText`)
	if !strings.HasPrefix(group, "E-Mail\n") || !strings.Contains(group, "Test-E-Mail senden") {
		t.Errorf("the group of email settings is %s", group)
	}

	// Sign-up is disabled, and the pages say so.
	anonymous := browse(t, server)
	anonymous.Open("/sign-in")
	anonymous.Until("the page has the settings of the server", `document.title === "Sign in · Mine"`)
	if n := len(anonymous.All("link", "Create an account")); n != 0 {
		t.Error("the sign-in page links to the disabled sign-up page")
	}
	anonymous.Open("/sign-up")
	anonymous.See("Sign-up is disabled.")
}

// testSystemPeople checks that an administrator can manage the accounts of
// other users.
func testSystemPeople(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p, ada := browse(t, server), browse(t, server)
	p.signUpAdministrator(server)
	ada.As(firefox)
	email := ada.signUp()

	p.Open("/dashboard/system")
	p.See(email)
	if n := len(p.All("button", "Disable")); n != 1 {
		t.Errorf("the page offers to disable %d accounts; want only the other user's", n)
	}
	confirm := func(button, question, toast string) {
		t.Helper()
		p.Press(button)
		p.The("dialog", question)
		p.Press(button)
		p.See(toast)
	}
	confirm("Disable", "Disable the account "+email+"?", "The account "+email+" is disabled.")
	ada.Press("Save")
	ada.At("/sign-in")
	ada.submitSignIn(email, password)
	ada.See("This account is disabled.")
	confirm("Enable", "Enable the account "+email+" again?", "The account "+email+" is enabled.")
	ada.Press("Sign in")
	ada.At("/dashboard/settings")
	confirm("End sessions", "End all sessions of "+email+"?", email+" is signed out everywhere.")
	ada.Press("Save")
	ada.At("/sign-in")
	confirm("Reset factors", "Reset the factors of "+email+"?", "The factors of "+email+" are reset.")

	p.Click("searchbox", "Search", "")
	p.Key("nobody of that name\r")
	p.See("Nobody.")
	p.Choose("Show", "Accounts disabled")
	p.See(email + " · by grace@example.com")
	p.The("link", "Download CSV")

	// The administrator requires a second factor, first after a grace period
	// and then at once.
	p.Choose("REQUIRE_TWO_FACTOR", "all")
	p.Press("Save REQUIRE_TWO_FACTOR")
	p.See("Your account needs two-factor authentication: turn it on, or sign in with a passkey, by ")
	p.Fill("REQUIRE_TWO_FACTOR_GRACE", "0s")
	p.Press("Save REQUIRE_TWO_FACTOR_GRACE")
	p.See("the time for it is over")
	p.Open("/dashboard/settings")
	p.See("Enable 2FA")
	if p.Sees("Active sessions") {
		t.Error("the page offers more than enrolling a second factor")
	}
}

// testSystemStranger checks that users without a permission cannot open the
// system page.
func testSystemStranger(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.signUp()
	if n := len(p.All("link", "System")); n != 0 {
		t.Error("the page links to the system page, which the user may not open")
	}
	p.Open("/dashboard/system")
	p.See("Nothing here for you")
	p.Press("Sign out")
	p.At("/sign-in")
	p.Open("/dashboard/system")
	p.At("/sign-in")
	p.See("Sign in to go on.")
}
