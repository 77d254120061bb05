package main_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	_ "modernc.org/sqlite"
)

const (
	firefox  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
	safari   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
	password = "correct horse battery"

	ended = "You have been signed out: this session was ended from another device, or it expired."
)

// TestBrowser has people use the program in a real browser.
func TestBrowser(t *testing.T) {
	inBrowser(t, map[string]func(*testing.T, context.Context, *program){
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
	}, map[string]func(*testing.T, context.Context, string){
		"StepUp":       testStepUp,
		"TooManyTries": testTooManyTries,
		"ServerAway":   testServerAway,
	})
}

// inBrowser runs tests in a browser that is theirs together: those that share a
// server, and those that start the program themselves.
func inBrowser(t *testing.T, sharing map[string]func(*testing.T, context.Context, *program), starting map[string]func(*testing.T, context.Context, string)) {
	t.Helper()
	t.Parallel()
	browser := openBrowser(t)
	binary := buildBinary(t)
	server := start(t, binary, "-rate-limits", "off")
	for name, test := range sharing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, browser, server)
		})
	}
	for name, test := range starting {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, browser, binary)
		})
	}
}

// signUp makes an account for somebody new and returns their address.
func (p *tab) signUp() (email string) {
	p.t.Helper()
	email = strings.ToLower(strings.ReplaceAll(p.t.Name(), "/", ".")) + "@example.com"
	p.open("/sign-up")
	p.fill("Name", "Ada Lovelace")
	p.fill("Email", email)
	p.fill("Password", password)
	p.press("Create account")
	p.at("/dashboard/settings")
	p.see("This device")
	return email
}

func (p *tab) signIn(email string) {
	p.t.Helper()
	p.open("/sign-in")
	p.submitSignIn(email, password)
	p.at("/dashboard/settings")
	p.see("This device")
}

func (p *tab) submitSignIn(email, password string) {
	p.t.Helper()
	p.fill("Email", email)
	p.fill("Password", password)
	p.press("Sign in")
}

func testFirstAdministrator(t *testing.T, browser context.Context, server *program) {
	const page = "/sign-up?invite="
	_, rest, found := strings.Cut(server.said.String(), page)
	if !found {
		t.Fatalf("the program printed no link:\n%s", server.said.String())
	}
	token, _, _ := strings.Cut(rest, "\n")

	p := browse(t, browser, server.origin)
	p.open(page + token)
	p.see("This account will be the first administrator of this server.")
	p.fill("Name", "Grace Hopper")
	p.fill("Email", "grace@example.com")
	p.fill("Password", password)
	p.press("Create account")
	p.at("/dashboard/settings")

	other := browse(t, browser, server.origin)
	other.open(page + token)
	other.fill("Email", "mallory@example.com")
	other.fill("Password", password)
	other.press("Create account")
	other.see("This link has been used or has expired.")
}

func testRevoke(t *testing.T, browser context.Context, server *program) {
	here, there, phone := browse(t, browser, server.origin), browse(t, browser, server.origin), browse(t, browser, server.origin)
	email := here.signUp()
	there.as(firefox)
	there.signIn(email)
	phone.as(safari)
	phone.signIn(email)

	here.open("/dashboard/settings")
	here.see("Firefox 153 on Windows")
	if n := len(here.all("button", "Revoke")); n != 3 {
		t.Errorf("there are %d sessions to revoke; want 3", n)
	}

	// The row after one that goes is still about its own session.
	here.click(here.with("button", "Revoke", "Safari 18 on iOS"))
	here.with("dialog", "Revoke this session?", "Safari 18 on iOS (127.0.0.1), last active just now, will be signed out at once.")
	here.press("Revoke")
	here.see("Safari 18 on iOS is signed out.")
	here.awaitFocus("Revoke") // of the next row
	phone.press("Revoke all other sessions")
	phone.press("Revoke all")
	phone.at("/sign-in")
	phone.see(ended)

	// Who says no has changed nothing.
	here.click(here.with("button", "Revoke", "Firefox 153 on Windows"))
	here.the("dialog", "Revoke this session?")
	here.press("Cancel")
	here.with("button", "Revoke", "Firefox 153 on Windows")

	here.click(here.with("button", "Revoke", "Firefox 153 on Windows"))
	here.with("dialog", "Revoke this session?", "Firefox 153 on Windows (127.0.0.1), last active just now, will be signed out at once.")
	here.press("Revoke")
	here.see("Firefox 153 on Windows is signed out.")
	if n := len(here.all("button", "Revoke")); n != 1 {
		t.Errorf("there are %d sessions to revoke; want 1", n)
	}
	here.awaitFocus("Active sessions") // the button that had it is gone

	// The other's next click.
	there.press("Save")
	there.at("/sign-in")
	there.see(ended)
	there.awaitFocus("Sign in")
	if there.sees(email) {
		t.Error("the sign-in page still knows who was there")
	}
	there.submitSignIn(email, password)
	there.at("/dashboard/settings")
	there.see("This device")
}

func testRevokeOthers(t *testing.T, browser context.Context, server *program) {
	here, there := browse(t, browser, server.origin), browse(t, browser, server.origin)
	email := here.signUp()
	here.see("You are signed in nowhere else.")
	here.press("Revoke all other sessions")
	if n := len(here.all("dialog", "Revoke all other sessions?")); n != 0 {
		t.Error("it asks although there are no others")
	}

	there.as(safari)
	there.signIn(email)
	here.open("/dashboard/settings")
	here.see("Safari 18 on iOS")
	here.press("Revoke all other sessions")
	here.the("dialog", "Revoke all other sessions?")
	here.press("Revoke all")
	here.see("All other sessions are signed out.")
	here.see("You are signed in nowhere else.")
	if strings.Contains(here.card("sessions"), "Safari 18 on iOS") {
		t.Error("the other session is still in the list")
	}

	// Who comes back to a page sees it too, without a click.
	there.wait("the page looks whether it is still signed in", func() bool {
		return eval[string](there, `dispatchEvent(new Event("focus")), location.pathname`) == "/sign-in"
	})
	there.see(ended)

	// Revoking the session that one uses is signing out.
	here.press("Revoke")
	here.the("dialog", "Sign out of this device?")
	here.press("Sign out")
	here.at("/sign-in")
	here.see("You are signed out.")
}

func testSignInErrors(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	email := p.signUp()
	p.press("Sign out")
	p.at("/sign-in")

	p.press("Sign in")
	p.see("Enter your email address.")
	p.see("Enter your password.")
	p.awaitFocus("Email")

	p.submitSignIn(email, "not the password")
	const wrong = "This email address and password do not belong together."
	p.with("textbox", "Password", wrong) // a screen reader says so with the field
	p.awaitFocus("Password")
	if !eval[bool](p, `document.getElementById("sign-in-password").getAttribute("aria-invalid") === "true"`) {
		t.Error("the field is not marked as wrong")
	}
	if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != email {
		t.Errorf("the address is %q now", got)
	}

	p.press("Show password")
	p.press("Hide password")
	p.fill("Password", password)
	p.press("Sign in")
	p.at("/dashboard/settings")

	// The same for making an account.
	other := browse(t, browser, server.origin)
	other.open("/sign-up")
	other.fill("Email", "not an address")
	other.fill("Password", password)
	other.press("Create account")
	other.with("textbox", "Email", "Enter an email address like name@example.com.")
	other.fill("Email", email)
	other.press("Create account")
	other.with("textbox", "Email", "There is an account with this email address already. Sign in instead, or use another address.")
	other.fill("Email", "second."+email)
	for bad, sentence := range map[string]string{
		"short":                  "Passwords have at least 8 characters.",
		strings.Repeat("x", 200): "This password is too long. Use at most 128 characters.",
		"password123":            "This password is among the first that an attacker tries. Choose another.",
	} {
		other.fill("Password", bad)
		other.press("Create account")
		other.with("textbox", "Password", "At least 8 characters. Longer is stronger. "+sentence)
	}
}

func testProfile(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	email := p.signUp()
	p.see(email)
	p.fill("Name", "Ada, Countess of Lovelace")
	p.press("Save")
	p.see("Your profile is saved.")
	p.open("/dashboard/settings")
	p.wait("the new name is there", func() bool {
		return eval[string](p, `document.getElementById("profile-name")?.value`) == "Ada, Countess of Lovelace"
	})
}

func testPassword(t *testing.T, browser context.Context, server *program) {
	here, there := browse(t, browser, server.origin), browse(t, browser, server.origin)
	email := here.signUp()
	there.signIn(email)

	const changed = "a new one, and longer"
	here.fill("Current password", "not the password")
	here.fill("New password", changed)
	here.press("Change password")
	here.with("textbox", "Current password", "This is not your current password.")
	here.awaitFocus("Current password")

	here.fill("Current password", password)
	here.press("Change password")
	here.see("Your password is changed, and your other sessions are signed out.")
	if got := eval[string](here, `document.getElementById("password-currentPassword").value + document.getElementById("password-newPassword").value`); got != "" {
		t.Error("the passwords are still in the page")
	}
	here.see("You are signed in nowhere else.")

	there.press("Save")
	there.at("/sign-in")
	there.see(ended)
	there.submitSignIn(email, password)
	there.see("do not belong together")
	there.fill("Password", changed)
	there.press("Sign in")
	there.at("/dashboard/settings")

	// The session in which it was changed goes on, with a new token.
	here.press("Save")
	here.see("Your profile is saved.")
}

// testKeyboard puts the mouse away.
func testKeyboard(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	email := p.signUp()
	p.press("Sign out")
	p.at("/sign-in")
	p.open("/sign-in")

	p.key(kb.Tab)
	if got := p.focused(); got != "Skip to the content" {
		t.Errorf("the first thing is %q", got)
	}
	p.key(kb.Enter)
	p.awaitFocus("Sign in") // the heading
	p.tabTo("Email")
	p.key(email)
	p.tabTo("Password")
	p.key(password)
	p.key(kb.Enter)
	p.at("/dashboard/settings")
	p.awaitFocus("Settings")
	p.see("This device")

	p.tabTo("Revoke")
	p.key(kb.Enter)
	p.the("dialog", "Sign out of this device?")
	p.awaitFocus("Cancel")
	p.key(kb.Escape)
	p.awaitFocus("Revoke") // where it was
	p.key(kb.Enter)
	p.awaitFocus("Cancel")
	p.tabTo("Sign out")
	p.key(" ")
	p.at("/sign-in")
	p.see("You are signed out.")
}

func testTabs(t *testing.T, browser context.Context, server *program) {
	one := browse(t, browser, server.origin)
	email := one.signUp()
	two := one.another()
	two.open("/dashboard/settings")
	two.see("This device")

	one.press("Sign out")
	one.see("You are signed out.")
	two.at("/sign-in")
	two.see("You signed out in another tab.")

	one.submitSignIn(email, password)
	one.at("/dashboard/settings")
	two.at("/dashboard/settings")
	two.see("This device")
}

// testWhatIsKept looks into what a thief of the browser's files would find.
func testWhatIsKept(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	p.signUp()
	p.inCharge()
	const cached = `(async () => {
		const urls = [];
		for (const name of await caches.keys())
			for (const request of await (await caches.open(name)).keys())
				urls.push(new URL(request.url).pathname);
		return urls;
	})()`
	p.open("/dashboard/settings")
	p.see("This device")
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
	p.press("Sign out")
	p.see("You are signed out.")
	if got := eval[string](p, stored); got != `{}{}` {
		t.Errorf("after signing out the page keeps %s", got)
	}
	p.wait("the service worker is back, and the app opens without a network", func() bool {
		return eval[bool](p, `navigator.serviceWorker.getRegistration().then((r) => r?.active?.state === "activated")`)
	})
	if p.sees("A new version is ready.") {
		t.Error("it takes the worker's return for a new version")
	}
}

// testPanic breaks the page under the program's feet: it must not die of it.
func testPanic(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	p.open("/sign-in")
	p.fill("Email", "ada@example.com")
	p.fill("Password", password)
	eval[bool](p, `document.getElementById("sign-in-remember").remove(), true`)
	p.press("Sign in")
	p.see("Something went wrong in this page.")
	if complaints := p.forgive(); len(complaints) == 0 || !strings.Contains(complaints[0], "panic:") {
		t.Errorf("the console says %v; want the panic", complaints)
	}
	p.press("Show password") // it lives
	p.the("button", "Hide password")
	p.press("Reload")
	p.wait("the page is whole again", func() bool {
		return eval[bool](p, `!!document.querySelector("#sign-in-remember") && !document.getElementById("app-wasm-loader")`)
	})

	// What cannot be rescued ends the program, and that is seen too.
	eval[bool](p, `document.querySelector("main > fieldset > *").remove(), goappNav("/sign-up"), true`)
	p.see("Something went wrong in this page.")
	p.press("Reload")
	p.wait("the page is whole again", func() bool { return eval[bool](p, `!!document.getElementById("sign-up-email")`) })
	p.forgive()
}

// testNoApp keeps the app from coming. Whoever waits for it is told.
func testNoApp(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	for _, path := range []string{"/web/app.wasm", "/wasm_exec.js", "/app.js"} {
		p.block(path)
		p.do(chromedp.Navigate(server.origin + "/sign-in"))
		p.see("The app could not be loaded.")
		p.see("Sign in")
	}
	p.forgive()
}

// block keeps a file from coming, and no other.
func (p *tab) block(path string) {
	p.t.Helper()
	command(p, network.Enable, network.EnableParams{})
	command(p, network.SetBlockedURLs, network.SetBlockedURLsParams{
		URLPatterns: []*network.BlockPattern{{URLPattern: p.origin + path, Block: true}},
	})
}

// testLongWords has a stranger's browser, and one's own address, try to push
// what matters off a narrow page.
func testLongWords(t *testing.T, browser context.Context, server *program) {
	p, stranger := browse(t, browser, server.origin), browse(t, browser, server.origin)
	p.do(chromedp.EmulateViewport(320, 640))
	p.open("/sign-up")
	p.fill("Name", strings.Repeat("n", 100))
	email := strings.Repeat("a", 60) + "@" + strings.Repeat("long-domain-name.", 5) + "example.com"
	p.fill("Email", email)
	p.fill("Password", password)
	p.press("Create account")
	p.see("This device")
	stranger.as("Mozilla/5.0 " + strings.Repeat("A", 300) + "/1.0")
	stranger.signIn(email)

	p.open("/dashboard/settings")
	p.see("Active sessions")
	p.wait("both sessions are listed", func() bool { return len(p.all("button", "Revoke")) == 2 })
	p.fits(320, "the settings page")
	p.press("Delete account")
	p.the("dialog", "Delete your account?")
	p.fits(320, "the question")
	p.key(kb.Escape)
}

func testReturnTo(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	email := p.signUp()
	p.press("Sign out")
	p.at("/sign-in")

	// Nobody was signed in here, so nobody was signed out either.
	p.open("/dashboard/settings")
	p.at("/sign-in")
	p.see("Sign in to see your settings.")

	p.open("/sign-in?next=//evil.example/dashboard/settings")
	p.submitSignIn(email, password)
	p.at("/dashboard/settings")
	if host := eval[string](p, "location.origin"); host != server.origin {
		t.Errorf("signing in led to %s", host)
	}
	p.open("/")
	p.at("/dashboard/settings")
	p.open("/sign-in")
	p.at("/dashboard/settings")
}

func testStepUp(t *testing.T, browser context.Context, binary string) {
	file := filepath.Join(t.TempDir(), "latchkey.db")
	server := start(t, binary, "-rate-limits", "off", "-database", "sqlite:"+file)
	p := browse(t, browser, server.origin)
	email := p.signUp()

	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "PRAGMA busy_timeout = 5000; UPDATE sessions SET confirmed_at = '2026-01-01 00:00:00+00:00'"); err != nil {
		t.Fatal(err)
	}

	deleteAccount := func() {
		t.Helper()
		p.press("Delete account")
		p.the("dialog", "Delete your account?")
		p.press("Delete account")
		p.the("dialog", "Is it still you?")
		p.awaitFocus("Password")
	}
	deleteAccount()
	p.network(false)
	p.onlyWayOut("Cancel")
	p.network(true)
	p.press("Cancel")
	p.wait("the dialog is shut", func() bool { return len(p.all("dialog", "Is it still you?")) == 0 })
	p.wait("the account can be deleted again", func() bool {
		return eval[string](p, `document.getElementById("delete-account").getAttribute("aria-busy")`) != "true"
	})
	if alerts := eval[string](p, `document.querySelector(".toasts").innerText`); alerts != "" {
		t.Errorf("who cancels is told %q", alerts)
	}
	deleteAccount()
	p.key(kb.Escape)
	p.awaitFocus("Delete account")

	deleteAccount()
	p.press("Continue")
	p.with("textbox", "Password", "Enter your password.")
	p.fill("Password", "not the password")
	p.press("Continue")
	p.with("textbox", "Password", "This is not your current password.")
	p.fill("Password", password)
	p.press("Continue")
	p.at("/sign-in") // the deletion went on by itself
	p.see("Your account is deleted.")
	p.submitSignIn(email, password)
	p.see("do not belong together")
}

func testTooManyTries(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary)
	p := browse(t, browser, server.origin)
	p.open("/sign-in")
	p.fill("Email", "ada@example.com")
	for !p.sees("Too many tries. Try again in ") {
		p.fill("Password", "not the password")
		p.press("Sign in")
		p.wait("there is an answer", func() bool {
			return eval[string](p, `document.getElementById("sign-in-submit").getAttribute("aria-busy")`) == "false"
		})
	}
	if !eval[bool](p, `document.getElementById("sign-in-submit").getAttribute("aria-disabled") === "true"`) {
		t.Error("the button looks as if it could be used")
	}
	p.wait("the wait is over", func() bool {
		return eval[bool](p, `document.getElementById("sign-in-submit").getAttribute("aria-disabled") === "false"`)
	})
	p.press("Sign in")
	p.with("textbox", "Password", "This email address and password do not belong together.")
}

func testServerAway(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	here, there := browse(t, browser, server.origin), browse(t, browser, server.origin)
	email := here.signUp()
	there.as(firefox)
	there.signIn(email)
	here.open("/dashboard/settings")
	here.see("Firefox 153 on Windows")
	here.inCharge()

	server.kill()
	here.click(here.with("button", "Revoke", "Firefox 153 on Windows"))
	here.press("Revoke")
	here.see("This needs a connection, and the server cannot be reached.")
	here.with("button", "Revoke", "Firefox 153 on Windows") // it is back
	here.press("Dismiss")

	server.start()
	here.wait("the connection is noticed", func() bool { return !here.sees("You are offline.") })
	here.fill("Name", "Countess")
	server.kill()
	here.press("Save")
	here.see("What you typed is still here.")
	if got := eval[string](here, `document.getElementById("profile-name").value`); got != "Countess" {
		t.Errorf("what was typed is %q now", got)
	}

	here.open("/dashboard/settings")
	here.see("You are offline.")
	here.at("/dashboard/settings") // nobody was signed out by a dead server

	server.start()
	here.see("Firefox 153 on Windows")
	if got := eval[string](here, `document.getElementById("profile-name").value`); got != "Ada Lovelace" {
		t.Errorf("the name is %q", got)
	}
}

// testManifest looks that the app can be installed, and that nothing of it
// comes from elsewhere.
func testManifest(t *testing.T, _ context.Context, server *program) {
	fetch := func(path string) (*http.Response, []byte) {
		t.Helper()
		res, err := http.Get(server.origin + path)
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
