package browsertest

import (
	"bytes"
	"encoding/json"
	"io"
	"latchkey/backend/testkit"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	_ "modernc.org/sqlite"
)

// TestBrowser has people use the program in a real browser.
func TestBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"FirstAdministrator": testFirstAdministrator,
		"Revoke":             testRevoke,
		"RevokeOthers":       testRevokeOthers,
		"SignInErrors":       testSignInErrors,
		"Profile":            testProfile,
		"Password":           testPassword,
		"Keyboard":           testKeyboard,
		"Tabs":               testTabs,
		"WhatIsKept":         testWhatIsKept,
		"Panic":              testPanic,
		"ReturnTo":           testReturnTo,
		"Manifest":           testManifest,
		"NoApp":              testNoApp,
		"LongWords":          testLongWords,
	}, map[string]func(*testing.T){
		"StepUp":       testStepUp,
		"TooManyTries": testTooManyTries,
		"ServerAway":   testServerAway,
	})
}

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
	here, there, phone := browse(t, server), browse(t, server), browse(t, server)
	email := here.signUp()
	there.As(firefox)
	there.signIn(email)
	phone.As(safari)
	phone.signIn(email)

	here.Open("/dashboard/settings")
	here.See("Firefox 153 on Windows")
	if n := len(here.All("button", "Revoke")); n != 3 {
		t.Errorf("there are %d sessions to revoke; want 3", n)
	}

	// The row after one that goes is still about its own session.
	here.Click("button", "Revoke", "Safari 18 on iOS")
	here.With("dialog", "Revoke this session?", "Safari 18 on iOS (127.0.0.1), last active just now, will be signed out at once.")
	here.Press("Revoke")
	here.See("Safari 18 on iOS is signed out.")
	here.AwaitFocus("Revoke") // of the next row
	phone.Press("Revoke all other sessions")
	phone.Press("Revoke all")
	phone.At("/sign-in")
	phone.See(ended)

	// Who says no has changed nothing.
	here.Click("button", "Revoke", "Firefox 153 on Windows")
	here.The("dialog", "Revoke this session?")
	here.Press("Cancel")
	here.With("button", "Revoke", "Firefox 153 on Windows")

	here.Click("button", "Revoke", "Firefox 153 on Windows")
	here.With("dialog", "Revoke this session?", "Firefox 153 on Windows (127.0.0.1), last active just now, will be signed out at once.")
	here.Press("Revoke")
	here.See("Firefox 153 on Windows is signed out.")
	if n := len(here.All("button", "Revoke")); n != 1 {
		t.Errorf("there are %d sessions to revoke; want 1", n)
	}
	here.AwaitFocus("Active sessions") // the button that had it is gone

	// The other's next click.
	there.Press("Save")
	there.At("/sign-in")
	there.See(ended)
	there.AwaitFocus("Sign in")
	if there.Sees(email) {
		t.Error("the sign-in page still knows who was there")
	}
	there.submitSignIn(email, password)
	there.At("/dashboard/settings")
	there.See("This device")
}

func testRevokeOthers(t *testing.T, server *testkit.Program) {
	here, there := browse(t, server), browse(t, server)
	email := here.signUp()
	here.See("You are signed in nowhere else.")
	here.Press("Revoke all other sessions")
	if n := len(here.All("dialog", "Revoke all other sessions?")); n != 0 {
		t.Error("it asks although there are no others")
	}

	there.As(safari)
	there.signIn(email)
	here.Open("/dashboard/settings")
	here.See("Safari 18 on iOS")
	here.Press("Revoke all other sessions")
	here.The("dialog", "Revoke all other sessions?")
	here.Press("Revoke all")
	here.See("All other sessions are signed out.")
	here.See("You are signed in nowhere else.")
	if strings.Contains(here.card("sessions"), "Safari 18 on iOS") {
		t.Error("the other session is still in the list")
	}

	// Who comes back to a page sees it too, without a click.
	there.Until("the page looks whether it is still signed in", `dispatchEvent(new Event("focus")), location.pathname === "/sign-in"`)
	there.See(ended)

	// Revoking the session that one uses is signing out.
	here.Press("Revoke")
	here.The("dialog", "Sign out of this device?")
	here.Press("Sign out")
	here.At("/sign-in")
	here.See("You are signed out.")
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
	const wrong = "This email address and password do not belong together."
	p.With("textbox", "Password", wrong) // a screen reader says so with the field
	p.AwaitFocus("Password")
	if !eval[bool](p, `document.getElementById("sign-in-password").getAttribute("aria-invalid") === "true"`) {
		t.Error("the field is not marked as wrong")
	}
	if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != email {
		t.Errorf("the address is %q now", got)
	}

	p.Press("Show password")
	p.Press("Hide password")
	p.Fill("Password", password)
	p.Press("Sign in")
	p.At("/dashboard/settings")

	// The same for making an account.
	other := browse(t, server)
	other.Open("/sign-up")
	other.Fill("Email", "not an address")
	other.Fill("Password", password)
	other.Press("Create account")
	other.With("textbox", "Email", "Enter an email address like name@example.com.")
	other.Fill("Email", email)
	other.Press("Create account")
	other.With("textbox", "Email", "There is an account with this email address already. Sign in instead, or use another address.")
	other.Fill("Email", "second."+email)
	for bad, sentence := range map[string]string{
		"short":                  "Passwords have at least 8 characters.",
		strings.Repeat("x", 200): "This password is too long. Use at most 128 characters.",
		"password123":            "This password is among the first that an attacker tries. Choose another.",
	} {
		other.Fill("Password", bad)
		other.Press("Create account")
		other.With("textbox", "Password", "At least 8 characters. Longer is stronger. "+sentence)
	}
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
	here, there := browse(t, server), browse(t, server)
	email := here.signUp()
	there.signIn(email)

	const changed = "a new one, and longer"
	here.Fill("Current password", "not the password")
	here.Fill("New password", changed)
	here.Press("Change password")
	here.With("textbox", "Current password", "This is not your current password.")
	here.AwaitFocus("Current password")

	here.Fill("Current password", password)
	here.Press("Change password")
	here.See("Your password is changed, and your other sessions are signed out.")
	if got := eval[string](here, `document.getElementById("password-currentPassword").value + document.getElementById("password-newPassword").value`); got != "" {
		t.Error("the passwords are still in the page")
	}
	here.See("You are signed in nowhere else.")

	there.Press("Save")
	there.At("/sign-in")
	there.See(ended)
	there.submitSignIn(email, password)
	there.See("do not belong together")
	there.Fill("Password", changed)
	there.Press("Sign in")
	there.At("/dashboard/settings")

	// The session in which it was changed goes on, with a new token.
	here.Press("Save")
	here.See("Your profile is saved.")
}

// testKeyboard puts the mouse away.
func testKeyboard(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press("Sign out")
	p.At("/sign-in")
	p.Open("/sign-in")

	p.Key(kb.Tab)
	if got := p.Focused(); got != "Skip to the content" {
		t.Errorf("the first thing is %q", got)
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
	p.AwaitFocus("Revoke") // where it was
	p.Key(kb.Enter)
	p.AwaitFocus("Cancel")
	p.TabTo("Sign out")
	p.Key(" ")
	p.At("/sign-in")
	p.See("You are signed out.")
}

func testTabs(t *testing.T, server *testkit.Program) {
	one := browse(t, server)
	email := one.signUp()
	two := one.another()
	two.Open("/dashboard/settings")
	two.See("This device")

	one.Press("Sign out")
	one.See("You are signed out.")
	two.At("/sign-in")
	two.See("You signed out in another tab.")

	one.submitSignIn(email, password)
	one.At("/dashboard/settings")
	two.At("/dashboard/settings")
	two.See("This device")
}

// testWhatIsKept looks into what a thief of the browser's files would find.
func testWhatIsKept(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.controlled()
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
			t.Errorf("%s is not kept for when there is no network: %v", want, urls)
		}
	}
	for _, url := range urls {
		if strings.HasPrefix(url, "/api/") {
			t.Errorf("the answer of %s is kept", url)
		}
	}

	const stored = `JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage}) + document.cookie`
	if got := eval[[]string](p, `[...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie]`); !slices.Equal(got, []string{"latchkey.kept", ""}) {
		t.Errorf("the page keeps %q", got)
	}
	p.Press("Sign out")
	p.See("You are signed out.")
	if got := eval[string](p, stored); got != `{}{}` {
		t.Errorf("after signing out the page keeps %s", got)
	}
	p.Until("the service worker is back, and the app opens without a network", `navigator.serviceWorker.getRegistration().then((r) => r?.active?.state === "activated")`)
	if p.Sees("A new version is ready.") {
		t.Error("it takes the worker's return for a new version")
	}
}

// testPanic breaks the page under the program's feet: it must not die of it.
func testPanic(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Open("/sign-in")
	p.Fill("Email", "ada@example.com")
	p.Fill("Password", password)
	eval[bool](p, `document.getElementById("sign-in-remember").remove(), true`)
	p.Press("Sign in")
	p.See("Something went wrong in this page.")
	p.Provoke("panic:", "Go program has already exited")
	p.Await("the console tells of the panic", func() bool { return len(p.Errors()) > 0 })
	p.Press("Show password") // it lives
	p.The("button", "Hide password")
	p.Press("Reload")
	p.Until("the page is whole again", `!!document.querySelector("#sign-in-remember") && !document.getElementById("app-wasm-loader")`)

	// What cannot be rescued ends the program, and that is seen too.
	eval[bool](p, `document.querySelector("main > fieldset > *").remove(), goappNav("/sign-up"), true`)
	p.See("Something went wrong in this page.")
	p.Press("Reload")
	p.Until("the page is whole again", `!!document.getElementById("sign-up-email")`)
}

// testNoApp keeps the app from coming. Whoever waits for it is told.
func testNoApp(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Provoke(notLoaded)
	for _, path := range []string{"/web/app.wasm", "/wasm_exec.js", "/app.js"} {
		p.Block(path)
		p.Do(chromedp.Navigate(server.Origin + "/sign-in"))
		p.See("The app could not be loaded.")
		p.See("Sign in")
	}
}

// testLongWords has a stranger's browser, and one's own address, try to push
// what matters off a narrow page.
func testLongWords(t *testing.T, server *testkit.Program) {
	p, stranger := browse(t, server), browse(t, server)
	p.Do(chromedp.EmulateViewport(320, 640))
	p.Open("/sign-up")
	p.Fill("Name", strings.Repeat("n", 100))
	email := strings.Repeat("a", 60) + "@" + strings.Repeat("long-domain-name.", 5) + "example.com"
	p.Fill("Email", email)
	p.Fill("Password", password)
	p.Press("Create account")
	p.See("This device")
	stranger.As("Mozilla/5.0 " + strings.Repeat("A", 300) + "/1.0")
	stranger.signIn(email)

	p.Open("/dashboard/settings")
	p.See("Active sessions")
	p.Await("both sessions are listed", func() bool { return len(p.All("button", "Revoke")) == 2 })
	p.Fits(320, "the settings page")
	p.Press("Delete account")
	p.The("dialog", "Delete your account?")
	p.Fits(320, "the question")
	p.Key(kb.Escape)
}

func testReturnTo(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press("Sign out")
	p.At("/sign-in")

	// Nobody was signed in here, so nobody was signed out either.
	p.Open("/dashboard/settings")
	p.At("/sign-in")
	p.See("Sign in to see your settings.")

	p.Open("/sign-in?next=//evil.example/dashboard/settings")
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	if host := eval[string](p, "location.origin"); host != server.Origin {
		t.Errorf("signing in led to %s", host)
	}
	p.Open("/")
	p.At("/dashboard/settings")
	p.Open("/sign-in")
	p.At("/dashboard/settings")
}

func testStepUp(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	email := p.signUp()
	stale(t, db)

	deleteAccount := func() {
		t.Helper()
		p.Press("Delete account")
		p.The("dialog", "Delete your account?")
		p.Press("Delete account")
		p.The("dialog", "Is it still you?")
		p.AwaitFocus("Password")
	}
	deleteAccount()
	p.network(false)
	p.onlyWayOut("Cancel")
	p.network(true)
	p.Press("Cancel")
	p.None("dialog", "Is it still you?")
	p.Until("the account can be deleted again", `document.getElementById("delete-account").getAttribute("aria-busy") !== "true"`)
	if alerts := eval[string](p, `document.querySelector(".toasts").innerText`); alerts != "" {
		t.Errorf("who cancels is told %q", alerts)
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
	p.At("/sign-in") // the deletion went on by itself
	p.See("Your account is deleted.")
	p.submitSignIn(email, password)
	p.See("do not belong together")
}

func testTooManyTries(t *testing.T) {
	server := testkit.Start(t)
	p := browse(t, server)
	p.Open("/sign-in")
	p.Fill("Email", "ada@example.com")
	for !p.Sees("Too many tries. Try again in ") {
		p.Fill("Password", "not the password")
		p.Press("Sign in")
		p.Until("there is an answer", `document.getElementById("sign-in-submit").getAttribute("aria-busy") === "false"`)
	}
	if !eval[bool](p, `document.getElementById("sign-in-submit").getAttribute("aria-disabled") === "true"`) {
		t.Error("the button looks as if it could be used")
	}
	p.Until("the wait is over", `document.getElementById("sign-in-submit").getAttribute("aria-disabled") === "false"`)
	p.Press("Sign in")
	p.With("textbox", "Password", "This email address and password do not belong together.")
}

func testServerAway(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	here, there := browse(t, server), browse(t, server)
	here.Provoke(unreachable...)
	email := here.signUp()
	there.As(firefox)
	there.signIn(email)
	here.Open("/dashboard/settings")
	here.See("Firefox 153 on Windows")
	here.controlled()

	server.Kill()
	here.Click("button", "Revoke", "Firefox 153 on Windows")
	here.Press("Revoke")
	here.See("This needs a connection, and the server cannot be reached.")
	here.With("button", "Revoke", "Firefox 153 on Windows") // it is back
	here.Press("Dismiss")

	server.Start()
	here.Gone("You are offline.")
	here.Fill("Name", "Countess")
	server.Kill()
	here.Press("Save")
	here.See("What you typed is still here.")
	if got := eval[string](here, `document.getElementById("profile-name").value`); got != "Countess" {
		t.Errorf("what was typed is %q now", got)
	}

	here.Open("/dashboard/settings")
	here.See("You are offline.")
	here.At("/dashboard/settings") // nobody was signed out by a dead server

	server.Start()
	here.See("Firefox 153 on Windows")
	if got := eval[string](here, `document.getElementById("profile-name").value`); got != "Ada Lovelace" {
		t.Errorf("the name is %q", got)
	}
}

// testManifest looks that the app can be installed, and that nothing of it
// comes from elsewhere.
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
			t.Errorf("GET %s is %s, %v", path, res.Status, err)
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
	if manifest.Name != "Latchkey" || manifest.Display != "standalone" || manifest.StartURL != "/" || len(manifest.Icons) != 5 || len(manifest.Screenshots) != 2 || len(manifest.Shortcuts) != 2 {
		t.Errorf("the manifest is %s", body)
	}
	for _, one := range append(manifest.Icons, manifest.Screenshots...) {
		res, body := fetch(one.Src)
		if res.Header.Get("Content-Type") != one.Type || len(body) > 150<<10 {
			t.Errorf("%s is %d bytes of %s; want %s", one.Src, len(body), res.Header.Get("Content-Type"), one.Type)
		}
	}
	for _, one := range manifest.Shortcuts {
		fetch(one.URL)
	}
	for _, path := range []string{"/app.js", "/app-worker.js", "/wasm_exec.js", "/manifest.webmanifest", "/sign-in"} {
		if _, body := fetch(path); bytes.Contains(body, []byte("githubusercontent")) {
			t.Errorf("%s names another server", path)
		}
	}
}
