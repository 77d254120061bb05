// Package browsertest has people use the program in a real browser. Only what
// keeps passkeys is not real: the browser plays it.
//
// A test gets an account and a session by the API, as a person has who was here
// before. Only where signing up or in is the subject does it go by the page.
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

	"latchkey/backend/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	firefox  = testkit.Firefox
	safari   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
	password = testkit.Password

	ended = "You have been signed out: this session was ended from another device, or it expired."
)

// What the browser reports because of what a test does: see [testkit.Tab.Provoke].
const notLoaded = "loading wasm failed"

var unreachable = []string{"Failed to fetch", "ServiceWorker script"}

// suite runs tests in parallel: those that share a server, and those that start
// one of their own.
func suite(t *testing.T, sharing map[string]func(*testing.T, *testkit.Program), starting map[string]func(*testing.T)) {
	t.Helper()
	t.Parallel()
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

// tab is a [testkit.Tab] that knows the pages of the app.
type tab struct {
	*testkit.Tab
	t *testing.T
}

// browse opens a tab with cookies of its own.
func browse(t *testing.T, server *testkit.Program) *tab {
	t.Helper()
	return &tab{testkit.Browse(t, server.Origin), t}
}

// another opens one more tab of the same window.
func (p *tab) another() *tab {
	p.t.Helper()
	return &tab{p.Another(), p.t}
}

func eval[T any](p *tab, expression string) T { return testkit.Eval[T](p.Tab, expression) }

func command[P, R any](p *tab, c cdp.Command[P, R], params P) R {
	p.t.Helper()
	return testkit.Command(p.Tab, c, params)
}

// signUp makes an account, opens its settings and returns its address.
func (p *tab) signUp() (email string) {
	p.t.Helper()
	email = strings.ToLower(strings.ReplaceAll(p.t.Name(), "/", ".")) + "@example.com"
	p.enter(email, func(c *testkit.Client, browser string) testkit.Answer {
		return c.Post("/sign-up/email", map[string]any{"email": email, "name": "Ada Lovelace", "password": password}, browser)
	})
	return email
}

// signIn opens the settings of an account.
func (p *tab) signIn(email string) {
	p.t.Helper()
	p.enter(email, func(c *testkit.Client, browser string) testkit.Answer {
		return c.Post("/sign-in/email", map[string]any{"email": email, "password": password}, browser)
	})
}

// enter opens the settings with the session that a call opens.
func (p *tab) enter(email string, call func(c *testkit.Client, browser string) testkit.Answer) {
	p.t.Helper()
	c := testkit.NewClient(p.Origin)
	call(c, "User-Agent: "+p.UserAgent()).Must(p.t, 200, "")
	p.Adopt(c)
	p.Open("/dashboard/settings")
	p.See("This device")
}

// signUpAdministrator makes the first administrator's account, by the link that
// the program prints on an empty database, and opens its settings.
func (p *tab) signUpAdministrator(server *testkit.Program) (email string) {
	p.t.Helper()
	email = "grace@example.com"
	p.enter(email, func(c *testkit.Client, browser string) testkit.Answer {
		return c.Post("/sign-up/email",
			map[string]any{"email": email, "name": "Grace Hopper", "password": password, "invite": invite(p.t, server)}, browser)
	})
	return email
}

// invite returns the token of the link that makes the first administrator.
func invite(t *testing.T, server *testkit.Program) string {
	t.Helper()
	_, rest, found := strings.Cut(server.Output.String(), "/sign-up?invite=")
	if !found {
		t.Fatalf("the program printed no link:\n%s", server.Output.String())
	}
	token, _, _ := strings.Cut(rest, "\n")
	return token
}

// submitSignUp fills in the form of the sign-up page and sends it.
func (p *tab) submitSignUp(name, email, password string) {
	p.t.Helper()
	p.Fill("Name", name)
	p.Fill("Email", email)
	p.Fill("Password", password)
	p.Press("Create account")
}

// submitSignIn fills in the form of the sign-in page and sends it.
func (p *tab) submitSignIn(email, password string) {
	p.t.Helper()
	p.Fill("Email", email)
	p.Fill("Password", password)
	p.Press("Sign in")
}

// email returns the address of the account that is signed in.
func (p *tab) email() string {
	return eval[string](p, `document.querySelector(".who .email").textContent`)
}

// card returns what a section of the page says.
func (p *tab) card(id string) string {
	return eval[string](p, fmt.Sprintf(`document.querySelector("[aria-labelledby=%s]").innerText`, id))
}

// cardSays waits until a section of the page says something, and cardOmits until
// it no longer does.
func (p *tab) cardSays(id, text string) {
	p.t.Helper()
	p.Until(id+" says "+text, fmt.Sprintf(`document.querySelector("[aria-labelledby=%s]").innerText.includes(%s)`, id, testkit.Quote(text)))
}

func (p *tab) cardOmits(id, text string) {
	p.t.Helper()
	p.Until(id+" no longer says "+text, fmt.Sprintf(`!document.querySelector("[aria-labelledby=%s]").innerText.includes(%s)`, id, testkit.Quote(text)))
}

// controlled waits until the service worker answers for the page.
func (p *tab) controlled() {
	p.t.Helper()
	p.Until("the service worker controls the page", `navigator.serviceWorker.controller?.state === "activated"`)
}

// snapshot returns what the browser keeps of the account.
func (p *tab) snapshot() string {
	return eval[string](p, `(localStorage["latchkey.kept"] ?? "") + (sessionStorage["latchkey.kept"] ?? "")`)
}

// keepsSessions waits until the browser keeps the list of sessions.
func (p *tab) keepsSessions() {
	p.t.Helper()
	p.Until("the browser keeps the sessions", `((localStorage["latchkey.kept"] ?? "") + (sessionStorage["latchkey.kept"] ?? "")).includes("sessions")`)
}

// idle waits until nothing on the page is under way.
func (p *tab) idle(what string) {
	p.t.Helper()
	p.Until(what, `!document.querySelector("[aria-busy=true]")`)
}

// activate does what a click on an element does.
func (p *tab) activate(selector string) {
	p.t.Helper()
	p.Until("there is a "+selector, fmt.Sprintf(`document.querySelector(%s).click() === undefined`, testkit.Quote(selector)))
}

// post calls the API as the page does, and returns the status of the answer.
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

// profile returns the window that a tab belongs to: its cookies and permissions.
func (p *tab) profile() cdp.BrowserContextID {
	p.t.Helper()
	return command(p, target.GetTargetInfo, target.GetTargetInfoParams{}).TargetInfo.BrowserContextID
}

// startWithDatabase starts a program on an SQLite database that the test reads and
// changes, too.
func startWithDatabase(t *testing.T, line ...string) (*testkit.Program, *sql.DB) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "latchkey.db")
	server := testkit.Start(t, append(line, "-rate-limits", "off", "-database", "sqlite:"+file)...)
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return server, db
}

// alter does to the database what would take people long.
func alter(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// stale makes all sessions too old for what asks for a fresh one.
func stale(t *testing.T, db *sql.DB) {
	t.Helper()
	alter(t, db, "UPDATE sessions SET confirmed_at = '2026-01-01 00:00:00+00:00'")
}
