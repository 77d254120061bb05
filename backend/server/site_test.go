package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// site is the whole server on a database, with a clock that can be moved.
type site struct {
	*httptest.Server
	url *url.URL
	db  store.DB
	log *bytes.Buffer

	database string // its URL

	clock atomic.Int64 // how far it is ahead
}

func (s *site) wait(d time.Duration) { s.clock.Add(int64(d)) }

var testKeys = account.NewKeys()

// open starts a server on db. The change to its configuration is optional.
func open(t *testing.T, db store.DB, change func(*server.Config)) *site {
	t.Helper()
	s := &site{db: db, log: &bytes.Buffer{}}
	s.Server = httptest.NewUnstartedServer(nil)
	hasher := account.NewHasher(account.Cost{Memory: 64, Time: 1, Threads: 1}, time.Minute) // thousands are made on a slow machine
	s.url = &url.URL{Scheme: "http", Host: s.Listener.Addr().String()}
	c := server.Config{
		Accounts: &account.Service{
			Store: db, Hasher: hasher, Keys: testKeys,
			Now:          func() time.Time { return account.Now().Add(time.Duration(s.clock.Load())) },
			Settings:     set(t),
			RelyingParty: account.RelyingParty{ID: "localhost", Origins: []string{s.url.String()}},
		},
		Ready: db.Ready, Log: slog.New(slog.NewTextHandler(&syncWriter{w: s.log}, nil)), Origin: s.url, CookiePrefix: "latchkey",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		App:            http.NotFoundHandler(),
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

// set is the system keys with those given set by the environment, "KEY=value"
// each.
func set(t *testing.T, keys ...string) *account.Live {
	t.Helper()
	live, err := account.NewLive(func(name string) string {
		for _, key := range keys {
			if value, ok := strings.CutPrefix(key, name+"="); ok {
				return value
			}
		}
		if name == "NEW_DEVICE_MAIL" { // else every sign-in is a mail among those that a test is about
			return "false"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	return live
}

type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *syncWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(b)
}

// each runs test on a server on each database.
func each(t *testing.T, test func(t *testing.T, s *site)) {
	t.Helper()
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := open(t, storetest.Migrated(t, url), nil)
		s.database = url
		test(t, s)
	})
}

// browser is one browser: its cookies and its address, which no other has.
type browser struct {
	t    *testing.T
	site *site
	jar  http.CookieJar
	ip   string
}

var addresses atomic.Uint32

func newAddress() string {
	n := addresses.Add(1)
	return fmt.Sprintf("198.18.%d.%d", n>>8&0xff, n&0xff) // RFC 2544: never anybody's
}

func (s *site) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, site: s, jar: jar, ip: newAddress()}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// code is the code of the error that came back.
func (a answer) code() string {
	var e struct{ Code string }
	json.Unmarshal([]byte(a.body), &e)
	return e.Code
}

// get is the value at a path like "session.token" or "0.id".
func (a answer) get(path string) any {
	var v any
	json.Unmarshal([]byte(a.body), &v)
	for name := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

// request sends a request as a page of ours would. Headers are "Name: value";
// "Name:" takes one away.
func (b *browser) request(method, path, body string, headers ...string) answer {
	b.t.Helper()
	r, err := http.NewRequest(method, b.site.url.String()+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", b.ip)
	r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0")
	if method != "GET" && method != "HEAD" {
		r.Header.Set("Origin", b.site.url.String())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		if value = strings.TrimSpace(value); value == "" {
			r.Header.Del(name)
		} else if name == "Host" {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	client := http.Client{Jar: b.jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		b.t.Errorf("%s %s: %v", method, path, err)
		return answer{}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Errorf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(got)}
}

// post calls the API; body is a value that becomes JSON.
func (b *browser) post(path string, body any, headers ...string) answer {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.request("POST", "/api/auth"+path, string(text), headers...)
}

func (b *browser) get(path string, headers ...string) answer {
	b.t.Helper()
	return b.request("GET", "/api/auth"+path, "", headers...)
}

// elsewhere is a browser with the same cookies at another address.
func (b *browser) elsewhere() *browser {
	c := *b
	c.ip = newAddress()
	return &c
}

// token is the value of the browser's session cookie.
func (b *browser) token() string { return b.cookie("latchkey.session_token") }

func (b *browser) cookie(name string) string {
	for _, c := range b.jar.Cookies(b.site.url) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// holding is a browser that holds the given cookie and no other.
func (s *site) holding(t *testing.T, name, value string) *browser {
	b := s.browser(t)
	b.jar.SetCookies(s.url, []*http.Cookie{{Name: name, Value: value}})
	return b
}

type body map[string]any

const goodPassword = "correct horse battery staple"

// signUp makes an account in a new browser.
func (s *site) signUp(t *testing.T, email string) *browser {
	t.Helper()
	b := s.browser(t)
	want(t, b.post("/sign-up/email", body{"email": email, "name": "Ann", "password": goodPassword}), 200, "")
	return b
}

// signIn signs in to an account in a new browser.
func (s *site) signIn(t *testing.T, email string) *browser {
	t.Helper()
	b := s.browser(t)
	want(t, b.post("/sign-in/email", body{"email": email, "password": goodPassword}), 200, "")
	return b
}

// want fails the test unless an answer has the status and the error code.
func want(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.code() != code {
		t.Errorf("%.300v; want %d %s", a, status, code)
	}
}

// alive reports whether the browser is signed in.
func (b *browser) alive() bool {
	b.t.Helper()
	a := b.get("/get-session")
	if a.status != 200 {
		b.t.Errorf("get-session: %v", a)
	}
	return a.body != "null"
}

func wantAlive(t *testing.T, b *browser, alive bool, what string) {
	t.Helper()
	if b.alive() != alive {
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

// dump is all that the site's database holds.
func (s *site) dump(t *testing.T) string {
	t.Helper()
	return storetest.Dump(t, s.database)
}

func wantAbsent(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in there", secret)
		}
	}
}
