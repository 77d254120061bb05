package browsertest

import (
	"latchkey/backend/testkit"
	"latchkey/shared/message"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tours visit every page in every state. In each state they call inspect. See
// TestEveryPage and TestScreenshots.
var tours = map[string]func(t *testing.T, inspect func(p *tab, what string)){
	"signed-out": tourSignedOut,
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
	p.See(en.T(message.ErrAddressNotFound))
	inspect(p, "page-not-found")

	p.Visit("/docs/configuration") // with the widest table
	p.The("heading", "Configuration")
	inspect(p, "document")

	// The server has its own page for an unknown address. The app has another
	// one, for users who get there without the server.
	p.Open("/sign-up")
	p.Act(`history.pushState(null, "", "/nothing-here"), dispatchEvent(new PopStateEvent("popstate"))`)
	p.The("heading", en.T(message.PageNotFound))
	inspect(p, "page-not-found-in-app")

	noApp := browse(t, server)
	noApp.Provoke(wasmNotLoaded)
	noApp.Block("/web/app.wasm")
	noApp.Visit("/sign-in")
	noApp.See(en.T(message.ErrAppNotLoaded))
	inspect(noApp, "no-app")

	p.Open("/sign-up")
	inspect(p, "sign-up")
	p.Press(en.T(message.RegisterAccount))
	p.See(en.T(message.ErrEnterEmailAddress))
	inspect(p, "sign-up-wrong")
	p.Fill(en.T(message.DisplayName), "Ada Lovelace")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.RegisterAccount))
	p.See(en.T(message.CheckYourEmail))
	inspect(p, "sign-up-check-mail")

	p.Open("/sign-in")
	inspect(p, "sign-in")
	p.Press(en.T(message.SignIn))
	p.See(en.T(message.ErrEnterPassword))
	inspect(p, "sign-in-empty")
	p.submitSignIn("ada@example.com", "not the password")
	p.See(en.T(message.ErrInvalidCredentials))
	p.Press(showPassword)
	inspect(p, "sign-in-wrong")
	p.submitSignIn("ada@example.com", password)
	p.See(en.T(message.ErrEmailNotVerified))
	inspect(p, "sign-in-unverified")
	p.awaitServiceWorker()
	p.Act(`Object.defineProperty(navigator, "onLine", {get: () => false}),
		dispatchEvent(new Event("offline")), dispatchEvent(new Event("latchkey-update")), true`)
	p.See(en.T(message.ErrOfflineReadOnly))
	p.See(en.T(message.NewVersionReady))
	inspect(p, "offline-and-new-version")

	p.Open("/email?token=spent")
	p.See(en.T(message.ErrLinkDidNotWork))
	inspect(p, "email-dead")
	verification := server.Link("ada@example.com", en.T(message.VerifyCode))
	p.Open(verification)
	p.The("button", en.T(message.ConfirmButton))
	inspect(p, "email-confirm")
	p.Press(en.T(message.ConfirmButton))
	p.See(en.T(message.DoneEmailVerified))
	p.Open(verification)
	p.See(en.T(message.DoneEmailAlreadyVerified))
	inspect(p, "email-confirmed-already")
	tourLinks(server, p, inspect)

	p.Open("/forgot-password")
	inspect(p, "forgot-password")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.Press(en.T(message.SendLink))
	p.See(en.T(message.DoneResetLinkSent, "ada@example.com"))
	inspect(p, "forgot-password-sent")
	link := server.Link("ada@example.com", en.T(message.ChooseNewPassword))
	p.Open(link)
	p.The("textbox", en.T(message.NewPassword))
	inspect(p, "reset-password")
	p.Fill(en.T(message.NewPassword), "short")
	p.Press(en.T(message.SetNewPassword))
	p.See(en.T(message.ErrPasswordTooShort))
	inspect(p, "reset-password-wrong")
	p.Fill(en.T(message.NewPassword), "another, and longer one")
	p.Press(en.T(message.SetNewPassword))
	p.See(en.T(message.DonePasswordReset))
	inspect(p, "sign-in-after-reset")
	p.Open(link)
	p.See(en.T(message.ErrLinkNoLongerWorks))
	inspect(p, "reset-password-spent")

	p.Open("/not-me?token=spent")
	p.See(en.T(message.ErrLinkNoLongerWorks))
	inspect(p, "not-me-spent")
	p.Open(server.Link("ada@example.com", en.T(message.MailPasswordChangedSubject)))
	p.The("button", en.T(message.ItWasNotMe))
	inspect(p, "not-me")
	p.Press(en.T(message.ItWasNotMe))
	p.See(en.T(message.DoneAccountSecured))
	inspect(p, "not-me-done")
}

// tourLinks visits the pages of links about the account of ada@example.com.
func tourLinks(server *testkit.Program, p *tab, inspect func(*tab, string)) {
	client := server.Client()
	client.SignIn("ada@example.com").Must(p.t, 200, "")
	change := map[string]any{"newEmail": "augusta.ada.king.countess.of.lovelace@analytical-engine.example.org"}
	client.Post("/change-email", change).Must(p.t, 200, "")
	p.Open(server.Link("ada@example.com", en.T(message.MailAgreeEmailChangeSubject)))
	p.The("button", en.T(message.AgreeToChange))
	inspect(p, "email-agree")
	client.Post("/delete-user", map[string]any{}).Must(p.t, 200, "")
	owner := browse(p.t, server)
	owner.Adopt(client)
	owner.Open(server.Link("ada@example.com", en.T(message.MailDeleteAccountSubject)))
	owner.The("button", en.T(message.DeleteAccount))
	inspect(owner, "email-delete")
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
	p.Fill(en.T(message.CurrentPassword), "not the password")
	p.Fill(en.T(message.NewPassword), "short")
	p.Press(en.T(message.ChangePassword))
	p.See(en.T(message.ErrPasswordTooShort))
	p.Press(en.T(message.ChangeEmailAddress))
	p.Press(en.T(message.SendLink))
	p.See(en.T(message.ErrEnterNewAddress))
	inspect(p, "settings-wrong")
	p.Click("button", en.T(message.RevokeThis), "Safari 18 on iOS")
	p.The("dialog", en.T(message.ConfirmRevokeSession))
	inspect(p, "confirm")
	p.Press(en.T(message.CancelAction))

	p.Press(en.T(message.EnableTwoFactor))
	p.AwaitFocus(en.T(message.AccountPassword))
	inspect(p, "enable-1-password")
	p.Press(en.T(message.ContinueAction))
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrEnterPassword))
	inspect(p, "enable-1-password-wrong")
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.ContinueAction))
	authenticator := p.scan()
	inspect(p, "enable-2-scan")
	p.Press(en.T(message.ContinueAction))
	p.codes()
	inspect(p, "enable-3-save")
	p.Press(en.T(message.ContinueAction))
	p.See(en.T(message.ErrCodesNotSaved))
	inspect(p, "enable-3-save-wrong")
	p.Click("checkbox", en.T(message.CodesSaved), "")
	p.Press(en.T(message.ContinueAction))
	p.AwaitFocus(enrollmentCode)
	inspect(p, "enable-4-prove")
	p.Fill(enrollmentCode, "000000")
	p.See(en.T(message.ErrInvalidCode))
	inspect(p, "enable-4-prove-wrong")
	p.Fill(enrollmentCode, authenticator.Next())
	p.See(en.T(message.DoneTwoFactorEnabled))
	p.See(en.T(message.BackupCodesOfTenLeft, 10))
	inspect(p, "settings-two-factor")

	p.startSecondFactor(email)
	inspect(p, "two-factor")
	p.Fill(signInCode, "000000")
	p.See(en.T(message.ErrInvalidCode))
	p.Click("DisclosureTriangle", en.T(message.LostAccess), "")
	p.See(en.T(message.LostAccessAskOperator))
	inspect(p, "two-factor-wrong")
	p.Press(en.T(message.UseBackupCode))
	p.The("textbox", en.T(message.BackupCode))
	inspect(p, "two-factor-backup-code")
	p.Press(en.T(message.SendCodeByEmail))
	p.The("textbox", en.T(message.CodeFromEmail))
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
	p.Click("checkbox", en.T(message.TrustDevice), "")
	p.Fill(signInCode, authenticator.Next())
	p.See(en.T(message.ThisDevice))
	p.See(en.T(message.BackupCodesOfTenLeft, 2))
	p.See(en.T(message.TrustedUntil))
	inspect(p, "settings-few-codes-and-trusted-device")
	p.Press(en.T(message.DisableTwoFactor))
	p.The("dialog", en.T(message.ConfirmDisableTwoFactor))
	inspect(p, "disable")
	p.Press(en.T(message.CancelAction))
	p.Press(en.T(message.MoveToNewPhone))
	p.The("dialog", en.T(message.MoveToNewPhone))
	inspect(p, "new-phone")
	p.Press(en.T(message.CancelAction))
	p.Press(en.T(message.DeleteAccount))
	p.The("dialog", en.T(message.ConfirmDeleteAccount))
	inspect(p, "delete-account")
	p.Press(en.T(message.CancelAction))
	p.Press(en.T(message.SignOut))
	p.See(en.T(message.DoneSignedOut))
	inspect(p, "sign-in-after-sign-out")
}

// tourPasskeys visits the pages for passkeys.
func tourPasskeys(t *testing.T, inspect func(*tab, string)) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	a := p.addAuthenticator(true)
	p.signUp()
	p.Press(en.T(message.AddPasskey))
	p.AwaitFocus(en.T(message.PasskeyName))
	inspect(p, "passkey-add")
	p.Press(en.T(message.ContinueAction))
	p.See(en.T(message.DonePasskeyAdded))
	inspect(p, "settings-passkey")
	p.Press(en.T(message.RenameItem))
	p.Fill(en.T(message.PasskeyName), " ")
	p.Click("button", en.T(message.SaveChanges), "Linux")
	p.See(en.T(message.ErrEnterName))
	inspect(p, "passkey-rename-wrong")
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.RenameItem))
	p.Press(en.T(message.DeleteItem))
	p.The("dialog", en.T(message.ConfirmDeletePasskey))
	inspect(p, "passkey-delete")
	p.Press(en.T(message.CancelAction))
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
	p.Press(en.T(message.DeleteAccount))
	p.The("dialog", en.T(message.ConfirmDeleteAccount))
	p.Press(en.T(message.DeleteAccount))
	p.The("dialog", en.T(message.ConfirmIdentity))
	inspect(p, "step-up")
	p.Press(en.T(message.ContinueAction))
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrEnterPassword))
	inspect(p, "step-up-wrong")
	p.Press(en.T(message.UseAuthenticatorCode))
	p.The("textbox", enrollmentCode)
	inspect(p, "step-up-code")
	p.Press(en.T(message.CancelAction))

	p.Press(en.T(message.AddPasskey))
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.The("textbox", enrollmentCode)
	inspect(p, "step-up-factor")
	p.Press(en.T(message.UseBackupCode))
	p.The("textbox", en.T(message.BackupCode))
	inspect(p, "step-up-backup")
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
	p.See(en.T(message.FilterSettingsChanged))
	inspect(p, "system")
	p.Press(en.T(message.SetNamedValue, titleOf(en, "RESEND_API_KEY")))
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "RESEND_API_KEY")))
	p.See(en.T(message.ErrNewValueRequired))
	p.Fill(titleOf(en, "FRESH_WINDOW"), "a while")
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "FRESH_WINDOW")))
	p.See(en.T(message.ErrSettingDuration, "1m", "1d"))
	other := p.another()
	other.Open("/dashboard/system")
	other.Fill(titleOf(en, "APP_NAME"), "Theirs")
	p.Fill(titleOf(en, "APP_NAME"), "Mine")
	other.Press(en.T(message.SaveNamedValue, titleOf(en, "APP_NAME")))
	other.See(en.T(message.DoneSettingSaved, titleOf(en, "APP_NAME")))
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "APP_NAME")))
	p.The("group", en.T(message.ChangedMeanwhile))
	p.Press(en.T(message.DisableAccount))
	p.The("dialog", en.T(message.ConfirmDisableAccount, email))
	inspect(p, "system-disable")
	p.Press(en.T(message.DisableAccount))
	p.See(en.T(message.DoneAccountDisabled, email))
	inspect(p, "system-wrong")

	p.Open("/dashboard/system")
	p.Choose(titleOf(en, "REQUIRE_TWO_FACTOR"), "all")
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "REQUIRE_TWO_FACTOR")))
	p.See(prefix(message.TwoFactorDueBy))
	p.Fill(titleOf(en, "REQUIRE_TWO_FACTOR_GRACE"), "0s")
	p.Press(en.T(message.SaveNamedValue, titleOf(en, "REQUIRE_TWO_FACTOR_GRACE")))
	p.See(en.T(message.TwoFactorFirst))
	inspect(p, "system-overdue")
	p.Open("/dashboard/settings")
	p.See(en.T(message.EnableTwoFactor))
	inspect(p, "settings-overdue")
}
