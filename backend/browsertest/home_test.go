package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestHomeBrowser tests the home and the way between the pages of the settings in a real
// browser.
func TestHomeBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"OldAddresses": testOldAddresses,
		"Pages":        testSettingsPages,
		"GoBack":       testGoBack,
		"Phone":        testHomePhone,
		"CheckUp":      testCheckUp,
		"Question":     testQuestion,
		"Report":       testReport,
		"Sessions":     testHomeSessions,
		"Tab":          testTabScrolls,
		"Toast":        testToast,
	}, map[string]func(*testing.T){
		"Administrator": testHomeAdministrator,
	})
}

// testOldAddresses checks that an address with the fragment of a section leads to its page, also
// by way of the sign-in page, and that it leaves no entry in the history.
func testOldAddresses(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	for fragment, page := range map[string]string{
		"profile": "profile", "password": "password", "two-factor": "two-factor",
		"passkeys": "passkeys", "sessions": "sessions", "log": "activity",
	} {
		p.Open("/sign-in")
		p.At("/dashboard/settings")
		entries := eval[int](p, "history.length")
		p.Act(fmt.Sprintf(`location.hash = %q`, fragment))
		p.At("/dashboard/settings/" + page)
		if now := eval[int](p, "history.length"); now > entries+1 {
			t.Errorf("#%s adds %d entries to the history; want 1", fragment, now-entries)
		}
		if hash := eval[string](p, "location.hash"); hash != "" {
			t.Errorf("#%s leaves the fragment %s", fragment, hash)
		}
	}
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	p.Open("/dashboard/settings#sessions")
	p.At("/sign-in")
	p.submitSignIn(email, password)
	p.At("/dashboard/settings/sessions")
	p.The("heading", en.T(message.ActiveSessions)) // the page's, and not one more of its section
}

// settingsTitles lists the pages of the settings with their titles.
var settingsTitles = []struct {
	page  string
	title message.ID
}{
	{"", message.SecurityHome}, {"two-factor", message.TwoFactorAuthentication}, {"passkeys", message.YourPasskeys},
	{"sessions", message.ActiveSessions}, {"password", message.AccountPassword}, {"activity", message.SecurityLog},
	{"profile", message.UserProfile},
}

// testSettingsPages checks that the list beside each page leads to all pages and marks the
// current one, and that screen readers hear the title of a page that opens.
func testSettingsPages(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	for i := len(settingsTitles) - 1; i >= 0; i-- { // the home comes last, because p shows it already
		page, title := settingsTitles[i].page, en.T(settingsTitles[i].title)
		path := strings.TrimSuffix("/dashboard/settings/"+page, "/")
		p.Act(fmt.Sprintf(`document.querySelector('.sections a[href=%q]').click()`, path))
		p.settings(page)
		p.AwaitFocus(title)
		if got := eval[string](p, "document.title"); got != title+" · Latchkey" {
			t.Errorf("the title of %q is %q; want %q", page, got, title+" · Latchkey")
		}
		if got := eval[float64](p, "scrollY"); got != 0 {
			t.Errorf("the page %q opens %g pixels below its top", page, got)
		}
		if n := eval[int](p, `document.querySelectorAll(".sections [aria-current=page]").length`); n != 1 {
			t.Errorf("the list marks %d pages at %q; want 1", n, page)
		}
		// The server draws the same page before the app runs.
		before := eval[string](p, `fetch(location.href).then((r) => r.text())`)
		for _, want := range []string{
			"<title>" + title + " · Latchkey</title>", ">" + title + "</h1>", `href="` + path + `" aria-current="page">` + title,
		} {
			if !strings.Contains(before, want) {
				t.Errorf("before the app runs, the page %q lacks %s", page, want)
			}
		}
	}
}

// testGoBack checks that the Back button leads to the previous page, scrolled as it was.
func testGoBack(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.Do(chromedp.EmulateViewport(360, 500))
	p.Until("the page is scrolled", `scrollTo(0, 300), scrollY === 300`)
	p.Act(`((link) => (link.focus({preventScroll: true}), link.click()))(document.querySelector('.home h2 a[href$="/sessions"]'))`)
	p.At("/dashboard/settings/sessions")
	p.AwaitFocus(en.T(message.ActiveSessions))
	p.Until("the page opens at its top", `scrollY === 0`)
	p.Act(`history.back()`)
	p.At("/dashboard/settings")
	p.AwaitFocus(en.T(message.ActiveSessions)) // the link that the user has followed
	p.Until("the page is scrolled as before", `scrollY === 300`)
	p.Act(`history.forward()`)
	p.At("/dashboard/settings/sessions")
	p.Until("the page opens at its top", `scrollY === 0`)

	// Over a page with an open dialog, it closes the dialog. It does not lead to dialogs that
	// have closed, before or after a reload.
	p.settings("profile")
	deletion := func(closes func()) {
		t.Helper()
		p.Press(en.T(message.DeleteAccount))
		p.AwaitFocus(en.T(message.TypeYourAddress))
		closes()
		p.AwaitFocus(en.T(message.DeleteAccount))
		p.At("/dashboard/settings/profile")
	}
	deletion(func() { p.Act(`history.back()`) })
	deletion(func() { p.Key(kb.Escape) })
	deletion(func() { p.Act(`history.back()`) })
	deletion(func() { p.Key(kb.Escape) })
	p.settings("password")
	p.AwaitFocus(en.T(message.AccountPassword))
	for range 2 {
		p.Act(`history.back()`)
		p.AwaitFocus(en.T(message.UserProfile))
		p.Act(`history.back()`)
		p.AwaitFocus(en.T(message.ActiveSessions))
		p.At("/dashboard/settings/sessions")
		p.Act(`history.forward()`)
		p.AwaitFocus(en.T(message.UserProfile))
		p.Act(`history.forward()`)
		p.AwaitFocus(en.T(message.AccountPassword))
		p.At("/dashboard/settings/password")
		p.Act(`window.before = true, location.reload()`)
		p.Until("the page is loaded again", `!window.before && `+testkit.Running)
		p.awaitIdle("the page has its data")
	}
}

// testHomePhone checks the way about on a phone: rows that open pages, the link back, and the
// bar, which covers neither the end of a page nor what has the focus.
func testHomePhone(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	p.signUp()
	for _, one := range settingsTitles[1:] {
		p.Act(fmt.Sprintf(`document.querySelector('.home h2 a[href$=%q]').click()`, "/"+one.page))
		p.AwaitFocus(en.T(one.title))
		p.Click("link", en.T(message.BackToSecurityHome), "")
		p.At("/dashboard/settings")
		p.AwaitFocus(en.T(message.SecurityHome))
	}
	for _, one := range []struct {
		link message.ID
		path string
	}{
		{message.SessionsShort, "/dashboard/settings/sessions"}, {message.LogShort, "/dashboard/settings/activity"},
		{message.HomeShort, "/dashboard/settings"},
	} {
		p.Tap("link", en.T(one.link))
		p.At(one.path)
		p.Until("the bar marks the page", fmt.Sprintf(`document.querySelector(".bar [aria-current=page]").pathname === %q`, one.path))
	}
	p.settings("")
	for _, covered := range eval[[]string](p, `[...document.querySelectorAll("main a, main button")].
		filter((e) => !e.closest(".bar") && e.checkVisibility()).
		filter((e) => {
			e.focus()
			return e.getBoundingClientRect().bottom > document.querySelector(".bar").getBoundingClientRect().top
		}).map((e) => e.outerHTML.slice(0, 100))`) {
		t.Errorf("the bar covers the focused %s", covered)
	}
	if !eval[bool](p, `(scrollTo(0, document.documentElement.scrollHeight),
		document.querySelector(".home").getBoundingClientRect().bottom <= document.querySelector(".bar").getBoundingClientRect().top)`) {
		t.Error("the bar covers the end of the home")
	}
}

// testCheckUp checks that the check-up leads a new user from a password to a protected account.
func testCheckUp(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.addAuthenticator(false)
	p.signUp()
	p.The("heading", en.T(message.CheckUpAdvice))
	p.See(en.T(message.LevelAdvice)) // not by color alone

	// Each check has one action, which nothing else on the page repeats. The button that adds a passkey
	// is then gone, so the focus goes to the heading.
	p.The("button", en.T(message.EnableTwoFactor))
	p.None("heading", en.T(message.PasskeyOffer))
	p.Press(en.T(message.AddPasskey))
	p.AwaitFocus(en.T(message.PasskeyName))
	p.Press(en.T(message.SaveChanges))
	p.AwaitFocus(en.T(message.SecurityHome))
	p.See(en.T(message.StrongWayPasskey))
	p.cardSays("passkeys", en.T(message.PasskeyCountOne))
	if !eval[bool](p, `document.querySelector(".check-up").innerText.includes(`+testkit.Quote(en.T(message.CheckStrongWay))+`)`) {
		t.Error("a wide window hides a completed check")
	}
	p.Do(chromedp.EmulateViewport(360, 740))
	p.Gone(en.T(message.StrongWayPasskey))
	p.Click("link", en.T(message.AllChecks), "")
	p.See(en.T(message.StrongWayPasskey))
	p.Desk()

	// The main action of two-factor authentication opens its dialog on the home.
	p.cardSays("two-factor", en.T(message.StateOff))
	p.Press(en.T(message.EnableTwoFactor))
	p.The("dialog", en.T(message.EnableTwoFactor))
	p.Press(en.T(message.CancelAction))
	p.AwaitFocus(en.T(message.EnableTwoFactor))
	p.enable()
	p.settings("")
	p.cardSays("two-factor", en.T(message.StateOn))
	p.cardSays("two-factor", en.T(message.BackupCodesOfTenLeft, 10))
	p.See(en.T(message.StrongWayBoth))
	if n := eval[int](p, `document.querySelectorAll(".sections .todo").length`); n != 0 {
		t.Errorf("the list of pages says of %d that there is something to do; want none", n)
	}

	// Forced colors are those of the user, also with a theme.
	p.Media(&emulation.MediaFeature{Name: "forced-colors", Value: "active"})
	p.Act(`document.documentElement.dataset.theme = "dark"`)
	if got := eval[[]string](p, `[...document.querySelectorAll(".tile .icon")].map((e) => getComputedStyle(e).stroke).
		filter((color) => color !== getComputedStyle(document.body).color)`); len(got) > 0 {
		t.Errorf("icons have the colors %s", got)
	}
}

// testQuestion checks that the home asks about a sign-in from another browser until the user
// has answered.
func testQuestion(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	if n := len(p.All("heading", en.T(message.WasThisYou))); n != 0 {
		t.Error("the home asks about its own session")
	}
	testkit.NewClient(p.Origin).SignIn(email).Must(t, 200, "")
	other.As(safari)
	other.signIn(email)
	p.Open("/dashboard/settings")
	p.The("heading", en.T(message.WasThisYou))
	p.cardSays("question", safariDevice)
	p.cardSays("question", en.T(message.FirstOf, 2))

	// On a phone, one screen down is the last row, also with the question and much to do.
	p.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	if end := eval[float64](p, `document.querySelector(".row:has(#profile)").getBoundingClientRect().bottom + scrollY`); end > 2*740-56 {
		t.Errorf("the last row of the home ends at %v pixels; want at most two screens above the bar", end)
	}
	p.Desk()
	p.Press(en.T(message.YesItWasMe))
	p.See(en.T(message.DoneSignInConfirmed))
	p.See(en.T(message.SessionsNewOne))
	p.cardOmits("question", en.T(message.FirstOf, 2))
	p.cardOmits("question", safariDevice)
	p.Press(en.T(message.YesItWasMe))
	p.None("heading", en.T(message.WasThisYou))
	p.See(en.T(message.SessionsKnownMany, 3))
	const gaps = `[...document.querySelectorAll(".home > *")].map((e) => e.getBoundingClientRect()).filter((r) => r.height > 0).
		flatMap((r, i, all) => i === 0 ? [] : [r.top - all[i - 1].bottom])`
	if got := eval[[]float64](p, gaps); slices.Max(got) > 24 {
		t.Errorf("between the parts of the home are %v pixels; want 24", got)
	}
	p.Open("/dashboard/settings")
	p.See(en.T(message.SessionsKnownMany, 3))
	if n := len(p.All("heading", en.T(message.WasThisYou))); n != 0 {
		t.Error("the home asks again")
	}
}

// testReport checks that the answer "No" ends all sessions and leads to a new password.
func testReport(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(safari)
	other.signIn(email)
	p.Open("/dashboard/settings")
	p.Press(en.T(message.NoSecureAccount))
	p.The("dialog", en.T(message.ConfirmSecureAccount))
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.NoSecureAccount))
	p.Press(en.T(message.NoSecureAccount))
	p.Press(en.T(message.SecureAccount))
	p.At("/reset-password")
	p.See(en.T(message.DoneAccountSecured))
	p.AwaitFocus(en.T(message.NewPassword))
	p.Open("/reset-password") // the page works after a reload
	p.The("textbox", en.T(message.NewPassword))
	p.See(en.T(message.DoneAccountSecured))
	if eval[bool](p, `JSON.stringify({...localStorage}).includes("secure ")`) {
		t.Error("the token of the tab is in the storage of the browser")
	}
	if p.snapshot() != "" {
		t.Errorf("the browser still stores %s", p.snapshot())
	}
	other.visit("sessions")
	other.At("/sign-in")
	const next = "another, and longer one"
	p.Fill(en.T(message.NewPassword), next)
	p.Press(en.T(message.SetNewPassword))
	p.At("/sign-in")
	if eval[bool](p, `JSON.stringify({...sessionStorage}).includes("secure ")`) {
		t.Error("the tab still has the token after its use")
	}
	p.submitSignIn(email, next)
	p.At("/dashboard/settings")
	p.See(en.T(message.ThisDevice))
}

// testHomeSessions checks that the home revokes a session, as the page of sessions does.
func testHomeSessions(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(firefox)
	other.signIn(email)
	p.Open("/dashboard/settings")
	p.Click("button", en.T(message.RevokeThis), firefoxDevice)
	p.The("dialog", en.T(message.ConfirmRevokeSession))
	p.Press(en.T(message.RevokeThis))
	p.See(en.T(message.DoneDeviceSignedOut, firefoxDevice))
	p.AwaitFocus(en.T(message.ActiveSessions))
	p.cardOmits("sessions", firefoxDevice)
	other.visit("sessions")
	other.At("/sign-in")
	p.Click("link", en.T(message.AllSessions), "")
	p.At("/dashboard/settings/sessions")
}

// testHomeAdministrator checks that the home alarms administrators who have only a password.
func testHomeAdministrator(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.signUpAdministrator(server)
	p.The("heading", en.T(message.CheckUpAlarm))
	p.See(en.T(message.LevelAlarm))
	p.enable()
	p.settings("")
	p.See(en.T(message.StrongWayTwoFactor))
	p.None("heading", en.T(message.CheckUpAlarm))
	p.Do(chromedp.EmulateViewport(360, 740))
	p.Act(`goappNav("/dashboard/system")`)
	p.Click("link", en.T(message.BackToSecurityHome), "")
	p.At("/dashboard/settings")
}

// testTabScrolls checks that the control that the Tab key focuses is in sight at once, and that
// the skip link skips the list of pages.
func testTabScrolls(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.Do(chromedp.EmulateViewport(1280, 400))
	for i := range 20 {
		p.Key(kb.Tab)
		if i == 0 {
			p.Key(kb.Enter)
			p.AwaitFocus(en.T(message.SecurityHome))
			p.Key(kb.Tab)
			if eval[bool](p, `document.activeElement.closest("nav") !== null`) {
				t.Errorf("after the skip link, the focus is on %q in the list of pages", p.Focused())
			}
		}
		if !eval[bool](p, `(r => r.bottom > 0 && r.top < innerHeight)(document.activeElement.getBoundingClientRect())`) {
			t.Errorf("%q is out of sight when it has the focus", p.Focused())
		}
	}
}

// testToast checks that a message is gone when the user opens a dialog, which it would be about
// wrongly, and that it covers no control: neither the header, nor what a user of a phone taps.
func testToast(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
	const shown = `document.querySelector(".toast").getBoundingClientRect()`
	p.Until("the message is at the top, below the header",
		shown+`.bottom < innerHeight / 2 && `+shown+`.top >= document.querySelector(".top").getBoundingClientRect().bottom`)
	p.Do(chromedp.EmulateViewport(360, 740))
	p.saveProfile() // the message disappears after a few seconds, which a slow machine may have used up
	p.See(en.T(message.DoneProfileSaved))
	p.Until("the message is above the bar, and lets through the taps on what it covers",
		shown+`.top > innerHeight / 2 && `+shown+`.bottom <= document.querySelector(".bar").getBoundingClientRect().top &&
		(r => document.elementFromPoint(r.left + r.width / 4, r.top + r.height / 2).closest(".toast") === null)(`+shown+`)`)
	p.Act(`document.querySelector("main").dispatchEvent(new PointerEvent("pointerdown", {bubbles: true}))`)
	p.Until("a tap removes the message", `!document.querySelector(".toast")`)
	p.settings("two-factor")
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
	p.settings("two-factor")
	p.Press(en.T(message.EnableTwoFactor))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Until("the message is gone", `!document.querySelector(".toast")`)
}
