package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"latchkey/backend/testkit"
	"latchkey/shared"
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
		"StepUp":            testStepUp,
		"TooManyTries":      testTooManyTries,
		"ServerUnreachable": testServerAway,
	})
}

// testFirstAdministrator checks that the first sign-up link creates an
// administrator and works once.
func testFirstAdministrator(t *testing.T, server *testkit.Program) {
	link := "/sign-up?invite=" + invite(t, server)
	p := browse(t, server)
	p.Open(link)
	p.See("This account will be the first administrator of this server.")
	p.submitSignUp("Grace Hopper", "grace@example.com", password)
	p.At("/dashboard/settings")

	other := browse(t, server)
	other.Open(link)
	other.submitSignUp("", "mallory@example.com", password)
	other.See("This link has been used or has expired.")
}

func testRevoke(t *testing.T, server *testkit.Program) {
	current, other, phone := browse(t, server), browse(t, server), browse(t, server)
	email := current.signUp()
	other.As(firefox)
	other.signIn(email)
	phone.As(safari)
	phone.signIn(email)

	current.Open("/dashboard/settings")
	current.See("Firefox 153 on Windows")
	if n := len(current.All("button", "Revoke")); n != 3 {
		t.Errorf("the page offers to revoke %d sessions; want 3", n)
	}

	// When a row disappears, the next row still belongs to its own session.
	current.Click("button", "Revoke", "Safari 18 on iOS")
	current.With("dialog", "Revoke this session?", "Safari 18 on iOS (127.0.0.1), last active just now, will be signed out at once.")
	current.Press("Revoke")
	current.See("Safari 18 on iOS is signed out.")
	current.AwaitFocus("Revoke") // in the next row
	phone.Press("Revoke all other sessions")
	phone.Press("Revoke all")
	phone.At("/sign-in")
	phone.See(sessionEnded)

	// Canceling changes nothing.
	current.Click("button", "Revoke", "Firefox 153 on Windows")
	current.The("dialog", "Revoke this session?")
	current.Press("Cancel")
	current.With("button", "Revoke", "Firefox 153 on Windows")

	current.Click("button", "Revoke", "Firefox 153 on Windows")
	current.With("dialog", "Revoke this session?", "Firefox 153 on Windows (127.0.0.1), last active just now, will be signed out at once.")
	current.Press("Revoke")
	current.See("Firefox 153 on Windows is signed out.")
	if n := len(current.All("button", "Revoke")); n != 1 {
		t.Errorf("the page offers to revoke %d sessions; want 1", n)
	}
	current.AwaitFocus("Active sessions") // the focused button is gone

	// The next click in the revoked session leads to the sign-in page.
	other.Press("Save")
	other.At("/sign-in")
	other.See(sessionEnded)
	other.AwaitFocus("Sign in")
	if other.Sees(email) {
		t.Error("the sign-in page still shows the email address")
	}
	other.submitSignIn(email, password)
	other.At("/dashboard/settings")
	other.See("This device")
}

func testRevokeOthers(t *testing.T, server *testkit.Program) {
	current, other := browse(t, server), browse(t, server)
	email := current.signUp()
	current.See("You are signed in nowhere else.")
	current.Press("Revoke all other sessions")
	if n := len(current.All("dialog", "Revoke all other sessions?")); n != 0 {
		t.Error("the page asks for confirmation although there is no other session")
	}

	other.As(safari)
	other.signIn(email)
	current.Open("/dashboard/settings")
	current.See("Safari 18 on iOS")
	current.Press("Revoke all other sessions")
	current.The("dialog", "Revoke all other sessions?")
	current.Press("Revoke all")
	current.See("All other sessions are signed out.")
	current.See("You are signed in nowhere else.")
	if strings.Contains(current.card("sessions"), "Safari 18 on iOS") {
		t.Error("the other session is still in the list")
	}

	// A user who returns to a page learns that the session has ended, without a
	// click.
	other.Until("the page notices that its session has ended",
		`dispatchEvent(new Event("focus")), location.pathname === "/sign-in"`)
	other.See(sessionEnded)

	// Revoking the current session signs the user out.
	current.Press("Revoke")
	current.The("dialog", "Sign out of this device?")
	current.Press("Sign out")
	current.At("/sign-in")
	current.See("You are signed out.")
}

func testSignInErrors(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press("Sign out")
	p.At("/sign-in")

	p.Press("Sign in")
	p.See("Enter your email address.")
	p.See("Enter your password.")
	p.AwaitFocus("Email")

	p.submitSignIn(email, "not the password")
	const wrong = "Wrong email address or password."
	p.With("textbox", "Password", wrong) // a screen reader announces the error with the field
	p.AwaitFocus("Password")
	if !eval[bool](p, `document.getElementById("sign-in-password").getAttribute("aria-invalid") === "true"`) {
		t.Error("the password field is not marked as invalid")
	}
	if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != email {
		t.Errorf("the email field holds %q; want %q", got, email)
	}

	p.Press("Show password")
	p.Press("Hide password")
	p.Fill("Password", password)
	p.Press("Sign in")
	p.At("/dashboard/settings")

	// The sign-up page reports errors in the same way.
	other := browse(t, server)
	other.Open("/sign-up")
	other.Fill("Email", "not an address")
	other.Fill("Password", password)
	other.Press("Create account")
	other.With("textbox", "Email", "Enter an email address like name@example.com.")
	other.Fill("Email", email)
	other.Press("Create account")
	other.With("textbox", "Email", "An account with this email address already exists. Sign in instead, or use another address.")
	other.Fill("Email", "second."+email)
	for bad, message := range map[string]string{
		"short":                  "This password is too short. Use at least 8 characters.",
		strings.Repeat("x", 200): "This password is too long. Use at most 128 characters.",
		"password123":            "This password is too common: attackers try it first. Choose another one.",
	} {
		other.Fill("Password", bad)
		other.Press("Create account")
		other.With("textbox", "Password", "At least 8 characters. Longer is stronger. "+message)
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
	p.The("textbox", "Name")
	paste("sign-up-name", "Ann\u202egnihtemos")
	p.Enter("sign-up-email", typed) // Chromium writes the domain in ASCII when a script reads it
	p.Fill("Password", password)
	p.Press("Create account")
	p.With("textbox", "Name", shared.ErrNameControls.Message)
	paste("sign-up-name", name)
	p.Enter("sign-up-email", "jörg@example.com")
	p.Press("Create account")
	p.With("textbox", "Email", shared.ErrEmailLocalPart.Message)
	p.Enter("sign-up-email", typed)
	p.Press("Create account")
	p.At("/dashboard/settings")
	p.See(kept)
	p.Field("profile-name", name)
	paste("profile-name", "a\u2066b")
	p.Press("Save")
	p.With("textbox", "Name", shared.ErrNameControls.Message)
	p.Press("Sign out")
	p.At("/sign-in")

	p.Enter("sign-in-email", "jörg@example.com")
	p.Fill("Password", password)
	p.Press("Sign in")
	p.With("textbox", "Email", shared.ErrEmailLocalPart.Message)
	p.Enter("sign-in-email", typed)
	p.Press("Sign in")
	p.At("/dashboard/settings")
	p.See(kept)
}

func testProfile(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.See(email)
	p.Fill("Name", "Ada, Countess of Lovelace")
	p.Press("Save")
	p.See("Your profile is saved.")
	p.Open("/dashboard/settings")
	p.Field("profile-name", "Ada, Countess of Lovelace")
}

func testPassword(t *testing.T, server *testkit.Program) {
	current, other := browse(t, server), browse(t, server)
	email := current.signUp()
	other.signIn(email)

	const changed = "a new one, and longer"
	current.Fill("Current password", "not the password")
	current.Fill("New password", changed)
	current.Press("Change password")
	current.With("textbox", "Current password", "This is not your current password.")
	current.AwaitFocus("Current password")

	current.Fill("Current password", password)
	current.Press("Change password")
	current.See("Your password is changed, and your other sessions are signed out.")
	inputs := eval[string](current, `document.getElementById("password-currentPassword").value +
		document.getElementById("password-newPassword").value`)
	if inputs != "" {
		t.Error("the page still holds the passwords")
	}
	current.See("You are signed in nowhere else.")

	other.Press("Save")
	other.At("/sign-in")
	other.See(sessionEnded)
	other.submitSignIn(email, password)
	other.See("Wrong email address or password.")
	other.Fill("Password", changed)
	other.Press("Sign in")
	other.At("/dashboard/settings")

	// The session that changed the password continues, with a new token.
	current.Press("Save")
	current.See("Your profile is saved.")
}

// testKeyboard checks that a user can sign in and sign out with the keyboard
// alone.
func testKeyboard(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press("Sign out")
	p.At("/sign-in")
	p.Open("/sign-in")

	p.Key(kb.Tab)
	if got := p.Focused(); got != "Skip to the content" {
		t.Errorf("the Tab key first focuses %q; want the link to the content", got)
	}
	p.Key(kb.Enter)
	p.AwaitFocus("Sign in") // the heading
	p.TabTo("Email")
	p.Key(email)
	p.TabTo("Password")
	p.Key(password)
	p.Key(kb.Enter)
	p.At("/dashboard/settings")
	p.AwaitFocus("Settings")
	p.See("This device")

	p.TabTo("Revoke")
	p.Key(kb.Enter)
	p.The("dialog", "Sign out of this device?")
	p.AwaitFocus("Cancel")
	p.Key(kb.Escape)
	p.AwaitFocus("Revoke") // the focus returns
	p.Key(kb.Enter)
	p.AwaitFocus("Cancel")
	p.TabTo("Sign out")
	p.Key(" ")
	p.At("/sign-in")
	p.See("You are signed out.")
}

// testTabs checks that signing out and signing in apply to all tabs.
func testTabs(t *testing.T, server *testkit.Program) {
	first := browse(t, server)
	email := first.signUp()
	second := first.another()
	second.Open("/dashboard/settings")
	second.See("This device")

	first.Press("Sign out")
	first.See("You are signed out.")
	second.At("/sign-in")
	second.See("You signed out in another tab.")

	first.submitSignIn(email, password)
	first.At("/dashboard/settings")
	second.At("/dashboard/settings")
	second.See("This device")
}

// testSnapshotContents checks what the browser stores, which a thief of the device
// could read.
func testSnapshotContents(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
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
	p.See("This device")
	urls := eval[[]string](p, cached)
	for _, want := range []string{"/", "/sign-in", "/dashboard/settings", "/app.js", "/wasm_exec.js", "/web/app.wasm", "/web/app.css"} {
		if !slices.Contains(urls, want) {
			t.Errorf("%s is not cached for offline use: %v", want, urls)
		}
	}
	for _, url := range urls {
		if strings.HasPrefix(url, "/api/") {
			t.Errorf("the response of %s is cached", url)
		}
	}

	const stored = `JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage}) + document.cookie`
	keys := eval[[]string](p, `[...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie]`)
	if !slices.Equal(keys, []string{"latchkey.kept", ""}) {
		t.Errorf("the page stores %q; want only the offline snapshot", keys)
	}
	p.Press("Sign out")
	p.See("You are signed out.")
	if got := eval[string](p, stored); got != `{}{}` {
		t.Errorf("after signing out the page still stores %s", got)
	}
	p.Until("the service worker is active again, so that the app opens offline",
		`navigator.serviceWorker.getRegistration().then((r) => r?.active?.state === "activated")`)
	if p.Sees("A new version is ready.") {
		t.Error("the page reports the reinstalled service worker as a new version")
	}
}

// testPanic removes elements that the app needs. It checks that the app
// recovers from the panic, or reports that it has stopped.
func testPanic(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Open("/sign-in")
	p.Fill("Email", "ada@example.com")
	p.Fill("Password", password)
	p.Act(`document.getElementById("sign-in-remember").remove()`)
	p.Press("Sign in")
	p.See("Something went wrong on this page.")
	p.Provoke("panic:", "Go program has already exited")
	p.Await("the console reports the panic", func() bool {
		return slices.ContainsFunc(p.Errors(), func(e string) bool { return strings.Contains(e, "panic:") })
	})
	p.Press("Show password") // the app still runs
	p.The("button", "Hide password")
	p.Press("Reload")
	p.Until("the page is complete again", `!!document.getElementById("sign-in-remember") && `+testkit.Running)

	// A panic from which the app cannot recover stops the app. The page reports
	// that, too.
	p.Act(`document.querySelector("main > fieldset > *").remove(), goappNav("/sign-up")`)
	p.See("Something went wrong on this page.")
	p.Press("Reload")
	p.Until("the page is complete again", `!!document.getElementById("sign-up-email")`)
}

// testNoApp checks that the page reports an app that does not load.
func testNoApp(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Provoke(wasmNotLoaded)
	for _, path := range []string{"/web/app.wasm", "/wasm_exec.js", "/app.js"} {
		p.Block(path)
		p.Do(chromedp.Navigate(server.Origin + "/sign-in"))
		p.See("The app could not be loaded.")
		p.See("Sign in")
	}
}

// testLongWords checks that a long user agent and a long email address do not
// push content off a narrow page.
func testLongWords(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	p.Do(chromedp.EmulateViewport(320, 640))
	p.Open("/sign-up")
	p.Fill("Name", strings.Repeat("n", 100))
	email := strings.Repeat("a", 60) + "@" + strings.Repeat("long-domain-name.", 5) + "example.com"
	p.Fill("Email", email)
	p.Fill("Password", password)
	p.Press("Create account")
	p.See("This device")
	other.As("Mozilla/5.0 " + strings.Repeat("A", 300) + "/1.0")
	other.signIn(email)

	p.Open("/dashboard/settings")
	p.See("Active sessions")
	p.Await("the page lists both sessions", func() bool { return len(p.All("button", "Revoke")) == 2 })
	p.Fits(320, "the settings page")
	p.Press("Delete account")
	p.The("dialog", "Delete your account?")
	p.Fits(320, "the confirmation dialog")
	p.Key(kb.Escape)
}

// testReturnTo checks where signing in leads, and that it never leads to
// another website.
func testReturnTo(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press("Sign out")
	p.At("/sign-in")

	// The page reports no sign-out where no user was signed in.
	p.Open("/dashboard/settings")
	p.At("/sign-in")
	p.See("Sign in to see your settings.")

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

// testStepUp checks that deleting an account asks for the password if the
// sign-in is not recent.
func testStepUp(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	email := p.signUp()
	expireFreshness(t, db)

	deleteAccount := func() {
		t.Helper()
		p.Press("Delete account")
		p.The("dialog", "Delete your account?")
		p.Press("Delete account")
		p.The("dialog", "Is it still you?")
		p.AwaitFocus("Password")
	}
	deleteAccount()
	p.setOnline(false)
	p.awaitOfflineDialog("Cancel")
	p.setOnline(true)
	p.Press("Cancel")
	p.None("dialog", "Is it still you?")
	p.Until("the button is enabled again", `document.getElementById("delete-account").getAttribute("aria-busy") !== "true"`)
	if alerts := eval[string](p, `document.querySelector(".toasts").innerText`); alerts != "" {
		t.Errorf("after canceling, the page shows the toast %q", alerts)
	}
	deleteAccount()
	p.Key(kb.Escape)
	p.AwaitFocus("Delete account")

	deleteAccount()
	p.Press("Continue")
	p.With("textbox", "Password", "Enter your password.")
	p.Fill("Password", "not the password")
	p.Press("Continue")
	p.With("textbox", "Password", "This is not your current password.")
	p.Fill("Password", password)
	p.Press("Continue")
	p.At("/sign-in") // the deletion continues without another click
	p.See("Your account is deleted.")
	p.submitSignIn(email, password)
	p.See("Wrong email address or password.")
}

// testTooManyTries checks that the sign-in page waits for the rate limit to
// pass.
func testTooManyTries(t *testing.T) {
	server := testkit.Start(t)
	p := browse(t, server)
	p.Open("/sign-in")
	p.Fill("Email", "ada@example.com")
	p.Fill("Password", "not the password")
	// The limit is three tries in ten seconds. On a slow machine the page's own try
	// may come after them.
	p.Await("the limit is reached", func() bool {
		for range 3 {
			server.Client().SignIn("ada@example.com")
		}
		p.Press("Sign in")
		p.Until("the server has responded", `document.getElementById("sign-in-submit").getAttribute("aria-busy") === "false"`)
		return eval[bool](p, `document.body.innerText.includes("Too many attempts. Try again in ") &&
			document.getElementById("sign-in-submit").getAttribute("aria-disabled") === "true"`)
	})
	p.Until("the wait has ended", `document.getElementById("sign-in-submit").getAttribute("aria-disabled") === "false"`)
	p.Press("Sign in")
	p.With("textbox", "Password", "Wrong email address or password.")
}

// testServerAway checks that a page survives an unreachable server and recovers
// when the server returns.
func testServerAway(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	current, other := browse(t, server), browse(t, server)
	current.Provoke(unreachableErrors...)
	email := current.signUp()
	other.As(firefox)
	other.signIn(email)
	current.Open("/dashboard/settings")
	current.See("Firefox 153 on Windows")
	current.awaitServiceWorker()

	server.Kill()
	current.Click("button", "Revoke", "Firefox 153 on Windows")
	current.Press("Revoke")
	current.See("The server cannot be reached.")
	current.With("button", "Revoke", "Firefox 153 on Windows") // the row returns
	current.Press("Dismiss")

	server.Start()
	current.Gone("You are offline.")
	current.Fill("Name", "Countess")
	server.Kill()
	current.Press("Save")
	current.See("What you typed is still here.")
	if got := eval[string](current, `document.getElementById("profile-name").value`); got != "Countess" {
		t.Errorf("the name field holds %q; want the input", got)
	}

	current.Open("/dashboard/settings")
	current.See("You are offline.")
	current.At("/dashboard/settings") // an unreachable server does not end the session

	server.Start()
	current.See("Firefox 153 on Windows")
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
