package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/origins"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
)

// trust returns the list of origins and of patterns such as https://*.example.com.
func trust(t *testing.T, all ...string) (list origins.List) {
	t.Helper()
	for _, s := range all {
		u, err := url.Parse(strings.Replace(s, "*.", "", 1))
		if err != nil {
			t.Fatal(err)
		}
		p := origins.Exactly(u)
		if strings.Contains(s, "*.") {
			if p, err = origins.Below(u); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, p)
	}
	return list
}

// TestTrustedPatterns tests that everything that depends on the origin of a page trusts the same
// ones, if patterns name them: reading answers, changing state, and the addresses to which the
// server redirects.
func TestTrustedPatterns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := open(t, db, func(c *server.Config) {
			c.TrustedOrigins = trust(t, "https://*.preview.example.com", "http://*.localhost:3000")
			c.Accounts.RelyingParty.Trusts = c.TrustedOrigins.Contains
		})
		b := s.signUp(t, ann)
		for origin, trusted := range map[string]bool{
			"https://a.preview.example.com":         true,
			"https://b.a.preview.example.com":       true,
			"https://xn--a-0ga.preview.example.com": true,
			"http://a.localhost:3000":               true,

			"https://preview.example.com":                     false,
			"https://evil.com#.preview.example.com":           false,
			"https://evil.com?.preview.example.com":           false,
			"https://evil.com/.preview.example.com":           false,
			`https://evil.com\.preview.example.com`:           false,
			"https://me@a.preview.example.com":                false,
			"https://a.preview.example.com@evil.com":          false,
			"https://a.preview.example.com:8443":              false,
			"https://A.preview.example.com":                   false,
			"https://a.preview.example.com.":                  false,
			"https://preview.example.com.evil.com":            false,
			"https://a.preview.example.com.evil.com":          false,
			"https://apreview.example.com":                    false,
			"https://ä.preview.example.com":                   false,
			"https://.preview.example.com":                    false,
			"https://*.preview.example.com":                   false,
			"http://a.preview.example.com":                    false,
			"https://a.localhost:3000":                        false,
			"http://localhost:3000":                           false,
			"https://evil.com, https://a.preview.example.com": false,
		} {
			wantTrusted(t, b, origin, trusted)
		}
	})
}

// wantTrusted tests whether the server of b trusts an origin.
func wantTrusted(t *testing.T, b *browser, origin string, trusted bool) {
	t.Helper()
	from := []string{"Origin: " + origin, "Sec-Fetch-Site: cross-site"}
	if got := b.Get("/get-session", from...).Header.Get("Access-Control-Allow-Origin") == origin; got != trusted {
		t.Errorf("%s may read answers: %t", origin, got)
	}
	const asked = "content-type,latchkey-account,x-trace_1"
	a := b.Do("OPTIONS", "/api/auth/sign-out", "", append(from, "Access-Control-Request-Method: POST",
		"Access-Control-Request-Headers: "+asked)...)
	if got := a.Header.Get("Access-Control-Allow-Headers") == asked; got != trusted || trusted != (a.Status == http.StatusNoContent) {
		t.Errorf("preflight of %s: %v %v", origin, a, a.Header)
	}
	if a := b.Post("/update-user", body{"name": "Ann"}, from...); trusted != (a.Status == 200) || !trusted && a.Code() != "INVALID_ORIGIN" {
		t.Errorf("a call of %s: %v", origin, a)
	}
	a = b.Post("/update-user", body{"name": "Ann", "callbackURL": origin + "/welcome"})
	if trusted != (a.Status == 200) || !trusted && a.Code() != "INVALID_CALLBACK_URL" {
		t.Errorf("a callback to %s: %v", origin, a)
	}
}

// TestTrustedPasskeys tests that pages of a trusted origin may use passkeys if their host is below
// the domain of the passkeys, and that no other page of a pattern may.
func TestTrustedPasskeys(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		trusted := trust(t, "http://*.localhost:3000", "https://*.preview.example.com")
		s.accounts.RelyingParty.Trusts = trusted.Contains
		b := s.signUp(t, ann)
		device := authenticator.New("http://a.localhost:3000")
		want(t, b.register(device), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")
		for _, origin := range []string{
			"http://a.localhost:3001", "http://localhost:3000", "https://a.preview.example.com", "https://evil.test",
		} {
			from := func(s *authenticator.Statement) { s.Client["origin"] = origin }
			want(t, s.browser(t).authenticate(device, from), 400, "AUTHENTICATION_FAILED")
			want(t, b.register(authenticator.New(origin)), 400, "FAILED_TO_VERIFY_REGISTRATION")
		}
	})
}

// TestPreflightHeaders tests that a preflight allows only what can be a list of header names.
func TestPreflightHeaders(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.DB) {
		const trusted = "https://app.example.com"
		s := open(t, db, func(c *server.Config) { c.TrustedOrigins = trust(t, trusted) })
		preflight := func(asked string) testkit.Answer {
			return s.browser(t).Do("OPTIONS", "/api/auth/sign-out", "", "Origin: "+trusted, "Access-Control-Request-Method: POST",
				"Access-Control-Request-Headers: "+asked)
		}
		for _, asked := range []string{"content-type", "content-type,x-a", "content-type, x-b"} {
			a := preflight(asked)
			if vary := a.Header.Values("Vary"); a.Header.Get("Access-Control-Allow-Headers") != asked ||
				!slices.Equal(vary, []string{"Origin", "Access-Control-Request-Headers"}) {
				t.Errorf("%q: %v", asked, a.Header)
			}
		}
		for _, asked := range []string{"", "*", "x-a;y", "x-<a>", `"x"`} {
			if a := preflight(asked); a.Status != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Headers") != "" {
				t.Errorf("%q: %v %v", asked, a, a.Header)
			}
		}
	})
}
