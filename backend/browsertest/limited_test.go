package browsertest

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestLimitedBrowser tests browsers and networks in which something is missing that the app uses.
func TestLimitedBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"WebAssembly": testNoWebAssembly,
		"Storage":     testNoStorage,
		"Cookies":     testNoCookies,
		"Agent":       testCrawlerAgent,
	}, map[string]func(*testing.T){
		"Portal": testPortal,
	})
}

// testNoWebAssembly checks that a browser without WebAssembly says so, and that users can sign in,
// revoke a session, and sign out.
func testNoWebAssembly(t *testing.T, server *testkit.Program) {
	email := browse(t, server).signUp()
	p := browse(t, server)
	p.Inject(`delete window.WebAssembly`)
	p.Visit("/sign-in")
	p.See(en.T(message.AppNeedsWebAssembly))
	if eval[bool](p, `document.querySelector(".no-script").checkVisibility()`) {
		t.Error("the page asks for JavaScript, which the browser has")
	}
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", password+"\r")
	p.At("/dashboard/settings")
	p.See(en.T(message.ThisDevice))
	p.See(en.T(message.AppNeedsWebAssembly))
	for _, path := range []string{"/dashboard/settings/profile", "/dashboard/settings/password", "/dashboard/settings"} {
		p.Visit(path)
		p.See(en.T(message.AppNeedsWebAssembly))
		if eval[bool](p, `[...document.querySelectorAll("button[type=button]")].some((e) => e.checkVisibility())`) {
			t.Errorf("%s has controls that do nothing", path)
		}
	}
	if !eval[bool](p, `document.getElementById("boot-unable").getBoundingClientRect().top >=
		document.querySelector(".top").getBoundingClientRect().bottom`) {
		t.Error("the note covers the header")
	}
	p.Visit("/dashboard/settings/sessions")
	p.activate(".session-row:not(:first-child) summary, .session-group:nth-child(n + 2) summary")
	p.See(en.T(message.SignedInUntil)) // the details
	p.activate(".session-row .revoke")
	p.The("heading", en.T(message.ConfirmSignOutDevice)) // the row of this device comes first
	p.Click("link", en.T(message.CancelAction), "")
	p.activate("#revoke-others")
	p.The("heading", en.T(message.ConfirmRevokeOtherSessions))
	p.Press(en.T(message.RevokeAll))
	p.See(en.T(message.DoneOtherSessionsRevoked))
	p.See(en.T(message.NoOtherSessions))
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
}

// testNoStorage checks that the app works in a browser that throws when a script looks for its storages.
func testNoStorage(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Inject(`for (const name of ["localStorage", "sessionStorage"])
		Object.defineProperty(window, name, { configurable: true, get() { throw new DOMException("blocked", "SecurityError"); } })`)
	p.signUp()
	p.settings("profile")
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
}

// testNoCookies checks that a browser that blocks cookies says that signing in needs them.
func testNoCookies(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Inject(`Object.defineProperty(Navigator.prototype, "cookieEnabled", { get: () => false })`)
	p.Open("/sign-in")
	p.See(en.T(message.ErrCookiesBlocked))
}

// testCrawlerAgent checks that the app runs for a user agent that go-app takes for a crawler's.
func testCrawlerAgent(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.As("Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36")
	p.signUp()
	p.Open("/dashboard/settings/profile?wasm=false")
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
}

// testPortal checks that the portal of a network, which answers everything with a redirect, is not taken
// for no network, and that the next page leads to it.
func testPortal(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browseWithWorker(t, server)
	p.Provoke("Failed to load resource", "ServiceWorker", "Failed to fetch", "CORS")
	p.signUp()
	p.awaitServiceWorker()
	server.Stop()

	listener, err := net.Listen("tcp", strings.TrimPrefix(server.Origin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	portal := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/portal" {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<h1>Welcome to the network</h1>"))
			return
		}
		http.Redirect(w, r, "/portal", http.StatusFound)
	})}
	go portal.Serve(listener)
	t.Cleanup(func() { portal.Close() })

	p.Act(`document.querySelector(".sections a[href='/dashboard/settings/sessions']").click()`)
	p.See(en.T(message.ErrInvalidResponse))
	if p.Sees(en.T(message.ErrOfflineReadOnly)) {
		t.Error("the page says that there is no connection")
	}
	p.Visit("/dashboard/settings")
	p.The("heading", "Welcome to the network")
}
