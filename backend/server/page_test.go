package server_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	pages "latchkey/backend/site"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// page opens a page, from the browser's own address.
func (b *browser) page(address string, headers ...string) testkit.Answer {
	b.t.Helper()
	return b.Do("GET", address, "", headers...)
}

// drawn opens a page, which must not redirect.
func (b *browser) drawn(address string, headers ...string) (testkit.Answer, testkit.Document) {
	b.t.Helper()
	a := b.page(address, headers...)
	if a.Status != 200 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		b.t.Fatalf("GET %s is %v", address, a)
	}
	return a, testkit.ParseHTML(b.t, a.Body)
}

// answers opens a page and returns the responses of the API in it, by path and query.
func (b *browser) answers(address string, headers ...string) map[string]json.RawMessage {
	b.t.Helper()
	_, page := b.drawn(address, headers...)
	state := page.State(b.t)
	if state == nil {
		b.t.Fatalf("%s has no state", address)
	}
	return state.Answers
}

// wantAnswers fails the test unless a page has exactly the responses of some paths.
func wantAnswers(t *testing.T, what string, got map[string]json.RawMessage, want ...string) {
	t.Helper()
	slices.Sort(want)
	if paths := slices.Sorted(maps.Keys(got)); !slices.Equal(paths, want) {
		t.Errorf("%s has the responses of %q; want %q", what, paths, want)
	}
}

const session, about = "/api/auth/get-session", "/api/about"

// eachPage calls test with each page, and with a browser for which the server draws it.
func (s *testServer) eachPage(t *testing.T, owner *browser, test func(b *browser, address string)) {
	t.Helper()
	for _, path := range shared.Pages {
		switch {
		case shared.NeedsSession(path):
			test(owner, path)
		case path == shared.PageTwoFactor:
			test(s.pendingSignIn(t, ann), path)
		case path == shared.PageSignUp:
			test(owner, path+"?invite=x")
			test(s.browser(t), path)
		case path != shared.PageHome: // which always redirects
			test(s.browser(t), path)
		}
	}
	test(owner, "/dashboard/settings/activity?show=sign-ins")
	test(owner, "/dashboard/system?show=sign-in")
}

// TestPageIsPrivate tests that a page with the data of its caller is for nobody else.
func TestPageIsPrivate(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, other := s.signUp(t, ann), s.signUp(t, bob)
		for _, path := range shared.SettingsPages {
			for email, b := range map[string]*browser{ann: owner, bob: other} {
				a, page := b.drawn(path)
				if a.Header.Get("Cache-Control") != "private, no-store" || a.Header.Get("ETag") != "" {
					t.Errorf("%s: %v", path, a.Header)
				}
				strange := map[string]string{ann: bob, bob: ann}[email]
				if !slices.Contains(page.Texts("span", "class=email"), email) || strings.Contains(a.Body, strange) {
					t.Errorf("%s of %s: %s", path, email, a.Body)
				}
				head := b.Do("HEAD", path, "")
				if head.Status != 200 || head.Body != "" || head.Header.Get("Content-Length") == "" || head.Header.Get("ETag") != "" {
					t.Errorf("HEAD %s is %v with %v", path, head, head.Header)
				}
				if again := b.page(path, "If-None-Match: *"); again.Status != 200 || again.Body == "" {
					t.Errorf("%s, known to the browser, is %v", path, again)
				}
			}
		}
		if a, _ := s.browser(t).drawn("/sign-in"); a.Header.Get("Cache-Control") != "private, no-store" || strings.Contains(a.Body, ann) {
			t.Errorf("/sign-in: %v", a)
		}
	})
}

// TestPublicPage tests that the page of a version, which the service worker keeps, is the same
// for all users.
func TestPublicPage(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, other, stranger := s.signUp(t, ann), s.signUp(t, bob), s.browser(t)
		for _, path := range shared.Pages {
			address := pages.Address(path)
			a, page := owner.drawn(address)
			if a.Header.Get("Cache-Control") != "no-cache" || a.Header.Get("ETag") == "" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", address, a.Header)
			}
			if strings.Contains(a.Body, ann) || strings.Contains(a.Body, "Lovelace") || page.State(t) != nil {
				t.Errorf("%s has data: %s", address, a.Body)
			}
			for _, b := range []*browser{other, stranger} {
				if got := b.page(address); got.Body != a.Body {
					t.Errorf("%s is not the same for all users", address)
				}
			}
			if got := owner.page(address, "If-None-Match: "+a.Header.Get("ETag")); got.Status != 304 {
				t.Errorf("%s again is %v", address, got)
			}
			if got := owner.page(path + "?v=other"); got.Status != 404 || strings.Contains(got.Body, ann) {
				t.Errorf("%s of another version is %v", path, got)
			}
		}
	})
}

// TestPageRedirects tests that a page which is not for its caller leads to one that is, and
// never to another site.
func TestPageRedirects(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, stranger := s.signUp(t, ann).grant(account.Permissions...), s.browser(t)
		for _, test := range []struct{ at, signedIn, signedOut string }{
			{"/", "/dashboard/settings", "/sign-in"},
			{"/?next=/dashboard/system", "/dashboard/settings", "/sign-in"},
			{"/sign-in", "/dashboard/settings", ""},
			{"/sign-in?next=%2Fdashboard%2Fsystem%3Fa%3Db", "/dashboard/system?a=b", ""},
			{"/two-factor?next=/dashboard/settings/sessions", "/dashboard/settings/sessions", ""},
			{"/sign-up", "/dashboard/settings", ""},
			{"/sign-up?invite=x", "", ""},
			{"/forgot-password", "", ""},
			{"/reset-password?token=x", "", ""},
			{"/not-me?token=x", "", ""},
			{"/dashboard/settings/activity?show=a&b=%20", "", "/sign-in?next=%2Fdashboard%2Fsettings%2Factivity%3Fshow%3Da%26b%3D%2520"},
			{"/dashboard/system", "", "/sign-in?next=%2Fdashboard%2Fsystem"},
			{"/dashboard/settings?next=https://evil.test", "", "/sign-in?next=%2Fdashboard%2Fsettings%3Fnext%3Dhttps%3A%2F%2Fevil.test"},

			{"/sign-in?next=https%3A%2F%2Fevil.test", "/dashboard/settings", ""},
			{"/sign-in?next=%2F%2Fevil.test%2Fdashboard%2Fsettings", "/dashboard/settings", ""},
			{"/sign-in?next=%5C%5Cevil.test", "/dashboard/settings", ""},
			{"/sign-in?next=javascript:alert(1)", "/dashboard/settings", ""},
			{"/sign-in?next=%2Fdashboard%2Fsettings%0d%0aSet-Cookie:x", "/dashboard/settings", ""},
			{"/sign-in?next=/sign-in", "/dashboard/settings", ""},
		} {
			for b, want := range map[*browser]string{owner: test.signedIn, stranger: test.signedOut} {
				a := b.page(test.at)
				status := 200
				if want != "" {
					status = 303
				}
				if got := a.Header.Get("Location"); a.Status != status || got != want || a.Header.Get("Cache-Control") != "private, no-store" {
					t.Errorf("%s, signed in %t: %v, to %q; want %q", test.at, b == owner, a, got, want)
				}
			}
		}
	})
}

// hostile is a text that must not become markup.
const hostile = `</script></noscript><img src=x onerror=alert(1)><b style="color:red">'"&amp; --><!--`

// wantInert fails the test if a page has an element or an attribute that the app does not draw.
func wantInert(t *testing.T, a testkit.Answer) {
	t.Helper()
	page := testkit.ParseHTML(t, a.Body)
	for _, n := range page.All("") {
		src, _ := testkit.Attribute(n, "src")
		switch n.Data {
		case "b", "iframe", "object", "embed", "base", "style", "template":
			t.Errorf("there is the element %s", n.Data)
		case "noscript":
			if n.Parent.Data != "head" { // see [web.ClearPath]
				t.Error("there is the element noscript")
			}
		case "img", "source", "script":
			if !strings.HasPrefix(src, "/") && n.Data != "source" && src != "" {
				t.Errorf("there is a %s from %s", n.Data, src)
			}
		}
		for _, attribute := range n.Attr {
			if strings.HasPrefix(attribute.Key, "on") || attribute.Key == "style" {
				t.Errorf("the element %s has the attribute %s", n.Data, attribute.Key)
			}
		}
	}
	if n := len(page.All("script")); n > 3 { // the first script, the loader and the state
		t.Errorf("there are %d scripts", n)
	}
	// The policy allows the inline script by its hash.
	if n := strings.Count(a.Body, "<script>"); n != strings.Count(a.Body, "<script>"+web.FirstScript()+"</script>") || n > 1 {
		t.Errorf("there are %d inline scripts", n)
	}
}

// TestPageState tests that a page has exactly what the API responds to the same caller, and that
// no text in it is markup.
func TestPageState(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze() // a minute after its last use, a session's time would change between a page and the API
		owner := s.signUp(t, ann).grant(account.Permissions...)
		app, _ := owner.enroll()
		want(t, owner.register(s.device()), 200, "")
		want(t, owner.Post("/passkey/update-passkey", body{"id": owner.passkeys()[0].ID, "name": hostile}), 200, "")
		want(t, owner.Post("/update-user", body{"name": hostile}), 200, "")
		phone := s.browser(t)
		want(t, phone.Do("POST", "/api/auth/sign-in/email", fmt.Sprintf(`{"email":%q,"password":%q}`, ann, testkit.Password),
			"User-Agent: "+hostile), 403, "TWO_FACTOR_REQUIRED")
		want(t, phone.Do("POST", "/api/auth/two-factor/verify-totp", fmt.Sprintf(`{"code":%q,"trustDevice":true}`, nextCode(app)),
			"User-Agent: "+hostile), 200, "")

		seen := 0
		s.eachPage(t, owner, func(b *browser, address string) {
			b.Session() // so that the address and the time of the session change before, not meanwhile
			at, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			signedIn := b.SignedIn(t)
			a, page := b.drawn(address)
			wantInert(t, a)
			state := page.State(t)
			wantAnswers(t, address, state.Answers, pages.Requests(at, nil, signedIn)...)
			for request, got := range state.Answers {
				want := b.Do("GET", request, "")
				if want.Status != 200 || string(got) != want.Body {
					t.Errorf("%s says of %s: %s\nthe API says: %v", address, request, got, want)
				}
				if strings.Contains(want.Body, "onerror") {
					seen++
				}
			}
			if !state.At.Equal(s.accounts.Now()) {
				t.Errorf("the page is of %v; want %v", state.At, s.accounts.Now())
			}
		})
		if seen < 10 {
			t.Errorf("only %d responses have the hostile text", seen)
		}
	})
}

// TestPageWithoutPermission tests that a page has only what its caller may read.
func TestPageWithoutPermission(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		wantAnswers(t, "the system page without permissions", owner.answers("/dashboard/system"), session, about)
		owner.grant(account.PermissionAudit)
		wantAnswers(t, "the system page of an auditor", owner.answers("/dashboard/system"), session, about, "/api/events")

		// A page is not for the account of another tab.
		wantAnswers(t, "the page of another account", owner.answers("/dashboard/settings/sessions", shared.HeaderAccount+": x"), session, about)

		s.accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
		for _, page := range []string{"/dashboard/settings", "/dashboard/settings/two-factor", "/dashboard/settings/sessions"} {
			wantAnswers(t, page+" of a user who must enroll", owner.answers(page),
				session, about, "/api/auth/two-factor/status", "/api/auth/passkey/list-user-passkeys")
		}
		wantAnswers(t, "the system page of a user who must enroll", owner.answers("/dashboard/system"), session, about)
		s.accounts.Settings = set(t)

		out := func(what string, b *browser) {
			t.Helper()
			a := b.page("/dashboard/settings/sessions")
			if a.Status != 303 || a.Header.Get("Location") != "/sign-in?next=%2Fdashboard%2Fsettings%2Fsessions" || strings.Contains(a.Body, ann) {
				t.Errorf("%s: %v, to %s", what, a, a.Header.Get("Location"))
			}
			if b.token() != "" {
				t.Errorf("%s keeps the cookie", what)
			}
			wantAnswers(t, what, b.answers("/sign-in"), session, about)
		}
		revoked := s.signIn(t, ann)
		want(t, owner.Post("/revoke-other-sessions", body{}), 200, "")
		out("a revoked session", revoked)
		out("a forged session", s.holding(t, "latchkey.session_token", strings.Repeat("A", 43)))
		want(t, s.signUp(t, bob).grant(account.PermissionUsers, account.PermissionAudit).manage(owner.id(), "disable"), 200, "")
		out("a disabled user", owner)
	})
}

// TestPageOfPendingSignIn tests that the page for the second factor knows the sign-in that is
// pending, and no other page does.
func TestPageOfPendingSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann).enroll()
		const pending = "/api/auth/two-factor/pending"
		b := s.pendingSignIn(t, ann)
		answers := b.answers("/two-factor")
		wantAnswers(t, "the page", answers, session, about, pending)
		if string(answers[session]) != "null" || !strings.Contains(string(answers[pending]), ann) {
			t.Errorf("the page has %s", answers)
		}
		for _, address := range []string{"/sign-in", "/forgot-password", "/sign-up"} {
			if a, page := b.drawn(address); strings.Contains(a.Body, ann) || page.State(t).Answers[pending] != nil {
				t.Errorf("%s knows the pending sign-in", address)
			}
		}
		s.clock.Advance(account.PendingSignInLifetime)
		wantAnswers(t, "the page of a sign-in that is over", b.answers("/two-factor"), session, about)
		if b.Cookie("latchkey.two_factor") != "" {
			t.Error("the cookie of a sign-in that is over stays")
		}
		wantAnswers(t, "the page without a sign-in", s.browser(t).answers("/two-factor"), session, about)
	})
}

// A watchedStore counts look-ups of sessions, or fails like a database that does not respond.
type watchedStore struct {
	account.Store
	lookUps *atomic.Int64
	away    *atomic.Bool
}

func (s watchedStore) SessionByHash(ctx context.Context, hash []byte, now time.Time) (account.Session, account.User, error) {
	s.lookUps.Add(1)
	if s.away.Load() {
		return account.Session{}, account.User{}, fmt.Errorf("%w: the test says so", shared.ErrUnavailable)
	}
	return s.Store.SessionByHash(ctx, hash, now)
}

// TestPageLooksOnce tests that a page looks for its session once, whatever it shows, and that a
// user gets a page even if the database does not respond.
func TestPageLooksOnce(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann).grant(account.Permissions...)
		watched := watchedStore{s.accounts.Store, new(atomic.Int64), new(atomic.Bool)}
		s.accounts.Store = watched
		for _, path := range append([]string{shared.PageSystem}, shared.SettingsPages...) {
			watched.lookUps.Store(0)
			owner.drawn(path)
			if n := watched.lookUps.Load(); n != 1 {
				t.Errorf("%s looks for the session %d times", path, n)
			}
		}
		watched.lookUps.Store(0)
		s.browser(t).drawn("/sign-in")
		owner.page(pages.Address("/dashboard/settings"))
		if n := watched.lookUps.Load(); n != 0 {
			t.Errorf("pages without a session look for it %d times", n)
		}

		watched.away.Store(true)
		for _, path := range shared.Pages {
			a, page := owner.drawn(path)
			if strings.Contains(a.Body, ann) || page.State(t) != nil || a.Header.Get("Set-Cookie") != "" || len(page.All("h1")) != 1 {
				t.Errorf("%s without a database: %v", path, a)
			}
		}
	})
}

// TestPagesAreLimited tests that each page has a limit, whose response is a page.
func TestPagesAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		s.clock.Freeze()
		for range 100 {
			owner.drawn("/dashboard/settings/sessions")
		}
		a := owner.page("/dashboard/settings/sessions?a=b", "Accept-Language: de")
		page := testkit.ParseHTML(t, a.Body)
		link := page.All("a", "href=/dashboard/settings/sessions?a=b")
		if a.Status != 429 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" || a.Header.Get("Retry-After") == "" ||
			a.Header.Get("Cache-Control") != "private, no-store" ||
			!slices.Equal(page.Texts("h1"), []string{de.T(message.ErrTooManyPages)}) || len(link) != 1 || strings.Contains(a.Body, ann) {
			t.Errorf("%v %v", a, a.Header)
		}
		// Another page has a limit of its own, as have the endpoints.
		owner.drawn("/dashboard/settings")
		owner.drawn(pages.Address("/dashboard/settings/sessions"))
		want(t, owner.Get("/list-sessions"), 200, "")
		s.clock.Advance(10 * time.Second)
		owner.drawn("/dashboard/settings/sessions")
	})
}

// TestPageLanguage tests that a page is in the language that its user chose, and else in that of
// the browser.
func TestPageLanguage(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		inLanguage := func(b *browser, address, want string, headers ...string) {
			t.Helper()
			_, page := b.drawn(address, headers...)
			if len(page.All("html", "lang="+want)) != 1 {
				t.Errorf("%s with %q is not in %s", address, headers, want)
			}
		}
		inLanguage(owner, "/dashboard/settings", "en")
		inLanguage(owner, "/dashboard/settings", "de", "Accept-Language: de-AT,de;q=0.9")
		want(t, owner.Post("/update-user", body{"language": "de"}), 200, "")
		inLanguage(owner, "/dashboard/settings", "de", "Accept-Language: en")
		inLanguage(s.browser(t), "/sign-in", "en", "Accept-Language: en")
		inLanguage(owner, pages.Address("/dashboard/settings"), "en", "Accept-Language: en")
	})
}

// TestPageZone tests that the times in a page are in the zone of the browser, and say that they are in
// UTC as long as the server does not know it.
func TestPageZone(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		for zone, want := range map[string]bool{"": true, "Europe/Nowhere": true, "localtime": true, "UTC": false, "Asia/Tokyo": false} {
			owner.SetCookie(shared.ZoneCookie, zone)
			_, page := owner.drawn("/dashboard/settings/activity")
			times := page.Texts("time")
			says := slices.ContainsFunc(times, func(text string) bool { return strings.HasSuffix(text, " UTC") })
			if len(times) == 0 || says != want {
				t.Errorf("with the zone %q, the times are %q", zone, times)
			}
		}
	})
}

// TestPageMethods tests which methods pages accept.
func TestPageMethods(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		for path, allow := range map[string]string{"/": "GET, HEAD", "/sign-up": "GET, HEAD, POST", "/dashboard/system": "GET, HEAD, POST"} {
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
				if strings.Contains(allow, method) {
					continue
				}
				if a := owner.Do(method, path, ""); a.Status != 405 || a.Header.Get("Allow") != allow {
					t.Errorf("%s %s is %v, Allow %q", method, path, a, a.Header.Get("Allow"))
				}
			}
		}
		if a := owner.page("/reset-password?token=x&callbackURL=/reset-password"); a.Status != 302 {
			t.Errorf("a link to reset a password is %v", a)
		}
	})
}

// TestEveryPage tests that the route table has every page of the app.
func TestEveryPage(t *testing.T) {
	var got []string
	for _, r := range server.Routes() {
		if r.Page {
			got = append(got, r.Path)
		}
	}
	if !slices.Equal(got, shared.Pages) {
		t.Errorf("the pages are %q", got)
	}
}

// TestLeavingPage tests that a browser whose user has signed out without a connection gets no data of
// the session, and no redirect, although it still has the session's cookie.
func TestLeavingPage(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		b.SetCookie(shared.LeavingCookie, "yes")
		for _, path := range []string{shared.PageSettings, shared.PageSessions, shared.PageSignIn, shared.PageHome} {
			a, page := b.drawn(path)
			if strings.Contains(a.Body, ann) || page.State(t) != nil {
				t.Errorf("%s has data: %s", path, a.Body)
			}
		}
		const form = "Content-Type: application/x-www-form-urlencoded"
		for path, typed := range map[string]string{
			shared.PageSignIn: "email=" + bob + "&password=wrong", shared.PageSettings: "name=x", shared.PageSessions: "signOut=no",
		} {
			if a := b.Do("POST", path, typed, form); a.Status/100 != 4 || strings.Contains(a.Body, ann) || strings.Contains(a.Body, "Lovelace") {
				t.Errorf("%s with a form that is refused has data: %v", path, a)
			}
		}
		b.Do("POST", shared.PageSignIn, "email="+ann+"&password="+testkit.Password, form)
		if a, _ := b.drawn(shared.PageSettings); !strings.Contains(a.Body, ann) {
			t.Errorf("after a sign-in by a form, the page has no data: %v", a)
		}
	})
}

// TestPageIsCompressed tests that a page is compressed for browsers that accept it.
func TestPageIsCompressed(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		plain := b.page(shared.PageSessions, "Accept-Encoding: identity")
		small := b.page(shared.PageSessions, "Accept-Encoding: br, gzip;q=0.5")
		if plain.Header.Get("Content-Encoding") != "" || small.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("plain %v, compressed %v", plain.Header, small.Header)
		}
		r, err := gzip.NewReader(strings.NewReader(small.Body))
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(r)
		if err != nil || !strings.Contains(string(page), ann) || len(small.Body) > len(plain.Body)/2 {
			t.Errorf("%d bytes become %d: %v, %s", len(plain.Body), len(small.Body), err, page)
		}
	})
}
