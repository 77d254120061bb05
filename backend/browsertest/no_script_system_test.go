package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestNoScriptSystemBrowser tests the system page and the security log without JavaScript.
func TestNoScriptSystemBrowser(t *testing.T) {
	suite(t, nil, map[string]func(*testing.T){
		"System": testNoScriptSystem,
		"Switch": testSwitchBeforeApp,
	})
}

// administrator returns a tab without JavaScript in which the first administrator is signed in.
func administrator(t *testing.T, server *testkit.Program) *tab {
	t.Helper()
	p := browse(t, server)
	c := testkit.NewClient(p.Origin)
	c.Post("/sign-up/email", map[string]any{
		"email": "grace@example.com", "name": "Grace Hopper", "password": password, "invite": invite(t, server),
	}, "User-Agent: "+p.UserAgent()).Must(t, 200, "")
	p.Adopt(c)
	p.NoScript()
	return p
}

func testNoScriptSystem(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := administrator(t, server)
	ada := testkit.NewClient(p.Origin)
	ada.Post("/sign-up/email", map[string]any{"email": "ada@example.com", "name": "Ada", "password": password}).Must(t, 200, "")
	wrong := ada.Post("/sign-in/email", map[string]any{"email": "ada@example.com", "password": "not the password"})
	wrong.Must(t, 401, "INVALID_EMAIL_OR_PASSWORD")

	p.visitWithoutApp("/dashboard/system")
	p.Enter("setting-APP_NAME-value", "Acme accounts"+kb.Enter)
	p.See(en.T(message.DoneSettingChanged))
	p.See("Acme accounts")
	p.AwaitFocus(titleOf(en, "APP_NAME"))
	p.Enter("setting-FRESH_WINDOW-value", "a while"+kb.Enter)
	p.With("textbox", titleOf(en, "FRESH_WINDOW"), en.T(message.SettingFreshWindow)+" "+en.T(message.ErrSettingDuration, "1m", "1d"))
	p.AwaitFocus(titleOf(en, "FRESH_WINDOW"))
	p.wantWithoutApp("a wrong setting")
	p.Enter("task-value", "30m"+kb.Enter)
	p.See(en.T(message.DoneSettingChanged))
	p.activate("#setting-SIGN_UP_ENABLED-value")
	p.See(en.T(message.DoneSettingChanged))
	p.Until("the switch is off", `document.getElementById("setting-SIGN_UP_ENABLED-value").ariaChecked === "false"`)

	// The first key for emails.
	p.activate("#setting-RESEND_API_KEY-replace")
	p.See(en.T(message.MailKeyConsequenceOne))
	p.The("textbox", titleOf(en, "RESEND_API_KEY"))
	p.wantWithoutApp("a secret")
	p.Prefers("de")
	p.visitWithoutApp("/dashboard/system?call=%2Fapi%2Fsettings%3Fkey%3DRESEND_API_KEY") // the title is one long word
	p.See(de.T(message.SystemSettings))
	p.Prefers("en")
	p.Visit("/dashboard/system?call=%2Fapi%2Fsettings%3Fkey%3DRESEND_API_KEY")
	p.activate(".card a.button")
	p.Until("the page of all settings is there", `location.search === "" && document.readyState === "complete"`)

	// People, and the question about one of them.
	p.Enter("users-search", "ada"+kb.Enter)
	p.Until("the address has the search", `location.search === "?search=ada" && location.hash === "#users"`)
	p.activate(".user-actions .danger")
	p.See(en.T(message.ConfirmDisableAccount, "ada@example.com"))
	p.activate("#task-submit")
	p.See(en.T(message.DoneDisabled))
	p.Until("the page shows the same search", `location.search === "?search=ada" && document.getElementById("users-search").value === "ada"`)
	p.See(en.T(message.AccountIsDisabled))

	// The log.
	p.Until("the filter is chosen", `(document.getElementById("log-kind").value = "warnings") === "warnings"`)
	p.activate("#log-filters button[type=submit]")
	p.Until("the address has the filter and the search", `location.search === "?show=warnings&day=&search=ada"`)
	p.See(en.T(message.EntriesMany, 2)) // the wrong password, and the disabled account
	p.visitWithoutApp("/dashboard/settings/activity")
	p.activate(".chip[value=warnings]")
	p.See(en.T(message.NoWarnings))
	p.activate(".empty button")
	p.See(en.T(message.EventSignUp))
}

// testSwitchBeforeApp checks that a switch works before the app runs, and that the app then shows the
// new value.
func testSwitchBeforeApp(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.signUpAdministrator(server)
	p.Inject(describeTakeOver)
	p.holdApp()
	p.Visit("/dashboard/system")
	title := titleOf(en, "SIGN_UP_ENABLED")
	p.Click("switch", title, "")
	p.See(en.T(message.DoneSettingChanged))
	p.releaseApp()
	p.wantSame("the system page")
	off := `document.getElementById("setting-SIGN_UP_ENABLED-value").ariaChecked === "false"`
	p.Until("the switch is off", off)
	p.Click("switch", title, "")
	p.See(en.T(message.DoneSettingSaved, title))
	p.Until("the switch is on", `!(`+off+`)`)

	// A page of the log from the middle of it, of which the app then shows the same.
	p.Visit("/dashboard/settings/activity?before=none&show=sign-ins")
	p.releaseApp()
	p.Click("link", en.T(message.ShowNewestEntries), "")
	p.Until("the address has the filter alone", `location.search === "?show=sign-ins"`)
	p.Gone(en.T(message.ShowNewestEntries))
}
