package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/mail"
	"latchkey/backend/passhash"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn"
	"latchkey/shared/message"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// The tests find texts by ID, so that rewording one changes only the catalogs.
var en, de = message.English, message.German

// A site is the whole server on a database, in the test's process.
type testServer struct {
	*httptest.Server
	accounts *account.Service // of the server
	clock    testkit.Clock    // of the server
	db       store.DB
	database string // the URL of db, if [each] or a similar function has opened the site
	log      testkit.Buffer
	url      *url.URL // of the server

	apps testkit.Scanned // by the browsers
}

var testKeys = keyring.New()

// ofClients is the prefix of the addresses of [testkit.Client].
const ofClients = "198.1"

// open starts a server on db. If change is not nil, open calls it with the
// server's configuration first.
func open(t *testing.T, db store.DB, change func(*server.Config)) *testServer {
	t.Helper()
	s := &testServer{db: db}
	s.Server = httptest.NewUnstartedServer(nil)
	hasher := passhash.New(passhash.Cost{Memory: 64, Time: 1, Threads: 1}, time.Minute) // cheap: the tests hash thousands of passwords
	s.url = &url.URL{Scheme: "http", Host: s.Listener.Addr().String()}
	s.accounts = &account.Service{
		Store: db, Hasher: hasher, Keys: testKeys,
		Now:          s.clock.Now,
		Settings:     set(t),
		RelyingParty: webauthn.RelyingParty{ID: "localhost", Origins: []string{s.url.String()}},
	}
	c := server.Config{
		Accounts: s.accounts,
		Ready:    db.Ready, Log: slog.New(slog.NewTextHandler(&s.log, nil)), Origin: s.url, CookiePrefix: "latchkey",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		App:            http.NotFoundHandler(),
		RequestTimeout: testkit.Patience, // so that a slow machine fails no test
	}
	if change != nil {
		change(&c)
	}
	if err := db.SignChain(t.Context(), testKeys); err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = server.New(c)
	s.Config.MaxHeaderBytes = 16 << 10
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// set returns the settings of a server whose environment has only the given ones,
// each as "KEY=value".
func set(t *testing.T, values ...string) *setting.Cache {
	t.Helper()
	cache, err := setting.NewCache(func(name string) string {
		for _, one := range values {
			if value, ok := strings.CutPrefix(one, name+"="); ok {
				return value
			}
		}
		if name == "NEW_DEVICE_MAIL" { // otherwise each sign-in adds an email to those under test
			return "false"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

// each runs test on a server on each database.
func each(t *testing.T, test func(t *testing.T, s *testServer)) {
	t.Helper()
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := open(t, storetest.Open(t, url), nil)
		s.database = url
		test(t, s)
	})
}

// A browser is a client of a site.
type browser struct {
	*testkit.Client
	t      *testing.T
	server *testServer
}

// browser returns a browser without cookies.
func (s *testServer) browser(t *testing.T) *browser {
	return &browser{testkit.NewClient(s.url.String()), t, s}
}

// Elsewhere returns the same browser at another address. Both share the cookies.
func (b *browser) Elsewhere() *browser {
	return &browser{b.Client.Elsewhere(), b.t, b.server}
}

// token returns the value of the browser's session cookie.
func (b *browser) token() string { return b.Cookie("latchkey.session_token") }

// holding returns a browser that has only the given cookie.
func (s *testServer) holding(t *testing.T, name, value string) *browser {
	b := s.browser(t)
	b.SetCookie(name, value)
	return b
}

type body map[string]any

// signUp creates an account in a new browser.
func (s *testServer) signUp(t *testing.T, email string) *browser {
	t.Helper()
	b := s.browser(t)
	want(t, b.SignUp(email), 200, "")
	return b
}

// signIn signs in to an account in a new browser.
func (s *testServer) signIn(t *testing.T, email string) *browser {
	t.Helper()
	b := s.browser(t)
	want(t, b.SignIn(email), 200, "")
	return b
}

// mails sends the queued emails and returns them.
func (s *testServer) mails(t *testing.T) []mail.Mail {
	t.Helper()
	return sendMails(t, s.accounts)
}

func sendMails(t *testing.T, accounts *account.Service) (all []mail.Mail) {
	t.Helper()
	for found := true; found; {
		var err error
		found, err = accounts.DeliverMail(t.Context(), func(m mail.Mail) error {
			all = append(all, m)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// want fails the test unless a response has the status and the error code.
func want(t *testing.T, a testkit.Answer, status int, code string) {
	t.Helper()
	a.Want(t, status, code)
}

// wantAlive fails the test unless the browser is signed in if alive is set, and
// signed out otherwise.
func wantAlive(t *testing.T, b *browser, alive bool, what string) {
	t.Helper()
	if b.SignedIn(t) != alive {
		t.Errorf("%s is signed in: %t; want %t", what, !alive, alive)
	}
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// dump returns the contents of the site's database.
func (s *testServer) dump(t *testing.T) string {
	t.Helper()
	return storetest.Dump(t, s.database)
}

// wantAbsent fails the test if a text contains one of the secrets.
func wantAbsent(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the text", secret)
		}
	}
}
