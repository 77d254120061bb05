package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"latchkey/backend/account"
	"latchkey/backend/passhash"
	"latchkey/backend/server"
	pages "latchkey/backend/site"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// send submits the form of a page like a browser without the app. Each field is
// "name=value".
func (b *browser) send(page string, fields ...string) testkit.Answer {
	b.t.Helper()
	form := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Add(name, value)
	}
	return b.Elsewhere().sendRaw(page, form.Encode())
}

// sendRaw submits a raw body from the browser's own address, with additional headers.
func (b *browser) sendRaw(page, body string, headers ...string) testkit.Answer {
	b.t.Helper()
	return b.Do("POST", page, body, append([]string{
		"Content-Type: application/x-www-form-urlencoded", "Accept: text/html",
		"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-User: ?1",
	}, headers...)...)
}

// wantSeeOther fails the test unless a response redirects to an address.
func wantSeeOther(t *testing.T, a testkit.Answer, to string) {
	t.Helper()
	location, cache := a.Header.Get("Location"), a.Header.Get("Cache-Control")
	if a.Status != 303 || location != to || a.Body != "" || cache != "no-store" {
		t.Errorf("%v, Location %q, Cache-Control %q; want 303 to %s and no-store", a, location, cache, to)
	}
}

// formOf returns the refused form that a page has in its state.
func formOf(t *testing.T, a testkit.Answer) shared.FormState {
	t.Helper()
	if state := testkit.ParseHTML(t, a.Body).State(t); state != nil && state.Form != nil && state.Form.Error != nil {
		return *state.Form
	}
	t.Fatalf("there is no refused form in %v", a)
	return shared.FormState{}
}

// wantRedisplayed fails the test unless a response is the page with the message at the field,
// or above the button if field is "". A %d in the message stands for any number. It also
// fails if the page contains the password.
func wantRedisplayed(t *testing.T, a testkit.Answer, status int, field, sentence string) {
	t.Helper()
	kind, cache := a.Header.Get("Content-Type"), a.Header.Get("Cache-Control")
	if a.Status != status || kind != "text/html; charset=utf-8" || cache != "no-store" {
		t.Errorf("%v, Content-Type %q, Cache-Control %q; want %d, a page and no-store", a, kind, cache, status)
		return
	}
	form := formOf(t, a)
	want := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(sentence), "%d", `\d+`) + "$")
	if got := form.Error.FieldOf([]string{"email", "password", "code", "backupCode"}); got != field || !want.MatchString(form.Text) {
		t.Errorf("the error at %q is %q; want %q at %q", got, form.Text, sentence, field)
	}
	wantDrawn(t, testkit.ParseHTML(t, a.Body), field, want)
	if strings.Contains(a.Body, testkit.Password) {
		t.Error("the page has the password in it")
	}
	if csp := a.Header.Get("Content-Security-Policy"); csp != pages.FormSecurityPolicy {
		t.Errorf("the policy is %q", csp)
	}
}

// wantDrawn fails the test unless a page shows one error, as [wantRedisplayed] wants it: as an
// alert, and with the focus where the user goes on. An error that is about no form of the page is a
// toast.
func wantDrawn(t *testing.T, page testkit.Document, field string, want *regexp.Regexp) {
	t.Helper()
	if toasts := page.In(t, "div", "class=toasts").Texts("p"); len(toasts) > 0 {
		if field != "" || len(toasts) > 1 || !want.MatchString(toasts[0]) {
			t.Errorf("the toasts are %q; want %s", toasts, want)
		}
		return
	}
	page = page.In(t, "main")
	var shown []string
	for _, n := range page.All("p") {
		id, _ := testkit.Attribute(n, "id")
		name, atField := strings.CutSuffix(id, "-wrong")
		name = name[strings.LastIndex(name, "-")+1:]
		text := testkit.Content(n)
		switch above := strings.HasSuffix(id, "-error") || id == "over"; {
		case text == "" || !above && !atField:
		case above && field != "" || atField && name != field || !want.MatchString(text):
			t.Errorf("there is %q at %s; want %s at %q", text, id, want, field)
		default:
			shown = append(shown, id)
		}
	}
	if len(shown) != 1 {
		t.Errorf("%d errors; want %s at %q", len(shown), want, field)
		return
	}
	focused := page.All("", "autofocus")
	if len(focused) != 1 || !strings.Contains(attribute(focused[0], "aria-describedby"), shown[0]) {
		t.Errorf("%d elements have the focus; want one that %s describes", len(focused), shown[0])
		return
	}
	if field != "" && (attribute(focused[0], "name") != field || attribute(focused[0], "aria-invalid") != "true") {
		t.Errorf("the focus is at %v; want %s", focused[0].Attr, field)
	}
}

func attribute(n *html.Node, name string) string {
	value, _ := testkit.Attribute(n, name)
	return value
}

var wrongPassword = en.T(message.ErrInvalidCredentials)

func TestSignInForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann)
		s.clock.Freeze() // the page has the time

		b := s.browser(t)
		a := b.send("/sign-in", "email=Ann@Example.test", "password=wrong password", "rememberMe=on")
		wantRedisplayed(t, a, 401, "password", wrongPassword)
		page := testkit.ParseHTML(t, a.Body)
		if len(page.All("input", "name=email", "value=Ann@Example.test")) != 1 || len(page.All("input", "name=rememberMe", "checked")) != 1 ||
			strings.Contains(a.Body, "wrong password") {
			t.Errorf("what was typed is not kept, or too much: %s", a.Body)
		}
		if a.Header.Get("Set-Cookie") != "" {
			t.Errorf("a wrong password sets %q", a.Header.Get("Set-Cookie"))
		}
		// An address without an account gets the same response.
		other := b.send("/sign-in", "email=Bob@Example.test", "password=wrong password", "rememberMe=on")
		if strings.ReplaceAll(other.Body, "Bob@", "Ann@") != a.Body {
			t.Error("it can be told whether an address has an account")
		}

		wantSeeOther(t, b.send("/sign-in", "email="+ann, "password="+testkit.Password, "rememberMe=on"), "/dashboard/settings")
		wantAlive(t, b, true, "the sender of the form")
		if m := b.method(); m != "password" {
			t.Errorf("the method is %v", m)
		}
		if b.Cookie("latchkey.browser") == "" {
			t.Error("the browser is not known from now on")
		}
		if n := s.events(t, shared.EventSignInFailed); n != 2 {
			t.Errorf("%d failed sign-ins are in the log; want 2", n)
		}
		if n := s.events(t, shared.EventSignIn); n != 1 {
			t.Errorf("%d sign-ins are in the log; want 1", n)
		}
		wantAbsent(t, s.log.String(), testkit.Password, "wrong password", ann)

		// The check box determines the lifetime of the cookie.
		for _, test := range []struct {
			box  []string
			kept bool
		}{{[]string{"rememberMe=on"}, true}, {nil, false}} {
			a := s.browser(t).send("/sign-in", append(test.box, "email="+ann, "password="+testkit.Password)...)
			cookie := strings.Join(a.Header.Values("Set-Cookie"), "\n")
			form := regexp.MustCompile(`session_token=[^;]+; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax`)
			if kept := form.MatchString(cookie); kept != test.kept {
				t.Errorf("with %q the cookie is %s", test.box, cookie)
			}
		}
		a = s.browser(t).send("/sign-in", "email="+ann, "password=wrong password")
		if len(testkit.ParseHTML(t, a.Body).All("input", "name=rememberMe", "checked")) > 0 {
			t.Error("the box is ticked again")
		}
	})
}

func TestFormsLeadOn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, _ := owner.enroll()
		for _, test := range []struct{ query, location, to string }{
			{"", "/two-factor", "/dashboard/settings"},
			{"?next=%2Fdashboard%2Fsystem%3Fa%3Db%23c", "/two-factor?next=%2Fdashboard%2Fsystem%3Fa%3Db%23c", "/dashboard/system?a=b#c"},
			{"?next=https%3A%2F%2Fevil.test%2F", "/two-factor?next=%2Fdashboard%2Fsettings", "/dashboard/settings"},
			{"?next=%2F%2Fevil.test", "/two-factor?next=%2Fdashboard%2Fsettings", "/dashboard/settings"},
			{"?next=%2Fdashboard%2Fsettings%0d%0aSet-Cookie:x", "/two-factor?next=%2Fdashboard%2Fsettings", "/dashboard/settings"},
		} {
			b := s.browser(t)
			wantSeeOther(t, b.send("/sign-in"+test.query, "email="+ann, "password="+testkit.Password), test.location)
			wantSeeOther(t, b.send(test.location, "code="+nextCode(app)), test.to)
			// The form is sent twice, or once more after the user has gone back: the
			// user is already signed in.
			wantSeeOther(t, b.send(test.location, "code="+app.Code(0)), test.to)
			wantAlive(t, b, true, "the sender of password and code")
		}
	})
}

func TestTwoFactorForm(t *testing.T) {
	for _, way := range []string{"error", "redirect"} {
		t.Run(way, func(t *testing.T) {
			eachMailing(t, []string{"TWO_FACTOR_SIGN_IN=" + way}, func(t *testing.T, s mailing) {
				owner := s.signUp(t, ann)
				app, codes := owner.enroll()
				s.clock.MidStep()
				pendingSignIn := func() *browser {
					b := s.browser(t)
					wantSeeOther(t, b.send("/sign-in", "email="+ann, "password="+testkit.Password), "/two-factor")
					wantAlive(t, b, false, "the sender of the password alone")
					return b
				}

				b := pendingSignIn()
				for _, typed := range []string{"", "12345", "12345a"} {
					wantRedisplayed(t, b.send("/two-factor", "code="+typed), 400, "code", en.T(message.ErrEnterSixDigits))
				}
				code := s.apps.Wrong()
				a := b.send("/two-factor", "code="+code, "trustDevice=on")
				wantRedisplayed(t, a, 401, "code", en.T(message.ErrInvalidCode))
				page := testkit.ParseHTML(t, a.Body)
				if len(page.All("input", "name=trustDevice", "checked")) != 1 || strings.Contains(a.Body, code) ||
					!slices.Equal(page.Texts("p", "class=whose"), []string{en.T(message.SigningInAs, ann)}) {
					t.Errorf("the box is not kept, or the code is: %s", a.Body)
				}
				a = b.send("/two-factor", "backupCode=aaaaa-bbbbb", "code=")
				wantRedisplayed(t, a, 401, "backupCode", en.T(message.ErrInvalidBackupCode))
				if len(testkit.ParseHTML(t, a.Body).All("input", "name=backupCode", "autofocus")) != 1 {
					t.Error("the field for backup codes is closed")
				}
				code = nextCode(app)
				wantSeeOther(t, b.send("/two-factor", "code="+code[:3]+" "+code[3:], "backupCode="), "/dashboard/settings")
				if m := b.method(); m != "password+totp" {
					t.Errorf("the method is %v", m)
				}
				wantAbsent(t, s.log.String(), testkit.Password, code)

				// Another browser cannot use the same code.
				b = pendingSignIn()
				wantRedisplayed(t, b.send("/two-factor", "code="+code), 401, "code", en.T(message.ErrCodeUsed))
				wantSeeOther(t, b.send("/two-factor", "backupCode= "+strings.ReplaceAll(codes[0], "-", " "), "trustDevice=on"), "/dashboard/settings")
				if m := b.method(); m != "password+backup-code" {
					t.Errorf("the method is %v", m)
				}
				wantRedisplayed(t, pendingSignIn().send("/two-factor", "backupCode="+codes[0]), 401, "backupCode", en.T(message.ErrBackupCodeUsed))

				// A trusted device needs no code.
				want(t, b.Post("/sign-out", body{}), 200, "")
				wantSeeOther(t, b.send("/sign-in", "email="+ann, "password="+testkit.Password), "/dashboard/settings")
				if m := b.method(); m != "password+trusted-device" {
					t.Errorf("the method is %v", m)
				}
			})
		})
	}
}

func TestTwoFactorFormIsFinal(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, _ := owner.enroll()
		expired := en.T(message.ErrSignInExpired)
		over := func(a testkit.Answer, status int, sentence, link string) {
			t.Helper()
			wantRedisplayed(t, a, status, "", sentence)
			main := testkit.ParseHTML(t, a.Body).In(t, "main")
			if len(main.All("a", "href="+link)) != 1 || len(main.All("form")) > 0 {
				t.Errorf("there is no way to sign in again, or still a form: %s", a.Body)
			}
		}
		over(s.browser(t).send("/two-factor", "code=123456"), 401, expired, "/sign-in")
		over(s.browser(t).send("/two-factor?next=%2Fdashboard%2Fsystem", "code=123456"), 401, expired, "/sign-in?next=%2Fdashboard%2Fsystem")

		b := s.pendingSignIn(t, ann)
		for range 5 {
			wantRedisplayed(t, b.send("/two-factor", "code="+s.apps.Wrong()), 401, "code", en.T(message.ErrInvalidCode))
		}
		over(b.send("/two-factor", "code="+nextCode(app)), 400, en.T(message.ErrSignInCodesExhausted), "/sign-in")
		if b.Cookie("latchkey.two_factor") != "" {
			t.Error("the cookie of a sign-in that is over stays")
		}

		b = s.pendingSignIn(t, ann)
		s.clock.Advance(account.PendingSignInLifetime)
		over(b.send("/two-factor", "code="+nextCode(app)), 401, expired, "/sign-in")

		// Ten consecutive wrong codes, including the five above, lock the second factor.
		b = s.pendingSignIn(t, ann)
		for range 5 {
			wantRedisplayed(t, b.send("/two-factor", "code="+s.apps.Wrong()), 401, "code", en.T(message.ErrInvalidCode))
		}
		a := s.pendingSignIn(t, ann).send("/two-factor", "code="+nextCode(app))
		wantRedisplayed(t, a, 429, "", en.T(message.ErrLockoutCodes)+" "+en.T(message.TryAgainAboutMinutes))
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
}

// TestSignInFormRefuses tests that the form refuses what the endpoint refuses.
func TestSignInFormRefuses(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, ann)
		signIn := func(b *browser) testkit.Answer { return b.send("/sign-in", "email="+ann, "password="+testkit.Password) }
		nothing := func(b *browser) {
			t.Helper()
			if b.token() != "" || b.Cookie("latchkey.two_factor") != "" || b.Cookie("latchkey.browser") != "" {
				t.Error("a sign-in that was refused opens something")
			}
		}

		b := s.browser(t)
		wantRedisplayed(t, b.send("/sign-in"), 400, "email", en.T(message.ErrInvalidEmail))
		wantRedisplayed(t, b.send("/sign-in", "email=", "password="), 400, "email", en.T(message.ErrEnterEmailAddress))
		wantRedisplayed(t, b.send("/sign-in", "email="+ann, "password="), 400, "password", en.T(message.ErrEnterPassword))
		wantRedisplayed(t, b.send("/sign-in", "email=nobody", "password=x"), 400, "email", en.T(message.ErrInvalidEmail))
		wantRedisplayed(t, b.send("/sign-in", "email="+ann, "password="+strings.Repeat("x", 129)), 400, "password",
			en.T(message.ErrPasswordTooLong))

		a := b.send("/sign-in", `email="><script>alert(1)</script>@example.test`, "password=x")
		if a.Status != 400 || formOf(t, a).Email != `"><script>alert(1)</script>@example.test` {
			t.Errorf("an address is not kept: %v", a)
		}
		wantInert(t, a)
		a = b.send("/sign-in", `email=o'<b>"&@example.test`, "password=x")
		wantInert(t, a)

		s.exec(t, "UPDATE passwords SET void = TRUE")
		a = signIn(b)
		wantRedisplayed(t, a, 403, "", en.T(message.ErrPasswordCompromised))
		links := testkit.ParseHTML(t, a.Body).Texts("a", "class=button", "href=/forgot-password")
		if !slices.Equal(links, []string{en.T(message.ChooseNewPassword)}) {
			t.Errorf("there is no way on: %s", a.Body)
		}
		s.exec(t, "UPDATE passwords SET void = FALSE")

		s.mails(t)
		s.accounts.Settings = set(t, required...)
		wantRedisplayed(t, signIn(b), 403, "", en.T(message.ErrEmailNotVerified))
		s.link(t, ann, en.T(message.MailVerifyEmailSubject)) // the server sends it a second time
		s.accounts.Settings = set(t)

		s.exec(t, "UPDATE users SET disabled_at = created_at")
		wantRedisplayed(t, signIn(b), 403, "", en.T(message.ErrAccountDisabled))
		nothing(b)
		s.exec(t, "UPDATE users SET disabled_at = NULL")

		// A user who must enroll a second factor can sign in to do so.
		s.accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
		wantSeeOther(t, signIn(b), "/dashboard/settings")
		want(t, b.Get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")
	})
}

// TestFormsAreStrict tests which requests the server accepts as forms, and that a
// refused one sets no cookie.
func TestFormsAreStrict(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann)
		good := url.Values{"email": {ann}, "password": {testkit.Password}}.Encode()
		for _, test := range []struct {
			what, body string
			headers    []string
			status     int
		}{
			{"JSON", `{"email":"` + ann + `","password":"` + testkit.Password + `"}`, []string{"Content-Type: application/json"}, 415},
			{"text", good, []string{"Content-Type: text/plain"}, 415},
			{"no type", good, []string{"Content-Type:"}, 415},
			{"another charset", good, []string{"Content-Type: application/x-www-form-urlencoded; charset=utf-16"}, 415},
			{"multipart", good, []string{"Content-Type: multipart/form-data; boundary=x"}, 415},
			{"the password twice", good + "&password=x", nil, 400},
			{"an unknown name twice", good + "&x=1&x=2", nil, 400},
			{"NUL", good + "%00", nil, 400},
			{"NUL in a name", good + "&a%00b=1", nil, 400},
			{"no UTF-8", good + "%ff", nil, 400},
			{"half an escape", good + "%f", nil, 400},
			{"a semicolon", good + ";x=1", nil, 400},
			{"a box that says something", good + "&rememberMe=false", nil, 400},
			{"70 kB", good + "&x=" + strings.Repeat("x", 70_000), nil, 413},
		} {
			a := s.browser(t).sendRaw("/sign-in", test.body, test.headers...)
			if a.Status != test.status || formOf(t, a).Error.Code == "" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d, Set-Cookie %q; want %d: %.300s", test.what, a.Status, a.Header.Get("Set-Cookie"), test.status, a.Body)
			}
		}
		a := s.browser(t).sendRaw("/sign-in", good+"&unknown=1", "Content-Type: application/x-www-form-urlencoded; charset=UTF-8")
		wantSeeOther(t, a, "/dashboard/settings")

		// Other methods and other paths.
		for _, method := range []string{"PUT", "DELETE", "PATCH"} {
			if a := s.browser(t).Do(method, "/sign-in", good); a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("%s is %d, Allow %q", method, a.Status, a.Header.Get("Allow"))
			}
		}
		for _, page := range []string{"/sign-in", "/two-factor"} {
			a := s.browser(t).Do("PUT", page, good, "Content-Type: application/x-www-form-urlencoded")
			wantRedisplayed(t, a, 405, "", en.T(message.ErrFormMethod))
			if a.Header.Get("Allow") != "GET, HEAD, POST" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("PUT %s: Allow %q, Set-Cookie %q", page, a.Header.Get("Allow"), a.Header.Get("Set-Cookie"))
			}
		}
		for _, page := range []string{"/", "/sign-in/", "/two-factor/"} {
			if a := s.browser(t).sendRaw(page, good); a.Status != 405 && a.Status != 404 || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("POST %s is %d", page, a.Status)
			}
		}
		// A form must not become a GET, whose URL would contain what the user typed.
		a = s.browser(t).Do("GET", "/sign-in?"+good, "")
		if a.Status != 200 || strings.Contains(a.Body, ann) || strings.Contains(a.Body, "correct") || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("GET signs in, or draws what it was given: %v", a)
		}
		page := testkit.ParseHTML(t, a.Body)
		forms := page.All("form")
		if len(forms) == 0 || len(forms) != len(page.All("form", "method=post")) || len(page.All("form", "action")) > 0 {
			t.Errorf("the forms are %v", forms)
		}
		wantAbsent(t, s.log.String(), testkit.Password, url.QueryEscape(testkit.Password))
	})
}

// TestFormsFromOwnOrigin tests that the server accepts forms only from its own pages, even
// if the browser reveals little about the page.
func TestFormsFromOwnOrigin(t *testing.T) {
	const trusted = "https://app.example.test"
	foreign, silent := en.T(message.ErrFormCrossSite), en.T(message.ErrFormNoOrigin)
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := open(t, storetest.Open(t, url), func(c *server.Config) { c.TrustedOrigins = trust(t, trusted) })
		s.database = url
		s.signUp(t, ann)
		good := "email=" + ann + "&password=" + strings.ReplaceAll(testkit.Password, " ", "+")
		for _, test := range []struct {
			what    string
			headers []string
			why     string // empty if it signs in
		}{
			{"our own page", nil, ""},
			// A browser sends this if the page suppresses the referrer, as ours do.
			{"our own page, which hides its origin", []string{"Origin: null"}, ""},
			{"another site's page", []string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"}, foreign},
			{"another site's page, in an old browser", []string{"Origin: https://evil.test", "Sec-Fetch-Site:", "Sec-Fetch-Mode:"}, foreign},
			{"another site's page, which hides its origin", []string{"Origin: null", "Sec-Fetch-Site: cross-site"}, foreign},
			{"an unknown page, in an old browser", []string{"Origin: null", "Sec-Fetch-Site:", "Sec-Fetch-Mode:"}, silent},
			{"another port", []string{"Origin: http://127.0.0.1:1", "Sec-Fetch-Site: same-site"}, foreign},
			{"another port, which hides its origin", []string{"Origin: null", "Sec-Fetch-Site: same-site"}, silent},
			{"a trusted origin's page", []string{"Origin: " + trusted, "Sec-Fetch-Site: same-site"}, foreign},
			{"a trusted origin's page, of another site", []string{"Origin: " + trusted, "Sec-Fetch-Site: cross-site"}, foreign},
		} {
			b := s.browser(t)
			if test.why == "" {
				wantSeeOther(t, b.sendRaw("/sign-in", good, test.headers...), "/dashboard/settings")
				continue
			}
			before := s.dump(t)
			for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"} {
				for page, body := range map[string]string{
					"/sign-in": good, "/two-factor": "code=123456", "/dashboard/settings": "call=/api/auth/sign-out",
				} {
					t.Log(test.what, kind, page)
					a := b.sendRaw(page, body, append(test.headers, "Content-Type: "+kind)...)
					wantRedisplayed(t, a, 403, "", test.why)
					if a.Header.Get("Set-Cookie") != "" || strings.Contains(a.Body, ann) {
						t.Errorf("it sets the cookie %q, or says what was sent: %s", a.Header.Get("Set-Cookie"), a.Body)
					}
				}
			}
			if s.dump(t) != before {
				t.Errorf("%s: what is refused changes the database", test.what)
			}
		}
		// A request that is not a form gets JSON.
		a := s.browser(t).sendRaw("/sign-in", "{}", "Content-Type: application/json", "Origin: https://evil.test", "Sec-Fetch-Site: cross-site")
		if a.Status != 403 || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("JSON of another site's page: %v", a)
		}
	})
}

// TestClearKeptPages tests that pages without a session make browsers without JavaScript forget the
// pages that their Back button would show again, and that other sites cannot.
func TestClearKeptPages(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		links := func(page string) int {
			const link = `<noscript><link rel="stylesheet" href="` + web.ClearPath + `"></noscript>`
			return strings.Count(b.Do("GET", page, "").Body, link)
		}
		if got := links(shared.PageProfile); got != 0 {
			t.Errorf("a page of a session has %d links", got)
		}
		b.call(shared.PageProfile, shared.SignOut.Path)
		for _, page := range []string{shared.PageSignIn, shared.PageResetPassword} {
			if got := links(page); got != 1 {
				t.Errorf("%s has %d links; want one", page, got)
			}
		}
		for from, want := range map[string]string{"same-origin": `"cache"`, "same-site": "", "cross-site": "", "none": "", "": ""} {
			a := b.Do("GET", web.ClearPath, "", "Sec-Fetch-Site: "+from)
			got, cache := a.Header.Get("Clear-Site-Data"), a.Header.Get("Cache-Control")
			if a.Status != 200 || a.Body != "" || got != want || cache != "no-store" {
				t.Errorf("from %q: %v, Clear-Site-Data %q; want %q", from, a, got, want)
			}
		}
	})
}

// TestSignOutForm tests that the form of each settings page ends the session, and makes the
// browser delete what it has stored. Any other form of a page does nothing.
func TestSignOutForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann)
		for _, page := range shared.SettingsPages {
			b := s.signIn(t, ann)
			held := b.Copy()
			for _, fields := range []string{"", "call=", "call=no", "password=a+secret"} {
				wantRedisplayed(t, b.sendRaw(page, fields), 400, "", en.T(message.ErrFormUnreadable))
			}
			if !b.SignedIn(t) {
				t.Fatalf("another form of %s signs out", page)
			}
			a := b.call(page, shared.SignOut.Path)
			wantSeeOther(t, a, "/sign-in")
			if a.Header.Get("Clear-Site-Data") != `"cache", "storage"` {
				t.Errorf("%s: Clear-Site-Data is %q", page, a.Header.Get("Clear-Site-Data"))
			}
			if b.SignedIn(t) || held.SignedIn(t) {
				t.Errorf("the form of %s leaves the session", page)
			}
			wantSeeOther(t, b.call(page, shared.SignOut.Path), "/sign-in") // signed out already
		}
		if n := s.events(t, shared.EventSignOut); n != len(shared.SettingsPages) {
			t.Errorf("%d sign-outs in the log; want %d", n, len(shared.SettingsPages))
		}
	})
}

// TestFormsAreLimited tests that forms and endpoints count toward the same limits.
func TestFormsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann).enroll()
		s.clock.Freeze()
		b := s.browser(t)
		want(t, b.Post("/sign-in/email", body{"email": ann, "password": "wrong password"}), 401, "INVALID_EMAIL_OR_PASSWORD")
		for range 2 {
			wantRedisplayed(t, b.sendRaw("/sign-in", "email="+ann+"&password=x"), 401, "password", wrongPassword)
		}
		a := b.sendRaw("/sign-in", "email="+ann+"&password=x")
		wantRedisplayed(t, a, 429, "", en.T(message.ErrTooManyTries)+" "+en.T(message.TryAgainSecondsMany))
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		want(t, b.Post("/sign-in/email", body{"email": ann, "password": "wrong password"}), 429, "TOO_MANY_REQUESTS")

		// The limit per account, reached from many addresses.
		s.clock.Advance(time.Hour)
		for range 5 {
			want(t, s.browser(t).Post("/sign-in/email", body{"email": ann, "password": "x"}), 401, "INVALID_EMAIL_OR_PASSWORD")
			wantRedisplayed(t, s.browser(t).send("/sign-in", "email="+ann, "password=x"), 401, "password", wrongPassword)
		}
		a = s.browser(t).send("/sign-in", "email="+ann, "password="+testkit.Password)
		wantRedisplayed(t, a, 429, "", en.T(message.ErrTooManyTries)+" "+en.T(message.TryAgainAboutMinutes, 15))

		s.clock.Advance(time.Hour)
		b = s.pendingSignIn(t, ann)
		for range 3 {
			want(t, b.Post("/two-factor/verify-totp", body{"code": s.apps.Wrong()}), 401, "INVALID_CODE")
		}
		a = b.sendRaw("/two-factor", "code="+s.apps.Wrong())
		wantRedisplayed(t, a, 429, "", en.T(message.ErrTooManyTries)+" "+en.T(message.TryAgainSecondsMany))
		b = s.pendingSignIn(t, ann)
		for range 3 {
			want(t, b.Post("/two-factor/verify-backup-code", body{"code": "aaaaa-bbbbb"}), 401, "INVALID_BACKUP_CODE")
		}
		wantRedisplayed(t, b.sendRaw("/two-factor", "backupCode=aaaaa-bbbbb"), 429, "",
			en.T(message.ErrTooManyTries)+" "+en.T(message.TryAgainSecondsMany))
	})
}

func TestFormsWhenUnavailable(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		away := func(a testkit.Answer) {
			t.Helper()
			wantRedisplayed(t, a, 503, "", en.T(message.ErrServiceUnavailable))
			if a.Header.Get("Retry-After") == "" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("Retry-After %q, Set-Cookie %q", a.Header.Get("Retry-After"), a.Header.Get("Set-Cookie"))
			}
		}
		owner := s.signUp(t, ann)
		app, _ := owner.enroll()
		b := s.pendingSignIn(t, ann)

		// The server lacks the key of a secret.
		s.exec(t, "UPDATE totps SET secret = 'v1.gone.' || substr(secret, 13)")
		away(b.send("/two-factor", "code="+nextCode(app)))
		if n := s.events(t, shared.EventKeyMissing); n != 1 {
			t.Errorf("the log says %d times that a key is missing; want once", n)
		}

		// More passwords arrive than the server can check. No request waits for a slot
		// here, so the server checks none.
		s.accounts.Hasher = passhash.New(passhash.Cost{Memory: 64, Time: 1, Threads: 1}, -1)
		away(s.browser(t).send("/sign-in", "email="+ann, "password="+testkit.Password))
	})
}

// TestSignInFormBlocked is [TestSignInBlocked] for the form.
func TestSignInFormBlocked(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	db := storetest.Migrated(t, database)
	user := open(t, db, nil).signUp(t, ann).id()
	// Only the server of the blocked sign-in has the program's timeout, so that a slow machine does
	// not fail the calls before it.
	s := open(t, db, func(c *server.Config) { c.Accounts.Store = storetest.OpenStrict(t, database) })
	if err := db.Tx(t.Context(), func(tx account.Store) error {
		if _, err := tx.LockUser(t.Context(), user); err != nil {
			return err
		}
		a := s.browser(t).send("/sign-in", "email="+ann, "password="+testkit.Password)
		wantRedisplayed(t, a, 503, "", en.T(message.ErrServiceUnavailable))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestFormsInGerman(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		app, _ := s.signUp(t, ann).enroll()
		s.clock.Freeze()
		const german = "Accept-Language: de-DE,de;q=0.9,en;q=0.5"
		wrong := de.T(message.ErrInvalidCredentials)
		b := s.browser(t)
		a := b.sendRaw("/sign-in", "email="+ann+"&password=x", german)
		wantRedisplayed(t, a, 401, "password", wrong)
		// The page also contains the error of the API, which the app translates itself.
		if len(testkit.ParseHTML(t, a.Body).All("html", "lang=de")) != 1 || formOf(t, a).Error.Message != shared.ErrCredentials.Message {
			t.Errorf("the page is %s", a.Body)
		}
		wantRedisplayed(t, b.sendRaw("/sign-in", "email=&password=x", german), 400, "email", de.T(message.ErrEnterEmailAddress))
		wantRedisplayed(t, b.sendRaw("/sign-in", "email=%&password=x", german), 400, "", de.T(message.ErrFormUnreadable))
		wantRedisplayed(t, b.sendRaw("/sign-in", "email="+ann+"&password=x", german), 429, "",
			de.T(message.ErrTooManyTries)+" "+de.T(message.TryAgainSecondsMany))

		wantRedisplayed(t, b.sendRaw("/sign-in", "", german, "Origin: https://evil.test", "Sec-Fetch-Site: cross-site"), 403, "",
			de.T(message.ErrFormCrossSite))
		wantRedisplayed(t, b.sendRaw("/two-factor", "", german, "Origin: null", "Sec-Fetch-Site: same-site"), 403, "",
			de.T(message.ErrFormNoOrigin))

		// The user's choice takes precedence over the browser's preference.
		b = s.browser(t)
		wantRedisplayed(t, b.sendRaw("/sign-in", "email="+ann+"&password=x", german, "Cookie: latchkey.language=en"),
			401, "password", wrongPassword)
		wantRedisplayed(t, b.sendRaw("/sign-in", "email="+ann+"&password=x", "Cookie: latchkey.language=de"), 401, "password", wrong)

		s.clock.Advance(time.Hour)
		code := nextCode(app)
		wantSeeOther(t, s.pendingSignIn(t, ann).send("/two-factor", "code="+code), "/dashboard/settings")
		b = s.pendingSignIn(t, ann)
		wantRedisplayed(t, b.sendRaw("/two-factor", "code="+code, german), 401, "code", de.T(message.ErrCodeUsed))
		wantRedisplayed(t, b.sendRaw("/two-factor", "code=12", german), 400, "code", de.T(message.ErrEnterSixDigits))
	})
}

// TestEveryFormIsTested tests that the route table has exactly the forms of these tests,
// each with its policy.
func TestEveryFormIsTested(t *testing.T) {
	var got []server.Route
	for _, r := range server.Routes() {
		if r.Form {
			got = append(got, r)
		}
	}
	want := []server.Route{
		{Method: "POST", Path: "/sign-in", Policy: "anyone", Form: true},
		{Method: "POST", Path: "/two-factor", Policy: "signingIn", Unenrolled: true, Form: true},
		{Method: "POST", Path: "/email", Policy: "anyone", Form: true},
	}
	for _, page := range shared.Pages { // TestSignOutForm; the policy is that of the endpoint
		if !slices.Contains([]string{shared.PageHome, shared.PageSignIn, shared.PageTwoFactor}, page) {
			want = append(want, server.Route{Method: "POST", Path: page, Policy: "anyone", Form: true})
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the forms are %+v", got)
	}
}

func TestFormPolicy(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		for path, action := range map[string]string{
			"/sign-in": "'self'", "/two-factor": "'self'", "/email": "'self'",
			"/dashboard/settings": "'self'", "/dashboard/settings/password": "'self'",
			"/sign-up": "'self'", "/dashboard/system": "'self'", "/forgot-password": "'self'",
			"/": "'none'", "/sign-in/": "'none'", "/api/auth/sign-in/email": "'none'", "/nowhere": "'none'",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				a := s.browser(t).Do(method, path, "")
				want := strings.Replace(pages.ContentSecurityPolicy, "form-action 'none'", "form-action "+action, 1)
				if got := a.Header.Get("Content-Security-Policy"); got != want {
					t.Errorf("%s %s: the policy is %q; want %q", method, path, got, want)
				}
			}
		}
	})
}

// TestPagesHaveTheName tests that pages contain the name of the service, and that
// browsers fetch them anew when it changes.
func TestPagesHaveTheName(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.admin(t, ann)
		b := s.browser(t)
		kept := pages.Address("/sign-in")
		before, page := b.drawn(kept)
		if title := page.Texts("title"); !slices.Equal(title, []string{en.T(message.SignIn) + " · Latchkey"}) {
			t.Errorf("the title is %q", title)
		}
		const name = `Bob's <b>"Keys"`
		want(t, admin.Elsewhere().put(body{"key": "APP_NAME", "value": name}), 200, "")
		for _, address := range []string{"/sign-in", kept, "/nowhere"} {
			a := b.Do("GET", address, "", "If-None-Match: "+before.Header.Get("ETag"))
			page := testkit.ParseHTML(t, a.Body)
			title, brand := page.Texts("title"), page.Texts("a", "class=brand")
			if a.Status == 304 || len(title) != 1 || !strings.HasSuffix(title[0], " · "+name) || !slices.Equal(brand, []string{name}) {
				t.Errorf("%s: the title is %q, the name %q: %v", address, title, brand, a)
			}
			wantInert(t, a)
		}
	})
}
