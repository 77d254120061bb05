package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/backend/server"
	"latchkey/backend/server/wire"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/web"
)

// TestMalformedJSON tests that the server refuses bodies other than the JSON that the
// endpoint accepts.
func TestMalformedJSON(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, "ann@example.test")
		good := `"email":"ann@example.test","password":"` + testkit.Password + `"`
		// Just above the limit: a client may learn nothing from a server that closes the connection while
		// the client still writes.
		large := strings.Repeat("x", wire.MaxBody)
		deep := strings.Repeat(`{"a":`, 20_000/5) + "1" + strings.Repeat("}", 20_000/5)
		for what, test := range map[string]struct{ body, code string }{
			"nothing":                    {``, "VALIDATION_ERROR"},
			"a word":                     {`hello`, "BAD_REQUEST"},
			"cut off":                    {`{` + good, "BAD_REQUEST"},
			"a comma too many":           {`{` + good + `,}`, "BAD_REQUEST"},
			"single quotes":              {`{'email':'ann@example.test'}`, "BAD_REQUEST"},
			"two values":                 {`{` + good + `}{}`, "BAD_REQUEST"},
			"something after it":         {`{` + good + `} x`, "BAD_REQUEST"},
			"a comment":                  {`{` + good + `/**/}`, "BAD_REQUEST"},
			"NaN":                        {`{` + good + `,"x":NaN}`, "BAD_REQUEST"},
			"the password twice":         {`{` + good + `,"password":"x"}`, "BAD_REQUEST"},
			"the address twice, escaped": {`{` + good + `,"em\u0061il":"x"}`, "BAD_REQUEST"},
			"a name twice further in":    {`{` + good + `,"x":{"y":1,"y":2}}`, "BAD_REQUEST"},
			"invalid UTF-8":              {"{" + good + ",\"x\":\"\xff\"}", "BAD_REQUEST"},
			"half a surrogate pair":      {`{` + good + `,"x":"\ud800"}`, "BAD_REQUEST"},
			"NUL":                        {`{` + good + `,"x":"\u0000"}`, "BAD_REQUEST"},
			"33 deep":                    {`{` + good + `,"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, "BAD_REQUEST"},
			"very deep":                  {deep, "BAD_REQUEST"},
			"too large":                  {`{` + good + `,"x":"` + large + `"}`, "PAYLOAD_TOO_LARGE"},
			"an array":                   {`[]`, "VALIDATION_ERROR"},
			"null":                       {`null`, "VALIDATION_ERROR"},
			"a string":                   {`"x"`, "VALIDATION_ERROR"},
			"a number for the address":   {`{"email":5,"password":"x"}`, "VALIDATION_ERROR"},
			"null for the password":      {`{"email":"ann@example.test","password":null}`, "VALIDATION_ERROR"},
			"an object for the password": {`{"email":"ann@example.test","password":{}}`, "VALIDATION_ERROR"},
			"a string for a truth":       {`{` + good + `,"rememberMe":"false"}`, "VALIDATION_ERROR"},
			"names in capitals":          {`{"EMAIL":"ann@example.test","PASSWORD":"` + testkit.Password + `"}`, "VALIDATION_ERROR"},
		} {
			a := s.browser(t).Do("POST", "/api/auth/sign-in/email", test.body)
			if a.Code() != test.code || a.Status < 400 || a.Status >= 500 {
				t.Errorf("%s: %v; want %s", what, a, test.code)
			}
		}
		a := s.browser(t).Do("POST", "/api/auth/sign-in/email", `{"email":5,"extra":{}}`)
		if want := `"[body.email] Invalid input: expected string, received number; ` +
			`[body.password] Invalid input: expected string, received undefined"`; !strings.Contains(a.Body, want) {
			t.Errorf("validation: %v; want %s", a, want)
		}
	})
}

// TestContentTypes tests that the server reads a body as JSON only if the Content-Type
// is JSON.
func TestContentTypes(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, "ann@example.test")
		in := `{"email":"ann@example.test","password":"` + testkit.Password + `"}`
		for _, typ := range []string{
			"", "text/plain", "text/plain;application/json", "multipart/form-data; boundary=x", "application/xml", "text/html",
			"application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/jsonp",
		} {
			header := "Content-Type: " + typ
			want(t, s.browser(t).Do("POST", "/api/auth/sign-in/email", in, header), 415, "UNSUPPORTED_MEDIA_TYPE")
			b := s.signIn(t, "ann@example.test")
			want(t, b.Do("POST", "/api/auth/revoke-sessions", "{}", header), 415, "UNSUPPORTED_MEDIA_TYPE")
		}
		for _, typ := range []string{"application/json; charset=utf-8", "Application/JSON"} {
			want(t, s.browser(t).Do("POST", "/api/auth/sign-in/email", in, "Content-Type: "+typ), 200, "")
		}
	})
}

// TestNoSuchEndpoint tests that under /api the response to an unknown path or method is
// JSON, and that a GET never does what a POST does.
func TestNoSuchEndpoint(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, "ann@example.test")
		for _, test := range []struct {
			method, path string
			status       int
		}{
			{"GET", "/api", 404}, {"GET", "/api/", 404}, {"GET", "/api/auth", 404}, {"GET", "/api/auth/nope", 404}, {"GET", "/api/auth/ok/", 404},
			{"GET", "/api//auth/ok", 404}, {"GET", "/api/auth/../auth/ok", 404}, {"POST", "/api/auth/set-password", 404},
			{"PUT", "/api/auth/ok", 405}, {"DELETE", "/api/auth/list-sessions", 405}, {"TRACE", "/api/auth/ok", 405},
			{"GET", "/api/auth/sign-out", 405}, {"HEAD", "/api/auth/sign-out", 405}, {"GET", "/api/auth/revoke-session", 405},
			{"GET", "/api/auth/revoke-sessions", 405}, {"GET", "/api/auth/revoke-other-sessions", 405}, {"GET", "/api/auth/update-user", 405},
			{"GET", "/api/auth/change-password", 405}, {"GET", "/api/auth/delete-user", 405}, {"HEAD", "/api/auth/delete-user", 405},
			{"OPTIONS", "/api/auth/sign-in/email", 405}, {"GET", "/api/auth/sign-up/email?email=a@b.test&password=x", 405},
		} {
			a := b.Do(test.method, test.path, "")
			if a.Status != test.status || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Location") != "" {
				t.Errorf("%s %s: %v %v; want %d in JSON", test.method, test.path, a, a.Header, test.status)
			}
			if test.status == 405 && a.Header.Get("Allow") == "" {
				t.Errorf("%s %s: no Allow", test.method, test.path)
			}
		}
		wantAlive(t, b, true, "the caller of what is not there")
	})
}

// TestHeaders tests that every response, including refusals, has the security headers
// and no header that reveals the server's software.
func TestHeaders(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, "ann@example.test")
		fixed := map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		}
		answers := map[string]testkit.Answer{
			"200": b.Session(), "list": b.Get("/list-sessions"), "400": b.Post("/update-user", body{}),
			"401": s.browser(t).Get("/list-sessions"), "403": b.Post("/sign-out", body{}, "Origin: https://evil.test"), "404": b.Get("/nope"),
			"405": b.Get("/sign-out"), "415": b.Do("POST", "/api/auth/sign-out", "x", "Content-Type: text/plain"),
			"421": b.Get("/ok", "Host: evil.test"), "ready": b.Do("GET", "/readyz", ""), "health": b.Do("GET", "/healthz", ""),
		}
		for what, a := range answers {
			for name, value := range fixed {
				if got := a.Header.Get(name); got != value {
					t.Errorf("%s: %s: %q; want %q", what, name, got, value)
				}
			}
			if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: Content-Type %q, Cache-Control %q", what, a.Header.Get("Content-Type"), a.Header.Get("Cache-Control"))
			}
			for _, name := range []string{"Server", "X-Powered-By", "Access-Control-Allow-Origin"} {
				if got := a.Header.Get(name); got != "" {
					t.Errorf("%s: %s: %s", what, name, got)
				}
			}
			csp := a.Header.Get("Content-Security-Policy")
			for _, part := range []string{
				"default-src 'none'", "script-src 'self' " + web.FirstScriptSource() + " 'wasm-unsafe-eval';",
				"frame-ancestors 'none'", "base-uri 'none'",
				"object-src 'none'", "form-action 'none'",
			} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s: the policy lacks %q", what, part)
				}
			}
			if strings.Contains(csp, "'unsafe-") || strings.Contains(csp, "*") {
				t.Errorf("%s: the policy is %q", what, csp)
			}
			if a.Header.Get("Permissions-Policy") == "" {
				t.Errorf("%s: no Permissions-Policy", what)
			}
		}
	})
}

// TestOrigins tests that a page of a foreign origin can neither change state with a
// user's cookies nor read a response.
func TestOrigins(t *testing.T) {
	const trusted = "https://app.example.test"
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := open(t, db, func(c *server.Config) { c.TrustedOrigins = trust(t, trusted) })
		b := s.signUp(t, "ann@example.test")
		own := s.url.String()
		for _, test := range []struct {
			what    string
			headers []string
			status  int
			code    string
		}{
			{"a foreign origin", []string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"}, 403, "INVALID_ORIGIN"},
			{"a foreign origin, without metadata", []string{"Origin: https://evil.test", "Sec-Fetch-Site:"}, 403, "INVALID_ORIGIN"},
			{"ours, from another site's page", []string{"Sec-Fetch-Site: cross-site"}, 403, "INVALID_ORIGIN"},
			{"another scheme", []string{"Origin: https://" + s.url.Host}, 403, "INVALID_ORIGIN"},
			{"another port", []string{"Origin: http://127.0.0.1:1"}, 403, "INVALID_ORIGIN"},
			{"another name for us", []string{"Origin: http://localhost:" + s.url.Port()}, 403, "INVALID_ORIGIN"},
			{"ours with an end of its own", []string{"Origin: " + own + ".evil.test"}, 403, "INVALID_ORIGIN"},
			{"null", []string{"Origin: null", "Sec-Fetch-Site:"}, 403, "MISSING_OR_NULL_ORIGIN"},
			{"null from elsewhere", []string{"Origin: null", "Sec-Fetch-Site: cross-site"}, 403, "MISSING_OR_NULL_ORIGIN"},
			{"nothing at all", []string{"Origin:", "Sec-Fetch-Site:"}, 403, "MISSING_OR_NULL_ORIGIN"},
			{"only that it is from elsewhere", []string{"Origin:", "Sec-Fetch-Site: same-site"}, 403, "MISSING_OR_NULL_ORIGIN"},
			{"a foreign referrer", []string{"Origin:", "Sec-Fetch-Site:", "Referer: https://evil.test/" + own}, 403, "INVALID_ORIGIN"},
			{"a foreign origin with our referrer", []string{
				"Origin: https://evil.test", "Sec-Fetch-Site:", "Referer: " + own + "/",
			}, 403, "INVALID_ORIGIN"},
			{"ours, and from elsewhere", []string{"Sec-Fetch-Site: cross-site"}, 403, "INVALID_ORIGIN"},
			{"a navigation from elsewhere", []string{
				"Origin: https://evil.test", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
			}, 403, "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"},
			{"another host", []string{"Host: evil.test"}, 421, "UNKNOWN_HOST"},
			{"another host and its origin", []string{"Host: evil.test", "Origin: http://evil.test"}, 421, "UNKNOWN_HOST"},

			{"ours", nil, 200, ""},
			{"ours without metadata", []string{"Sec-Fetch-Site:"}, 200, ""},
			{"only our referrer", []string{"Origin:", "Sec-Fetch-Site:", "Referer: " + own + "/sign-in?x=1"}, 200, ""},
			{"only that it is ours", []string{"Origin:"}, 200, ""},
			{"null, and ours", []string{"Origin: null"}, 200, ""},
			{"a trusted origin", []string{"Origin: " + trusted, "Sec-Fetch-Site: cross-site"}, 200, ""},
		} {
			for _, e := range signedInEndpoints {
				if e.method == "GET" || test.status == 200 && e.path != "/update-user" {
					continue
				}
				if a := b.Elsewhere().Post(e.path, e.in, test.headers...); a.Status != test.status || a.Code() != test.code {
					t.Errorf("%s: %s: %v; want %d %s", test.what, e.path, a, test.status, test.code)
				}
			}
			if test.status != 200 {
				// Sign-in without a cookie is protected in the same way: a foreign page
				// must not sign a user in to another account (login CSRF). Requests
				// from curl come from no page.
				stranger := s.browser(t)
				a := stranger.Post("/sign-in/email", body{"email": "ann@example.test", "password": testkit.Password}, test.headers...)
				if noBrowser := test.what == "nothing at all"; noBrowser != (a.Status == 200) || noBrowser != (stranger.token() != "") {
					t.Errorf("%s: sign-in without a cookie: %v", test.what, a)
				}
			}
		}
		wantAlive(t, b, true, "the owner after it all")

		for _, origin := range []string{"https://evil.test", "null", own} {
			for _, a := range []testkit.Answer{
				b.Get("/get-session", "Origin: "+origin),
				b.Do("OPTIONS", "/api/auth/get-session", "", "Origin: "+origin, "Access-Control-Request-Method: GET"),
			} {
				if a.Err != nil {
					t.Error(a)
				}
				if got := a.Header.Get("Access-Control-Allow-Origin"); got != "" {
					t.Errorf("%s may read answers: %s", origin, got)
				}
			}
		}
		a := b.Get("/get-session", "Origin: "+trusted)
		if a.Header.Get("Access-Control-Allow-Origin") != trusted || a.Header.Get("Access-Control-Allow-Credentials") != "true" ||
			a.Header.Get("Vary") != "Origin" {
			t.Errorf("a trusted origin may not read answers: %v", a.Header)
		}
		a = b.Do("OPTIONS", "/api/auth/sign-out", "", "Origin: "+trusted, "Access-Control-Request-Method: POST")
		if a.Status != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Methods") == "" {
			t.Errorf("preflight of a trusted origin: %v %v", a, a.Header)
		}
	})
}

// TestAddress tests that the client's address is the last one in X-Forwarded-For that
// is not a trusted proxy's.
func TestAddress(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		for i, test := range []struct{ forwarded, want string }{
			{"", "127.0.0.1"},
			{"192.0.2.7", "192.0.2.7"},
			{"203.0.113.66, 192.0.2.7, 127.1.1.1", "192.0.2.7"},
			{"192.0.2.7:4711", "192.0.2.7"},
			{"::ffff:192.0.2.7", "192.0.2.7"},
			{"2001:DB8:0::1%eth0", "2001:db8::1"},
			{"[2001:db8::1]:443", "2001:db8::1"},
			{"garbage", "127.0.0.1"},
			{"192.0.2.7, garbage, 127.0.0.2", "127.0.0.2"},
			{"127.0.0.5, 127.0.0.4", "127.0.0.4"},
		} {
			b := s.browser(t)
			b.Address = test.forwarded
			s.clock.Advance(10 * time.Second) // past the limit of the address
			want(t, b.SignUp(fmt.Sprintf("user%d@example.test", i)), 200, "")
			if got := b.Session().Get("session.ipAddress"); got != test.want {
				t.Errorf("X-Forwarded-For %q: %v; want %s", test.forwarded, got, test.want)
			}
		}
	})
}

// TestAddressOfStrangers tests that the server trusts X-Forwarded-For only from trusted
// proxies.
func TestAddressOfStrangers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := open(t, db, func(c *server.Config) { c.TrustedProxies = nil })
		b := s.browser(t)
		b.Address = "192.0.2.7"
		want(t, b.SignUp("a@example.test"), 200, "")
		if got := b.Session().Get("session.ipAddress"); got != "127.0.0.1" {
			t.Errorf("X-Forwarded-For of an untrusted peer is believed: %v", got)
		}
	})
}

func TestStrangeUserAgents(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, "ann@example.test")
		for what, ua := range map[string]string{
			"none": "", "not UTF-8": "\xff\xfe browser", "long": strings.Repeat("ä", 4000),
			"a long name": strings.Repeat("A", 300) + "/99999999.0", "cut within a letter": "x" + strings.Repeat("€", 400),
			"SQL": "x'; DROP TABLE sessions;--", "HTML": "<script>alert(1)</script>",
		} {
			b := s.browser(t)
			want(t, b.Post("/sign-in/email", body{"email": "ann@example.test", "password": testkit.Password}, "User-Agent: "+ua), 200, "")
			a := b.Get("/get-session", "User-Agent: "+ua)
			if a.Status != 200 || a.Body == "null" {
				t.Errorf("%s: %v", what, a)
			}
			s.clock.Advance(time.Second) // the server stores the last activity once a minute
			if browser, _ := a.Get("session.device.browser").(string); len(browser) > 46 {
				t.Errorf("%s: the browser is called %q", what, browser)
			}
			if again := b.Get("/get-session", "User-Agent: "+ua); again.Body != a.Body {
				t.Errorf("%s: the server writes it down at each read: %v, %v", what, a, again)
			}
		}
	})
}
