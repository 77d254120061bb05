package browsertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"latchkey/backend/setting"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// titleOf returns what the page calls the setting with a name.
func titleOf(l *message.Language, name string) string {
	spec, _ := setting.Find(name)
	return l.T(spec.Title)
}

// TestSystemBrowser tests the administration of the server in a real browser.
func TestSystemBrowser(t *testing.T) {
	suite(t, nil, map[string]func(*testing.T){
		"Settings":     testSystemSettings,
		"FirstMailKey": testFirstMailKey,
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
	p.Click("link", en.T(message.SystemAdministration), "")
	p.At("/dashboard/system")
	p.AwaitFocus(en.T(message.SystemAdministration))

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
		title := titleOf(en, setting)
		p.Fill(title, value)
		p.Press(en.T(message.SaveNamedValue, title))
		p.See(en.T(message.DoneSettingSaved, title))
	}
	// Settings with a menu.
	for setting, value := range map[string]string{
		"VERIFY_EMAIL":              "required",
		"REQUIRE_TWO_FACTOR":        "admins",
		"TWO_FACTOR_SIGN_IN":        "redirect",
		"PASSKEY_USER_VERIFICATION": "preferred",
	} {
		title := titleOf(en, setting)
		p.Choose(title, value)
		p.Press(en.T(message.SaveNamedValue, title))
		p.See(en.T(message.DoneSettingSaved, title))
	}
	// Settings with a switch.
	for _, setting := range []string{"SIGN_UP_ENABLED", "NEW_DEVICE_MAIL", "TWO_FACTOR_EMAIL_CODE", "PASSKEY_AUTO_UPGRADE"} {
		p.Click("switch", titleOf(en, setting), "")
		p.See(en.T(message.DoneSettingSaved, titleOf(en, setting)))
	}
	p.Until("the page shows the new name",
		`document.querySelector(".brand").innerText.trim() + document.title === "Acme accountsSystem · Acme accounts"`)

	// An error appears at its field, and the input stays.
	p.Fill(titleOf(en, "FRESH_WINDOW"), "a while")
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "FRESH_WINDOW")))
	p.See(en.T(message.ErrSettingDuration, "1m", "1d"))
	p.AwaitFocus(titleOf(en, "FRESH_WINDOW"))
	p.Fill(titleOf(en, "FRESH_WINDOW"), "30m")

	// A user can set a secret but never read it.
	p.Press(en.T(message.SetNamedValue, titleOf(en, "RESEND_API_KEY")))
	p.AwaitFocus(titleOf(en, "RESEND_API_KEY"))
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "RESEND_API_KEY")))
	p.See(en.T(message.ErrNewValueRequired))
	p.Fill(titleOf(en, "RESEND_API_KEY"), "re_123456789")
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "RESEND_API_KEY")))
	p.See(en.T(message.DoneSettingSaved, titleOf(en, "RESEND_API_KEY")))
	p.Press(en.T(message.ReplaceNamedValue, titleOf(en, "RESEND_API_KEY")))
	p.Fill(titleOf(en, "RESEND_API_KEY"), "re_987654321")
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "RESEND_API_KEY")))
	p.The("button", en.T(message.ReplaceNamedValue, titleOf(en, "RESEND_API_KEY")))
	if html := eval[string](p, "document.documentElement.outerHTML"); strings.Contains(html, "re_") {
		t.Error("the page contains the secret")
	}
	p.Press(en.T(message.RemoveNamedValue, titleOf(en, "RESEND_API_KEY")))
	p.The("dialog", en.T(message.ConfirmRemoveValue, titleOf(en, "RESEND_API_KEY")))
	p.Press(en.T(message.RemoveValue))
	p.The("button", en.T(message.SetNamedValue, titleOf(en, "RESEND_API_KEY")))

	// Settings from the environment are read-only.
	if n := len(p.All("textbox", titleOf(en, "SESSIONS_PER_USER"))) + len(p.All("spinbutton", titleOf(en, "SESSIONS_PER_USER"))); n != 0 {
		t.Error("a read-only setting has an input")
	}
	p.See(en.T(message.SetByEnvironment))

	// The next visit shows all saved values.
	p.Open("/dashboard/system")
	for setting, value := range map[string]string{
		"MAIL_FROM": "Acme <accounts@example.com>", "SESSION_IDLE": "10d", "EVENT_RETENTION": "400d",
	} {
		if got := testkit.Text(p.The("textbox", titleOf(en, setting)).Value); got != value {
			t.Errorf("%s is %q; want %q", setting, got, value)
		}
	}
	for setting, value := range map[string]string{"VERIFY_EMAIL": "required", "REQUIRE_TWO_FACTOR": "admins"} {
		if got := testkit.Text(p.The("combobox", titleOf(en, setting)).Value); got != value {
			t.Errorf("%s is %q; want %q", setting, got, value)
		}
	}
	if eval[bool](p, `document.getElementById("setting-NEW_DEVICE_MAIL-value").ariaChecked === "true"`) {
		t.Error("NEW_DEVICE_MAIL is on; want off")
	}

	// Two administrators change the same setting. The second one sees both
	// values.
	other := p.another()
	other.Open("/dashboard/system")
	other.Fill(titleOf(en, "APP_NAME"), "Theirs")
	p.Fill(titleOf(en, "APP_NAME"), "Mine")
	other.Press(en.T(message.SaveNamedValue, titleOf(en, "APP_NAME")))
	other.See(en.T(message.DoneSettingSaved, titleOf(en, "APP_NAME")))
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "APP_NAME")))
	p.The("group", en.T(message.ChangedMeanwhile))
	p.See(en.T(message.TheirValueBy, "grace@example.com"))
	p.Press(en.T(message.UseTheirs))
	p.Await("the field holds the other administrator's value", func() bool {
		return testkit.Text(p.The("textbox", titleOf(en, "APP_NAME")).Value) == "Theirs"
	})

	other.Fill(titleOf(en, "APP_NAME"), "Theirs again")
	p.Fill(titleOf(en, "APP_NAME"), "Mine")
	other.Press(en.T(message.SaveNamedValue, titleOf(en, "APP_NAME")))
	other.Until("the value is saved", `document.title.endsWith("· Theirs again")`) // the toast may be that of before
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "APP_NAME")))
	p.Press(en.T(message.SaveMine))
	p.See(en.T(message.DoneSettingSaved, titleOf(en, "APP_NAME")))
	p.None("group", en.T(message.ChangedMeanwhile))
	// A tab without input shows the new value when it regains the focus.
	other.Until("the other tab shows the new value",
		`dispatchEvent(new Event("focus")), document.getElementById("setting-APP_NAME-value")?.value === "Mine"`)

	// In German, the texts of the server are German, too. The page still
	// recognizes the email settings.
	p.Prefers("de-DE,de,en")
	p.Open("/dashboard/system")
	p.The("heading", de.T(message.SystemSettings))
	p.See(de.T(message.SettingEventRetention))
	p.See(de.T(message.LimitsCountYouAs))
	p.See(de.T(message.EventSettingChanged))
	p.See(testkit.Capital(de.T(message.DetailFromTo, de.T(message.DetailQuoted, "Theirs again"), de.T(message.DetailQuoted, "Mine"))))
	p.Fill(titleOf(de, "FRESH_WINDOW"), "a while")
	p.Press(de.T(message.SaveNamedValue, titleOf(de, "FRESH_WINDOW")))
	p.See(de.T(message.ErrSettingDuration, "1m", "1d"))
	p.Press(de.T(message.SendTestEmail))
	p.See(de.T(message.DoneEmailWrittenToFile))
	group := eval[string](p, `document.querySelector("#setting-MAIL_FROM-value").closest(".group").innerText`)
	if !strings.HasPrefix(group, "E-Mail\n") || !strings.Contains(group, de.T(message.SendTestEmail)) {
		t.Errorf("the group of email settings is %s", group)
	}

	// Sign-up is disabled, and the pages say so.
	anonymous := browse(t, server)
	anonymous.Open("/sign-in")
	anonymous.Until("the page has the settings of the server", `document.title === "Sign in · Mine"`)
	if n := len(anonymous.All("link", en.T(message.CreateAnAccount))); n != 0 {
		t.Error("the sign-in page links to the disabled sign-up page")
	}
	anonymous.Open("/sign-up")
	anonymous.See(en.T(message.ErrSignUpDisabled))
}

// testFirstMailKey checks that the page says what a first key for emails changes, saves it only
// after a confirmation, and then sends a test email.
func testFirstMailKey(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"name":"validation_error","message":"API key is invalid","statusCode":401}`)
	}))
	t.Cleanup(provider.Close)
	server := testkit.Start(t, "-rate-limits", "off", "-resend-url", provider.URL)
	ada := browse(t, server)
	ada.signUp() // without a verified address
	p := browse(t, server)
	p.signUpAdministrator(server)
	p.Open("/dashboard/system")
	title := titleOf(en, "RESEND_API_KEY")
	p.Press(en.T(message.SetNamedValue, title))
	p.Fill(title, "re_123456789")
	p.Press(en.T(message.SaveNamedValue, title))
	p.The("dialog", en.T(message.ConfirmSaveValue, title))
	p.See(en.T(message.MailKeyConsequenceOne) + " " + en.T(message.MailKeyTestFollows))
	p.Press(en.T(message.CancelAction))
	p.None("dialog", en.T(message.ConfirmSaveValue, title))
	p.The("textbox", title) // nothing is saved
	p.Press(en.T(message.SaveNamedValue, title))
	p.The("dialog", en.T(message.ConfirmSaveValue, title))
	p.Press(en.T(message.SaveChanges))
	p.The("button", en.T(message.ReplaceNamedValue, title))
	p.See("API key is invalid") // the provider's answer to the test email
	p.Await("VERIFY_EMAIL is required", func() bool {
		return testkit.Text(p.The("combobox", titleOf(en, "VERIFY_EMAIL")).Value) == "required"
	})
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
	if n := len(p.All("button", en.T(message.DisableAccount))); n != 1 {
		t.Errorf("the page offers to disable %d accounts; want only the other user's", n)
	}
	confirm := func(button, question, toast string) {
		t.Helper()
		p.Press(button)
		p.The("dialog", question)
		p.Press(button)
		p.See(toast)
	}
	confirm(en.T(message.DisableAccount), en.T(message.ConfirmDisableAccount, email), en.T(message.DoneAccountDisabled, email))
	ada.visit("profile")
	ada.At("/sign-in")
	ada.submitSignIn(email, password)
	ada.See(en.T(message.ErrAccountDisabled))
	confirm(en.T(message.EnableAccount), en.T(message.ConfirmEnableAccount, email), en.T(message.DoneAccountEnabled, email))
	ada.Press(en.T(message.SignIn))
	ada.At("/dashboard/settings/profile")
	ada.settings("")
	confirm(en.T(message.RevokeSessions), en.T(message.ConfirmRevokeSessions, email), en.T(message.DoneSessionsRevoked, email))
	ada.visit("profile")
	ada.At("/sign-in")
	confirm(en.T(message.ResetFactors), en.T(message.ConfirmResetFactors, email), en.T(message.DoneFactorsReset, email))

	p.Click("searchbox", en.T(message.SearchUsers), "")
	p.Key("nobody of that name\r")
	p.See(en.T(message.NoUsersFound))
	p.Choose(en.T(message.ShowItem), en.T(message.FilterAccountsDisabled))
	p.See(email + " · " + en.T(message.ByActor, "grace@example.com"))
	p.The("link", en.T(message.DownloadCSV))

	// The entries of one user, and up to a day.
	p.cardSays("log", "grace@example.com")
	p.Enter("users-search", email+kb.Enter)
	p.Until("only that user is found", `document.querySelectorAll(".user").length === 1`)
	p.Click("link", en.T(message.SecurityLog), "")
	p.AwaitFocus(en.T(message.SecurityLogOfUser, email))
	p.Act(`history.back()`)
	p.The("heading", en.T(message.SecurityLogOfAllUsers))
	p.AwaitFocus(en.T(message.SecurityLog)) // the link that the administrator has followed
	p.Act(`history.forward()`)
	p.AwaitFocus(en.T(message.SecurityLogOfUser, email))
	p.cardOmits("log", en.T(message.EventSettingChanged))
	p.cardSays("log", en.T(message.EventSignUp))
	chooseDay := func(day string) {
		t.Helper()
		p.Until("the day is chosen", `(() => {
			const field = document.getElementById("log-day")
			field.value = `+testkit.Quote(day)+`
			field.dispatchEvent(new Event("input", {bubbles: true}))
			return field.value === `+testkit.Quote(day)+`
		})()`)
	}
	chooseDay("2026-01-01")
	p.See(en.T(message.NoEventsFound))
	p.The("heading", en.T(message.SecurityLogOfUser, email))
	p.Until("the address has the user and the day", `/[?]day=2026-01-01&user=[^&]+$/.test(location.search)`)
	chooseDay("2999-01-01")
	p.cardSays("log", en.T(message.EventSignUp))
	p.Click("link", en.T(message.ShowAllAccounts), "")
	p.AwaitFocus(en.T(message.SecurityLogOfAllUsers))
	p.cardSays("log", "grace@example.com")
	p.Until("the address has the day", `location.search === "?day=2999-01-01"`)

	// The administrator requires a second factor, first after a grace period
	// and then at once.
	p.Choose(titleOf(en, "REQUIRE_TWO_FACTOR"), "all")
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "REQUIRE_TWO_FACTOR")))
	p.See(prefix(message.TwoFactorDueBy))
	p.Fill(titleOf(en, "REQUIRE_TWO_FACTOR_GRACE"), "0s")
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "REQUIRE_TWO_FACTOR_GRACE")))
	p.See(en.T(message.TwoFactorOverdue))
	p.Open("/dashboard/settings")
	p.See(en.T(message.EnableTwoFactor))
	if p.Sees(en.T(message.ActiveSessions)) {
		t.Error("the page offers more than enrolling a second factor")
	}
}

// testSystemStranger checks that users without a permission cannot open the
// system page.
func testSystemStranger(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.signUp()
	if n := len(p.All("link", en.T(message.SystemAdministration))); n != 0 {
		t.Error("the page links to the system page, which the user may not open")
	}
	p.Open("/dashboard/system")
	p.See(en.T(message.NothingForYou))
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	p.Open("/dashboard/system")
	p.At("/sign-in")
	p.See(en.T(message.SignInToGoOn))
}
