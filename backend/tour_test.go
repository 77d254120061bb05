package main_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tours lead through all pages and what can be on them. At every stop somebody
// looks at the page: see TestEveryPage and TestScreenshots.
var tours = map[string]func(t *testing.T, browser context.Context, binary string, look func(p *tab, what string)){
	"outside":    tourOutside,
	"two-factor": tourTwoFactor,
	"passkeys":   tourPasskeys,
	"step-up":    tourStepUp,
	"system":     tourSystem,
}

// lookAround runs all tours.
func lookAround(t *testing.T, look func(p *tab, what string)) {
	t.Helper()
	starting := map[string]func(*testing.T, context.Context, string){}
	for name, tour := range tours {
		starting[name] = func(t *testing.T, browser context.Context, binary string) { tour(t, browser, binary, look) }
	}
	inBrowser(t, nil, starting)
}

// tourOutside is for who is not signed in.
func tourOutside(t *testing.T, browser context.Context, binary string, look func(*tab, string)) {
	server := start(t, setting(t, binary, "VERIFY_EMAIL", "required"), "-rate-limits", "off")
	p := browse(t, browser, server.origin)

	p.do(chromedp.Navigate(p.origin + "/nothing-here"))
	p.see("There is nothing at this address.")
	look(p, "page-not-found")

	// The server sends its own page for such an address; the app has one, for who
	// comes to it without the server.
	p.open("/sign-up")
	eval[bool](p, `history.pushState(null, "", "/nothing-here"), dispatchEvent(new PopStateEvent("popstate")), true`)
	p.the("heading", "Page not found")
	look(p, "page-not-found-in-app")

	without := browse(t, browser, server.origin)
	without.block("/web/app.wasm")
	without.visit("/sign-in")
	without.see("The app could not be loaded.")
	look(without, "no-app")
	without.forgive()

	p.open("/sign-up")
	look(p, "sign-up")
	p.press("Create account")
	p.see("Enter your email address.")
	look(p, "sign-up-wrong")
	p.fill("Name", "Ada Lovelace")
	p.fill("Email", "ada@example.com")
	p.fill("Password", password)
	p.press("Create account")
	p.see("Check your mail")
	look(p, "sign-up-check-mail")

	p.open("/sign-in")
	look(p, "sign-in")
	p.press("Sign in")
	p.see("Enter your password.")
	look(p, "sign-in-empty")
	p.submitSignIn("ada@example.com", "not the password")
	p.see("do not belong together")
	p.press("Show password")
	look(p, "sign-in-wrong")
	p.submitSignIn("ada@example.com", password)
	p.see("Your email address has to be verified first")
	look(p, "sign-in-unverified")
	p.wait("the service worker is in charge", func() bool {
		return eval[bool](p, `navigator.serviceWorker.controller?.state === "activated"`)
	})
	eval[bool](p, `Object.defineProperty(navigator, "onLine", {get: () => false}), dispatchEvent(new Event("offline")), dispatchEvent(new Event("latchkey-update")), true`)
	p.see("You are offline.")
	p.see("A new version is ready.")
	look(p, "offline-and-new-version")

	p.open("/email?error=INVALID_TOKEN")
	p.see("This link did not work")
	look(p, "email-spent")
	p.open(server.link(p, "ada@example.com", "Verify"))
	p.see("Your email address is verified.")
	look(p, "email")

	p.open("/forgot-password")
	look(p, "forgot-password")
	p.fill("Email", "ada@example.com")
	p.press("Send the link")
	p.see("a mail is on its way to it.")
	look(p, "forgot-password-sent")
	link := server.link(p, "ada@example.com", "Choose a new password")
	p.open(link)
	p.the("textbox", "New password")
	look(p, "reset-password")
	p.fill("New password", "short")
	p.press("Set the new password")
	p.see("Passwords have at least 8 characters.")
	look(p, "reset-password-wrong")
	p.fill("New password", "another, and longer one")
	p.press("Set the new password")
	p.see("Your new password is set. Sign in with it.")
	look(p, "sign-in-after-reset")
	p.open(link)
	p.see("This link does not work any more")
	look(p, "reset-password-spent")

	p.open("/not-me?token=spent")
	p.see("This link does not work any more")
	look(p, "not-me-spent")
	p.open(server.link(p, "ada@example.com", "Your password was changed"))
	p.the("button", "It wasn't me")
	look(p, "not-me")
	p.press("It wasn't me")
	p.see("Everybody is signed out of your account.")
	look(p, "not-me-done")
}

func tourTwoFactor(t *testing.T, browser context.Context, binary string, look func(*tab, string)) {
	file := filepath.Join(t.TempDir(), "latchkey.db")
	server := start(t, binary, "-rate-limits", "off", "-database", "sqlite:"+file)
	p, other := browse(t, browser, server.origin), browse(t, browser, server.origin)
	email := p.signUp()
	other.as(safari)
	other.signIn(email)
	p.open("/dashboard/settings")
	p.see("Safari 18 on iOS")
	look(p, "settings")
	p.fill("Current password", "not the password")
	p.fill("New password", "short")
	p.press("Change password")
	p.see("Passwords have at least 8 characters.")
	p.press("Change email address")
	p.press("Send the link")
	p.see("Enter the new address.")
	look(p, "settings-wrong")
	p.click(p.with("button", "Revoke", "Safari 18 on iOS"))
	p.the("dialog", "Revoke this session?")
	look(p, "question")
	p.press("Cancel")

	p.press("Enable 2FA")
	p.awaitFocus("Password")
	look(p, "enable-1-password")
	p.press("Continue")
	p.with("textbox", "Password", "Enter your password.")
	look(p, "enable-1-password-wrong")
	p.fill("Password", password)
	p.press("Continue")
	phone := p.scan()
	look(p, "enable-2-scan")
	p.press("Continue")
	p.codes()
	look(p, "enable-3-save")
	p.press("Continue")
	p.see("Tick the box once you have saved the codes")
	look(p, "enable-3-save-wrong")
	p.click(p.the("checkbox", "I saved them"))
	p.press("Continue")
	p.awaitFocus(atEnrolment)
	look(p, "enable-4-prove")
	p.fill(atEnrolment, "000000")
	p.see("Invalid code. Please try again.")
	look(p, "enable-4-prove-wrong")
	p.fill(atEnrolment, phone.code())
	p.see("2FA enabled successfully!")
	p.see("10 of 10 left")
	look(p, "settings-two-factor")

	p.challenge(email)
	look(p, "two-factor")
	p.fill(atSignIn, "000000")
	p.see("Invalid code. Please try again.")
	p.click(p.the("DisclosureTriangle", "Lost access?"))
	p.see("ask whoever runs this server")
	look(p, "two-factor-wrong")
	p.press("Use a backup code")
	p.the("textbox", "Backup code")
	look(p, "two-factor-backup-code")
	p.press("Send a code by email")
	p.the("textbox", "Code from the email")
	look(p, "two-factor-email-code")
	p.open("/sign-in")
	p.submitSignIn(email, password)
	p.at("/two-factor")
	p.guess()
	look(p, "two-factor-over")

	// Few codes are left.
	alter(t, file, "DELETE FROM backup_codes WHERE digest NOT IN (SELECT digest FROM backup_codes LIMIT 2)")
	p.open("/sign-in")
	p.submitSignIn(email, password)
	p.at("/two-factor")
	p.click(p.the("checkbox", "Trust this device for 30 days"))
	p.fill(atSignIn, phone.code())
	p.see("This device")
	p.see("2 of 10 left")
	p.see("Trusted until")
	look(p, "settings-few-codes-and-trusted-device")
	p.press("Disable 2FA")
	p.the("dialog", "Disable 2FA?")
	look(p, "disable")
	p.press("Cancel")
	p.press("Move to a new phone")
	p.the("dialog", "Move to a new phone")
	look(p, "new-phone")
	p.press("Cancel")
	p.press("Delete account")
	p.the("dialog", "Delete your account?")
	look(p, "delete-account")
	p.press("Cancel")
	p.press("Sign out")
	p.see("You are signed out.")
	look(p, "sign-in-after-sign-out")
}

func tourPasskeys(t *testing.T, browser context.Context, binary string, look func(*tab, string)) {
	server := start(t, binary, "-rate-limits", "off")
	p := browse(t, browser, server.origin)
	a := p.equip(true)
	p.signUp()
	p.press("Add passkey")
	p.awaitFocus("Passkey name")
	look(p, "passkey-add")
	p.press("Continue")
	p.see("Passkey added!")
	look(p, "settings-passkey")
	p.press("Rename")
	p.fill("Passkey name", " ")
	p.click(p.with("button", "Save", "Linux"))
	p.see("Enter a name.")
	look(p, "passkey-rename-wrong")
	p.key(kb.Escape)
	p.awaitFocus("Rename")
	p.press("Delete")
	p.the("dialog", "Delete this passkey?")
	look(p, "passkey-delete")
	p.press("Cancel")
	a.goOut()
	p.the("button", signInWithPasskey)
	look(p, "sign-in-with-passkey")
}

// alter does to the database what would take people long.
func alter(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "PRAGMA busy_timeout = 5000; "+statement); err != nil {
		t.Fatal(err)
	}
}

// tourStepUp sees what asks again who it is.
func tourStepUp(t *testing.T, browser context.Context, binary string, look func(*tab, string)) {
	file := filepath.Join(t.TempDir(), "latchkey.db")
	server := start(t, binary, "-rate-limits", "off", "-database", "sqlite:"+file)
	p := browse(t, browser, server.origin)
	p.signUp()
	p.enable()
	alter(t, file, "UPDATE sessions SET confirmed_at = '2026-01-01 00:00:00+00:00'")
	p.press("Delete account")
	p.the("dialog", "Delete your account?")
	p.press("Delete account")
	p.the("dialog", "Is it still you?")
	look(p, "step-up")
	p.press("Continue")
	p.with("textbox", "Password", "Enter your password.")
	look(p, "step-up-wrong")
	p.press("Use a code from your authenticator app")
	p.the("textbox", atEnrolment)
	look(p, "step-up-code")
}

func tourSystem(t *testing.T, browser context.Context, binary string, look func(*tab, string)) {
	server := start(t, setting(t, binary, "SESSIONS_PER_USER", "50"), "-rate-limits", "off")
	p, ada := browse(t, browser, server.origin), browse(t, browser, server.origin)
	ada.as(firefox)
	email := ada.signUp()
	p.signUpAdministrator(server)
	p.open("/dashboard/system")
	p.see(email)
	p.see("System settings changed")
	look(p, "system")
	p.press("Set RESEND_API_KEY")
	p.press("Save RESEND_API_KEY")
	p.see("Paste the new value, or cancel.")
	p.fill("FRESH_WINDOW", "a while")
	p.press("Save FRESH_WINDOW")
	p.see("It is a time from 1m to 1d")
	other := p.another()
	other.open("/dashboard/system")
	other.fill("APP_NAME", "Theirs")
	p.fill("APP_NAME", "Mine")
	other.press("Save APP_NAME")
	other.see("APP_NAME is saved.")
	p.press("Save APP_NAME")
	p.the("group", "Changed meanwhile")
	p.press("Disable")
	p.the("dialog", "Disable the account "+email+"?")
	look(p, "system-disable")
	p.press("Disable")
	p.see("The account " + email + " is disabled.")
	look(p, "system-wrong")

	p.open("/dashboard/system")
	p.choose("REQUIRE_TWO_FACTOR", "all")
	p.press("Save REQUIRE_TWO_FACTOR")
	p.see("Your account needs two-factor authentication")
	p.fill("REQUIRE_TWO_FACTOR_GRACE", "0s")
	p.press("Save REQUIRE_TWO_FACTOR_GRACE")
	p.see("Two-factor authentication first")
	look(p, "system-overdue")
	p.open("/dashboard/settings")
	p.see("Enable 2FA")
	look(p, "settings-overdue")
}
