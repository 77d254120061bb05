package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestOfflineBrowser takes the network away from people, and gives it back.
func TestOfflineBrowser(t *testing.T) {
	inBrowser(t, map[string]func(*testing.T, context.Context, *program){
		"Wipe":         testWipe,
		"OtherAccount": testOtherAccount,
		"Changed":      testChanged,
		"Ended":        testEnded,
		"Focus":        testOfflineFocus,
		"Install":      testInstall,
	}, map[string]func(*testing.T, context.Context, string){
		"Offline":  testOffline,
		"Expired":  testExpired,
		"Leaving":  testLeaving,
		"Passes":   testPasses,
		"System":   testOfflineSystem,
		"Versions": testVersions,
	})
}

// inCharge waits until the service worker answers for the page.
func (p *tab) inCharge() {
	p.t.Helper()
	p.wait("the service worker is in charge", func() bool {
		return eval[bool](p, `navigator.serviceWorker.controller?.state === "activated"`)
	})
}

// keeps is what the browser keeps of the account.
func (p *tab) keeps() string {
	return eval[string](p, `(localStorage["latchkey.kept"] ?? "") + (sessionStorage["latchkey.kept"] ?? "")`)
}

func testOffline(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	p := browse(t, browser, server.origin)
	email := p.signUp()
	other := browse(t, browser, server.origin)
	other.as(firefox)
	other.signIn(email)
	p.open("/dashboard/settings")
	p.see("Firefox 153 on Windows")
	p.inCharge()
	cookie := eval[string](p, `document.cookie`)

	// What is kept is what the page shows.
	kept := p.keeps()
	for _, row := range []string{`"browser":"Firefox 153"`, `"twoFactor":`, `"passkeys":`, email} {
		if !strings.Contains(kept, row) {
			t.Errorf("it keeps %s: no %s", kept, row)
		}
	}
	handles := eval[[]string](p, `fetch("/api/auth/list-sessions").then((r) => r.json()).then((all) => all.map((s) => s.token))`)
	if len(handles) != 2 {
		t.Fatalf("there are %d sessions; want 2", len(handles))
	}
	for _, secret := range append(handles, "Mozilla/5.0") {
		if strings.Contains(kept, secret) {
			t.Errorf("it keeps %s: %s", secret, kept)
		}
	}
	if cookie != "" {
		t.Errorf("scripts see the cookie %q", cookie)
	}

	for _, begin := range []string{"warm", "cold"} {
		server.kill()
		cold := p
		if begin == "cold" { // another tab, and from the start
			cold = p.another()
			cold.open("/")
			cold.at("/dashboard/settings")
		} else {
			p.press("Revoke all other sessions")
			p.press("Revoke all")
			p.see("This needs a connection, and the server cannot be reached.")
			p.press("Dismiss")
			p.see("You are offline.")
			p.open("/dashboard/settings")
		}
		cold.see("You are offline. Changing anything needs a connection.")
		cold.see("Firefox 153 on Windows")
		if text := cold.card("sessions"); !strings.Contains(text, "As of ") {
			t.Errorf("%s, the sessions do not say of when they are:\n%s", begin, text)
		}
		for _, id := range []string{"two-factor", "passkeys"} {
			if text := cold.card(id); !strings.Contains(text, "As of ") {
				t.Errorf("%s, %s does not say of when it is:\n%s", begin, id, text)
			}
		}
		if text := cold.card("log"); !strings.Contains(text, "This is shown when there is a connection again.") {
			t.Errorf("%s, the log says\n%s", begin, text)
		}
		able := eval[[]string](cold, `[...document.querySelectorAll("main button, main input, main select")].filter((e) => !e.matches(":disabled")).map((e) => e.outerHTML)`)
		if len(able) > 0 {
			t.Errorf("%s, without a network these can be used: %s", begin, able)
		}
		cold.the("group", "You are offline. Changing anything needs a connection.")

		// It comes back by itself.
		server.start()
		cold.wait("the connection is noticed", func() bool { return !cold.sees("You are offline.") })
		cold.wait("the list is of now", func() bool { return !strings.Contains(cold.card("sessions"), "As of ") })
		cold.see("Firefox 153 on Windows")
		cold.press("Revoke all other sessions")
		cold.press("Cancel")
	}

	// What was kept for too long is not shown, nor is it for longer when the clock
	// is put back.
	for _, hours := range []float64{7*24 + 0.1, -1.1} {
		p.wait("it keeps something", func() bool { return strings.Contains(p.keeps(), "sessions") })
		server.kill()
		eval[bool](p, fmt.Sprintf(`(() => {
			const kept = JSON.parse(localStorage["latchkey.kept"])
			kept.at = new Date(Date.now() - %g * 3600e3).toISOString()
			localStorage["latchkey.kept"] = JSON.stringify(kept)
			return true
		})()`, hours))
		p.open("/dashboard/settings")
		p.see("the server cannot be reached")
		if p.sees("Firefox 153") || p.keeps() != "" {
			t.Errorf("after %g hours it still keeps %s", hours, p.keeps())
		}
		server.start()
		p.see("This device")
	}

	// Signing out needs no network for what is kept here; [testLeaving] has the rest.
	server.kill()
	p.press("Sign out")
	p.at("/sign-in")
	p.see("What this device kept is deleted.")
	if kept := p.keeps(); kept != "" {
		t.Errorf("signed out, it keeps %s", kept)
	}
	p.open("/dashboard/settings")
	p.see("the server cannot be reached")
	if p.sees("Firefox 153") || p.sees(email) {
		t.Error("signed out, it still shows the sessions")
	}
	server.start()
	p.forgive()
}

// clock lets the test have hours pass, by sleep of the machine (putOn) or not
// (pass): the clock by which timers go stands still in sleep. Timers are looked at
// more often than they ask for, for they may be due.
func (p *tab) clock() {
	p.t.Helper()
	p.inject(`{
		const Real = Date, now = performance.now.bind(performance), later = setTimeout;
		let ahead = 0, passed = 0;
		performance.now = () => now() + passed;
		setTimeout = (f, delay, ...given) => later(f, Math.min(delay, 500), ...given);
		Date = class extends Real {
			constructor(...given) { given.length ? super(...given) : super(Real.now() + ahead); }
			static now() { return Real.now() + ahead; }
		};
		window.putOn = (hours) => { ahead += hours * 3600e3; };
		window.pass = (hours) => { putOn(hours); passed += hours * 3600e3; };
	}`)
}

// testExpired has a machine sleep for more than a week with the pages open, and
// without a server.
func testExpired(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	one := browse(t, browser, server.origin)
	email := one.signUp()
	two := one.another()
	for _, p := range []*tab{one, two} {
		p.clock()
		p.open("/dashboard/settings")
		p.see("This device")
	}
	one.inCharge()
	server.kill()
	one.network(false)
	for _, p := range []*tab{two, one} {
		eval[bool](p, `putOn(7 * 24 + 1)`)
	}
	// Only one of them knows that there is no connection.
	for _, p := range []*tab{one, two} {
		p.at("/sign-in")
		p.see("it has had no connection for a week.")
		if p.sees(email) || p.keeps() != "" {
			t.Errorf("after a week it keeps %q", p.keeps())
		}
	}
	for _, p := range []*tab{one, two} {
		p.forgive()
	}
}

// testLeaving has people sign out without a network, and looks that they are out
// once there is one.
func testLeaving(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	other := browse(t, browser, server.origin)
	other.as(firefox)
	email := other.signUp()
	sessions := func() int {
		return eval[int](other, `fetch("/api/auth/list-sessions").then((r) => r.json()).then((all) => all.length)`)
	}
	p := browse(t, browser, server.origin)
	leave := func() {
		t.Helper()
		p.see("This device")
		p.wait("it keeps something", func() bool { return strings.Contains(p.keeps(), "sessions") })
		p.inCharge()
		if n := sessions(); n != 2 {
			t.Fatalf("there are %d sessions; want 2", n)
		}
		server.kill()
		p.press("Sign out")
		p.at("/sign-in")
		p.see("What this device kept is deleted.")
	}
	left := func(want int) {
		t.Helper()
		p.wait("the session is ended", func() bool { return sessions() == want })
		p.wait("nothing is left to do", func() bool { return eval[bool](p, `localStorage["latchkey.leaving"] === undefined`) })
	}

	// They touch nothing.
	p.signIn(email)
	leave()
	if kept := eval[string](p, `JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})`); strings.Count(kept, ":") != 3 || !strings.Contains(kept, "latchkey.leaving") {
		t.Errorf("it keeps %s; want the time when the session began alone", kept)
	}
	server.start()
	p.see("You are signed out.")
	left(1)
	p.at("/sign-in")
	if p.keeps() != "" || p.sees(email) {
		t.Errorf("it keeps %q of who has signed out", p.keeps())
	}

	// They open the app again, and it has not been running meanwhile.
	p.signIn(email)
	leave()
	p.visit("/dashboard/settings")
	p.see("the server cannot be reached")
	p.do(chromedp.Navigate("about:blank"))
	server.start()
	p.open("/dashboard/settings")
	p.see("Sign in to see your settings.")
	left(1)

	// They sign in while the session of before is being ended.
	p.signIn(email)
	leave()
	p.do(chromedp.Navigate("about:blank"))
	server.start()
	p.inject(`{
		const fetched = fetch;
		const gate = new Promise((open) => { window.send = open; });
		window.sent = [];
		window.fetch = async (url, ...rest) => {
			if (url === "/api/auth/sign-out") {
				window.held = true;
				await gate;
			}
			sent.push(url);
			return fetched(url, ...rest);
		};
	}`)
	p.open("/sign-in")
	p.wait("the session is about to be ended", func() bool { return eval[bool](p, `window.held === true`) })
	p.submitSignIn(email, password)
	p.wait("the sign-in is under way", func() bool {
		return eval[string](p, `document.getElementById("sign-in-submit").getAttribute("aria-busy")`) == "true"
	})
	eval[bool](p, `send()`)
	p.at("/dashboard/settings")
	p.see("This device")
	if order := eval[[]string](p, `sent.filter((url) => url.includes("/sign-"))`); !slices.Equal(order, []string{"/api/auth/sign-out", "/api/auth/sign-in/email"}) {
		t.Errorf("it sends %q", order)
	}
	p.open("/dashboard/settings")
	p.see("This device")
	left(2)
	eval[bool](p, `send()`)

	// They sign in by the form that is there before the app.
	p.press("Sign out")
	p.see("You are signed out.")
	p.forgive()
	p = browse(t, browser, server.origin)
	p.signIn(email)
	leave()
	p.holdApp()
	p.do(chromedp.Navigate("about:blank"))
	server.start()
	p.visit("/sign-in")
	p.enter("sign-in-email", email)
	p.enter("sign-in-password", password+kb.Enter)
	p.at("/dashboard/settings")
	p.comeApp()
	p.see("This device")
	left(2)
	p.visit("/dashboard/settings")
	p.comeApp()
	p.see("This device")
	p.forgive()
}

// network tells the page that there is one, or that there is none.
func (p *tab) network(there bool) {
	p.t.Helper()
	event := map[bool]string{true: "online", false: "offline"}[there]
	eval[bool](p, fmt.Sprintf(`Object.defineProperty(navigator, "onLine", {configurable: true, get: () => %t}), dispatchEvent(new Event(%q))`, there, event))
	p.wait("the page is "+event, func() bool { return p.sees("You are offline.") != there })
}

// onlyWayOut looks that the dialog says that there is no connection, and that one
// button of it can be used.
func (p *tab) onlyWayOut(want string) {
	p.t.Helper()
	p.wait("the dialog says why not", func() bool {
		return strings.Contains(eval[string](p, `document.querySelector("dialog[open]").innerText`), "You are offline.")
	})
	if able := eval[string](p, `[...document.querySelectorAll("dialog[open] button, dialog[open] input:not([hidden])")].filter((e) => !e.matches(":disabled")).map((e) => e.innerText).join()`); able != want {
		p.t.Errorf("in the dialog these can be used: %q; want %q", able, want)
	}
}

// testOfflineFocus has people who go by keys lose the network, and get it back.
func testOfflineFocus(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	p.equip(true)
	p.signUp()
	p.open("/dashboard/settings")
	p.see("This device")

	p.fill("Current password", "half a pass")
	eval[bool](p, `document.activeElement.setSelectionRange(4, 4), true`)
	const where = `document.getElementById("password-currentPassword").getBoundingClientRect().top`
	at := eval[float64](p, where)
	p.network(false)
	p.awaitFocus("Password")
	if now := eval[float64](p, where); now != at {
		t.Errorf("the field goes from %g to %g: a person would have to look for it", at, now)
	}
	p.network(true)
	p.awaitFocus("Current password")
	p.key("-")
	if got := eval[string](p, `document.activeElement.value`); got != "half- a pass" {
		t.Errorf("the field holds %q: what was typed, or where, is lost", got)
	}

	// Who has gone on meanwhile stays there.
	p.network(false)
	p.awaitFocus("Password")
	p.tabTo("Sign out", backwards)
	p.network(true)
	if got := p.focused(); got != "Sign out" {
		t.Errorf("the focus is taken from Sign out to %q", got)
	}

	// A dialog says why nothing can be done in it, and can be left.
	p.press("Delete account")
	p.the("dialog", "Delete your account?")
	p.tabTo("Delete account")
	p.network(false)
	p.awaitFocus("Delete your account?")
	p.onlyWayOut("Cancel")
	p.network(true)
	p.awaitFocus("Delete account")
	p.network(false)
	p.key(kb.Escape)
	p.awaitFocus("Profile")
	p.network(true)
	p.awaitFocus("Delete account")

	p.press("Enable 2FA")
	p.awaitFocus("Password")
	p.key("half a pass")
	p.network(false)
	p.awaitFocus("Enable 2FA") // the heading
	p.onlyWayOut("Cancel")
	p.network(true)
	p.awaitFocus("Password")
	if got := eval[string](p, `document.activeElement.value`); got != "half a pass" {
		t.Errorf("the field of the dialog holds %q: what was typed is lost", got)
	}
	p.network(false)
	p.tabTo("Cancel", backwards)
	p.key(kb.Enter)
	p.awaitFocus("Two-factor authentication")
	p.network(true)
	p.awaitFocus("Enable 2FA")

	// Codes that are shown once can be saved.
	p.press("Enable 2FA")
	p.awaitFocus("Password")
	p.key(password + kb.Enter)
	p.awaitFocus("Add the key to your authenticator app")
	p.network(false)
	p.press("Continue")
	p.awaitFocus("Save your backup codes")
	p.the("button", "Copy")
	p.click(p.the("checkbox", "I saved them"))
	p.press("Continue")
	p.the("heading", "Enter a code from the app")
	p.onlyWayOut("Back")
	p.network(true)
	p.key(kb.Escape)
	p.awaitFocus("Enable 2FA")

	// The one that is part of the page goes with it.
	p.press("Add passkey")
	p.awaitFocus("Passkey name")
	p.network(false)
	p.awaitFocus("Passkeys")
	p.network(true)
	p.awaitFocus("Add passkey")

	// Where there are no sections, the heading of the page takes it.
	p.press("Sign out")
	p.at("/sign-in")
	p.fill("Email", "ada@example.com")
	p.network(false)
	p.wait("the focus is on the heading", func() bool { return eval[string](p, `document.activeElement.id`) == "title" })
	p.network(true)
	p.awaitFocus("Email")
}

// testWipe tries each way in which somebody stops being signed in.
func testWipe(t *testing.T, browser context.Context, server *program) {
	here, there := browse(t, browser, server.origin), browse(t, browser, server.origin)
	email := here.signUp()
	for _, way := range []struct {
		name string
		end  func(p *tab)
	}{
		{"signing out", func(p *tab) { p.press("Sign out") }},
		{"signing out in another tab", func(p *tab) {
			second := p.another()
			second.open("/dashboard/settings")
			second.see("This device")
			second.press("Sign out")
			second.at("/sign-in")
		}},
		{"a 401", func(p *tab) {
			here.open("/dashboard/settings")
			here.wait("both sessions are listed", func() bool { return len(here.all("button", "Revoke")) == 2 })
			here.press("Revoke all other sessions")
			here.press("Revoke all")
			here.see("All other sessions are signed out.")
			p.press("Save")
		}},
		{"another sign-in in this browser that ended", func(p *tab) {
			eval[bool](p, `fetch("/api/auth/sign-out", {method: "POST"}).then(() => true)`)
			p.open("/")
		}},
	} {
		there.signIn(email)
		there.wait("it keeps something", func() bool { return strings.Contains(there.keeps(), "sessions") })
		way.end(there)
		there.at("/sign-in")
		if kept := there.keeps(); kept != "" {
			t.Errorf("after %s it keeps %s", way.name, kept)
		}
	}

	// Who does not want to stay signed in has nothing left behind.
	there.open("/sign-in")
	there.click(there.the("checkbox", "Keep me signed in on this device"))
	there.submitSignIn(email, password)
	there.see("This device")
	there.wait("it keeps something for as long as the browser runs", func() bool {
		return eval[bool](there, `(sessionStorage["latchkey.kept"] ?? "").includes("sessions") && !localStorage["latchkey.kept"]`)
	})
}

// testOtherAccount has somebody else sign in behind a page's back.
func testOtherAccount(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	p.signUp()
	p.wait("it keeps something", func() bool { return strings.Contains(p.keeps(), "sessions") })
	first := p.keeps()

	body, _ := json.Marshal(map[string]string{"name": "Eve", "email": "eve.other@example.com", "password": password})
	eval[bool](p, fmt.Sprintf(`fetch("/api/auth/sign-up/email", {method: "POST", headers: {"Content-Type": "application/json"}, body: %q}).then((r) => r.ok)`, body))
	p.fill("Name", "Mallory")
	p.press("Save")
	p.see("eve.other@example.com")
	if p.sees("Profile saved") {
		t.Error("what was typed for one account was saved for another")
	}
	p.wait("it keeps the other's", func() bool {
		kept := p.keeps()
		return strings.Contains(kept, "eve.other@example.com") && strings.Contains(kept, "sessions")
	})
	var was struct{ User struct{ ID, Email string } }
	if err := json.Unmarshal([]byte(first), &was); err != nil {
		t.Fatal(err)
	}
	if kept := p.keeps(); strings.Contains(kept, was.User.ID) || strings.Contains(kept, was.User.Email) {
		t.Errorf("it keeps the first one's, too: %s", kept)
	}
	if name := eval[string](p, `fetch("/api/auth/get-session").then((r) => r.json()).then((c) => c.user.name)`); name != "Eve" {
		t.Errorf("the other account's name is %q now", name)
	}
}

// testChanged has one tab see what another does, without the focus changing.
func testChanged(t *testing.T, browser context.Context, server *program) {
	one := browse(t, browser, server.origin)
	email := one.signUp()
	elsewhere := browse(t, browser, server.origin)
	elsewhere.as(safari)
	elsewhere.signIn(email)
	two := one.another()
	one.open("/dashboard/settings")
	two.open("/dashboard/settings")
	one.see("Safari 18 on iOS")
	two.see("Safari 18 on iOS")
	one.press("Revoke all other sessions")
	one.press("Revoke all")
	two.wait("the other tab knows", func() bool { return !strings.Contains(two.card("sessions"), "Safari 18 on iOS") })
}

// testEnded has a session end elsewhere that two tabs show, of which only one
// asks the server for something.
func testEnded(t *testing.T, browser context.Context, server *program) {
	elsewhere := browse(t, browser, server.origin)
	email := elsewhere.signUp()
	one := browse(t, browser, server.origin)
	one.open("/sign-in")
	one.click(one.the("checkbox", "Keep me signed in on this device"))
	one.submitSignIn(email, password)
	one.see("This device")
	two := one.another()
	two.open("/dashboard/settings")
	two.see("This device")
	two.wait("it keeps something", func() bool { return strings.Contains(two.keeps(), "sessions") })

	if !eval[bool](elsewhere, `fetch("/api/auth/revoke-other-sessions", {method: "POST"}).then((r) => r.ok)`) {
		t.Fatal("the session is not revoked")
	}
	one.press("Save")
	one.at("/sign-in")
	two.at("/sign-in")
	two.see("this session was ended from another device, or it expired.")
	if kept := two.keeps(); kept != "" {
		t.Errorf("the other tab keeps %s", kept)
	}
}

// testPasses has somebody leave a page open for hours.
func testPasses(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	p := browse(t, browser, server.origin)
	p.signUpAdministrator(server)
	p.clock() // from the next page on
	for page, cards := range map[string][]string{"/dashboard/settings": {"sessions", "log"}, "/dashboard/system": {"users", "log"}} {
		p.open(page)
		for _, id := range cards {
			p.wait(id+" is there", func() bool { return eval[bool](p, `!!document.querySelector("[aria-labelledby=`+id+`] time")`) })
		}
		eval[bool](p, `pass(3)`)
		for _, id := range cards {
			p.wait(id+" tells how long ago it is", func() bool { return strings.Contains(p.card(id), "3 hours ago") })
		}
	}
}

// testOfflineSystem takes the network from an administrator.
func testOfflineSystem(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	p := browse(t, browser, server.origin)
	p.signUpAdministrator(server)
	p.open("/dashboard/system")
	p.the("link", "Download CSV")
	eval[bool](p, `document.querySelector("main a[download]").focus() === undefined`)
	p.awaitFocus("Download CSV")
	p.network(false)
	p.awaitFocus("Security log of everybody")
	p.the("button", "Download CSV")
	if able := eval[[]string](p, `[...document.querySelectorAll("main .card a, main button, main input, main select")].filter((e) => !e.matches(":disabled")).map((e) => e.outerHTML)`); len(able) > 0 {
		t.Errorf("without a network these can be used: %s", able)
	}
	p.network(true)
	p.the("link", "Download CSV")
}

// testVersions serves one version of the app after the other.
func testVersions(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary, "-rate-limits", "off")
	p := browse(t, browser, server.origin)
	email := p.signUp()
	p.inCharge()
	const version = `getComputedStyle(document.documentElement).getPropertyValue("--test-version")`
	if got := eval[string](p, version); got != "" {
		t.Fatalf("the first version calls itself %q", got)
	}
	second := p.another()
	second.open("/dashboard/settings")
	second.see("This device")

	server.stop()
	server.binary = newerBinary(t)
	server.start()

	// All of a page is of the version that it began with.
	p.open("/dashboard/settings")
	p.see("This device")
	p.see("A new version is ready.")
	if got := eval[string](p, version); got != "" {
		t.Errorf("the page of before has the style of version %q", got)
	}
	p.press("Later")
	p.wait("it does not insist", func() bool { return !p.sees("A new version is ready.") })
	p.open("/dashboard/settings")
	p.see("A new version is ready.")
	eval[bool](p, `window.old = true`)
	p.press("Reload")
	p.wait("the page is new", func() bool {
		return eval[bool](p, `window.old === undefined && !document.getElementById("app-wasm-loader")`)
	})
	p.see("This device")
	if got := strings.TrimSpace(eval[string](p, version)); got != "2" {
		t.Errorf("the new page has the style of version %q; want 2", got)
	}
	p.wait("nothing of the version before is kept", func() bool {
		return eval[int](p, `caches.keys().then((names) => names.length)`) == 1
	})
	if p.sees("A new version is ready.") {
		t.Error("it takes the version that it is for a new one")
	}
	// The other tab goes on as it was, and says so.
	second.see("A new version is ready.")
	second.see(email)

	// A server that this app does not understand says so.
	eval[bool](second, `(() => {
		const real = window.fetch
		window.fetch = (path, options) => real(path, path.startsWith("/api/") ? {...options, headers: {...options.headers, "Latchkey-App": "0"}} : options)
		return true
	})()`)
	second.press("Save")
	second.see("This page is of an older version than the server")
}

// newerBinary is the program with another stylesheet in it.
func newerBinary(t *testing.T) string {
	t.Helper()
	css, err := os.ReadFile("../web/app.css")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replaced, _ := filepath.Abs("../web/app.css")
	newer := filepath.Join(dir, "app.css")
	if err := os.WriteFile(newer, append(css, ":root { --test-version: 2; }\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {replaced: newer}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "latchkey")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "latchkey/backend")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// testInstall looks that the browser would install the app, and has the app
// offer it as the browser offers it.
func testInstall(t *testing.T, browser context.Context, server *program) {
	p := newTab(t, browser, server.origin) // not one of its own, which is as incognito: nothing is installed there
	p.signUp()
	p.inCharge()
	for _, e := range command(p, page.GetInstallabilityErrors, cdp.Empty{}).InstallabilityErrors {
		t.Errorf("it cannot be installed: %s %v", e.ErrorID, e.ErrorArguments)
	}
	manifest := command(p, page.GetAppManifest, page.GetAppManifestParams{})
	for _, e := range manifest.Errors {
		t.Errorf("line %d of the manifest: %s", e.Line, e.Message)
	}
	if !strings.HasSuffix(manifest.URL, "/manifest.webmanifest") {
		t.Errorf("the manifest is at %q", manifest.URL)
	}

	// Chromium makes its offer when it sees fit; this one is made here, where it
	// makes none.
	email := p.email()
	p = browse(t, browser, server.origin)
	p.signIn(email)
	const offer = `(() => {
		const event = new Event("beforeinstallprompt", {cancelable: true})
		event.prompt = () => { window.prompted = true }
		event.userChoice = Promise.resolve({outcome: "accepted"})
		window.dispatchEvent(event)
		return event.defaultPrevented
	})()`
	if n := len(p.all("button", "Install app")); n > 0 {
		t.Error("it offers what the browser does not")
	}
	if !eval[bool](p, offer) {
		t.Error("the browser's own offer stays")
	}
	p.press("Install app")
	p.wait("the browser asks", func() bool { return eval[bool](p, `window.prompted === true`) })
	eval[bool](p, `dispatchEvent(new Event("appinstalled")), true`)
	p.wait("it offers nothing any more", func() bool { return len(p.all("button", "Install app")) == 0 })

	// It may be made before the app is there.
	early := browse(t, browser, server.origin)
	early.signIn(email)
	early.inject(`addEventListener("DOMContentLoaded", () => { window.prevented = ` + offer + ` })`)
	early.open("/dashboard/settings")
	early.press("Install app")
	early.wait("the browser asks", func() bool { return eval[bool](early, `window.prompted && window.prevented`) })

	// Where no page can ask for it, the person is told how.
	phone := browse(t, browser, server.origin)
	phone.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	phone.as(safari)
	phone.signIn(email)
	phone.see("Add to Home Screen")
}

// email is the address of who is signed in.
func (p *tab) email() string {
	return eval[string](p, `document.querySelector(".who .email").textContent`)
}
