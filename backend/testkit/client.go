package testkit

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Firefox is the user agent of a [Client].
const Firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"

// A Client calls a server as one browser does: with its own cookies, and from an IP
// address that no other client has.
type Client struct {
	Origin  string         // of the server, and of the page that calls it
	Address string         // sent as X-Forwarded-For, for a server that trusts the sender
	Jar     http.CookieJar // nil stores no cookies
	Timeout time.Duration  // of one call
}

var addresses atomic.Uint32

// NewAddress returns an IP address that no client has, from the block that RFC 2544
// reserves for tests.
func NewAddress() string {
	n := addresses.Add(1)
	return fmt.Sprintf("198.%d.%d.%d", 18+n>>16&1, n>>8&0xff, n&0xff)
}

// NewClient returns a client without cookies.
func NewClient(origin string) *Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no options that could be wrong
	}
	return &Client{Origin: origin, Address: NewAddress(), Jar: jar, Timeout: Patience}
}

// Elsewhere returns the same browser, with the same cookie jar, at another IP address.
func (c *Client) Elsewhere() *Client {
	moved := *c
	moved.Address = NewAddress()
	return &moved
}

// At is [Client.Elsewhere] for another server of the same database.
func (c *Client) At(origin string) *Client {
	moved := c.Elsewhere()
	moved.Origin = origin
	return moved
}

// Copy returns a new browser with a copy of the cookies.
func (c *Client) Copy() *Client {
	copied := NewClient(c.Origin)
	u := c.url()
	copied.Jar.SetCookies(u, c.Jar.Cookies(u))
	return copied
}

func (c *Client) url() *url.URL {
	u, err := url.Parse(c.Origin)
	if err != nil {
		panic(err) // the test wrote it
	}
	return u
}

// Cookies returns the cookies that the client sends.
func (c *Client) Cookies() []*http.Cookie { return c.Jar.Cookies(c.url()) }

// Cookie returns the value of a cookie, or "" if there is none.
func (c *Client) Cookie(name string) string {
	for _, cookie := range c.Cookies() {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// SetCookie adds a cookie.
func (c *Client) SetCookie(name, value string) {
	c.Jar.SetCookies(c.url(), []*http.Cookie{{Name: name, Value: value}})
}

// transport closes unused connections sooner than a server does. A server waits five seconds for
// the first request on a connection, and Go also opens connections that it does not need. A POST
// fails if the server closes its connection meanwhile, because it cannot be sent twice.
var transport = func() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.IdleConnTimeout = 2 * time.Second
	return t
}()

// Do sends a request as a page of the server's own origin does. It does not follow
// redirects. Each header is "Name: value"; "Name:" removes a default header.
func (c *Client) Do(method, path, body string, headers ...string) Answer {
	r, err := http.NewRequest(method, c.Origin+path, strings.NewReader(body))
	if err != nil {
		return Answer{Err: err}
	}
	r.Header.Set("X-Forwarded-For", c.Address)
	r.Header.Set("User-Agent", Firefox)
	if method != "GET" && method != "HEAD" {
		r.Header.Set("Origin", c.Origin)
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
	client := http.Client{
		Transport: transport, Jar: c.Jar, Timeout: c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return Answer{Err: err}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(got), Err: err}
}

// Call is [Client.Do] with in as a JSON body; nil sends none.
func (c *Client) Call(method, path string, in any, headers ...string) Answer {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return Answer{Err: err}
		}
	}
	return c.Do(method, path, string(body), headers...)
}

// Post sends a POST to the authentication API. The path is relative to /api/auth.
func (c *Client) Post(path string, in any, headers ...string) Answer {
	return c.Call("POST", "/api/auth"+path, in, headers...)
}

// Get sends a GET to the authentication API. The path is relative to /api/auth.
func (c *Client) Get(path string, headers ...string) Answer {
	return c.Do("GET", "/api/auth"+path, "", headers...)
}

// SignUp creates an account with [Password].
func (c *Client) SignUp(email string) Answer {
	return c.Post("/sign-up/email", map[string]any{"email": email, "name": "Ada Lovelace", "password": Password})
}

// SignIn signs in with [Password].
func (c *Client) SignIn(email string) Answer {
	return c.Post("/sign-in/email", map[string]any{"email": email, "password": Password})
}

// Session requests the current session. The body is null if the client is not signed in.
func (c *Client) Session() Answer { return c.Get("/get-session") }

// SignedIn reports whether the client is signed in. It fails the test if the answer is
// not a 200.
func (c *Client) SignedIn(t testing.TB) bool {
	t.Helper()
	a := c.Session()
	a.Want(t, 200, "")
	return a.Body != "null"
}

// An Answer is the response to a call.
type Answer struct {
	Status int // 0 if there was none
	Header http.Header
	Body   string
	Err    error // of the connection
}

// String returns the status and the first 300 bytes of the body, or the error.
func (a Answer) String() string {
	if a.Err != nil {
		return a.Err.Error()
	}
	return fmt.Sprintf("%d %.300s", a.Status, a.Body)
}

// Code returns the code of an error response, or "" if there is none.
func (a Answer) Code() string {
	var e struct{ Code string }
	json.Unmarshal([]byte(a.Body), &e) // the code stays empty if the body is another one
	return e.Code
}

// Is reports whether the answer has a status and, if code is not "", an error code.
func (a Answer) Is(status int, code string) bool {
	return a.Err == nil && a.Status == status && (code == "" || a.Code() == code)
}

// Want fails the test unless the answer has the status and the error code; "" means that
// it has none.
func (a Answer) Want(t testing.TB, status int, code string) {
	t.Helper()
	if a.Err != nil || a.Status != status || a.Code() != code {
		t.Errorf("%s; want %d %s", a, status, code)
	}
}

// Must is [Answer.Want], but ends the test if it fails. It returns the answer.
func (a Answer) Must(t testing.TB, status int, code string) Answer {
	t.Helper()
	if a.Err != nil || a.Status != status || a.Code() != code {
		t.Fatalf("%s; want %d %s", a, status, code)
	}
	return a
}

// Into reads the body as JSON into out, and fails the test if it is not a 200.
func (a Answer) Into(t testing.TB, out any) {
	t.Helper()
	err := a.Err
	if err == nil {
		err = json.Unmarshal([]byte(a.Body), out)
	}
	if err != nil || a.Status != 200 {
		t.Fatalf("%s: %v", a, err)
	}
}

// Get returns the value at a path such as "session.token" or "0.id", or nil.
func (a Answer) Get(path string) any {
	var v any
	json.Unmarshal([]byte(a.Body), &v) // v stays nil if the body is not JSON
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

// Strings returns the elements of the list at a path, as strings.
func (a Answer) Strings(path string) (texts []string) {
	list, _ := a.Get(path).([]any)
	for _, text := range list {
		texts = append(texts, fmt.Sprint(text))
	}
	return texts
}

// Scan returns an app that has scanned the otpauth URI in the answer.
func (a Answer) Scan(t testing.TB) *AuthenticatorApp {
	t.Helper()
	app, err := Scan(fmt.Sprint(a.Get("totpURI")))
	if a.Status != 200 || err != nil {
		t.Fatalf("no authenticator to scan: %s, %v", a, err)
	}
	return app
}
