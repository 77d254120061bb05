package server_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestCallbackOfSignIn tests that the sign-in page opens an application on the server's own origin or a
// trusted one, and nothing elsewhere.
func TestCallbackOfSignIn(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := open(t, storetest.Open(t, url), func(c *server.Config) { c.TrustedOrigins = trust(t, trustedApp) })
		user := s.browser(t)
		user.SignUp(ann).Must(t, 200, "")
		for _, tt := range []struct{ callback, to string }{
			{"/tasks?done=no&page=2#last", "/tasks?done=no&page=2#last"},
			{trustedApp + "/tasks?a=b", trustedApp + "/tasks?a=b"},
			{user.Origin + "/tasks", user.Origin + "/tasks"},
			{"/dashboard", "/dashboard"},
			{"https://evil.example/", shared.PageSettings},
			{trustedApp + ".evil.example/", shared.PageSettings},
			{trustedApp + "@evil.example/", shared.PageSettings},
			{"//evil.example", shared.PageSettings},
			{`/\evil.example`, shared.PageSettings},
			{"/%2f/evil.example", shared.PageSettings},
			{"/\t/evil.example", shared.PageSettings},
			{"javascript:alert(1)", shared.PageSettings},
			{"tasks", shared.PageSettings},
		} {
			page := signInFor(tt.callback)
			if a := user.Do("GET", page, ""); a.Status != 303 || a.Header.Get("Location") != tt.to {
				t.Errorf("%q, signed in: %v, Location %q; want %q", tt.callback, a, a.Header.Get("Location"), tt.to)
			}
			b := s.browser(t)
			b.form(page)
			a := b.send(page, "email="+ann, "password="+testkit.Password)
			wantSeeOther(t, a, page)
			if a := b.page(page); a.Status != 303 || a.Header.Get("Location") != tt.to {
				t.Errorf("%q, by the form: %v, Location %q; want %q", tt.callback, a, a.Header.Get("Location"), tt.to)
			}
		}
	})
}

// TestCallbackPolicy tests that the page with the form allows a redirect to a trusted origin, which
// browsers check, and to no other.
func TestCallbackPolicy(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, db string) {
		s := open(t, storetest.Open(t, db), func(c *server.Config) { c.TrustedOrigins = trust(t, trustedApp) })
		for _, tt := range []struct{ page, allowed string }{
			{shared.PageSignIn, "'self'"},
			{signInFor("/tasks"), "'self'"},
			{signInFor(trustedApp + "/tasks"), "'self' " + trustedApp},
			{signInFor("https://evil.example/"), "'self'"},
			{signInFor("https://evil.example; script-src *"), "'self'"},
			{shared.PageTwoFactor + "?next=" + url.QueryEscape(signInFor(trustedApp+"/")), "'self' " + trustedApp},
			{shared.PageSignUp + "?callbackURL=" + url.QueryEscape(trustedApp), "'self' " + trustedApp},
		} {
			policy := s.browser(t).Do("GET", tt.page, "").Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "; form-action "+tt.allowed+"; ") || strings.Contains(policy, "evil") {
				t.Errorf("%s: the policy is %q; want form-action %s", tt.page, policy, tt.allowed)
			}
		}
	})
}

// TestCallbackWithFactor tests that the application also opens after a second factor and a sign-up.
func TestCallbackWithFactor(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, db string) {
		s := open(t, storetest.Open(t, db), nil)
		app, _ := s.signUp(t, ann).enroll()
		page, b := signInFor("/tasks?a=b"), s.browser(t)
		b.form(page)
		second := shared.PageTwoFactor + "?next=" + url.QueryEscape(page)
		wantSeeOther(t, b.send(page, "email="+ann, "password="+testkit.Password), second)
		_, drawn := b.drawn(second)
		if len(drawn.All("a", "href="+page)) == 0 {
			t.Errorf("no link of the page for the code leads back to %s", page)
		}
		wantSeeOther(t, b.send(second, "code="+nextCode(app)), page)

		// The application would send a user back who first has to turn on a second factor.
		s.accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
		if a := b.page(page); a.Header.Get("Location") != "/tasks?a=b" {
			t.Errorf("with a second factor: %v", a)
		}
		b = s.browser(t)
		b.SignUp("due@example.test").Must(t, 200, "")
		if a := b.page(page); a.Header.Get("Location") != shared.PageSettings {
			t.Errorf("before a second factor: %v, Location %q", a, a.Header.Get("Location"))
		}
		s.accounts.Settings = set(t)

		b = s.browser(t)
		signUp := shared.PageSignUp + "?callbackURL=" + url.QueryEscape("/tasks")
		a := b.submit(signUp, b.form(signUp), "name=Bob", "email=bob@example.test", "password="+testkit.Password)
		wantSeeOther(t, a, signInFor("/tasks"))
		if a := b.page(signInFor("/tasks")); a.Header.Get("Location") != "/tasks" {
			t.Errorf("after the sign-up, %q opens", a.Header.Get("Location"))
		}
	})
}

const trustedApp = "https://app.example.com"

func signInFor(callback string) string {
	return shared.PageSignIn + "?callbackURL=" + url.QueryEscape(callback)
}
