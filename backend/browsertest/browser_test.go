package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	_ "modernc.org/sqlite"
)

// TestBrowser tests sign-in, sessions, the profile and the app shell in a real
// browser.
func TestBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"FirstAdministrator": testFirstAdministrator,
		"Revoke":             testRevoke,
		"RevokeOthers":       testRevokeOthers,
		"SignInErrors":       testSignInErrors,
		"NamesAndAddresses":  testNamesAndAddresses,
		"Profile":            testProfile,
		"Theme":              testTheme,
		"DeleteAccount":      testDeleteAccount,
		"Password":           testPassword,
		"Keyboard":           testKeyboard,
		"Tabs":               testTabs,
		"SnapshotContents":   testSnapshotContents,
		"Panic":              testPanic,
		"ReturnTo":           testReturnTo,
		"Manifest":           testManifest,
		"NoApp":              testNoApp,
		"LongWords":          testLongWords,
	}, map[string]func(*testing.T){
		"StepUp":              testStepUp,
		"DeleteAdministrator": testDeleteAdministrator,
		"TooManyTries":        testTooManyTries,
		"ServerUnreachable":   testServerAway,
	})
}

// testFirstAdministrator checks that the first sign-up link creates an
// administrator and works once.
func testFirstAdministrator(t *testing.T, server *testkit.Program) {
	link := "/sign-up?invite=" + invite(t, server)
	p := browse(t, server)
	p.Open(link)
	p.See(en.T(message.FirstAdministrator))
	p.submitSignUp("Grace Hopper", "grace@example.com", password)
	p.At("/dashboard/settings")

	other := browse(t, server)
	other.Open(link)
	other.submitSignUp("", "mallory@example.com", password)
	other.See(en.T(message.ErrInviteExpired))
}

func testRevoke(t *testing.T, server *testkit.Program) {
	current, other, phone := browse(t, server), browse(t, server), browse(t, server)
	email := current.signUp()
	other.As(firefox)
	other.signIn(email)
	other.lookAway()
	phone.As(safari)
	phone.signIn(email)
	phone.settings("sessions")
	phone.lookAway()

	current.Open("/dashboard/settings/sessions")
	current.See(firefoxDevice)
	if n := len(current.All("button", en.T(message.RevokeThis))); n != 3 {
		t.Errorf("the page offers to revoke %d sessions; want 3", n)
	}

	// When a row disappears, the next row still belongs to its own session.
	current.Click("button", en.T(message.RevokeThis), safariDevice)
	current.With("dialog", en.T(message.ConfirmRevokeSession),
		en.T(message.DeviceWillBeSignedOut, safariDevice, en.T(message.ActiveNow)+" · 127.0.0.1"))
	current.Press(en.T(message.RevokeThis))
	current.See(en.T(message.DoneDeviceSignedOut, safariDevice))
	current.AwaitFocus(en.T(message.RevokeThis)) // in the next row
	phone.Press(en.T(message.RevokeOtherSessions))
	phone.Press(en.T(message.RevokeAll))
	phone.At("/sign-in")
	phone.See(sessionEnded)

	// Canceling changes nothing.
	current.Click("button", en.T(message.RevokeThis), firefoxDevice)
	current.The("dialog", en.T(message.ConfirmRevokeSession))
	current.Press(en.T(message.CancelAction))
	current.With("button", en.T(message.RevokeThis), firefoxDevice)

	current.Click("button", en.T(message.RevokeThis), firefoxDevice)
	current.With("dialog", en.T(message.ConfirmRevokeSession),
		en.T(message.DeviceWillBeSignedOut, firefoxDevice, en.T(message.ActiveNow)+" · 127.0.0.1"))
	current.Press(en.T(message.RevokeThis))
	current.See(en.T(message.DoneDeviceSignedOut, firefoxDevice))
	if n := len(current.All("button", en.T(message.RevokeThis))); n != 1 {
		t.Errorf("the page offers to revoke %d sessions; want 1", n)
	}
	current.AwaitFocus(en.T(message.ActiveSessions)) // the focused button is gone

	// The next click in the revoked session, on a link, leads to the sign-in page.
	other.visit("profile")
	other.At("/sign-in")
	other.See(sessionEnded)
	other.AwaitFocus(en.T(message.SignIn))
	if other.Sees(email) {
		t.Error("the sign-in page still shows the email address")
	}
	other.submitSignIn(email, password)
	other.At("/dashboard/settings/profile") // where the user wanted to go
	other.settings("")
	other.See(en.T(message.ThisDevice))
}

func testRevokeOthers(t *testing.T, server *testkit.Program) {
	current, other := browse(t, server), browse(t, server)
	email := current.signUp()
	current.settings("sessions")
	current.See(en.T(message.NoOtherSessions))
	current.Press(en.T(message.RevokeOtherSessions))
	if n := len(current.All("dialog", en.T(message.ConfirmRevokeOtherSessions))); n != 0 {
		t.Error("the page asks for confirmation although there is no other session")
	}

	other.As(safari)
	other.signIn(email)
	current.Open("/dashboard/settings/sessions")
	current.See(safariDevice)
	current.Press(en.T(message.RevokeOtherSessions))
	current.The("dialog", en.T(message.ConfirmRevokeOtherSessions))
	current.Press(en.T(message.RevokeAll))
	current.See(en.T(message.DoneOtherSessionsRevoked))
	current.See(en.T(message.NoOtherSessions))
	if strings.Contains(current.card("sessions"), safariDevice) {
		t.Error("the other session is still in the list")
	}

	// A user who returns to a page learns that the session has ended, without a
	// click.
	other.Until("the page notices that its session has ended",
		`dispatchEvent(new Event("focus")), location.pathname === "/sign-in"`)
	other.See(sessionEnded)

	// Revoking the current session signs the user out.
	current.Press(en.T(message.RevokeThis))
	current.The("dialog", en.T(message.ConfirmSignOutDevice))
	current.Press(en.T(message.SignOut))
	current.At("/sign-in")
	current.See(en.T(message.DoneSignedOut))
}

func testSignInErrors(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")

	p.Press(en.T(message.SignIn))
	p.See(en.T(message.ErrEnterEmailAddress))
	p.See(en.T(message.ErrEnterPassword))
	p.AwaitFocus(en.T(message.EmailAddress))

	p.submitSignIn(email, "not the password")
	wrong := en.T(message.ErrInvalidCredentials)
	p.With("textbox", en.T(message.AccountPassword), wrong) // a screen reader announces the error with the field
	p.AwaitFocus(en.T(message.AccountPassword))
	if !eval[bool](p, `document.getElementById("sign-in-password").getAttribute("aria-invalid") === "true"`) {
		t.Error("the password field is not marked as invalid")
	}
	if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != email {
		t.Errorf("the email field holds %q; want %q", got, email)
	}

	p.Press(showPassword)
	p.Press(en.T(message.HideNamed, strings.ToLower(en.T(message.AccountPassword))))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.SignIn))
	p.At("/dashboard/settings")

	// The sign-up page reports errors in the same way.
	other := browse(t, server)
	other.Open("/sign-up")
	other.Fill(en.T(message.EmailAddress), "not an address")
	other.Fill(en.T(message.AccountPassword), password)
	other.Press(en.T(message.RegisterAccount))
	other.With("textbox", en.T(message.EmailAddress), en.T(message.ErrInvalidEmail))
	other.Fill(en.T(message.EmailAddress), email)
	other.Press(en.T(message.RegisterAccount))
	other.With("textbox", en.T(message.EmailAddress), en.T(message.ErrAccountExists))
	other.Fill(en.T(message.EmailAddress), "second."+email)
	for bad, complaint := range map[string]string{
		"short":                  en.T(message.ErrPasswordTooShort),
		strings.Repeat("x", 200): en.T(message.ErrPasswordTooLong),
		"password123":            en.T(message.ErrPasswordTooCommon),
	} {
		other.Fill(en.T(message.AccountPassword), bad)
		other.Press(en.T(message.RegisterAccount))
		other.With("textbox", en.T(message.AccountPassword), en.T(message.HintPasswordLength)+" "+complaint)
	}
}

// testNamesAndAddresses checks that the pages accept the names and email addresses that
// the server accepts, and say what is wrong with others.
func testNamesAndAddresses(t *testing.T, server *testkit.Program) {
	const typed, kept, name = "User@bücher.example", "user@xn--bcher-kva.example", "משה \U0002ebf0\u200f"
	p := browse(t, server)
	paste := func(id, text string) { // because there are no keys for such characters
		t.Helper()
		p.Until("something is pasted into "+id, fmt.Sprintf("(document.getElementById(%q).value = %s) !== null", id, testkit.Quote(text)))
	}
	p.Open("/sign-up")
	p.The("textbox", en.T(message.DisplayName))
	paste("sign-up-name", "Ann\u202egnihtemos")
	p.Enter("sign-up-email", typed) // Chromium writes the domain in ASCII when a script reads it
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.RegisterAccount))
	p.With("textbox", en.T(message.DisplayName), en.T(message.ErrNameControlCharacters))
	paste("sign-up-name", name)
	p.Enter("sign-up-email", "jörg@example.com")
	p.Press(en.T(message.RegisterAccount))
	p.With("textbox", en.T(message.EmailAddress), en.T(message.ErrEmailLocalPart))
	p.Enter("sign-up-email", typed)
	p.Press(en.T(message.RegisterAccount))
	p.At("/dashboard/settings")
	p.See(kept)
	p.settings("profile")
	p.Field("profile-name", name)
	paste("profile-name", "a\u2066b")
	p.saveProfile()
	p.With("textbox", en.T(message.DisplayName), en.T(message.ErrNameControlCharacters))
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")

	p.Enter("sign-in-email", "jörg@example.com")
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.SignIn))
	p.With("textbox", en.T(message.EmailAddress), en.T(message.ErrEmailLocalPart))
	p.Enter("sign-in-email", typed)
	p.Press(en.T(message.SignIn))
	p.At("/dashboard/settings")
	p.See(kept)
}

// openPasswordForm opens the page with the form to change the password.
func (p *tab) openPasswordForm() {
	p.t.Helper()
	p.settings("password")
	p.The("textbox", en.T(message.CurrentPassword))
}

func testProfile(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.See(email)
	p.settings("profile")
	p.Fill(en.T(message.DisplayName), "Ada, Countess of Lovelace")
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
	p.Open("/dashboard/settings/profile")
	p.Field("profile-name", "Ada, Countess of Lovelace")
	p.Fill(en.T(message.DisplayName), " ")
	p.saveProfile()
	p.With("textbox", en.T(message.DisplayName), en.T(message.ErrEnterYourName))

	// A picture that another app has set can be removed.
	if n := len(p.All("button", en.T(message.RemovePicture))); n != 0 {
		t.Error("the page offers to remove a picture that there is not")
	}
	if status, body := p.post("update-user", map[string]string{"image": "https://example.com/ada.png"}); status != 200 {
		t.Fatalf("update-user: %d %s", status, body)
	}
	p.Open("/dashboard/settings/profile")
	p.Press(en.T(message.RemovePicture))
	p.See(en.T(message.DonePictureRemoved))
	p.Gone(en.T(message.PictureElsewhere))
}

// testTheme checks that a user can choose a theme, that it applies before the app runs, in all
// tabs and after a sign-out, and that it is for this browser only.
func testTheme(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	second := p.another()
	second.Open("/dashboard/settings/profile")
	const background = `getComputedStyle(document.body).backgroundColor`
	light := eval[string](p, background)
	p.settings("profile")
	p.chooseOption("profile-theme", "dark")
	p.See(en.T(message.DoneThemeSaved))
	p.Until("the page is dark", background+` !== `+testkit.Quote(light))
	dark := eval[string](p, background)
	second.Until("the other tab is dark", background+` === `+testkit.Quote(dark))
	for color, media := range map[string]string{"light": "not all", "dark": "all"} {
		if !eval[bool](p, `document.querySelector('meta[name=theme-color][media="`+media+`"]') !== null`) {
			t.Errorf("the color of the browser is not that of the theme: no meta element for %s", color)
		}
	}
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	p.Open("/sign-in")
	if got := eval[string](p, background); got != dark {
		t.Errorf("after the sign-out, the background is %s; want %s", got, dark)
	}
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.settings("profile")
	if got := eval[string](p, `document.getElementById("profile-theme").value`); got != "dark" {
		t.Errorf("the theme is %s", got)
	}
	p.chooseOption("profile-theme", "system")
	p.Until("the page is light again", background+` === `+testkit.Quote(light))

	other := browse(t, server)
	other.signIn(email)
	if got := eval[string](other, background); got != light {
		t.Errorf("in another browser, the background is %s; want %s", got, light)
	}
}

// testDeleteAccount checks that a deletion asks for the address and for the password, even
// right after a sign-in.
func testDeleteAccount(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	open := func() {
		t.Helper()
		p.settings("profile")
		p.Press(en.T(message.DeleteAccount))
		p.The("dialog", en.T(message.ConfirmDeleteAccount))
		p.AwaitFocus(en.T(message.TypeYourAddress))
	}
	deleteIt := func() { p.activate("#delete-submit") }
	open()
	p.See(en.T(message.DeleteAccountExplanation, email))
	deleteIt()
	p.With("textbox", en.T(message.TypeYourAddress), email+" "+en.T(message.ErrTypeYourAddress, email))
	p.Fill(en.T(message.TypeYourAddress), "someone@example.com")
	p.Fill(en.T(message.AccountPassword), password)
	deleteIt()
	p.With("textbox", en.T(message.TypeYourAddress), email+" "+en.T(message.ErrTypeYourAddress, email))
	p.Act(`window.read = document.querySelector("#delete-email-wrong > *"), true`)
	deleteIt()
	p.Until("screen readers read the same error again", `!read.isConnected && !!document.querySelector("#delete-email-wrong > *")`)
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.DeleteAccount))

	open()
	p.Field("delete-password", "") // it was cleared
	p.Fill(en.T(message.TypeYourAddress), strings.ToUpper(email))
	deleteIt()
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrEnterPassword))
	p.Fill(en.T(message.AccountPassword), "not the password")
	deleteIt()
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrWrongCurrentPassword))
	p.Fill(en.T(message.AccountPassword), password)
	deleteIt()
	p.At("/sign-in")
	p.See(en.T(message.DoneAccountDeleted))
	p.submitSignIn(email, password)
	p.See(en.T(message.ErrInvalidCredentials))
}

func testPassword(t *testing.T, server *testkit.Program) {
	current, other := browse(t, server), browse(t, server)
	email := current.signUp()
	other.signIn(email)
	other.lookAway()

	const changed = "a new one, and longer"
	current.openPasswordForm()
	current.Fill(en.T(message.CurrentPassword), "not the password")
	for typed, text := range map[string]message.ID{
		"short": message.StrengthShort, "ada lovelace": message.StrengthPersonal, "tzw8rkqb": message.StrengthWeak,
		"tzw8rkqbhd": message.StrengthFair, changed: message.StrengthStrong,
	} {
		current.Fill(en.T(message.NewPassword), typed)
		current.See(en.T(text))
	}
	current.Fill(en.T(message.NewPassword), changed)
	current.Press(en.T(message.ChangePassword))
	current.With("textbox", en.T(message.CurrentPassword), en.T(message.ErrWrongCurrentPassword))
	current.AwaitFocus(en.T(message.CurrentPassword))

	current.Fill(en.T(message.CurrentPassword), password)
	current.Fill(en.T(message.NewPassword), password)
	current.Press(en.T(message.ChangePassword))
	current.With("textbox", en.T(message.NewPassword), en.T(message.HintPasswordLength)+" "+en.T(message.ErrSamePassword))
	current.AwaitFocus(en.T(message.NewPassword))
	if current.Sees(en.T(message.StrengthStrong)) {
		t.Error("the page praises a password that it refuses")
	}
	current.Fill(en.T(message.NewPassword), changed)
	current.Gone(en.T(message.ErrSamePassword))
	current.Press(en.T(message.ChangePassword))
	current.See(en.T(message.DonePasswordChanged))
	current.AwaitFocus(en.T(message.ChangePassword))
	current.See(en.T(message.PasswordChangedAgo, en.T(message.JustNow)))
	current.Field("password-currentPassword", "")
	current.Field("password-newPassword", "")
	current.settings("sessions")
	current.See(en.T(message.NoOtherSessions))

	other.visit("profile")
	other.At("/sign-in")
	other.See(sessionEnded)
	other.submitSignIn(email, password)
	other.See(en.T(message.ErrInvalidCredentials))
	other.Fill(en.T(message.AccountPassword), changed)
	other.Press(en.T(message.SignIn))
	other.At("/dashboard/settings/profile")

	// The session that changed the password continues, with a new token. The next change does not
	// speak of other sessions if there are none.
	current.saveProfile()
	current.See(en.T(message.DoneProfileSaved))
	other.Press(en.T(message.SignOut))
	other.At("/sign-in")
	current.Open("/dashboard/settings/password")
	current.cardIsRecent("password")
	current.Fill(en.T(message.CurrentPassword), changed)
	current.Fill(en.T(message.NewPassword), password+" again")
	current.Key(kb.Enter)
	current.See(en.T(message.DonePasswordChangedAlone))
	current.AwaitFocus(en.T(message.AccountPassword)) // and no longer an empty field
	if current.Sees(en.T(message.DonePasswordChanged)) {
		t.Error("the page says that other sessions were signed out, and there were none")
	}
}

// testKeyboard checks that a user can sign in and sign out with the keyboard
// alone.
func testKeyboard(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	p.Open("/sign-in")

	p.AwaitFocus(en.T(message.EmailAddress)) // the first empty field
	p.TabTo(en.T(message.SkipToContent), testkit.Backwards)
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.SignIn)) // the heading
	p.TabTo(en.T(message.EmailAddress))
	p.Key(email)
	p.TabTo(en.T(message.AccountPassword))
	p.Key(password)
	p.Key(kb.Enter)
	p.At("/dashboard/settings")
	p.AwaitFocus(en.T(message.SecurityHome))
	p.See(en.T(message.ThisDevice))

	p.TabTo(en.T(message.RevokeThis))
	p.Key(kb.Enter)
	p.The("dialog", en.T(message.ConfirmSignOutDevice))
	p.AwaitFocus(en.T(message.CancelAction))
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.RevokeThis)) // the focus returns
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.CancelAction))
	p.TabTo(en.T(message.SignOut))
	p.Key(" ")
	p.At("/sign-in")
	p.See(en.T(message.DoneSignedOut))
}

// testTabs checks that signing out and signing in apply to all tabs.
func testTabs(t *testing.T, server *testkit.Program) {
	first := browse(t, server)
	email := first.signUp()
	second := first.another()
	second.Inject(withoutWorker) // the sign-out may abort its installation, which go-app reports
	second.Open("/dashboard/settings")
	second.See(en.T(message.ThisDevice))

	first.Press(en.T(message.SignOut))
	first.See(en.T(message.DoneSignedOut))
	second.At("/sign-in")
	second.See(en.T(message.DoneSignedOutOtherTab))

	first.submitSignIn(email, password)
	first.At("/dashboard/settings")
	second.At("/dashboard/settings")
	second.See(en.T(message.ThisDevice))
}

// testSnapshotContents checks what the browser stores, which a thief of the device
// could read.
func testSnapshotContents(t *testing.T, server *testkit.Program) {
	p := browseWithWorker(t, server)
	p.signUp()
	p.awaitServiceWorker()
	const cached = `(async () => {
		const urls = [];
		for (const name of await caches.keys())
			for (const request of await (await caches.open(name)).keys())
				urls.push(new URL(request.url).pathname);
		return urls;
	})()`
	p.Open("/dashboard/settings")
	p.See(en.T(message.ThisDevice))
	urls := eval[[]string](p, cached)
	for _, want := range []string{
		"/", "/sign-in", "/dashboard/settings", "/dashboard/settings/sessions",
		"/app.js", "/wasm_exec.js", "/web/app.wasm", "/web/app.css",
	} {
		if !slices.Contains(urls, want) {
			t.Errorf("%s is not cached for offline use: %v", want, urls)
		}
	}
	for _, url := range urls {
		if strings.HasPrefix(url, "/api/") {
			t.Errorf("the response of %s is cached", url)
		}
	}

	const stored = `JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage}) + ` + readableCookies
	keys := eval[[]string](p, `[...Object.keys(localStorage), ...Object.keys(sessionStorage), `+readableCookies+`]`)
	if !slices.Equal(keys, []string{"latchkey.kept", ""}) {
		t.Errorf("the page stores %q; want only the offline snapshot", keys)
	}
	p.Press(en.T(message.SignOut))
	p.See(en.T(message.DoneSignedOut))
	if got := eval[string](p, stored); got != `{}{}` {
		t.Errorf("after signing out the page still stores %s", got)
	}
	p.Until("the service worker is active again, so that the app opens offline",
		`navigator.serviceWorker.getRegistration().then((r) => r?.active?.state === "activated")`)
	if p.Sees(en.T(message.NewVersionReady)) {
		t.Error("the page reports the reinstalled service worker as a new version")
	}
}

// testPanic removes elements that the app needs. It checks that the app
// recovers from the panic, or reports that it has stopped.
func testPanic(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Open("/sign-in")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.Fill(en.T(message.AccountPassword), password)
	p.Act(`document.getElementById("sign-in-remember").remove()`)
	p.Press(en.T(message.SignIn))
	p.See(en.T(message.ErrPageFailed))
	p.Provoke("panic:", "Go program has already exited")
	p.Await("the console reports the panic", func() bool {
		return slices.ContainsFunc(p.Errors(), func(e string) bool { return strings.Contains(e, "panic:") })
	})
	p.Press(showPassword) // the app still runs
	p.The("button", en.T(message.HideNamed, strings.ToLower(en.T(message.AccountPassword))))
	p.Press(en.T(message.ReloadNow))
	p.Until("the page is complete again", `!!document.getElementById("sign-in-remember") && `+testkit.Running)

	// A panic from which the app cannot recover stops the app. The page reports
	// that, too.
	p.Act(`document.querySelector("main > fieldset > *").remove(), goappNav("/sign-up")`)
	p.See(en.T(message.ErrPageFailed))
	p.Press(en.T(message.ReloadNow))
	p.Until("the page is complete again", `!!document.getElementById("sign-up-email")`)
}

// testNoApp checks that the page reports an app that does not load.
func testNoApp(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Provoke(wasmNotLoaded)
	for _, path := range []string{"/web/app.wasm", "/wasm_exec.js", "/app.js"} {
		p.Block(path)
		p.Do(chromedp.Navigate(server.Origin + "/sign-in"))
		p.See(en.T(message.ErrAppNotLoaded))
		p.See(en.T(message.SignIn))
	}
}

// testLongWords checks that a long user agent and a long email address do not
// push content off a narrow page.
func testLongWords(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	p.Do(chromedp.EmulateViewport(320, 640))
	p.Open("/sign-up")
	p.Fill(en.T(message.DisplayName), strings.Repeat("n", 100))
	email := strings.Repeat("a", 60) + "@" + strings.Repeat("long-domain-name.", 5) + "example.com"
	p.Fill(en.T(message.EmailAddress), email)
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.RegisterAccount))
	p.See(en.T(message.ThisDevice))
	other.As("Mozilla/5.0 " + strings.Repeat("A", 300) + "/1.0")
	other.signIn(email)

	p.Open("/dashboard/settings")
	p.See(en.T(message.ActiveSessions))
	p.Fits(320, "the home")
	p.settings("sessions")
	p.Await("the page lists both sessions", func() bool { return len(p.All("button", en.T(message.RevokeThis))) == 2 })
	p.Fits(320, "the page of sessions")
	p.settings("profile")
	p.Fits(320, "the profile")
	p.Press(en.T(message.DeleteAccount))
	p.The("dialog", en.T(message.ConfirmDeleteAccount))
	p.Fits(320, "the confirmation dialog")
	p.Key(kb.Escape)
}

// testReturnTo checks where signing in leads, and that it never leads to
// another website.
func testReturnTo(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")

	// The page reports no sign-out where no user was signed in.
	p.Open("/dashboard/settings")
	p.At("/sign-in")
	p.See(en.T(message.SignInToSeeSettings))

	p.Open("/sign-in?next=//evil.example/dashboard/settings")
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	if origin := eval[string](p, "location.origin"); origin != server.Origin {
		t.Errorf("signing in leads to %s; want %s", origin, server.Origin)
	}
	p.Open("/")
	p.At("/dashboard/settings")
	p.Open("/sign-in")
	p.At("/dashboard/settings")
}

// testDeleteAdministrator checks that the last administrator cannot delete the account, and that
// a passkey confirms a deletion as well as the password does.
func testDeleteAdministrator(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	p.addAuthenticator(true)
	email := p.signUpAdministrator(server)
	p.addPasskey("Mine")
	p.settings("profile")
	p.Press(en.T(message.DeleteAccount)) // says so before it asks for anything
	p.See(en.T(message.ErrLastAdministrator))
	p.None("textbox", en.T(message.TypeYourAddress))
	p.AwaitFocus(en.T(message.CloseDialog))

	// The other administrator is disabled while the dialog is open.
	browse(t, server).signUp()
	execSQL(t, db, "INSERT INTO permissions SELECT users.id, permissions.name FROM users, permissions WHERE email <> ?", email)
	p.Open("/dashboard/settings/profile")
	p.settings("profile")
	p.Press(en.T(message.DeleteAccount))
	p.See(en.T(message.DeleteAdministratorExplanation))
	execSQL(t, db, "UPDATE users SET disabled_at = created_at WHERE email <> ?", email)
	p.Fill(en.T(message.TypeYourAddress), email)
	p.Press(en.T(message.UsePasskey))
	p.See(en.T(message.ErrLastAdministrator))
	execSQL(t, db, "DELETE FROM permissions")
	p.Press(en.T(message.UsePasskey)) // the first answer was used up
	p.At("/sign-in")
	p.See(en.T(message.DoneAccountDeleted))
}

// testStepUp checks that a sensitive action asks for the password if the sign-in is
// not recent.
func testStepUp(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	p.signUp()
	p.settings("profile")
	expireFreshness(t, db)
	p.Press(en.T(message.ChangeEmailAddress))
	p.Fill(en.T(message.NewEmailAddress), "ada@example.org")

	const notBusy = `document.getElementById("new-email-submit").getAttribute("aria-busy") !== "true"`
	changeAddress := func() {
		t.Helper()
		p.Until("the form can be submitted", notBusy) // the dialog is gone before the form knows that the user has canceled
		p.Press(en.T(message.SendLink))
		p.The("dialog", en.T(message.ConfirmIdentity))
		p.AwaitFocus(en.T(message.AccountPassword))
	}
	changeAddress()
	p.setOnline(false)
	p.awaitOfflineDialog(en.T(message.CancelAction))
	p.setOnline(true)
	p.Press(en.T(message.CancelAction))
	p.None("dialog", en.T(message.ConfirmIdentity))
	p.Until("the button is enabled again", notBusy)
	if alerts := eval[string](p, `document.querySelector(".toasts").innerText`); alerts != "" {
		t.Errorf("after canceling, the page shows the toast %q", alerts)
	}
	changeAddress()
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.SendLink))

	changeAddress()
	p.Press(en.T(message.ContinueAction))
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrEnterPassword))
	p.Fill(en.T(message.AccountPassword), "not the password")
	p.Press(en.T(message.ContinueAction))
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrWrongCurrentPassword))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.ContinueAction))
	p.See(en.T(message.EmailChangePending, "ada@example.org")) // the change continues without another click
}

// testTooManyTries checks that the sign-in page waits for the rate limit to
// pass.
func testTooManyTries(t *testing.T) {
	server := testkit.Start(t)
	p := browse(t, server)
	p.Open("/sign-in")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.Fill(en.T(message.AccountPassword), "not the password")
	// The limit is three tries in ten seconds. On a slow machine the page's own try
	// may come after them. Once it is refused, nothing else may use up the next ten seconds.
	limited := fmt.Sprintf(`document.body.innerText.includes(%q) &&
		document.getElementById("sign-in-submit").getAttribute("aria-disabled") === "true"`, en.T(message.ErrTooManyTries)+" "+retryIn)
	p.Await("the limit is reached", func() bool {
		for range 3 {
			server.Client().SignIn("ada@example.com")
		}
		p.Act(`document.querySelector("#sign-in-password-wrong > *")?.classList.add("old")`)
		p.Press(en.T(message.SignIn))
		p.Until("the page shows the response", `!!document.querySelector("#sign-in-password-wrong > :not(.old), .form-error > *")`)
		return eval[bool](p, limited)
	})
	p.Until("the wait has ended", `document.getElementById("sign-in-submit").getAttribute("aria-disabled") === "false"`)
	p.Press(en.T(message.SignIn))
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrInvalidCredentials))
}

// testServerAway checks that a page survives an unreachable server and recovers
// when the server returns.
func testServerAway(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	current, other := browseWithWorker(t, server), browse(t, server)
	current.Provoke(unreachableErrors...)
	email := current.signUp()
	other.As(firefox)
	other.signIn(email)
	current.Open("/dashboard/settings/sessions")
	current.See(firefoxDevice)
	current.awaitServiceWorker()

	server.Kill()
	current.Click("button", en.T(message.RevokeThis), firefoxDevice)
	current.Press(en.T(message.RevokeThis))
	current.See(en.T(message.ErrNoConnection))
	current.With("button", en.T(message.RevokeThis), firefoxDevice) // the row returns
	current.Press(en.T(message.DismissNotice))

	server.Start()
	current.Gone(en.T(message.ErrOfflineReadOnly))
	current.Open("/dashboard/settings/profile") // nothing is loading when the server is killed
	current.Fill(en.T(message.DisplayName), "Countess")
	server.Kill()
	current.saveProfile()
	current.See(en.T(message.InputStillHere))
	if got := eval[string](current, `document.getElementById("profile-name").value`); got != "Countess" {
		t.Errorf("the name field holds %q; want the input", got)
	}

	current.Open("/dashboard/settings")
	current.See(en.T(message.ErrOfflineReadOnly))
	current.At("/dashboard/settings") // an unreachable server does not end the session

	server.Start()
	current.See(firefoxDevice)
	current.settings("profile")
	if got := eval[string](current, `document.getElementById("profile-name").value`); got != "Ada Lovelace" {
		t.Errorf("the name field holds %q; want the saved name", got)
	}
}

// testManifest checks that the manifest describes an installable app. It also
// checks that the app loads no file from another server.
func testManifest(t *testing.T, server *testkit.Program) {
	fetch := func(path string) (*http.Response, []byte) {
		t.Helper()
		res, err := http.Get(server.Origin + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 {
			t.Errorf("GET %s: %s, %v", path, res.Status, err)
		}
		return res, body
	}

	_, body := fetch("/manifest.webmanifest")
	type picture struct {
		Src, Type, Sizes, Purpose string
		Form                      string `json:"form_factor"`
	}
	var manifest struct {
		Name, Display, Scope string
		StartURL             string `json:"start_url"`
		Icons, Screenshots   []picture
		Shortcuts            []struct{ Name, URL string }
	}
	if err := json.Unmarshal(body, &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Name != "Latchkey" || manifest.Display != "standalone" || manifest.StartURL != "/" ||
		len(manifest.Icons) != 5 || len(manifest.Screenshots) != 2 || len(manifest.Shortcuts) != 2 {
		t.Errorf("wrong manifest: %s", body)
	}
	for _, image := range append(manifest.Icons, manifest.Screenshots...) {
		res, body := fetch(image.Src)
		if res.Header.Get("Content-Type") != image.Type || len(body) > 150<<10 {
			t.Errorf("%s has %d bytes of %s; want at most 150 KiB of %s", image.Src, len(body), res.Header.Get("Content-Type"), image.Type)
		}
	}
	for _, shortcut := range manifest.Shortcuts {
		fetch(shortcut.URL)
	}
	for _, path := range []string{"/app.js", "/app-worker.js", "/wasm_exec.js", "/manifest.webmanifest", "/sign-in"} {
		if _, body := fetch(path); bytes.Contains(body, []byte("githubusercontent")) {
			t.Errorf("%s refers to another server", path)
		}
	}
}
