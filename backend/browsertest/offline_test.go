package browsertest

import (
	"encoding/json"
	"fmt"
	"latchkey/backend/testkit"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestOfflineBrowser takes the network away from people, and gives it back.
func TestOfflineBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Wipe":         testWipe,
		"OtherAccount": testOtherAccount,
		"Changed":      testChanged,
		"Ended":        testEnded,
		"ListFirst":    testListFirst,
		"Focus":        testOfflineFocus,
		"Install":      testInstall,
	}, map[string]func(*testing.T){
		"Offline":        testOffline,
		"Expired":        testExpired,
		"Leaving":        testLeaving,
		"Passes":         testPasses,
		"System":         testOfflineSystem,
		"Versions":       testVersions,
		"UpdateUnderWay": testUpdateUnderWay,
	})
}

func testOffline(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.Provoke(unreachable...)
	email := p.signUp()
	other := browse(t, server)
	other.As(firefox)
	other.signIn(email)
	p.Open("/dashboard/settings")
	p.See("Firefox 153 on Windows")
	p.controlled()
	cookie := eval[string](p, `document.cookie`)

	// What is kept is what the page shows.
	kept := p.snapshot()
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
		server.Kill()
		cold := p
		if begin == "cold" { // another tab, and from the start
			cold = p.another()
			cold.Open("/")
			cold.At("/dashboard/settings")
		} else {
			p.Press("Revoke all other sessions")
			p.Press("Revoke all")
			p.See("This needs a connection, and the server cannot be reached.")
			p.Press("Dismiss")
			p.See("You are offline.")
			p.Open("/dashboard/settings")
		}
		cold.See("You are offline. Changing anything needs a connection.")
		cold.See("Firefox 153 on Windows")
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
		cold.The("group", "You are offline. Changing anything needs a connection.")

		// It comes back by itself.
		server.Start()
		cold.Gone("You are offline.")
		cold.cardOmits("sessions", "As of ")
		cold.See("Firefox 153 on Windows")
		cold.Press("Revoke all other sessions")
		cold.Press("Cancel")
	}

	// What was kept for too long is not shown, nor is it for longer when the clock
	// is put back.
	for _, hours := range []float64{7*24 + 0.1, -1.1} {
		p.keepsSessions()
		server.Kill()
		eval[bool](p, fmt.Sprintf(`(() => {
			const kept = JSON.parse(localStorage["latchkey.kept"])
			kept.at = new Date(Date.now() - %g * 3600e3).toISOString()
			localStorage["latchkey.kept"] = JSON.stringify(kept)
			return true
		})()`, hours))
		p.Open("/dashboard/settings")
		p.See("the server cannot be reached")
		if p.Sees("Firefox 153") || p.snapshot() != "" {
			t.Errorf("after %g hours it still keeps %s", hours, p.snapshot())
		}
		server.Start()
		p.See("This device")
	}

	// Signing out needs no network for what is kept here; [testLeaving] has the rest.
	server.Kill()
	p.Press("Sign out")
	p.At("/sign-in")
	p.See("What this device kept is deleted.")
	if kept := p.snapshot(); kept != "" {
		t.Errorf("signed out, it keeps %s", kept)
	}
	p.Open("/dashboard/settings")
	p.See("the server cannot be reached")
	if p.Sees("Firefox 153") || p.Sees(email) {
		t.Error("signed out, it still shows the sessions")
	}
	server.Start()
}

// clock lets the test have hours pass, by sleep of the machine (putOn) or not
// (pass): the clock by which timers go stands still in sleep. Timers are looked at
// more often than they ask for, for they may be due.
func (p *tab) clock() {
	p.t.Helper()
	p.Inject(`{
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
func testExpired(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	one := browse(t, server)
	one.Provoke(unreachable...)
	email := one.signUp()
	two := one.another()
	for _, p := range []*tab{one, two} {
		p.clock()
		p.Open("/dashboard/settings")
		p.See("This device")
	}
	one.controlled()
	server.Kill()
	one.network(false)
	for _, p := range []*tab{two, one} {
		eval[bool](p, `putOn(7 * 24 + 1)`)
	}
	// Only one of them knows that there is no connection.
	for _, p := range []*tab{one, two} {
		p.At("/sign-in")
		p.See("it has had no connection for a week.")
		if p.Sees(email) || p.snapshot() != "" {
			t.Errorf("after a week it keeps %q", p.snapshot())
		}
	}
}

// testLeaving has people sign out without a network, and looks that they are out
// once there is one.
func testLeaving(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	other := browse(t, server)
	other.As(firefox)
	email := other.signUp()
	sessions := func() int {
		return eval[int](other, `fetch("/api/auth/list-sessions").then((r) => r.json()).then((all) => all.length)`)
	}
	p := browse(t, server)
	p.Provoke(unreachable...)
	leave := func() {
		t.Helper()
		p.See("This device")
		p.keepsSessions()
		p.controlled()
		if n := sessions(); n != 2 {
			t.Fatalf("there are %d sessions; want 2", n)
		}
		server.Kill()
		p.Press("Sign out")
		p.At("/sign-in")
		p.See("What this device kept is deleted.")
	}
	left := func(want int) {
		t.Helper()
		p.Await("the session is ended", func() bool { return sessions() == want })
		p.Until("nothing is left to do", `localStorage["latchkey.leaving"] === undefined`)
	}

	// They touch nothing.
	p.signIn(email)
	leave()
	if kept := eval[string](p, `JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})`); strings.Count(kept, ":") != 3 || !strings.Contains(kept, "latchkey.leaving") {
		t.Errorf("it keeps %s; want the time when the session began alone", kept)
	}
	server.Start()
	p.See("You are signed out.")
	left(1)
	p.At("/sign-in")
	if p.snapshot() != "" || p.Sees(email) {
		t.Errorf("it keeps %q of who has signed out", p.snapshot())
	}

	// They open the app again, and it has not been running meanwhile.
	p.signIn(email)
	leave()
	p.Visit("/dashboard/settings")
	p.See("the server cannot be reached")
	p.Do(chromedp.Navigate("about:blank"))
	server.Start()
	p.Open("/dashboard/settings")
	p.See("Sign in to see your settings.")
	left(1)

	// They sign in while the session of before is being ended.
	p.signIn(email)
	leave()
	p.Do(chromedp.Navigate("about:blank"))
	server.Start()
	p.Inject(`{
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
	p.Open("/sign-in")
	p.Until("the session is about to be ended", `window.held === true`)
	p.submitSignIn(email, password)
	p.Await("the sign-in is under way", func() bool {
		return eval[string](p, `document.getElementById("sign-in-submit").getAttribute("aria-busy")`) == "true"
	})
	eval[bool](p, `send()`)
	p.At("/dashboard/settings")
	p.See("This device")
	if order := eval[[]string](p, `sent.filter((url) => url.includes("/sign-"))`); !slices.Equal(order, []string{"/api/auth/sign-out", "/api/auth/sign-in/email"}) {
		t.Errorf("it sends %q", order)
	}
	p.Open("/dashboard/settings")
	p.See("This device")
	left(2)
	eval[bool](p, `send()`)

	// They sign in by the form that is there before the app.
	p.Press("Sign out")
	p.See("You are signed out.")
	p = browse(t, server)
	p.Provoke(unreachable...)
	p.signIn(email)
	leave()
	p.holdApp()
	p.Do(chromedp.Navigate("about:blank"))
	server.Start()
	p.Visit("/sign-in")
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", password+kb.Enter)
	p.At("/dashboard/settings")
	p.comeApp()
	p.See("This device")
	left(2)
	p.Visit("/dashboard/settings")
	p.comeApp()
	p.See("This device")
}

// network tells the page that there is one, or that there is none.
func (p *tab) network(there bool) {
	p.t.Helper()
	event := map[bool]string{true: "online", false: "offline"}[there]
	eval[bool](p, fmt.Sprintf(`Object.defineProperty(navigator, "onLine", {configurable: true, get: () => %t}), dispatchEvent(new Event(%q))`, there, event))
	p.Await("the page is "+event, func() bool { return p.Sees("You are offline.") != there })
}

// onlyWayOut looks that the dialog says that there is no connection, and that one
// button of it can be used.
func (p *tab) onlyWayOut(want string) {
	p.t.Helper()
	p.Await("the dialog says why not", func() bool {
		return strings.Contains(eval[string](p, `document.querySelector("dialog[open]").innerText`), "You are offline.")
	})
	if able := eval[string](p, `[...document.querySelectorAll("dialog[open] button, dialog[open] input:not([hidden])")].filter((e) => !e.matches(":disabled")).map((e) => e.innerText).join()`); able != want {
		p.t.Errorf("in the dialog these can be used: %q; want %q", able, want)
	}
}

// testOfflineFocus has people who go by keys lose the network, and get it back.
func testOfflineFocus(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.equip(true)
	p.signUp()
	p.Open("/dashboard/settings")
	p.See("This device")

	p.Fill("Current password", "half a pass")
	eval[bool](p, `document.activeElement.setSelectionRange(4, 4), true`)
	const where = `document.getElementById("password-currentPassword").getBoundingClientRect().top`
	at := eval[float64](p, where)
	p.network(false)
	p.AwaitFocus("Password")
	if now := eval[float64](p, where); now != at {
		t.Errorf("the field goes from %g to %g: a person would have to look for it", at, now)
	}
	p.network(true)
	p.AwaitFocus("Current password")
	p.Key("-")
	if got := eval[string](p, `document.activeElement.value`); got != "half- a pass" {
		t.Errorf("the field holds %q: what was typed, or where, is lost", got)
	}

	// Who has gone on meanwhile stays there.
	p.network(false)
	p.AwaitFocus("Password")
	p.TabTo("Sign out", testkit.Backwards)
	p.network(true)
	if got := p.Focused(); got != "Sign out" {
		t.Errorf("the focus is taken from Sign out to %q", got)
	}

	// A dialog says why nothing can be done in it, and can be left.
	p.Press("Delete account")
	p.The("dialog", "Delete your account?")
	p.TabTo("Delete account")
	p.network(false)
	p.AwaitFocus("Delete your account?")
	p.onlyWayOut("Cancel")
	p.network(true)
	p.AwaitFocus("Delete account")
	p.network(false)
	p.Key(kb.Escape)
	p.AwaitFocus("Profile")
	p.network(true)
	p.AwaitFocus("Delete account")

	p.Press("Enable 2FA")
	p.AwaitFocus("Password")
	p.Key("half a pass")
	p.network(false)
	p.AwaitFocus("Enable 2FA") // the heading
	p.onlyWayOut("Cancel")
	p.network(true)
	p.AwaitFocus("Password")
	if got := eval[string](p, `document.activeElement.value`); got != "half a pass" {
		t.Errorf("the field of the dialog holds %q: what was typed is lost", got)
	}
	p.network(false)
	p.TabTo("Cancel", testkit.Backwards)
	p.Key(kb.Enter)
	p.AwaitFocus("Two-factor authentication")
	p.network(true)
	p.AwaitFocus("Enable 2FA")

	// Codes that are shown once can be saved.
	p.Press("Enable 2FA")
	p.AwaitFocus("Password")
	p.Key(password + kb.Enter)
	p.AwaitFocus("Add the key to your authenticator app")
	p.network(false)
	p.Press("Continue")
	p.AwaitFocus("Save your backup codes")
	p.The("button", "Copy")
	p.Click("checkbox", "I saved them", "")
	p.Press("Continue")
	p.The("heading", "Enter a code from the app")
	p.onlyWayOut("Back")
	p.network(true)
	p.Key(kb.Escape)
	p.AwaitFocus("Enable 2FA")

	// The one that is part of the page goes with it.
	p.Press("Add passkey")
	p.AwaitFocus("Passkey name")
	p.network(false)
	p.AwaitFocus("Passkeys")
	p.network(true)
	p.AwaitFocus("Add passkey")

	// Where there are no sections, the heading of the page takes it.
	p.Press("Sign out")
	p.At("/sign-in")
	p.Fill("Email", "ada@example.com")
	p.network(false)
	p.Await("the focus is on the heading", func() bool { return eval[string](p, `document.activeElement.id`) == "title" })
	p.network(true)
	p.AwaitFocus("Email")
}

// testWipe tries each way in which somebody stops being signed in.
func testWipe(t *testing.T, server *testkit.Program) {
	here, there := browse(t, server), browse(t, server)
	email := here.signUp()
	for _, way := range []struct {
		name string
		end  func(p *tab)
	}{
		{"signing out", func(p *tab) { p.Press("Sign out") }},
		{"signing out in another tab", func(p *tab) {
			second := p.another()
			second.Open("/dashboard/settings")
			second.See("This device")
			second.Press("Sign out")
			second.At("/sign-in")
		}},
		{"a 401", func(p *tab) {
			here.Open("/dashboard/settings")
			here.Await("both sessions are listed", func() bool { return len(here.All("button", "Revoke")) == 2 })
			here.Press("Revoke all other sessions")
			here.Press("Revoke all")
			here.See("All other sessions are signed out.")
			p.Press("Save")
		}},
		{"another sign-in in this browser that ended", func(p *tab) {
			eval[bool](p, `fetch("/api/auth/sign-out", {method: "POST"}).then(() => true)`)
			p.Open("/")
		}},
	} {
		there.signIn(email)
		there.keepsSessions()
		way.end(there)
		there.At("/sign-in")
		if kept := there.snapshot(); kept != "" {
			t.Errorf("after %s it keeps %s", way.name, kept)
		}
	}

	// Who does not want to stay signed in has nothing left behind.
	there.Open("/sign-in")
	there.Click("checkbox", "Keep me signed in on this device", "")
	there.submitSignIn(email, password)
	there.See("This device")
	there.Until("it keeps something for as long as the browser runs", `(sessionStorage["latchkey.kept"] ?? "").includes("sessions") && !localStorage["latchkey.kept"]`)
}

// testListFirst has the page learn which sessions there are before it learns for
// how long the browser may keep anything.
func testListFirst(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.Press("Sign out")
	p.At("/sign-in")
	p.Inject(`{
		const fetched = fetch
		const listed = () => new Promise((resolve) => {
			const look = () => document.body.innerText.includes("This device") ? resolve() : setTimeout(look, 20)
			look()
		})
		let signedIn = false
		window.fetch = async (url, ...rest) => {
			const answer = await fetched(url, ...rest)
			signedIn ||= url === "/api/auth/sign-in/email"
			if (signedIn && url === "/api/auth/get-session") await listed()
			return answer
		}
	}`)
	p.Open("/sign-in")
	p.submitSignIn(email, password)
	p.See("This device")
	p.keepsSessions()
}

// testOtherAccount has somebody else sign in behind a page's back.
func testOtherAccount(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.keepsSessions()
	first := p.snapshot()

	body, _ := json.Marshal(map[string]string{"name": "Eve", "email": "eve.other@example.com", "password": password})
	eval[bool](p, fmt.Sprintf(`fetch("/api/auth/sign-up/email", {method: "POST", headers: {"Content-Type": "application/json"}, body: %q}).then((r) => r.ok)`, body))
	p.Fill("Name", "Mallory")
	p.Press("Save")
	p.See("eve.other@example.com")
	if p.Sees("Profile saved") {
		t.Error("what was typed for one account was saved for another")
	}
	p.Await("it keeps the other's", func() bool {
		kept := p.snapshot()
		return strings.Contains(kept, "eve.other@example.com") && strings.Contains(kept, "sessions")
	})
	var was struct{ User struct{ ID, Email string } }
	if err := json.Unmarshal([]byte(first), &was); err != nil {
		t.Fatal(err)
	}
	if kept := p.snapshot(); strings.Contains(kept, was.User.ID) || strings.Contains(kept, was.User.Email) {
		t.Errorf("it keeps the first one's, too: %s", kept)
	}
	if name := eval[string](p, `fetch("/api/auth/get-session").then((r) => r.json()).then((c) => c.user.name)`); name != "Eve" {
		t.Errorf("the other account's name is %q now", name)
	}
}

// testChanged has one tab see what another does, without the focus changing.
func testChanged(t *testing.T, server *testkit.Program) {
	one := browse(t, server)
	email := one.signUp()
	elsewhere := browse(t, server)
	elsewhere.As(safari)
	elsewhere.signIn(email)
	two := one.another()
	one.Open("/dashboard/settings")
	two.Open("/dashboard/settings")
	one.See("Safari 18 on iOS")
	two.See("Safari 18 on iOS")
	one.Press("Revoke all other sessions")
	one.Press("Revoke all")
	two.cardOmits("sessions", "Safari 18 on iOS")
}

// testEnded has a session end elsewhere that two tabs show, of which only one
// asks the server for something.
func testEnded(t *testing.T, server *testkit.Program) {
	elsewhere := browse(t, server)
	email := elsewhere.signUp()
	one := browse(t, server)
	one.Open("/sign-in")
	one.Click("checkbox", "Keep me signed in on this device", "")
	one.submitSignIn(email, password)
	one.See("This device")
	two := one.another()
	two.Open("/dashboard/settings")
	two.See("This device")
	two.keepsSessions()

	if !eval[bool](elsewhere, `fetch("/api/auth/revoke-other-sessions", {method: "POST"}).then((r) => r.ok)`) {
		t.Fatal("the session is not revoked")
	}
	one.Press("Save")
	one.At("/sign-in")
	two.At("/sign-in")
	two.See("this session was ended from another device, or it expired.")
	if kept := two.snapshot(); kept != "" {
		t.Errorf("the other tab keeps %s", kept)
	}
}

// testPasses has somebody leave a page open for hours.
func testPasses(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.signUpAdministrator(server)
	p.clock() // from the next page on
	for page, cards := range map[string][]string{"/dashboard/settings": {"sessions", "log"}, "/dashboard/system": {"users", "log"}} {
		p.Open(page)
		for _, id := range cards {
			p.Until(id+" is there", `!!document.querySelector("[aria-labelledby=`+id+`] time")`)
		}
		eval[bool](p, `pass(3)`)
		for _, id := range cards {
			p.cardSays(id, "3 hours ago")
		}
	}
}

// testOfflineSystem takes the network from an administrator.
func testOfflineSystem(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.signUpAdministrator(server)
	p.Open("/dashboard/system")
	p.The("link", "Download CSV")
	eval[bool](p, `document.querySelector("main a[download]").focus() === undefined`)
	p.AwaitFocus("Download CSV")
	p.network(false)
	p.AwaitFocus("Security log of everybody")
	p.The("button", "Download CSV")
	if able := eval[[]string](p, `[...document.querySelectorAll("main .card a, main button, main input, main select")].filter((e) => !e.matches(":disabled")).map((e) => e.outerHTML)`); len(able) > 0 {
		t.Errorf("without a network these can be used: %s", able)
	}
	p.network(true)
	p.The("link", "Download CSV")
}

// testVersions serves one version of the app after the other.
func testVersions(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.Provoke(unreachable...)
	email := p.signUp()
	p.controlled()
	const version = `getComputedStyle(document.documentElement).getPropertyValue("--test-version")`
	if got := eval[string](p, version); got != "" {
		t.Fatalf("the first version calls itself %q", got)
	}
	second := p.another()
	second.Open("/dashboard/settings")
	second.See("This device")

	server.Stop()
	server.Binary = newerBinary(t)
	server.Start()

	// All of a page is of the version that it began with.
	p.Open("/dashboard/settings")
	p.See("This device")
	p.See("A new version is ready.")
	if got := eval[string](p, version); got != "" {
		t.Errorf("the page of before has the style of version %q", got)
	}
	p.Press("Later")
	p.Gone("A new version is ready.")
	p.Open("/dashboard/settings")
	p.See("A new version is ready.")
	eval[bool](p, `window.old = true`)
	p.Press("Reload")
	p.Until("the page is new", `window.old === undefined && !document.getElementById("app-wasm-loader")`)
	p.See("This device")
	if got := strings.TrimSpace(eval[string](p, version)); got != "2" {
		t.Errorf("the new page has the style of version %q; want 2", got)
	}
	p.Await("nothing of the version before is kept", func() bool {
		return eval[int](p, `caches.keys().then((names) => names.length)`) == 1
	})
	if p.Sees("A new version is ready.") {
		t.Error("it takes the version that it is for a new one")
	}
	// The other tab goes on as it was, and says so.
	second.See("A new version is ready.")
	second.See(email)

	// A server that this app does not understand says so.
	eval[bool](second, `(() => {
		const real = window.fetch
		window.fetch = (path, options) => real(path, path.startsWith("/api/") ? {...options, headers: {...options.headers, "Latchkey-App": "0"}} : options)
		return true
	})()`)
	second.Press("Save")
	second.See("This page is of an older version than the server")
}

// testUpdateUnderWay has the browser be installing a newer worker already when the
// page begins to look for one.
func testUpdateUnderWay(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.Provoke(unreachable...)
	p.signUp()
	p.controlled()
	server.Stop()
	server.Binary = newerBinary(t)
	server.Start()
	p.Inject(`{
		const ready = navigator.serviceWorker.ready
		Object.defineProperty(navigator.serviceWorker, "ready", {get: () => ready.then((registration) => new Promise((resolve) => {
			const look = () => registration.installing && resolve(registration)
			look()
			registration.addEventListener("updatefound", look)
		}))})
	}`)
	p.Open("/dashboard/settings")
	p.See("A new version is ready.")
}

// newerBinary returns the program with another stylesheet in it.
func newerBinary(t *testing.T) string {
	t.Helper()
	newer.Do(func() { newer.file, newer.err = buildNewer(t) })
	if newer.err != nil {
		t.Fatal(newer.err)
	}
	return newer.file
}

var newer struct {
	sync.Once
	file string
	err  error
}

func buildNewer(t *testing.T) (binary string, err error) {
	css, err := os.ReadFile("../../web/app.css")
	if err != nil {
		return "", err
	}
	dir := t.TempDir()
	replaced, err := filepath.Abs("../../web/app.css")
	if err != nil {
		return "", err
	}
	style := filepath.Join(dir, "app.css")
	if err := os.WriteFile(style, append(css, ":root { --test-version: 2; }\n"...), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {replaced: style}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(filepath.Dir(testkit.Binary(t)), "newer")
	return binary, testkit.Build(binary, "-overlay", file)
}

// testInstall looks that the browser would install the app, and has the app
// offer it as the browser offers it.
func testInstall(t *testing.T, server *testkit.Program) {
	p := &tab{testkit.BrowseProfile(t, server.Origin), t} // nothing is installed in a private window
	p.signUp()
	p.controlled()
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
	p = browse(t, server)
	p.signIn(email)
	const offer = `(() => {
		const event = new Event("beforeinstallprompt", {cancelable: true})
		event.prompt = () => { window.prompted = true }
		event.userChoice = Promise.resolve({outcome: "accepted"})
		window.dispatchEvent(event)
		return event.defaultPrevented
	})()`
	if n := len(p.All("button", "Install app")); n > 0 {
		t.Error("it offers what the browser does not")
	}
	if !eval[bool](p, offer) {
		t.Error("the browser's own offer stays")
	}
	p.Press("Install app")
	p.Until("the browser asks", `window.prompted === true`)
	eval[bool](p, `dispatchEvent(new Event("appinstalled")), true`)
	p.None("button", "Install app")

	// It may be made before the app is there.
	early := browse(t, server)
	early.signIn(email)
	early.Inject(`addEventListener("DOMContentLoaded", () => { window.prevented = ` + offer + ` })`)
	early.Open("/dashboard/settings")
	early.Press("Install app")
	early.Until("the browser asks", `window.prompted && window.prevented`)

	// Where no page can ask for it, the person is told how.
	phone := browse(t, server)
	phone.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	phone.As(safari)
	phone.signIn(email)
	phone.See("Add to Home Screen")
}
