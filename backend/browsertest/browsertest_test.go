// Package browsertest tests the program in a real browser. Only the
// authenticator that stores passkeys is virtual: Chromium emulates it.
//
// A test creates its account and its session through the API. It uses the
// sign-up and sign-in pages only where they are the subject.
package browsertest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"

	_ "modernc.org/sqlite"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

func TestMain(m *testing.M) {
	testkit.PatientServers()
	testkit.Main(m)
}

const (
	firefox = testkit.Firefox
	safari  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 " +
		"(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
	password = testkit.Password

	// The names of the devices with these user agents.
	firefoxDevice = "Windows PC · Firefox"
	safariDevice  = "iPhone · Safari"
)

// The tests find texts by ID, so that rewording one changes only the catalogs.
var en, de = message.English, message.German

var (
	sessionEnded = en.T(message.ErrSessionEnded)
	showPassword = en.T(message.ShowNamed, strings.ToLower(en.T(message.AccountPassword)))

	// retryIn is how a text begins that says when to try again.
	retryIn = prefix(message.TryAgainMinutes)
)

// prefix returns the text of a message before its first value.
func prefix(id message.ID) string {
	text, _, _ := strings.Cut(en.T(id), "%")
	return text
}

// The errors that the browser reports because of what a test does. See
// [testkit.Tab.Provoke].
const wasmNotLoaded = "loading wasm failed"

var unreachableErrors = []string{"Failed to fetch", "ServiceWorker script"}

// longest has the tests that need long to find one rare fault. They run only if the test is
// [thorough], as in "make slow".
var longest = []string{
	"Focus", "LongWords", "TakeOverErrors", "WrongClock", "Locked", "OldAddresses", "ContestedSignUp", "FirstMailKey",
	"ScannedLinks", "TrustedDevices", "ServerUnreachable", "UpdateUnderWay",
}

// suite runs tests in parallel. The tests in sharing use one server. Each test
// in starting starts its own.
func suite(t *testing.T, sharing map[string]func(*testing.T, *testkit.Program), starting map[string]func(*testing.T)) {
	t.Helper()
	t.Parallel()
	if !thorough() {
		for _, name := range longest {
			delete(sharing, name)
			delete(starting, name)
		}
	}
	if len(sharing) > 0 {
		server := testkit.Start(t, "-rate-limits", "off")
		for name, test := range sharing {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, server)
			})
		}
	}
	for name, test := range starting {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// tab is a [testkit.Tab] with helpers for the pages of the app.
type tab struct {
	*testkit.Tab
	t *testing.T
}

// browse opens a tab with its own cookies. Unless the test is [thorough], its pages have no
// service worker.
func browse(t *testing.T, server *testkit.Program) *tab {
	t.Helper()
	p := browseWithWorker(t, server)
	if !thorough() { // installing a worker takes a quarter of the time of a new browser
		p.Inject(withoutWorker)
	}
	return p
}

// browseWithWorker is browse for the tests that need the service worker.
func browseWithWorker(t *testing.T, server *testkit.Program) *tab {
	t.Helper()
	return &tab{testkit.Browse(t, server.Origin), t}
}

// withoutWorker makes a page run as in a browser without service workers, which would have the
// catalog of another language in its caches.
const withoutWorker = "delete Navigator.prototype.serviceWorker"

// another opens a further tab with the same cookies. Its pages have no service worker if those of p
// have none.
func (p *tab) another() *tab {
	p.t.Helper()
	other := &tab{p.Another(), p.t}
	if eval[bool](p, `navigator.serviceWorker === undefined`) {
		other.Inject(withoutWorker)
	}
	return other
}

func eval[T any](p *tab, expression string) T { return testkit.Eval[T](p.Tab, expression) }

func command[P, R any](p *tab, c cdp.Command[P, R], params P) R {
	p.t.Helper()
	return testkit.Command(p.Tab, c, params)
}

// signUp creates an account, opens its home and returns its email address.
func (p *tab) signUp() (email string) {
	p.t.Helper()
	email = strings.ToLower(strings.ReplaceAll(p.t.Name(), "/", ".")) + "@example.com"
	p.signUpAs(email)
	return email
}

// signUpAs creates an account with an address and opens its home.
func (p *tab) signUpAs(email string) {
	p.t.Helper()
	p.startSession(email, func(c *testkit.Client, browser string) testkit.Answer {
		return c.Post("/sign-up/email", map[string]any{"email": email, "name": "Ada Lovelace", "password": password}, browser)
	})
}

// signIn signs in to an account and opens its home.
func (p *tab) signIn(email string) {
	p.t.Helper()
	p.startSession(email, func(c *testkit.Client, browser string) testkit.Answer {
		return c.Post("/sign-in/email", map[string]any{"email": email, "password": password}, browser)
	})
}

// startSession makes an API call that starts a session. It opens the home of
// the account with that session.
func (p *tab) startSession(email string, call func(c *testkit.Client, browser string) testkit.Answer) {
	p.t.Helper()
	c := testkit.NewClient(p.Origin)
	call(c, "User-Agent: "+p.UserAgent()).Must(p.t, 200, "")
	p.Adopt(c)
	p.Open("/dashboard/settings")
	p.See(en.T(message.ThisDevice))
}

// settings goes to a page of the settings, or to the home if page is empty, in the way of a
// link: the app stays. It waits until the page has its data.
func (p *tab) settings(page string) {
	p.t.Helper()
	path := p.visit(page)
	p.Until(path+" has its data", fmt.Sprintf(`location.pathname === %[1]q &&
		document.querySelector(".sections [aria-current=page]")?.pathname === %[1]q &&
		!document.querySelector("#content [aria-busy=true]")`, path))
}

// visit is settings without the wait: the session may have ended. It returns the address.
func (p *tab) visit(page string) (path string) {
	p.t.Helper()
	path = strings.TrimSuffix("/dashboard/settings/"+page, "/")
	p.Until("the app goes to "+path, fmt.Sprintf(`location.pathname === %[1]q || (goappNav(%[1]q), true)`, path))
	return path
}

// saveProfile submits the form of the profile. Where nothing in it has changed, this is a click
// that calls the server and changes nothing.
func (p *tab) saveProfile() {
	p.t.Helper()
	p.settings("profile")
	p.Press(en.T(message.SaveChanges))
}

// signUpAdministrator creates the account of the first administrator and opens
// its home. It uses the link that the program prints for an empty database.
func (p *tab) signUpAdministrator(server *testkit.Program) (email string) {
	p.t.Helper()
	email = "grace@example.com"
	p.startSession(email, func(c *testkit.Client, browser string) testkit.Answer {
		return c.Post("/sign-up/email",
			map[string]any{"email": email, "name": "Grace Hopper", "password": password, "invite": invite(p.t, server)}, browser)
	})
	return email
}

// invite returns the token of the sign-up link for the first administrator.
func invite(t *testing.T, server *testkit.Program) string {
	t.Helper()
	var rest string
	testkit.Eventually(t, "the program has printed a sign-up link", func() (found bool) { // just after it is ready
		_, rest, found = strings.Cut(server.Output.String(), "/sign-up?invite=")
		return found && strings.Contains(rest, "\n")
	})
	token, _, _ := strings.Cut(rest, "\n")
	return token
}

// submitSignUp fills in and submits the form of the sign-up page.
func (p *tab) submitSignUp(name, email, password string) {
	p.t.Helper()
	p.Fill(en.T(message.DisplayName), name)
	p.Fill(en.T(message.EmailAddress), email)
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.RegisterAccount))
}

// submitSignIn fills in and submits the form of the sign-in page.
func (p *tab) submitSignIn(email, password string) {
	p.t.Helper()
	p.Fill(en.T(message.EmailAddress), email)
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.SignIn))
}

// email returns the email address of the signed-in account.
func (p *tab) email() string {
	return eval[string](p, `document.querySelector(".account .email").textContent`)
}

// card returns the text of a section of the page.
func (p *tab) card(id string) string {
	return eval[string](p, fmt.Sprintf(`document.querySelector("[aria-labelledby=%s]").innerText`, id))
}

// cardSays waits until a section of the page contains a text.
func (p *tab) cardSays(id, text string) {
	p.t.Helper()
	p.Until("section "+id+" contains "+text,
		fmt.Sprintf(`document.querySelector("[aria-labelledby=%s]").innerText.includes(%s)`, id, testkit.Quote(text)))
}

// cardIsRecent waits until a section of the page shows a time of just now, or of a few
// minutes ago in case the machine is slow.
func (p *tab) cardIsRecent(id string) {
	p.t.Helper()
	p.Until("section "+id+" tells of something recent",
		fmt.Sprintf(`/just now|\d minutes? ago|Active now|Today/.test(document.querySelector("[aria-labelledby=%s]").innerText)`, id))
}

// openSessions opens the details of all sessions on the page.
func (p *tab) openSessions() {
	p.t.Helper()
	p.Until("the details of all sessions are open", `(() => {
		const all = [...document.querySelectorAll(".session-row > details")]
		all.filter((e) => !e.open).forEach((e) => e.querySelector("summary").click())
		return all.length > 0 && all.every((e) => e.open && e.querySelector("dl"))
	})()`)
}

// cardOmits waits until a section of the page no longer contains a text.
func (p *tab) cardOmits(id, text string) {
	p.t.Helper()
	p.Until("section "+id+" no longer contains "+text,
		fmt.Sprintf(`!document.querySelector("[aria-labelledby=%s]").innerText.includes(%s)`, id, testkit.Quote(text)))
}

// awaitServiceWorker waits until the service worker controls the page.
func (p *tab) awaitServiceWorker() {
	p.t.Helper()
	controls := false
	defer func() {
		if !controls { // what there is instead
			p.t.Log("service workers: ", eval[string](p, `navigator.serviceWorker.getRegistrations().then((all) => JSON.stringify({
				controller: navigator.serviceWorker.controller?.state,
				registrations: all.map(({ installing, waiting, active }) => [installing?.state, waiting?.state, active?.state]),
			}))`))
		}
	}()
	p.Until("the service worker controls the page", `navigator.serviceWorker.controller?.state === "activated"`)
	controls = true
}

// snapshot returns the offline snapshot of the account that the browser stores.
func (p *tab) snapshot() string {
	return eval[string](p, `(localStorage["latchkey.kept"] ?? "") + (sessionStorage["latchkey.kept"] ?? "")`)
}

// awaitSnapshot waits until the offline snapshot contains the list of sessions.
func (p *tab) awaitSnapshot() {
	p.t.Helper()
	p.Until("the offline snapshot contains the sessions",
		`((localStorage["latchkey.kept"] ?? "") + (sessionStorage["latchkey.kept"] ?? "")).includes("sessions")`)
}

// awaitIdle waits until no element of the page is busy.
func (p *tab) awaitIdle(what string) {
	p.t.Helper()
	p.Until(what, `!document.querySelector("[aria-busy=true]")`)
}

// activate clicks an element by script, without the mouse. It waits for the whole page: the form of a
// button may follow later, and a form that a script submits on an incomplete page replaces the page's
// entry of the history.
// https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#plan-to-navigate
func (p *tab) activate(selector string) {
	p.t.Helper()
	p.Until("the page has "+selector,
		fmt.Sprintf(`document.readyState === "complete" && document.querySelector(%s).click() === undefined`, testkit.Quote(selector)))
}

// lookAway makes the app of the page take its user for one who looks at another page. It then asks
// the server for nothing by itself, so that only what the user does shows that the session has ended.
func (p *tab) lookAway() {
	p.t.Helper()
	p.Act(`Object.defineProperty(document, "visibilityState", {configurable: true, get: () => "hidden"})`)
}

// post calls the API from the page. It returns the status and the body of the
// response.
func (p *tab) post(path string, body any) (status int, answer json.RawMessage) {
	p.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	got := eval[struct {
		Status int
		Body   json.RawMessage
	}](p, fmt.Sprintf(`fetch(%q, {method: "POST", headers: {"Content-Type": "application/json"}, body: %q}).
		then(async (r) => ({Status: r.status, Body: await r.json()}))`, "/api/auth/"+path, b))
	return got.Status, got.Body
}

// session returns the handle of the session of the page.
func (p *tab) session() string {
	return eval[string](p, `fetch("/api/auth/get-session").then((r) => r.json()).then((c) => c.session.token)`)
}

// browserContext returns the browser context of the tab, which holds its
// cookies and permissions.
func (p *tab) browserContext() cdp.BrowserContextID {
	p.t.Helper()
	return command(p, target.GetTargetInfo, target.GetTargetInfoParams{}).TargetInfo.BrowserContextID
}

// startWithDatabase starts the program with an SQLite database that the test
// can read and change.
func startWithDatabase(t *testing.T, line ...string) (*testkit.Program, *sql.DB) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "latchkey.db")
	server := testkit.Start(t, append(line, "-rate-limits", "off", "-database", "sqlite:"+file)...)
	return server, storetest.OpenSQL(t, "sqlite:"+file)
}

// execSQL changes the database directly. It reaches states that would take long
// through the pages.
func execSQL(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// expireFreshness makes all sessions too old for calls that require a recent
// sign-in or step-up.
func expireFreshness(t *testing.T, db *sql.DB) {
	t.Helper()
	execSQL(t, db, "UPDATE sessions SET confirmed_at = '2026-01-01 00:00:00+00:00'")
	execSQL(t, db, "UPDATE sessions SET second_factor_at = '2026-01-01 00:00:00+00:00' WHERE second_factor_at IS NOT NULL")
}
