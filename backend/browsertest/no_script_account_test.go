package browsertest

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestAccountNoScriptBrowser tests that users manage their account without JavaScript.
func TestAccountNoScriptBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Profile": testNoScriptProfile,
		"Report":  testNoScriptReport,
		"SignOut": testNoScriptSignOut,
	}, nil)
}

// wantWithoutApp fails unless the page fits a narrow window, and each of its visible controls works without
// the app.
func (p *tab) wantWithoutApp(what string) {
	p.t.Helper()
	p.awaitComplete() // with its stylesheet
	if dead := eval[string](p, `[...document.querySelectorAll("button[type=button], select:not([name]), input:not([name])")].
		filter((e) => e.checkVisibility()).map((e) => e.outerHTML).join("\n")`); dead != "" {
		p.t.Errorf("%s has controls that do nothing: %s", what, dead)
	}
	p.Do(chromedp.EmulateViewport(320, 800))
	p.Fits(320, what)
	p.Desk()
}

// awaitComplete waits until the browser has loaded the page with its files.
func (p *tab) awaitComplete() {
	p.t.Helper()
	p.Until("the page is complete", `document.readyState === "complete"`)
}

// visitWithoutApp opens a page, as [tab.wantWithoutApp] wants it.
func (p *tab) visitWithoutApp(path string) {
	p.t.Helper()
	p.Visit(path)
	p.wantWithoutApp(path)
}

// clickButton clicks the button with a text by script: [testkit.Tab.Press] needs scripts in the page.
func (p *tab) clickButton(text message.ID) {
	p.t.Helper()
	p.Until("there is a button "+en.T(text), `document.readyState === "complete" && [...document.querySelectorAll("button")].
		find((e) => e.textContent === `+testkit.Quote(en.T(text))+` && e.checkVisibility()).click() === undefined`)
}

// testNoScriptProfile changes all that a user can change about the account, and then deletes it.
func testNoScriptProfile(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.NoScript()

	p.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	p.Visit("/dashboard/settings")
	p.See(en.T(message.StrongWayMissing))
	p.Gone(en.T(message.SecondWayOnlyPassword))
	p.activate(".check-up > .more")
	p.See(en.T(message.SecondWayOnlyPassword))
	p.Desk()

	p.visitWithoutApp("/dashboard/settings/profile")
	for _, id := range []string{"profile-theme", "choices"} {
		if eval[bool](p, `document.getElementById("`+id+`").checkVisibility()`) {
			t.Errorf("%s stays visible", id)
		}
	}
	p.Enter("profile-name", " ")
	p.activate("#profile-submit")
	p.See(en.T(message.ErrFieldRequired))
	p.AwaitFocus(en.T(message.DisplayName))
	p.Enter("profile-name", "Ada Byron")
	p.activate("#profile-submit")
	p.See(en.T(message.DoneProfileSaved))
	p.Field("profile-name", "Ada Byron")
	p.Act(`document.getElementById("profile-language").value = "de"`)
	p.activate(".choices .without-app button")
	p.See(de.T(message.DoneLanguageSaved))
	p.Act(`document.getElementById("profile-language").value = "browser"`)
	p.activate(".choices .without-app button")
	p.See(en.T(message.DoneLanguageSaved))

	p.activate("#change-email")
	p.awaitTitle(message.ChangeEmailAddress)
	p.wantWithoutApp("the new address")
	p.Enter("task-newEmail", "ada@")
	p.activate("#task-submit")
	p.See(en.T(message.ErrInvalidEmail))
	p.AwaitFocus(en.T(message.NewEmailAddress))
	p.Field("task-newEmail", "ada@")
	p.Enter("task-newEmail", "new."+email)
	p.activate("#task-submit")
	p.See(en.T(message.EmailChangePending, "new."+email))
	p.clickButton(message.CancelAction)
	p.See(en.T(message.DoneEmailChangeCanceled))

	p.visitWithoutApp("/dashboard/settings/password")
	p.Enter("password-currentPassword", "not the password")
	p.Enter("password-newPassword", "a new good password")
	p.activate("#password-submit")
	p.With("textbox", en.T(message.CurrentPassword), en.T(message.ErrWrongCurrentPassword))
	p.AwaitFocus(en.T(message.CurrentPassword))
	p.Field("password-newPassword", "")
	p.Enter("password-currentPassword", password)
	p.Enter("password-newPassword", "a new good password")
	p.activate("#password-submit")
	p.See(en.T(message.DonePasswordChangedAlone))
	p.clickButton(message.ForgotIt)
	p.See(en.T(message.DoneOwnResetLinkSent, email))
	p.wantWithoutApp("the email with a link")

	p.visitWithoutApp("/dashboard/settings/profile")
	p.activate("#delete-account")
	p.awaitTitle(message.ConfirmDeleteAccount)
	p.wantWithoutApp("the deletion")
	p.Enter("task-email", "someone@example.com")
	p.Enter("task-password", "a new good password")
	p.activate("#task-submit")
	p.See(en.T(message.ErrTypeYourAddress, email))
	p.AwaitFocus(en.T(message.TypeYourAddress))
	p.Enter("task-email", email)
	p.Enter("task-password", "a new good password")
	p.activate("#task-submit")
	p.At("/sign-in")
	p.See(en.T(message.DoneAccountDeleted))
}

// testNoScriptReport answers the questions of the home about new sign-ins, the second one with no.
func testNoScriptReport(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	for _, device := range []string{firefox, safari} {
		other := browse(t, server)
		other.As(device)
		other.signIn(email)
	}
	p.NoScript()
	p.visitWithoutApp("/dashboard/settings")
	p.clickButton(message.YesItWasMe)
	p.See(en.T(message.DoneSignInConfirmed))
	p.clickButton(message.NoSecureAccount)
	p.awaitTitle(message.ConfirmSecureAccount)
	p.wantWithoutApp("the report")
	p.activate("#task-submit")
	p.At("/reset-password")
	p.See(en.T(message.DoneAccountSecured))
	p.Enter("reset-newPassword", "a new good password")
	p.activate("#reset-submit")
	p.At("/sign-in")
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", "a new good password"+kb.Enter)
	p.At("/dashboard/settings")
}

// testNoScriptSignOut tests that Back shows nothing of the account after a sign-out, on the page that
// has opened after the sign-in. Chromium keeps that page for Back.
func testNoScriptSignOut(t *testing.T, server *testkit.Program) {
	email := browse(t, server).signUp()
	p := signInNoScript(t, server, email)
	p.At("/dashboard/settings")

	// A form that a script submits on an incomplete page replaces the page's entry of the history.
	// https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#plan-to-navigate
	p.awaitComplete()
	p.activate("#sign-out")
	p.At("/sign-in")
	p.awaitComplete()
	p.Act("history.back()")
	p.See(en.T(message.SignInToSeeSettings))
	if strings.Contains(eval[string](p, "document.documentElement.outerHTML"), email) {
		t.Error("Back shows the account")
	}
}

// awaitTitle waits until the page has a heading.
func (p *tab) awaitTitle(title message.ID) {
	p.t.Helper()
	p.Until("the heading is "+en.T(title), `document.querySelector("h1")?.textContent === `+testkit.Quote(en.T(title)))
}
