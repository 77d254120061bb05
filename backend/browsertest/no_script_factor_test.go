package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp/kb"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestFactorNoScriptBrowser tests the pages of the second factor and of passkeys without
// JavaScript.
func TestFactorNoScriptBrowser(t *testing.T) {
	tests := map[string]func(*testing.T, *testkit.Program){
		"Enable":  testEnableNoScript,
		"Email":   testEmailCodeNoScript,
		"Passkey": testPasskeyNoScript,
	}
	if thorough() { // tests without a browser press the same buttons
		tests["Renew"] = testRenewNoScript
	}
	suite(t, tests, nil)
}

// signInNoScript signs in in a new tab without JavaScript.
func signInNoScript(t *testing.T, server *testkit.Program, email string) *tab {
	t.Helper()
	p := browse(t, server)
	p.NoScript()
	p.Visit("/sign-in")
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", password+kb.Enter)
	return p
}

// typeKey returns an authenticator app with the key that the page shows.
func (p *tab) typeKey() *testkit.AuthenticatorApp {
	p.t.Helper()
	p.awaitComplete()
	app := testkit.TypeKey(strings.ReplaceAll(eval[string](p, `document.getElementById("task-key").textContent`), " ", ""))
	scanned.Add(app)
	return app
}

// testEnableNoScript turns two-factor authentication on, signs in with it, trusts the browser, and
// turns it off.
func testEnableNoScript(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	p := signInNoScript(t, server, email)
	p.At("/dashboard/settings")
	p.Visit("/dashboard/settings/two-factor")
	p.activate("#content .actions button.main")
	p.The("heading", en.T(message.EnableTwoFactor))
	p.wantWithoutApp("enable")
	p.Enter("task-password", "not the password"+kb.Enter)
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrWrongCurrentPassword))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Enter("task-password", password+kb.Enter)
	p.The("heading", en.T(message.AddKeyToAuthenticatorApp))
	p.wantWithoutApp("key")
	authenticator := p.typeKey()
	codes := eval[[]string](p, `[...document.querySelectorAll(".codes code")].map((e) => e.textContent)`)

	folder := t.TempDir()
	command(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: p.browserContext(), DownloadPath: folder,
	})
	p.activate("#task-download")
	p.Await("the download is complete", func() bool {
		file, err := os.ReadFile(filepath.Join(folder, "latchkey-backup-codes.txt"))
		return err == nil && strings.HasSuffix(string(file), en.T(message.EachCodeSignsInOnce)+"\n") &&
			strings.Contains(string(file), strings.Join(codes, "\n")) && strings.Contains(string(file), strings.TrimPrefix(server.Origin, "http://"))
	})

	p.Enter("task-code", scanned.Wrong()+kb.Enter)
	p.With("textbox", en.T(message.AuthenticatorCode), en.T(message.HintSixDigitsNow)+" "+en.T(message.ErrInvalidCode))
	p.AwaitFocus(en.T(message.AuthenticatorCode))
	p.wantWithoutApp("first-code")
	p.Enter("task-code", authenticator.Next()+kb.Enter)
	p.At("/dashboard/settings/two-factor")
	p.See(en.T(message.DoneTwoFactorEnabled))
	p.See(en.T(message.BackupCodesOfTenLeft, 10))

	// Sign in with a backup code and with a code, and trust the browser.
	p = signInNoScript(t, server, email)
	p.At("/two-factor")
	p.activate("#second-factor-trust")
	p.Enter("second-factor-code", authenticator.Next()+kb.Enter)
	p.At("/dashboard/settings")
	p.Visit("/dashboard/settings/two-factor")
	p.activate(`[aria-describedby^="trusted-devices"]`)
	p.The("heading", en.T(message.ConfirmUntrustDevice))
	p.wantWithoutApp("trusted")
	p.activate("#task-submit")
	p.See(en.T(message.DoneDeviceNotTrusted))
	p.See(en.T(message.NoTrustedDevices))

	p.activate("#content .actions button.danger")
	p.The("heading", en.T(message.ConfirmDisableTwoFactor))
	p.Enter("task-password", password+kb.Enter)
	p.See(en.T(message.DoneTwoFactorDisabled))
}

// testEmailCodeNoScript requests a code by email at sign-in, and goes back to the authenticator app. It
// also checks that the app, too, asks for the code that it was sent.
func testEmailCodeNoScript(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	authenticator, _ := owner.enable()
	p := signInNoScript(t, server, email)
	p.At("/two-factor")
	p.Click("checkbox", en.T(message.TrustDevice), "")
	if !eval[bool](p, `document.getElementById("second-factor-trust").checked`) {
		t.Error("a click on the check box does not check it")
	}
	p.activate(`.methods button[form="calls"]`)
	p.The("textbox", en.T(message.CodeFromEmail))
	p.See(en.T(message.DoneCodeEmailed))
	p.AwaitFocus(en.T(message.CodeFromEmail))
	p.wantWithoutApp("code")
	p.Click("link", en.T(message.UseAuthenticatorApp), "")
	p.AwaitFocus(signInCode)
	p.Key(authenticator.Next() + kb.Enter)
	p.At("/dashboard/settings")

	p = browse(t, server)
	p.Open("/sign-in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.holdApp()
	p.Visit("/two-factor")
	p.activate(`.methods button[form="calls"]`)
	p.The("textbox", en.T(message.CodeFromEmail))
	p.releaseApp()
	p.The("textbox", en.T(message.CodeFromEmail))
	p.Press(en.T(message.UseAuthenticatorApp))
	p.AwaitFocus(signInCode)
	p.Key(authenticator.Next())
	p.notNow()
	p.At("/dashboard/settings")
}

// testPasskeyNoScript renames and deletes a passkey.
func testPasskeyNoScript(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	owner.addAuthenticator(true)
	owner.settings("passkeys")
	owner.addPasskey("Phone")

	p := signInNoScript(t, server, email)
	p.At("/dashboard/settings")
	p.Visit("/dashboard/settings/passkeys")
	p.See(en.T(message.AddingPasskeyNeedsApp))
	if eval[bool](p, `document.getElementById("add-passkey-open").checkVisibility()`) {
		t.Error("the button that adds a passkey stays visible")
	}
	p.activate(`[id^="rename-"]`)
	p.The("heading", en.T(message.RenamePasskey))
	p.wantWithoutApp("rename")
	p.Enter("task-name", kb.Backspace+kb.Enter)
	p.See(en.T(message.ErrEnterName))
	p.AwaitFocus(en.T(message.PasskeyName))
	p.Enter("task-name", "Old phone"+kb.Enter)
	p.See(en.T(message.DonePasskeyRenamed))
	p.See("Old phone")
	p.activate(".passkey button.danger")
	p.The("heading", en.T(message.ConfirmDeletePasskey))
	p.wantWithoutApp("delete")
	p.activate("#task-submit")
	p.See(en.T(message.DonePasskeyGone))
	p.See(en.T(message.NoPasskeysYet))
}

// testRenewNoScript moves to a new phone and makes new backup codes. Only the new ones work after
// that.
func testRenewNoScript(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	old, _ := owner.enable()
	p := signInNoScript(t, server, email)
	p.At("/two-factor")
	p.Enter("second-factor-code", old.Next()+kb.Enter)
	p.At("/dashboard/settings")

	p.Visit("/dashboard/settings/two-factor")
	p.clickButton(message.MoveToNewPhone)
	p.Enter("task-password", password+kb.Enter)
	p.The("heading", en.T(message.AddKeyToAuthenticatorApp))
	fresh := p.typeKey()
	p.Enter("task-code", fresh.Next()+kb.Enter)
	p.At("/dashboard/settings/two-factor")
	p.See(en.T(message.DoneMovedToNewPhone))

	p.clickButton(message.NewBackupCodes)
	p.Enter("task-password", password+kb.Enter)
	p.The("heading", en.T(message.SaveBackupCodes))
	p.wantWithoutApp("the new codes")
	codes := eval[[]string](p, `[...document.querySelectorAll(".codes code")].map((e) => e.textContent)`)

	p = signInNoScript(t, server, email)
	p.At("/two-factor")
	p.Enter("second-factor-code", scanned.Wrong()+kb.Enter)
	p.See(en.T(message.ErrInvalidCode))
	p.activate("details summary")
	p.Enter("second-factor-backupCode", codes[0]+kb.Enter)
	p.At("/dashboard/settings")
}
