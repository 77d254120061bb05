package browsertest

import (
	"latchkey/backend/testkit"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tours visit every page in every state. In each state they call inspect. See
// TestEveryPage and TestScreenshots.
var tours = map[string]func(t *testing.T, inspect func(p *tab, what string)){
	"outside":    tourSignedOut,
	"two-factor": tourTwoFactor,
	"passkeys":   tourPasskeys,
	"step-up":    tourStepUp,
	"system":     tourSystem,
}

// runTours runs all tours.
func runTours(t *testing.T, inspect func(p *tab, what string)) {
	t.Helper()
	starting := map[string]func(*testing.T){}
	for name, tour := range tours {
		starting[name] = func(t *testing.T) { tour(t, inspect) }
	}
	suite(t, nil, starting)
}

// tourSignedOut visits the pages for users who are not signed in.
func tourSignedOut(t *testing.T, inspect func(*tab, string)) {
	server := testkit.Start(t, "VERIFY_EMAIL=required", "-rate-limits", "off")
	p := browse(t, server)

	p.Do(chromedp.Navigate(p.Origin + "/nothing-here"))
	p.See("There is nothing at this address.")
	inspect(p, "page-not-found")

	// The server has its own page for an unknown address. The app has another
	// one, for users who get there without the server.
	p.Open("/sign-up")
	eval[bool](p, `history.pushState(null, "", "/nothing-here"), dispatchEvent(new PopStateEvent("popstate")), true`)
	p.The("heading", "Page not found")
	inspect(p, "page-not-found-in-app")

	noApp := browse(t, server)
	noApp.Provoke(wasmNotLoaded)
	noApp.Block("/web/app.wasm")
	noApp.Visit("/sign-in")
	noApp.See("The app could not be loaded.")
	inspect(noApp, "no-app")

	p.Open("/sign-up")
	inspect(p, "sign-up")
	p.Press("Create account")
	p.See("Enter your email address.")
	inspect(p, "sign-up-wrong")
	p.Fill("Name", "Ada Lovelace")
	p.Fill("Email", "ada@example.com")
	p.Fill("Password", password)
	p.Press("Create account")
	p.See("Check your mail")
	inspect(p, "sign-up-check-mail")

	p.Open("/sign-in")
	inspect(p, "sign-in")
	p.Press("Sign in")
	p.See("Enter your password.")
	inspect(p, "sign-in-empty")
	p.submitSignIn("ada@example.com", "not the password")
	p.See("do not belong together")
	p.Press("Show password")
	inspect(p, "sign-in-wrong")
	p.submitSignIn("ada@example.com", password)
	p.See("Your email address has to be verified first")
	inspect(p, "sign-in-unverified")
	p.awaitServiceWorker()
	eval[bool](p, `Object.defineProperty(navigator, "onLine", {get: () => false}),
		dispatchEvent(new Event("offline")), dispatchEvent(new Event("latchkey-update")), true`)
	p.See("You are offline.")
	p.See("A new version is ready.")
	inspect(p, "offline-and-new-version")

	p.Open("/email?error=INVALID_TOKEN")
	p.See("This link did not work")
	inspect(p, "email-spent")
	p.Open(server.Link("ada@example.com", "Verify"))
	p.See("Your email address is verified.")
	inspect(p, "email")

	p.Open("/forgot-password")
	inspect(p, "forgot-password")
	p.Fill("Email", "ada@example.com")
	p.Press("Send the link")
	p.See("a mail is on its way to it.")
	inspect(p, "forgot-password-sent")
	link := server.Link("ada@example.com", "Choose a new password")
	p.Open(link)
	p.The("textbox", "New password")
	inspect(p, "reset-password")
	p.Fill("New password", "short")
	p.Press("Set the new password")
	p.See("Passwords have at least 8 characters.")
	inspect(p, "reset-password-wrong")
	p.Fill("New password", "another, and longer one")
	p.Press("Set the new password")
	p.See("Your new password is set. Sign in with it.")
	inspect(p, "sign-in-after-reset")
	p.Open(link)
	p.See("This link does not work any more")
	inspect(p, "reset-password-spent")

	p.Open("/not-me?token=spent")
	p.See("This link does not work any more")
	inspect(p, "not-me-spent")
	p.Open(server.Link("ada@example.com", "Your password was changed"))
	p.The("button", "It wasn't me")
	inspect(p, "not-me")
	p.Press("It wasn't me")
	p.See("Everybody is signed out of your account.")
	inspect(p, "not-me-done")
}

// tourTwoFactor visits the settings and the steps of two-factor authentication.
func tourTwoFactor(t *testing.T, inspect func(*tab, string)) {
	server, db := startWithDatabase(t)
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(safari)
	other.signIn(email)
	p.Open("/dashboard/settings")
	p.See("Safari 18 on iOS")
	inspect(p, "settings")
	p.Fill("Current password", "not the password")
	p.Fill("New password", "short")
	p.Press("Change password")
	p.See("Passwords have at least 8 characters.")
	p.Press("Change email address")
	p.Press("Send the link")
	p.See("Enter the new address.")
	inspect(p, "settings-wrong")
	p.Click("button", "Revoke", "Safari 18 on iOS")
	p.The("dialog", "Revoke this session?")
	inspect(p, "question")
	p.Press("Cancel")

	p.Press("Enable 2FA")
	p.AwaitFocus("Password")
	inspect(p, "enable-1-password")
	p.Press("Continue")
	p.With("textbox", "Password", "Enter your password.")
	inspect(p, "enable-1-password-wrong")
	p.Fill("Password", password)
	p.Press("Continue")
	authenticator := p.scan()
	inspect(p, "enable-2-scan")
	p.Press("Continue")
	p.codes()
	inspect(p, "enable-3-save")
	p.Press("Continue")
	p.See("Tick the box once you have saved the codes")
	inspect(p, "enable-3-save-wrong")
	p.Click("checkbox", "I saved them", "")
	p.Press("Continue")
	p.AwaitFocus(enrollmentCode)
	inspect(p, "enable-4-prove")
	p.Fill(enrollmentCode, "000000")
	p.See("Invalid code. Please try again.")
	inspect(p, "enable-4-prove-wrong")
	p.Fill(enrollmentCode, authenticator.Next())
	p.See("2FA enabled successfully!")
	p.See("10 of 10 left")
	inspect(p, "settings-two-factor")

	p.startSecondFactor(email)
	inspect(p, "two-factor")
	p.Fill(signInCode, "000000")
	p.See("Invalid code. Please try again.")
	p.Click("DisclosureTriangle", "Lost access?", "")
	p.See("ask whoever runs this server")
	inspect(p, "two-factor-wrong")
	p.Press("Use a backup code")
	p.The("textbox", "Backup code")
	inspect(p, "two-factor-backup-code")
	p.Press("Send a code by email")
	p.The("textbox", "Code from the email")
	inspect(p, "two-factor-email-code")
	p.Open("/sign-in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.exhaustCodes()
	inspect(p, "two-factor-over")

	// Only two backup codes are left.
	execSQL(t, db, "DELETE FROM backup_codes WHERE digest NOT IN (SELECT digest FROM backup_codes LIMIT 2)")
	p.Open("/sign-in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.Click("checkbox", "Trust this device for 30 days", "")
	p.Fill(signInCode, authenticator.Next())
	p.See("This device")
	p.See("2 of 10 left")
	p.See("Trusted until")
	inspect(p, "settings-few-codes-and-trusted-device")
	p.Press("Disable 2FA")
	p.The("dialog", "Disable 2FA?")
	inspect(p, "disable")
	p.Press("Cancel")
	p.Press("Move to a new phone")
	p.The("dialog", "Move to a new phone")
	inspect(p, "new-phone")
	p.Press("Cancel")
	p.Press("Delete account")
	p.The("dialog", "Delete your account?")
	inspect(p, "delete-account")
	p.Press("Cancel")
	p.Press("Sign out")
	p.See("You are signed out.")
	inspect(p, "sign-in-after-sign-out")
}

// tourPasskeys visits the pages for passkeys.
func tourPasskeys(t *testing.T, inspect func(*tab, string)) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	a := p.addAuthenticator(true)
	p.signUp()
	p.Press("Add passkey")
	p.AwaitFocus("Passkey name")
	inspect(p, "passkey-add")
	p.Press("Continue")
	p.See("Passkey added!")
	inspect(p, "settings-passkey")
	p.Press("Rename")
	p.Fill("Passkey name", " ")
	p.Click("button", "Save", "Linux")
	p.See("Enter a name.")
	inspect(p, "passkey-rename-wrong")
	p.Key(kb.Escape)
	p.AwaitFocus("Rename")
	p.Press("Delete")
	p.The("dialog", "Delete this passkey?")
	inspect(p, "passkey-delete")
	p.Press("Cancel")
	a.signOut()
	p.The("button", signInWithPasskey)
	inspect(p, "sign-in-with-passkey")
}

// tourStepUp visits the dialog that asks users to confirm their identity.
func tourStepUp(t *testing.T, inspect func(*tab, string)) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	p.signUp()
	p.enable()
	expireFreshness(t, db)
	p.Press("Delete account")
	p.The("dialog", "Delete your account?")
	p.Press("Delete account")
	p.The("dialog", "Is it still you?")
	inspect(p, "step-up")
	p.Press("Continue")
	p.With("textbox", "Password", "Enter your password.")
	inspect(p, "step-up-wrong")
	p.Press("Use a code from your authenticator app")
	p.The("textbox", enrollmentCode)
	inspect(p, "step-up-code")
}

// tourSystem visits the pages for administrators.
func tourSystem(t *testing.T, inspect func(*tab, string)) {
	server := testkit.Start(t, "SESSIONS_PER_USER=50", "-rate-limits", "off")
	p, ada := browse(t, server), browse(t, server)
	ada.As(firefox)
	email := ada.signUp()
	p.signUpAdministrator(server)
	p.Open("/dashboard/system")
	p.See(email)
	p.See("System settings changed")
	inspect(p, "system")
	p.Press("Set RESEND_API_KEY")
	p.Press("Save RESEND_API_KEY")
	p.See("Paste the new value, or cancel.")
	p.Fill("FRESH_WINDOW", "a while")
	p.Press("Save FRESH_WINDOW")
	p.See("It is a time from 1m to 1d")
	other := p.another()
	other.Open("/dashboard/system")
	other.Fill("APP_NAME", "Theirs")
	p.Fill("APP_NAME", "Mine")
	other.Press("Save APP_NAME")
	other.See("APP_NAME is saved.")
	p.Press("Save APP_NAME")
	p.The("group", "Changed meanwhile")
	p.Press("Disable")
	p.The("dialog", "Disable the account "+email+"?")
	inspect(p, "system-disable")
	p.Press("Disable")
	p.See("The account " + email + " is disabled.")
	inspect(p, "system-wrong")

	p.Open("/dashboard/system")
	p.Choose("REQUIRE_TWO_FACTOR", "all")
	p.Press("Save REQUIRE_TWO_FACTOR")
	p.See("Your account needs two-factor authentication")
	p.Fill("REQUIRE_TWO_FACTOR_GRACE", "0s")
	p.Press("Save REQUIRE_TWO_FACTOR_GRACE")
	p.See("Two-factor authentication first")
	inspect(p, "system-overdue")
	p.Open("/dashboard/settings")
	p.See("Enable 2FA")
	inspect(p, "settings-overdue")
}
