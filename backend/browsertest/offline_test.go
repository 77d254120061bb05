package browsertest

import (
	"encoding/json"
	"fmt"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestOfflineBrowser tests the app without a network, and after the network
// returns.
func TestOfflineBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"SnapshotDeleted": testWipe,
		"OtherAccount":    testOtherAccount,
		"Changed":         testChanged,
		"Ended":           testEnded,
		"ListFirst":       testListFirst,
		"Focus":           testOfflineFocus,
		"Install":         testInstall,
		"FailedInstall":   testFailedInstall,
		"Claim":           testClaim,
	}, map[string]func(*testing.T){
		"Offline":        testOffline,
		"Slow":           testSlow,
		"Expired":        testExpired,
		"PendingSignOut": testPendingSignOut,
		"SharedOrigin":   testSharedOrigin,
		"RelativeTimes":  testPasses,
		"WrongClock":     testWrongClock,
		"System":         testOfflineSystem,
		"Versions":       testVersions,
		"UpdateUnderWay": testUpdateUnderWay,
	})
}

// testOffline checks that an offline page shows the snapshot, disables all
// changes and recovers.
func testOffline(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browseWithWorker(t, server)
	p.Provoke(unreachableErrors...)
	email := p.signUp()
	other := browse(t, server)
	other.Provoke(unreachableErrors...)
	other.As(firefox)
	other.signIn(email)
	p.Open("/dashboard/settings")
	p.See(firefoxDevice)
	p.awaitServiceWorker()
	cookie := eval[string](p, readableCookies)

	for _, row := range []string{`"browser":"Firefox 153"`, `"overview":`, `"twoFactor":`, `"passkeys":`, email} {
		p.Until("the offline snapshot holds what the page shows: "+row, `localStorage["latchkey.kept"].includes(`+testkit.Quote(row)+`)`)
	}
	snapshot := p.snapshot()
	handles := eval[[]string](p, `fetch("/api/auth/list-sessions").then((r) => r.json()).then((all) => all.map((s) => s.token))`)
	if len(handles) != 2 {
		t.Fatalf("the account has %d sessions; want 2", len(handles))
	}
	for _, secret := range append(handles, "Mozilla/5.0") {
		if strings.Contains(snapshot, secret) {
			t.Errorf("the offline snapshot contains %s: %s", secret, snapshot)
		}
	}
	if cookie != "" {
		t.Errorf("scripts can read the cookie %q", cookie)
	}

	for _, start := range []string{"warm", "cold"} {
		p.settings("sessions")
		server.Kill()
		cold := p
		if start == "cold" { // load the app in another tab
			cold = p.another()
			cold.Open("/")
			cold.At("/dashboard/settings")
		} else {
			p.Press(en.T(message.RevokeOtherSessions))
			p.Press(en.T(message.RevokeAll))
			p.See(en.T(message.ErrNoConnection))
			p.Press(en.T(message.DismissNotice))
			p.See(en.T(message.ErrOfflineReadOnly))
			p.Open("/dashboard/settings")
		}
		cold.See(en.T(message.ErrOfflineReadOnly))
		cold.See(firefoxDevice)
		for _, page := range []string{"", "sessions", "passkeys", "two-factor", "activity", "password", "profile"} {
			cold.settings(page)
			text := en.T(message.AsOf)
			switch page {
			case "activity":
				text = en.T(message.ShownWhenOnline)
			case "password", "profile":
				text = en.T(message.ErrOfflineReadOnly)
			}
			cold.See(text)
			enabled := eval[[]string](cold, `[...document.querySelectorAll("main button, main input, main select")].
				filter((e) => !e.matches(":disabled")).map((e) => e.outerHTML)`)
			if len(enabled) > 0 {
				t.Errorf("%s start: offline, these controls of the page %q are enabled: %s", start, page, enabled)
			}
			cold.The("group", en.T(message.ErrOfflineReadOnly))
		}
		cold.settings("sessions")
		cold.cardSays("sessions", firefoxDevice)

		// The page recovers without user action.
		server.Start()
		cold.Gone(en.T(message.ErrOfflineReadOnly))
		cold.cardOmits("sessions", en.T(message.AsOf))
		cold.See(firefoxDevice)
		cold.Press(en.T(message.RevokeOtherSessions))
		cold.Press(en.T(message.CancelAction))
		if cold != p {
			cold.Do(chromedp.Navigate("about:blank")) // it would save the snapshot, too
		}
	}

	// The page does not show an expired snapshot. Setting the clock back does
	// not extend the lifetime of a snapshot. The next page changes the snapshot before its app
	// runs, because the app of this page may be about to save one.
	p.Inject(`{
		const hours = Number(sessionStorage["test.hours"] ?? 0);
		if (hours) {
			delete sessionStorage["test.hours"];
			const kept = JSON.parse(localStorage["latchkey.kept"]);
			kept.at = new Date(Date.now() - hours * 3600e3).toISOString();
			localStorage["latchkey.kept"] = JSON.stringify(kept);
		}
	}`)
	for _, hours := range []float64{7*24 + 0.1, -1.1} {
		p.awaitSnapshot()
		server.Kill()
		p.Act(fmt.Sprintf(`sessionStorage["test.hours"] = %g`, hours))
		p.Open("/dashboard/settings")
		p.See(en.T(message.ErrNoConnection))
		if p.Sees("Firefox") || p.snapshot() != "" {
			t.Errorf("the page still uses or stores a snapshot from %g hours ago: %s", hours, p.snapshot())
		}
		server.Start()
		p.See(en.T(message.ThisDevice))
	}

	// Signing out offline deletes the snapshot. [testPendingSignOut] tests the rest.
	server.Kill()
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	p.See(en.T(message.DoneSignedOutOffline))
	if snapshot := p.snapshot(); snapshot != "" {
		t.Errorf("after signing out, the snapshot is %s; want none", snapshot)
	}
	p.Open("/dashboard/settings")
	p.See(en.T(message.ErrNoConnection))
	if p.Sees("Firefox") || p.Sees(email) {
		t.Error("after signing out, the page still shows the account")
	}
	server.Start()
}

// fakeClock lets a script move the page's clock forward by hours. The function putOn
// simulates a machine that sleeps: its timers stand still. The function pass moves the
// timers, too. Each timer fires after half a second at most, because it may be due.
func (p *tab) fakeClock() {
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

// testSlow checks that a page shows the snapshot while the server does not answer, and can be used
// once it does.
func testSlow(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browseWithWorker(t, server)
	email := p.signUp()
	other := browse(t, server)
	other.As(firefox)
	other.signIn(email)
	p.Open("/dashboard/settings/sessions")
	p.See(firefoxDevice)
	p.awaitServiceWorker()
	p.Until("the offline snapshot has both sessions in both places", `(({sessions, overview}) =>
		sessions.list.length === 2 && overview.value.sessions.newest.length === 2)(JSON.parse(localStorage["latchkey.kept"]))`)
	p.Until("calls of the API do not start the worker", `fetch("/api/auth/ok").then((r) => r.text()).then(() =>
		performance.getEntriesByName(origin + "/api/auth/ok").some((e) => e.workerFinalSourceType === "network"))`)
	p.Inject(`{
		const fetched = fetch;
		const gate = new Promise((open) => { window.sendList = open; });
		window.fetch = async (url, ...rest) => {
			if (url === "/api/auth/list-sessions") await gate;
			return fetched(url, ...rest);
		};
	}`)
	for _, page := range []string{"/dashboard/settings", "/dashboard/settings/sessions"} {
		server.Pause()
		p.Visit(page)
		p.See(en.T(message.SlowReadOnly))
		p.See(firefoxDevice)
		p.See(en.T(message.AsOf))
		if eval[bool](p, `[...document.querySelectorAll("main button")].some((button) => !button.matches(":disabled"))`) {
			t.Errorf("%s: a button can be pressed before the server answers", page)
		}
		const top = `document.querySelector("h1").getBoundingClientRect().top`
		before := eval[float64](p, top)
		if covered := eval[bool](p, `(() => {
			scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
			const covered = document.querySelector("#content fieldset").getBoundingClientRect().bottom >
				document.querySelector(".connection").getBoundingClientRect().top;
			scrollTo({ top: 0, behavior: "instant" });
			return covered;
		})()`); covered {
			t.Errorf("%s: the notice covers the end of the page", page)
		}
		server.Resume()
		p.Gone(en.T(message.SlowReadOnly))
		if after := eval[float64](p, top); after != before {
			t.Errorf("%s: the notice moves the page from %g to %g", page, before, after)
		}
	}
	// The rows of the snapshot have no handles that the server knows. It would accept theirs, and
	// revoke nothing.
	p.Until("the sessions of the snapshot cannot be revoked", `document.querySelectorAll(".session-row > .revoke:disabled").length === 2`)
	p.Act(`sendList()`)
	p.Click("button", en.T(message.RevokeThis), firefoxDevice)
	p.Press(en.T(message.RevokeThis))
	p.See(en.T(message.NoOtherSessions))
}

// testExpired checks that the snapshot expires while a machine sleeps for more
// than a week. The pages stay open, and the server is unreachable.
func testExpired(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	first := browseWithWorker(t, server)
	first.Provoke(unreachableErrors...)
	email := first.signUp()
	second := first.another()
	for _, p := range []*tab{first, second} {
		p.fakeClock()
		p.Open("/dashboard/settings")
		p.See(en.T(message.ThisDevice))
	}
	first.awaitServiceWorker()
	server.Kill()
	first.setOnline(false)
	for _, p := range []*tab{second, first} {
		p.Act(`putOn(7 * 24 + 1)`)
	}
	// Only one of the tabs knows that it is offline.
	for _, p := range []*tab{first, second} {
		p.At("/sign-in")
		p.See(en.T(message.OfflineDataExpired))
		if p.Sees(email) || p.snapshot() != "" {
			t.Errorf("after a week, the page shows the account or stores the snapshot %q", p.snapshot())
		}
	}
}

// testFailedInstall checks that the page retries the installation of a service worker that
// fails to install.
func testFailedInstall(t *testing.T, server *testkit.Program) {
	p := browseWithWorker(t, server)
	p.Inject(`{
		const register = ServiceWorkerContainer.prototype.register;
		window.failed = 0;
		ServiceWorkerContainer.prototype.register = function (...args) {
			if (window.succeed) {
				return register.apply(this, args);
			}
			const installing = Object.assign(new EventTarget(), {state: "installing"});
			setTimeout(() => {
				installing.state = "redundant";
				installing.dispatchEvent(new Event("statechange"));
				failed++;
			}, 100);
			return Promise.resolve(Object.assign(new EventTarget(), {installing}));
		};
	}`)
	p.Open("/sign-in")
	p.Until("a worker has failed once more", `window.failed > 2`)
	p.Act(`window.succeed = true`)
	p.awaitServiceWorker()
}

// testClaim checks that the service worker takes control of a page that the browser has
// loaded without it, such as a page that was loading while the worker was installed.
func testClaim(t *testing.T, server *testkit.Program) {
	p := browseWithWorker(t, server)
	p.Open("/sign-in")
	p.awaitServiceWorker()
	p.Act(`window.before = true`)
	command(p, page.Reload, page.ReloadParams{IgnoreCache: new(true)})
	p.Until("the page is another", `window.before === undefined && document.readyState === "complete"`)
	p.awaitServiceWorker()
}

// testPendingSignOut checks that signing out offline revokes the session once the
// network returns.
func testPendingSignOut(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	other := browse(t, server)
	other.Provoke(unreachableErrors...)
	other.As(firefox)
	email := other.signUp()
	sessions := func() int {
		return eval[int](other, `fetch("/api/auth/list-sessions").then((r) => r.json()).then((all) => all.length)`)
	}
	p := browseWithWorker(t, server)
	p.Provoke(unreachableErrors...)
	signOutOffline := func() {
		t.Helper()
		p.See(en.T(message.ThisDevice))
		p.awaitSnapshot()
		p.awaitServiceWorker()
		if n := sessions(); n != 2 {
			t.Fatalf("the account has %d sessions; want 2", n)
		}
		server.Kill()
		p.Press(en.T(message.SignOut))
		p.At("/sign-in")
		p.See(en.T(message.DoneSignedOutOffline))
	}
	awaitSessions := func(want int) {
		t.Helper()
		p.Await("the server has revoked the session", func() bool { return sessions() == want })
		p.Until("no sign-out is pending", `localStorage["latchkey.leaving"] === undefined`)
	}

	// The user does nothing.
	p.signIn(email)
	signOutOffline()
	stored := eval[string](p, `JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})`)
	if strings.Count(stored, ":") != 3 || !strings.Contains(stored, "latchkey.leaving") {
		t.Errorf("the browser stores %s; want only the start time of the session", stored)
	}
	server.Start()
	p.See(en.T(message.DoneSignedOut))
	awaitSessions(1)
	p.At("/sign-in")
	if p.snapshot() != "" || p.Sees(email) {
		t.Errorf("after signing out, the page shows the account or stores the snapshot %q", p.snapshot())
	}

	// The user closes the app and opens it again later.
	p.signIn(email)
	signOutOffline()
	p.Visit("/dashboard/settings")
	p.See(en.T(message.ErrNoConnection))
	p.Do(chromedp.Navigate("about:blank"))
	server.Start()
	p.Open("/dashboard/settings")
	p.See(en.T(message.SignInToSeeSettings))
	awaitSessions(1)

	// The user signs in while the app revokes the previous session.
	p.signIn(email)
	signOutOffline()
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
	p.Until("the app is about to revoke the session", `window.held === true`)
	p.submitSignIn(email, password)
	p.Await("the sign-in is in progress", func() bool {
		return eval[string](p, `document.getElementById("sign-in-submit").getAttribute("aria-busy")`) == "true"
	})
	p.Act(`send()`)
	p.At("/dashboard/settings")
	p.See(en.T(message.ThisDevice))
	order := eval[[]string](p, `sent.filter((url) => url.includes("/sign-"))`)
	if !slices.Equal(order, []string{"/api/auth/sign-out", "/api/auth/sign-in/email"}) {
		t.Errorf("the app calls %q; want first sign-out and then sign-in", order)
	}
	p.Open("/dashboard/settings")
	p.See(en.T(message.ThisDevice))
	awaitSessions(2)
	p.Act(`send()`)

	// The user signs in with the form that works before the app runs.
	p.Press(en.T(message.SignOut))
	p.See(en.T(message.DoneSignedOut))
	p = browseWithWorker(t, server)
	p.Provoke(unreachableErrors...)
	p.signIn(email)
	signOutOffline()
	p.holdApp()
	p.Do(chromedp.Navigate("about:blank"))
	server.Start()
	p.Visit("/sign-in")
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", password+kb.Enter)
	p.At("/dashboard/settings")
	p.releaseApp()
	p.See(en.T(message.ThisDevice))
	awaitSessions(2)
	p.Visit("/dashboard/settings")
	p.releaseApp()
	p.See(en.T(message.ThisDevice))
}

// setOnline tells the page whether it has a network connection.
func (p *tab) setOnline(online bool) {
	p.t.Helper()
	event := map[bool]string{true: "online", false: "offline"}[online]
	p.Act(fmt.Sprintf(`Object.defineProperty(navigator, "onLine", {configurable: true, get: () => %t}),
		dispatchEvent(new Event(%q))`, online, event))
	p.Await("the page is "+event, func() bool { return p.Sees(en.T(message.ErrOfflineReadOnly)) != online })
}

// awaitOfflineDialog waits until the open dialog says that the app is offline.
// It checks that only the button want is enabled.
func (p *tab) awaitOfflineDialog(want string) {
	p.t.Helper()
	p.Await("the dialog says that the app is offline", func() bool {
		return strings.Contains(eval[string](p, `document.querySelector("dialog[open]").innerText`), en.T(message.ErrOfflineReadOnly))
	})
	enabled := eval[string](p, `[...document.querySelectorAll("dialog[open] button, dialog[open] input:not([hidden])")].
		filter((e) => !e.matches(":disabled")).map((e) => e.innerText).join()`)
	if enabled != want {
		p.t.Errorf("the enabled controls of the dialog are %q; want %q", enabled, want)
	}
}

// testOfflineFocus checks that keyboard users keep their place when the network
// goes away and returns.
func testOfflineFocus(t *testing.T, server *testkit.Program) {
	p := browseWithWorker(t, server)
	p.addAuthenticator(true)
	p.signUp()
	p.openPasswordForm()

	p.Do(chromedp.EmulateViewport(1280, 300)) // where the page can scroll, it keeps its place below what appears
	p.Fill(en.T(message.CurrentPassword), "half a pass")
	p.Act(`document.activeElement.setSelectionRange(4, 4)`)
	p.Until("the page is scrolled", `scrollTo(0, 150), scrollY === 150`)
	const where = `document.getElementById("password-currentPassword").getBoundingClientRect().top`
	at := eval[float64](p, where)
	p.setOnline(false)
	p.AwaitFocus(en.T(message.AccountPassword))
	// Browsers scroll by whole pixels, and only when they draw the next frame.
	p.Until("the field is where it was", fmt.Sprintf(`Math.abs(%s - %g) < 1`, where, at))
	p.setOnline(true)
	p.AwaitFocus(en.T(message.CurrentPassword))
	p.Key("-")
	if got := eval[string](p, `document.activeElement.value`); got != "half- a pass" {
		t.Errorf("the field holds %q; want the earlier input and caret position", got)
	}

	// If the user moves the focus while offline, it stays there.
	p.setOnline(false)
	p.AwaitFocus(en.T(message.AccountPassword))
	p.TabTo(en.T(message.SignOut), testkit.Backwards)
	p.setOnline(true)
	if got := p.Focused(); got != en.T(message.SignOut) {
		t.Errorf("the focus moves from Sign out to %q", got)
	}

	// A dialog explains why its controls are disabled, and the user can close
	// it.
	p.settings("profile")
	p.Press(en.T(message.DeleteAccount))
	p.The("dialog", en.T(message.ConfirmDeleteAccount))
	p.TabTo(en.T(message.DeleteAccount))
	p.setOnline(false)
	p.AwaitFocus(en.T(message.ConfirmDeleteAccount))
	p.awaitOfflineDialog(en.T(message.CancelAction))
	p.setOnline(true)
	p.AwaitFocus(en.T(message.DeleteAccount))
	p.setOnline(false)
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.DangerZone))
	p.setOnline(true)
	p.AwaitFocus(en.T(message.DeleteAccount))

	p.settings("two-factor")
	p.Press(en.T(message.EnableTwoFactor))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Key("half a pass")
	p.setOnline(false)
	p.AwaitFocus(en.T(message.EnableTwoFactor)) // the heading
	p.awaitOfflineDialog(en.T(message.CancelAction))
	p.setOnline(true)
	p.AwaitFocus(en.T(message.AccountPassword))
	if got := eval[string](p, `document.activeElement.value`); got != "half a pass" {
		t.Errorf("the field of the dialog holds %q; want the earlier input", got)
	}
	p.setOnline(false)
	p.TabTo(en.T(message.CancelAction), testkit.Backwards)
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	p.setOnline(true)
	p.AwaitFocus(en.T(message.EnableTwoFactor))

	// The user can save backup codes offline, because the app shows them only
	// once.
	p.Press(en.T(message.EnableTwoFactor))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Key(password + kb.Enter)
	p.AwaitFocus(enrollmentCode)
	authenticator := p.scan()
	p.Click("DisclosureTriangle", en.T(message.EnterKeyInstead), "")
	p.Act(`document.querySelector("#factor input[inputmode=numeric]").focus()`)
	p.AwaitFocus(enrollmentCode)
	p.setOnline(false)
	p.awaitOfflineDialog(strings.Join([]string{en.T(message.EnlargeQRCode), en.T(message.CopyKey), en.T(message.CancelAction)}, ","))
	p.setOnline(true)
	p.AwaitFocus(enrollmentCode)
	p.Key(authenticator.Next())
	p.AwaitFocus(en.T(message.SaveBackupCodes))
	p.setOnline(false)
	p.The("button", en.T(message.CopyCodes))
	p.Click("checkbox", en.T(message.CodesSaved), "")
	p.Press(en.T(message.FinishSetup))
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	p.setOnline(true)

	// The dialog with the name of a new passkey stays.
	p.settings("passkeys")
	p.Press(en.T(message.AddPasskey))
	p.AwaitFocus(en.T(message.PasskeyName))
	p.setOnline(false)
	p.AwaitFocus(en.T(message.NamePasskey))
	p.awaitOfflineDialog(en.T(message.CloseDialog))
	p.setOnline(true)
	p.AwaitFocus(en.T(message.PasskeyName))
	p.Press(en.T(message.CloseDialog))
	p.AwaitFocus(en.T(message.AddPasskey))

	// On a page without sections, the heading of the page takes the focus.
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.setOnline(false)
	p.Await("the focus is on the heading", func() bool { return eval[string](p, `document.activeElement.id`) == "title" })
	p.setOnline(true)
	p.AwaitFocus(en.T(message.EmailAddress))
}

// testWipe checks that the snapshot disappears in each way in which a session
// can end.
func testWipe(t *testing.T, server *testkit.Program) {
	current, other := browseWithWorker(t, server), browseWithWorker(t, server)
	email := current.signUp()
	for _, way := range []struct {
		name string
		end  func(p *tab)
	}{
		{"signing out", func(p *tab) { p.Press(en.T(message.SignOut)) }},
		{"signing out in another tab", func(p *tab) {
			second := p.another()
			second.Open("/dashboard/settings")
			second.See(en.T(message.ThisDevice))
			second.Press(en.T(message.SignOut))
			second.At("/sign-in")
		}},
		{"a 401 response", func(p *tab) {
			current.Open("/dashboard/settings/sessions")
			current.Await("the page lists both sessions", func() bool { return len(current.All("button", en.T(message.RevokeThis))) == 2 })
			current.Press(en.T(message.RevokeOtherSessions))
			current.Press(en.T(message.RevokeAll))
			current.See(en.T(message.DoneOtherSessionsRevoked))
			p.visit("profile")
		}},
		{"a sign-out that the page did not notice", func(p *tab) {
			p.Act(`fetch("/api/auth/sign-out", {method: "POST"}).then(() => true)`)
			p.Open("/")
		}},
	} {
		other.signIn(email)
		other.awaitSnapshot()
		way.end(other)
		other.At("/sign-in")
		if snapshot := other.snapshot(); snapshot != "" {
			t.Errorf("after %s, the snapshot is %s; want none", way.name, snapshot)
		}
	}

	// Without “Keep me signed in”, the snapshot lasts only for the browser
	// session.
	other.Open("/sign-in")
	other.Click("checkbox", en.T(message.KeepSignedIn), "")
	other.submitSignIn(email, password)
	other.See(en.T(message.ThisDevice))
	other.Until("only the session storage holds a snapshot",
		`(sessionStorage["latchkey.kept"] ?? "").includes("sessions") && !localStorage["latchkey.kept"]`)
}

// testSharedOrigin checks a server that shares its origin with an application (SHARED_ORIGIN): a
// sign-out deletes the snapshot, whichever page calls for it and even if the app opens without a
// network next, and leaves what the application stores.
func testSharedOrigin(t *testing.T) {
	server := testkit.Start(t, "SHARED_ORIGIN=true", "-rate-limits", "off")
	p := browseWithWorker(t, server)
	p.Provoke(unreachableErrors...)
	email := p.signUp()
	p.awaitServiceWorker()
	p.Act(`caches.open("app-of-others").then((cache) => {
		for (const storage of [localStorage, sessionStorage]) storage["draft"] = storage["application.draft"] = "text"
		return cache.put("/x", new Response("x"))
	}).then(() => true)`)
	intact := func(when string) {
		t.Helper()
		if got := eval[string](p, `caches.keys().then((names) => [localStorage, sessionStorage].flatMap((storage) =>
			[storage["draft"], storage["application.draft"]]).join() + " " + names.includes("app-of-others"))`); got != "text,text,text,text true" {
			t.Errorf("after %s, the application's data are %s", when, got)
		}
		if snapshot := p.snapshot(); snapshot != "" {
			t.Errorf("after %s, the snapshot is %s; want none", when, snapshot)
		}
	}

	p.awaitSnapshot()
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	intact("a sign-out in the app")

	for _, remember := range []bool{true, false} {
		p.Open("/sign-in")
		if !remember {
			p.Click("checkbox", en.T(message.KeepSignedIn), "")
		}
		p.submitSignIn(email, password)
		p.See(en.T(message.ThisDevice))
		p.awaitSnapshot()
		p.openServed("/dashboard/settings") // which keeps the snapshot of a session after the last sign-out
		p.See(en.T(message.ThisDevice))
		p.awaitSnapshot()
		p.Act(`fetch("/api/auth/sign-out", {method: "POST"}).then((answer) => answer.ok)`) // by a page of the application
		if p.snapshot() == "" {
			t.Fatal("the snapshot is deleted before a page of the app opens")
		}
		server.Kill()
		p.Open("/dashboard/settings")
		p.See(en.T(message.ErrNoConnection))
		if p.Sees("Firefox") || p.Sees(email) {
			t.Error("the app shows the account after a sign-out")
		}
		intact("a sign-out by another page")
		server.Start()
	}
}

// testListFirst checks that the page stores a list of sessions that arrives
// before the session itself. The session says how long the browser may store
// anything.
func testListFirst(t *testing.T, server *testkit.Program) {
	p := browseWithWorker(t, server)
	email := p.signUp()
	p.Press(en.T(message.SignOut))
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
	p.See(en.T(message.ThisDevice))
	p.Until("the browser keeps all that the page shows", `["sessions", "passkeys", "twoFactor"].every((part) =>
		JSON.parse(localStorage["latchkey.kept"])[part])`)
}

// testOtherAccount checks an open page after another account signs in through
// the same browser.
func testOtherAccount(t *testing.T, server *testkit.Program) {
	p := browseWithWorker(t, server)
	p.signUp()
	p.awaitSnapshot()
	first := p.snapshot()
	p.settings("profile")

	body, _ := json.Marshal(map[string]string{"name": "Eve", "email": "eve.other@example.com", "password": password})
	p.Act(fmt.Sprintf(`fetch("/api/auth/sign-up/email",
		{method: "POST", headers: {"Content-Type": "application/json"}, body: %q}).then((r) => r.ok)`, body))
	p.Fill(en.T(message.DisplayName), "Mallory")
	p.saveProfile()
	p.See("eve.other@example.com")
	if p.Sees(en.T(message.DoneProfileSaved)) {
		t.Error("the page saved the input for one account to another account")
	}
	p.Await("the snapshot belongs to the new account", func() bool {
		snapshot := p.snapshot()
		return strings.Contains(snapshot, "eve.other@example.com") && strings.Contains(snapshot, "sessions")
	})
	var was struct{ User struct{ ID, Email string } }
	if err := json.Unmarshal([]byte(first), &was); err != nil {
		t.Fatal(err)
	}
	if snapshot := p.snapshot(); strings.Contains(snapshot, was.User.ID) || strings.Contains(snapshot, was.User.Email) {
		t.Errorf("the snapshot still contains the first account: %s", snapshot)
	}
	if name := eval[string](p, `fetch("/api/auth/get-session").then((r) => r.json()).then((c) => c.user.name)`); name != "Eve" {
		t.Errorf("the name of the new account is %q; want Eve", name)
	}
}

// testChanged checks that a tab shows the changes of another tab without a
// change of focus.
func testChanged(t *testing.T, server *testkit.Program) {
	first := browseWithWorker(t, server)
	email := first.signUp()
	other := browseWithWorker(t, server)
	other.As(safari)
	other.signIn(email)
	second := first.another()
	first.openServed("/dashboard/settings/sessions")
	second.openServed("/dashboard/settings/sessions")
	first.See(safariDevice)
	second.See(safariDevice)
	first.Press(en.T(message.RevokeOtherSessions))
	first.Press(en.T(message.RevokeAll))
	second.cardSays("sessions", en.T(message.SessionHasEnded)) // its row stays where it is
}

// testEnded checks that two tabs learn of a revoked session although only one
// of them calls the server.
func testEnded(t *testing.T, server *testkit.Program) {
	other := browseWithWorker(t, server)
	email := other.signUp()
	first := browseWithWorker(t, server)
	first.Open("/sign-in")
	first.Click("checkbox", en.T(message.KeepSignedIn), "")
	first.submitSignIn(email, password)
	first.See(en.T(message.ThisDevice))
	second := first.another()
	second.Open("/dashboard/settings")
	second.See(en.T(message.ThisDevice))
	second.awaitSnapshot()

	if !eval[bool](other, `fetch("/api/auth/revoke-other-sessions", {method: "POST"}).then((r) => r.ok)`) {
		t.Fatal("revoke-other-sessions failed")
	}
	first.visit("profile")
	first.At("/sign-in")
	second.At("/sign-in")
	second.See(sessionEnded)
	if snapshot := second.snapshot(); snapshot != "" {
		t.Errorf("the snapshot of the other tab is %s; want none", snapshot)
	}
}

// testPasses checks that relative times advance on a page that stays open for
// hours.
func testPasses(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browseWithWorker(t, server)
	p.Inject(withoutWorker) // a page from its cache would ask the server for everything
	p.signUpAdministrator(server)
	p.fakeClock() // takes effect on the next page
	hours, yesterday := en.T(message.HoursAgoMany, 3), en.T(message.DayYesterday)
	for _, tt := range []struct {
		page, card string
		pass       int // hours
		want       string
	}{
		{"/dashboard/settings", "log", 3, hours},
		{"/dashboard/settings/sessions", "sessions", 3, en.T(message.UpdatedAgo, hours)},
		{"/dashboard/settings/activity", "log", 24, yesterday},
		{"/dashboard/system", "users", 3, hours},
		{"/dashboard/system", "log", 24, yesterday},
	} {
		p.Open(tt.page)
		p.Until("section "+tt.card+" shows a time", `!!document.querySelector("[aria-labelledby=`+tt.card+`] time")`)
		// A response would set the clock right. The page waits for none, and asks for none while it is
		// not in sight.
		p.awaitIdle("the page has its data")
		p.Act(fmt.Sprintf(`Object.defineProperty(document, "visibilityState", {value: "hidden"}), pass(%d)`, tt.pass))
		p.cardSays(tt.card, tt.want)
	}
}

// testWrongClock checks that times on the page are relative to the server's time when the
// browser's clock is a day off: online, offline, and after the clock is set while the page
// is open.
func testWrongClock(t *testing.T) {
	server, db := startWithDatabase(t)
	first := browseWithWorker(t, server)
	first.Provoke(unreachableErrors...)
	email := first.signUp()
	other := browseWithWorker(t, server)
	other.As(firefox)
	other.signIn(email)
	other.Do(chromedp.Navigate("about:blank")) // the page would use its session each minute
	lastActive := func(ago time.Duration) {
		execSQL(t, db, `UPDATE sessions SET last_active_at = ? WHERE user_agent LIKE '%Firefox%'`,
			time.Now().Add(-ago).UTC().Format("2006-01-02 15:04:05+00:00"))
	}
	for _, hours := range []int{-24, 24} {
		p := first.another()
		p.Provoke(unreachableErrors...)
		p.fakeClock()
		p.Inject(fmt.Sprintf(`putOn(%d)`, hours))
		lastActive(20 * time.Hour)
		p.Open("/dashboard/settings/activity")
		p.cardIsRecent("log")
		p.Open("/dashboard/settings/sessions")
		p.cardSays("sessions", en.T(message.HoursAgoMany, 20))
		p.cardIsRecent("sessions")
		p.awaitSnapshot()
		p.awaitServiceWorker()

		if hours < 0 { // offline, a fast clock is the same case
			server.Kill()
			p.Open("/dashboard/settings/sessions")
			p.cardSays("sessions", en.T(message.AsOf))
			p.cardSays("sessions", en.T(message.HoursAgoMany, 20))
			p.cardIsRecent("sessions")
			asOf, err := time.Parse(time.RFC3339, eval[string](p, `document.querySelector("[aria-labelledby=sessions] .as-of time").dateTime`))
			if err != nil || time.Since(asOf).Abs() > time.Hour {
				t.Errorf("with a clock that is off by %d hours, the list is of %v (%v); want now", hours, asOf, err)
			}

			server.Start()
			p.Gone(en.T(message.ErrOfflineReadOnly))
		}
		lastActive(26 * time.Hour)
		p.Act(`putOn(48)`)
		p.cardSays("sessions", en.T(message.DaysAgoYesterday))
		p.cardIsRecent("sessions")
		p.Do(chromedp.Navigate("about:blank"))
	}
}

// testOfflineSystem checks the system page without a network.
func testOfflineSystem(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browseWithWorker(t, server)
	p.signUpAdministrator(server)
	p.Open("/dashboard/system")
	p.The("link", en.T(message.DownloadCSV))
	p.Act(`document.querySelector("main a[download]").focus()`)
	p.AwaitFocus(en.T(message.DownloadCSV))
	p.setOnline(false)
	p.AwaitFocus(en.T(message.SecurityLogOfAllUsers))
	p.The("button", en.T(message.DownloadCSV))
	p.Until("no control is enabled offline", // each section learns of it by itself
		`[...document.querySelectorAll("main .card a, main button, main input, main select")].every((e) => e.matches(":disabled"))`)
	p.setOnline(true)
	p.The("link", en.T(message.DownloadCSV))
}

// testVersions checks the update from one version of the app to the next.
func testVersions(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browseWithWorker(t, server)
	p.Provoke(unreachableErrors...)
	email := p.signUp()
	p.awaitServiceWorker()
	const version = `getComputedStyle(document.documentElement).getPropertyValue("--test-version")`
	if got := eval[string](p, version); got != "" {
		t.Fatalf("the first version has the style of version %q; want none", got)
	}
	second, third := p.another(), p.another()
	for _, open := range []*tab{second, third} {
		open.Open("/dashboard/settings")
		open.See(en.T(message.ThisDevice))
	}

	server.Binary = newerBinary(t) // which takes so long that the pages would notice the missing server
	server.Stop()
	server.Start()

	// A page that is opened now has the new version. It uses only files of that.
	p.openServed("/dashboard/settings")
	p.See(en.T(message.ThisDevice))
	if got := strings.TrimSpace(eval[string](p, version)); got != "2" {
		t.Errorf("the new page has the style of version %q; want 2", got)
	}

	// Pages that are open keep their version and report the new one.
	second.See(en.T(message.NewVersionReady))
	if got := eval[string](second, version); got != "" {
		t.Errorf("the old page has the style of version %q; want none", got)
	}
	second.Press(en.T(message.RemindLater))
	second.Gone(en.T(message.NewVersionReady))
	third.See(en.T(message.NewVersionReady))
	third.Act(`window.old = true`)
	third.Press(en.T(message.ReloadNow))
	third.Until("the new page runs", `window.old === undefined && `+testkit.Running)
	third.See(email)
	if got := strings.TrimSpace(eval[string](third, version)); got != "2" {
		t.Errorf("the reloaded page has the style of version %q; want 2", got)
	}
	third.Await("the cache of the old version is gone", func() bool {
		return eval[int](third, `caches.keys().then((names) => names.length)`) == 1
	})
	for _, current := range []*tab{p, third} {
		if current.Sees(en.T(message.NewVersionReady)) {
			t.Error("a page reports its own version as a new one")
		}
	}

	// The server rejects an app whose version it does not support.
	second.Act(`(() => {
		const real = window.fetch
		window.fetch = (path, options) => real(path, path.startsWith("/api/") ?
			{...options, headers: {...options.headers, "Latchkey-App": "0"}} : options)
		return true
	})()`)
	second.saveProfile()
	second.See(en.T(message.ErrAppUnsupported))
}

// openServed opens a page that the server draws with its data. If that takes two seconds, the service
// worker shows its own copy, whose app shows the snapshot and calls the server for all.
func (p *tab) openServed(path string) {
	p.t.Helper()
	p.Await("the server draws the page "+path, func() bool {
		p.Open(path)
		took := eval[float64](p, `performance.getEntriesByType("navigation").map((e) => e.responseStart - e.fetchStart)[0]`)
		return took > 0 && took < 1500
	})
}

// testUpdateUnderWay checks that a page notices a newer service worker that the
// browser is already installing.
func testUpdateUnderWay(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browseWithWorker(t, server)
	p.Provoke(unreachableErrors...)
	p.signUp()
	p.awaitServiceWorker()
	p.Inject(`{
		const ready = navigator.serviceWorker.ready
		Object.defineProperty(navigator.serviceWorker, "ready", {get: () => ready.then((registration) => new Promise((resolve) => {
			const look = () => (registration.installing || registration.waiting) && resolve(registration)
			look()
			registration.addEventListener("updatefound", look)
		}))})
	}`)
	p.Open("/dashboard/settings")
	server.Binary = newerBinary(t)
	server.Stop()
	server.Start()
	p.Act(`navigator.serviceWorker.getRegistration().then((registration) => registration.update())`)
	p.See(en.T(message.NewVersionReady))
}

// newerBinary returns the path of a program with another stylesheet.
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

// testInstall checks that the browser can install the app. It also checks that
// the app offers the installation only when the browser does.
func testInstall(t *testing.T, server *testkit.Program) {
	p := &tab{testkit.BrowseProfile(t, server.Origin), t} // private windows cannot install apps
	p.signUp()
	p.awaitServiceWorker()
	for _, e := range command(p, page.GetInstallabilityErrors, cdp.Empty{}).InstallabilityErrors {
		t.Errorf("the app cannot be installed: %s %v", e.ErrorID, e.ErrorArguments)
	}
	manifest := command(p, page.GetAppManifest, page.GetAppManifestParams{})
	for _, e := range manifest.Errors {
		t.Errorf("line %d of the manifest: %s", e.Line, e.Message)
	}
	if !strings.HasSuffix(manifest.URL, "/manifest.webmanifest") {
		t.Errorf("the manifest has the URL %q", manifest.URL)
	}

	// Chromium decides when to offer the installation. The test makes the offer
	// itself, in a private window, where Chromium makes none.
	email := p.email()
	p = browseWithWorker(t, server)
	p.signIn(email)
	const offer = `(() => {
		const event = new Event("beforeinstallprompt", {cancelable: true})
		event.prompt = () => { window.prompted = true }
		event.userChoice = Promise.resolve({outcome: "accepted"})
		window.dispatchEvent(event)
		return event.defaultPrevented
	})()`
	if n := len(p.All("button", en.T(message.InstallApp))); n > 0 {
		t.Error("the page offers the installation before the browser does")
	}
	if !eval[bool](p, offer) {
		t.Error("the page does not prevent the browser's own prompt")
	}
	p.Press(en.T(message.InstallApp))
	p.Until("the browser shows its prompt", `window.prompted === true`)
	p.Until("the focus is beside the button, which is gone", `document.activeElement.id === "install-asked"`)
	p.Act(`dispatchEvent(new Event("appinstalled"))`)
	p.None("button", en.T(message.InstallApp))

	// The browser can make the offer before the app runs.
	early := browseWithWorker(t, server)
	early.signIn(email)
	early.Inject(`addEventListener("DOMContentLoaded", () => { window.prevented = ` + offer + ` })`)
	early.Open("/dashboard/settings")
	early.Press(en.T(message.InstallApp))
	early.Until("the browser shows its prompt", `window.prompted && window.prevented`)

	// Where a page cannot show the prompt, it tells the user how to install the
	// app.
	phone := browseWithWorker(t, server)
	phone.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	phone.As(safari)
	phone.signIn(email)
	phone.See(en.T(message.AddToHomeScreen))
}
