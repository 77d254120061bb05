package server_test

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
)

// send sends a page's form as a browser does without the app: "name=value" each.
func (b *browser) send(page string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Add(name, value)
	}
	return b.elsewhere().sendRaw(page, form.Encode())
}

// sendRaw does not go elsewhere first, and lets headers be changed.
func (b *browser) sendRaw(page, body string, headers ...string) answer {
	b.t.Helper()
	return b.request("POST", page, body, append([]string{
		"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-User: ?1", "Accept: text/html",
	}, headers...)...)
}

// wantOn fails the test unless an answer leads on.
func wantOn(t *testing.T, a answer, to string) {
	t.Helper()
	if a.status != 303 || a.header.Get("Location") != to || a.body != "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%.300v, Location %q, Cache-Control %q; want 303 to %s, not to be kept", a, a.header.Get("Location"), a.header.Get("Cache-Control"), to)
	}
}

// wantAgain fails the test unless an answer is the page again, with the sentence
// at the field; above the button for none. It looks for what must not be there.
func wantAgain(t *testing.T, a answer, status int, field, sentence string) {
	t.Helper()
	if a.status != status || a.header.Get("Content-Type") != "text/html; charset=utf-8" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s, Cache-Control %q; want %d, a page, not to be kept: %.200s", a.status, a.header.Get("Content-Type"), a.header.Get("Cache-Control"), status, a.body)
		return
	}
	wrong := regexp.MustCompile(`id="[a-z-]+-(\w+)-wrong" role="alert">([^<]*)<`).FindAllStringSubmatch(a.body, -1)
	trouble := regexp.MustCompile(`<p id="(?:trouble|over)">([^<]*)<`).FindAllStringSubmatch(a.body, -1)
	switch {
	case field != "" && (len(wrong) != 1 || len(trouble) != 0 || wrong[0][1] != field || !regexp.MustCompile(sentence).MatchString(wrong[0][2])):
		t.Errorf("at fields: %q, above the button: %q; want %q at %s", wrong, trouble, sentence, field)
	case field == "" && (len(wrong) != 0 || len(trouble) != 1 || !regexp.MustCompile(sentence).MatchString(trouble[0][1])):
		t.Errorf("at fields: %q, above the button: %q; want %q above it", wrong, trouble, sentence)
	}
	invalid := regexp.MustCompile(`name="(\w+)"[^>]* aria-invalid="true"[^>]* autofocus`).FindAllStringSubmatch(a.body, -1)
	if field != "" && (len(invalid) != 1 || invalid[0][1] != field) || strings.Count(a.body, " autofocus") != 1 {
		t.Errorf("the fields %q are marked as wrong and have the focus; want %q alone", invalid, field)
	}
	if strings.Contains(a.body, goodPassword) {
		t.Error("the page has the password in it")
	}
	if csp := a.header.Get("Content-Security-Policy"); csp != server.FormSecurityPolicy {
		t.Errorf("the policy is %q", csp)
	}
}

const wrongPassword = "This email address and password do not belong together."

func TestSignInForm(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.signUp(t, ann)

		b := s.browser(t)
		a := b.send("/sign-in", "email=Ann@Example.test", "password=wrong password", "rememberMe=on")
		wantAgain(t, a, 401, "password", wrongPassword)
		if !strings.Contains(a.body, `name="email" value="Ann@Example.test"`) || !strings.Contains(a.body, `name="rememberMe" checked`) || strings.Contains(a.body, "wrong password") {
			t.Errorf("what was typed is not kept, or too much: %s", a.body)
		}
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("a wrong password sets %q", a.header.Get("Set-Cookie"))
		}
		// An address without an account is answered the same.
		other := b.send("/sign-in", "email=Bob@Example.test", "password=wrong password", "rememberMe=on")
		if strings.ReplaceAll(other.body, "Bob@", "Ann@") != a.body {
			t.Error("it can be told whether an address has an account")
		}

		wantOn(t, b.send("/sign-in", "email="+ann, "password="+goodPassword, "rememberMe=on"), "/dashboard/settings")
		wantAlive(t, b, true, "who sent the form")
		if m := b.method(); m != "password" {
			t.Errorf("the method is %v", m)
		}
		if b.cookie("latchkey.browser") == "" {
			t.Error("the browser is not known from now on")
		}
		if n := s.events(t, account.EventSignInFailed); n != 2 {
			t.Errorf("%d failed sign-ins are in the log; want 2", n)
		}
		if n := s.events(t, account.EventSignIn); n != 1 {
			t.Errorf("%d sign-ins are in the log; want 1", n)
		}
		wantAbsent(t, s.log.String(), goodPassword, "wrong password", ann)

		// The box decides how long the cookie lives.
		for _, test := range []struct {
			box  []string
			kept bool
		}{{[]string{"rememberMe=on"}, true}, {nil, false}} {
			a := s.browser(t).send("/sign-in", append(test.box, "email="+ann, "password="+goodPassword)...)
			cookie := strings.Join(a.header.Values("Set-Cookie"), "\n")
			if kept := regexp.MustCompile(`session_token=[^;]+; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax`).MatchString(cookie); kept != test.kept {
				t.Errorf("with %q the cookie is %s", test.box, cookie)
			}
		}
		a = s.browser(t).send("/sign-in", "email="+ann, "password=wrong password")
		if strings.Contains(a.body, `name="rememberMe" checked`) {
			t.Error("the box is ticked again")
		}
	})
}

func TestFormsLeadOn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, _ := owner.enrol()
		for _, test := range []struct{ query, challenge, to string }{
			{"", "/two-factor", "/dashboard/settings"},
			{"?next=%2Fdashboard%2Fsystem%3Fa%3Db%23c", "/two-factor?next=%2Fdashboard%2Fsystem%3Fa%3Db%23c", "/dashboard/system?a=b#c"},
			{"?next=https%3A%2F%2Fevil.test%2F", "/two-factor?next=%2Fdashboard%2Fsettings", "/dashboard/settings"},
			{"?next=%2F%2Fevil.test", "/two-factor?next=%2Fdashboard%2Fsettings", "/dashboard/settings"},
			{"?next=%2Fdashboard%2Fsettings%0d%0aSet-Cookie:x", "/two-factor?next=%2Fdashboard%2Fsettings", "/dashboard/settings"},
		} {
			b := s.browser(t)
			wantOn(t, b.send("/sign-in"+test.query, "email="+ann, "password="+goodPassword), test.challenge)
			wantOn(t, b.send(test.challenge, "code="+p.next()), test.to)
			// Sent twice, or again by going back: they are signed in.
			wantOn(t, b.send(test.challenge, "code="+p.code(0)), test.to)
			wantAlive(t, b, true, "who gave password and code")
		}
	})
}

func TestTwoFactorForm(t *testing.T) {
	for _, way := range []string{"error", "redirect"} {
		t.Run(way, func(t *testing.T) {
			eachMailing(t, []string{"TWO_FACTOR_SIGN_IN=" + way}, func(t *testing.T, s mailing) {
				owner := s.signUp(t, ann)
				p, codes := owner.enrol()
				s.midStep()
				challenged := func() *browser {
					b := s.browser(t)
					wantOn(t, b.send("/sign-in", "email="+ann, "password="+goodPassword), "/two-factor")
					wantAlive(t, b, false, "who gave the password alone")
					return b
				}

				b := challenged()
				for _, typed := range []string{"", "12345", "12345a"} {
					wantAgain(t, b.send("/two-factor", "code="+typed), 400, "code", "Enter the six digits of the code.")
				}
				a := b.send("/two-factor", "code=000000", "trustDevice=on")
				wantAgain(t, a, 401, "code", "Invalid code. Please try again.")
				if !strings.Contains(a.body, `aria-describedby="challenge-trust-hint" checked`) || strings.Contains(a.body, "000000") {
					t.Errorf("the box is not kept, or the code is: %s", a.body)
				}
				a = b.send("/two-factor", "backupCode=aaaaa-bbbbb", "code=")
				wantAgain(t, a, 401, "backupCode", "This is not one of your backup codes.")
				if !strings.Contains(a.body, `<details id="challenge-backup" open>`) {
					t.Error("the field for backup codes is closed")
				}
				code := p.next()
				wantOn(t, b.send("/two-factor", "code="+code[:3]+" "+code[3:], "backupCode="), "/dashboard/settings")
				if m := b.method(); m != "password+totp" {
					t.Errorf("the method is %v", m)
				}
				wantAbsent(t, s.log.String(), goodPassword, code)

				// The same code is no good to another.
				b = challenged()
				wantAgain(t, b.send("/two-factor", "code="+code), 401, "code", "used")
				wantOn(t, b.send("/two-factor", "backupCode= "+strings.ReplaceAll(codes[0], "-", " "), "trustDevice=on"), "/dashboard/settings")
				if m := b.method(); m != "password+backup-code" {
					t.Errorf("the method is %v", m)
				}
				wantAgain(t, challenged().send("/two-factor", "backupCode="+codes[0]), 401, "backupCode", "used")

				// A device that is trusted is asked for no code.
				want(t, b.post("/sign-out", body{}), 200, "")
				wantOn(t, b.send("/sign-in", "email="+ann, "password="+goodPassword), "/dashboard/settings")
				if m := b.method(); m != "password+trusted-device" {
					t.Errorf("the method is %v", m)
				}
			})
		})
	}
}

func TestTwoFactorFormIsOver(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, _ := owner.enrol()
		const expired = "This sign-in has expired, or was finished elsewhere. Sign in again."
		over := func(a answer, status int, sentence, link string) {
			t.Helper()
			wantAgain(t, a, status, "", sentence)
			if !strings.Contains(a.body, `href="`+link+`"`) || strings.Contains(a.body, "<form") {
				t.Errorf("there is no way to sign in again, or still a form: %s", a.body)
			}
		}
		over(s.browser(t).send("/two-factor", "code=123456"), 401, expired, "/sign-in")
		over(s.browser(t).send("/two-factor?next=%2Fdashboard%2Fsystem", "code=123456"), 401, expired, "/sign-in?next=%2fdashboard%2fsystem")

		b := s.challenge(t, ann)
		for range 5 {
			wantAgain(t, b.send("/two-factor", "code=000000"), 401, "code", "Invalid code.")
		}
		over(b.send("/two-factor", "code="+p.next()), 400, "Too many wrong codes for this sign-in. Sign in again.", "/sign-in")
		if b.cookie("latchkey.two_factor") != "" {
			t.Error("the cookie of a sign-in that is over stays")
		}

		b = s.challenge(t, ann)
		s.wait(account.ChallengeLifetime)
		over(b.send("/two-factor", "code="+p.next()), 401, expired, "/sign-in")

		// Ten wrong codes in a row lock the second factor.
		for range 2 {
			b = s.challenge(t, ann)
			for range 5 {
				b.send("/two-factor", "code=000000")
			}
		}
		a := s.challenge(t, ann).send("/two-factor", "code="+p.next())
		wantAgain(t, a, 429, "", `Too many wrong codes. So that nobody can guess one, none is taken for a while. Try again in (about )?\d+ (seconds|minutes)\.`)
		if a.header.Get("Retry-After") == "" {
			t.Error("it does not say to programs when to try again")
		}
	})
}

// TestSignInFormRefuses holds that what the endpoint refuses, the form refuses.
func TestSignInFormRefuses(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, ann)
		signIn := func(b *browser) answer { return b.send("/sign-in", "email="+ann, "password="+goodPassword) }
		nothing := func(b *browser) {
			t.Helper()
			if b.token() != "" || b.cookie("latchkey.two_factor") != "" || b.cookie("latchkey.browser") != "" {
				t.Error("a sign-in that was refused opens something")
			}
		}

		b := s.browser(t)
		wantAgain(t, b.send("/sign-in"), 400, "email", "expected|Check what you entered")
		wantAgain(t, b.send("/sign-in", "email=", "password="), 400, "email", "Enter your email address.")
		wantAgain(t, b.send("/sign-in", "email="+ann, "password="), 400, "password", "Enter your password.")
		wantAgain(t, b.send("/sign-in", "email=nobody", "password=x"), 400, "email", "Enter an email address like name@example.com.")
		wantAgain(t, b.send("/sign-in", "email="+ann, "password="+strings.Repeat("x", 129)), 400, "password", "This password is too long. Use at most 128 characters.")

		a := b.send("/sign-in", `email="><script>alert(1)</script>@example.test`, "password=x")
		if strings.Contains(a.body, "<script>") || a.status != 400 {
			t.Errorf("an address is markup: %v", a)
		}
		a = b.send("/sign-in", `email=o'<b>"&@example.test`, "password=x")
		if strings.Contains(a.body, "<b>") {
			t.Errorf("an address is markup: %v", a)
		}

		s.exec(t, "UPDATE passwords SET void = TRUE")
		a = signIn(b)
		wantAgain(t, a, 403, "", "This password may be known to others")
		if !strings.Contains(a.body, `<a class="button" href="/forgot-password">Choose a new password</a>`) {
			t.Errorf("there is no way on: %s", a.body)
		}
		s.exec(t, "UPDATE passwords SET void = FALSE")

		s.mails(t)
		s.accounts.Settings = set(t, required...)
		wantAgain(t, signIn(b), 403, "", "Your email address has to be verified first")
		s.link(t, ann, "Verify your address") // it is mailed anew
		s.accounts.Settings = set(t)

		s.exec(t, "UPDATE users SET disabled_at = created_at")
		wantAgain(t, signIn(b), 403, "", "This account is disabled. Ask whoever runs this service.")
		nothing(b)
		s.exec(t, "UPDATE users SET disabled_at = NULL")

		// Who has to get a second factor is let in, to get one.
		s.accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
		wantOn(t, signIn(b), "/dashboard/settings")
		want(t, b.get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")
	})
}

// TestFormsAreStrict holds what a form has to be like, and that nothing that is
// refused for it sets a cookie.
func TestFormsAreStrict(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.signUp(t, ann)
		good := url.Values{"email": {ann}, "password": {goodPassword}}.Encode()
		for _, test := range []struct {
			what, body string
			headers    []string
			status     int
		}{
			{"JSON", `{"email":"` + ann + `","password":"` + goodPassword + `"}`, []string{"Content-Type: application/json"}, 415},
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
			if a.status != test.status || !strings.Contains(a.body, `data-error="{`) || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d, Set-Cookie %q; want %d: %.300s", test.what, a.status, a.header.Get("Set-Cookie"), test.status, a.body)
			}
		}
		wantOn(t, s.browser(t).sendRaw("/sign-in", good+"&unknown=1", "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"), "/dashboard/settings")

		// What is not the form's method or path.
		for _, method := range []string{"PUT", "DELETE", "PATCH"} {
			if a := s.browser(t).request(method, "/sign-in", good); a.status != 405 || a.header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("%s is %d, Allow %q", method, a.status, a.header.Get("Allow"))
			}
		}
		for _, page := range []string{"/sign-in", "/two-factor"} {
			a := s.browser(t).request("PUT", page, good, "Content-Type: application/x-www-form-urlencoded")
			wantAgain(t, a, 405, "", "This form was sent in a way that this page does not take.")
			if a.header.Get("Allow") != "GET, HEAD, POST" || a.header.Get("Set-Cookie") != "" {
				t.Errorf("PUT %s: Allow %q, Set-Cookie %q", page, a.header.Get("Allow"), a.header.Get("Set-Cookie"))
			}
		}
		for _, page := range []string{"/", "/sign-up", "/dashboard/settings", "/sign-in/", "/two-factor/"} {
			if a := s.browser(t).sendRaw(page, good); a.status != 405 && a.status != 404 || a.header.Get("Set-Cookie") != "" {
				t.Errorf("POST %s is %d", page, a.status)
			}
		}
		// A form must not come to be a GET: what was typed would be in an address.
		a := s.browser(t).request("GET", "/sign-in?"+good, "")
		if a.status != 200 || strings.Contains(a.body, ann) || strings.Contains(a.body, "correct") || a.header.Get("Set-Cookie") != "" {
			t.Errorf("GET signs in, or draws what it was given: %v", a)
		}
		if forms := regexp.MustCompile(`<form[^>]*>`).FindAllString(a.body, -1); len(forms) != 1 || !strings.Contains(forms[0], ` method="post"`) || strings.Contains(forms[0], "action") {
			t.Errorf("the forms are %q", forms)
		}
		wantAbsent(t, s.log.String(), goodPassword, url.QueryEscape(goodPassword))
	})
}

func TestFormsAreOurOwn(t *testing.T) { // C06
	const (
		trusted = "https://app.example.test"
		foreign = "This form was sent by the page of another website, so nothing was done with it."
		silent  = "Your browser did not say which page this form is from, so nothing was done with it."
	)
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := open(t, storetest.Migrated(t, url), func(c *server.Config) { c.TrustedOrigins = []string{trusted} })
		s.database = url
		s.signUp(t, ann)
		good := "email=" + ann + "&password=" + strings.ReplaceAll(goodPassword, " ", "+")
		for _, test := range []struct {
			what    string
			headers []string
			why     string // empty if it signs in
		}{
			{"our own page", nil, ""},
			// What browsers say of a page that tells no referrer, as ours.
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
				wantOn(t, b.sendRaw("/sign-in", good, test.headers...), "/dashboard/settings")
				continue
			}
			before := s.dump(t)
			for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"} {
				for page, body := range map[string]string{"/sign-in": good, "/two-factor": "code=123456"} {
					t.Log(test.what, kind, page)
					a := b.sendRaw(page, body, append(test.headers, "Content-Type: "+kind)...)
					wantAgain(t, a, 403, "", test.why)
					if a.header.Get("Set-Cookie") != "" || strings.Contains(a.body, ann) {
						t.Errorf("it sets the cookie %q, or says what was sent: %s", a.header.Get("Set-Cookie"), a.body)
					}
				}
			}
			if s.dump(t) != before {
				t.Errorf("%s: what is refused changes the database", test.what)
			}
		}
		// What is no form's is answered as ever.
		a := s.browser(t).sendRaw("/sign-in", "{}", "Content-Type: application/json", "Origin: https://evil.test", "Sec-Fetch-Site: cross-site")
		if a.status != 403 || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("JSON of another site's page: %v", a)
		}
	})
}

// TestFormsAreLimited holds that the forms have no tries of their own.
func TestFormsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.signUp(t, ann).enrol()
		b := s.browser(t)
		want(t, b.post("/sign-in/email", body{"email": ann, "password": "wrong password"}), 401, "INVALID_EMAIL_OR_PASSWORD")
		for range 2 {
			wantAgain(t, b.sendRaw("/sign-in", "email="+ann+"&password=x"), 401, "password", wrongPassword)
		}
		a := b.sendRaw("/sign-in", "email="+ann+"&password=x")
		wantAgain(t, a, 429, "", `^Too many tries. Try again in \d+ seconds\.$`)
		if a.header.Get("Retry-After") == "" {
			t.Error("it does not say to programs when to try again")
		}
		want(t, b.post("/sign-in/email", body{"email": ann, "password": "wrong password"}), 429, "TOO_MANY_REQUESTS")

		// Those of one account, from wherever they come.
		s.wait(time.Hour)
		for range 5 {
			s.browser(t).post("/sign-in/email", body{"email": ann, "password": "wrong password"})
			s.browser(t).send("/sign-in", "email="+ann, "password=x")
		}
		wantAgain(t, s.browser(t).send("/sign-in", "email="+ann, "password="+goodPassword), 429, "", "Too many tries. Try again in about 15 minutes.")

		s.wait(time.Hour)
		b = s.challenge(t, ann)
		for range 3 {
			b.post("/two-factor/verify-totp", body{"code": "000000"})
		}
		wantAgain(t, b.sendRaw("/two-factor", "code=000000"), 429, "", "Too many tries.")
		b = s.challenge(t, ann)
		for range 3 {
			b.post("/two-factor/verify-backup-code", body{"code": "aaaaa-bbbbb"})
		}
		wantAgain(t, b.sendRaw("/two-factor", "backupCode=aaaaa-bbbbb"), 429, "", "Too many tries.")
	})
}

func TestFormsWhenAway(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		away := func(a answer) {
			t.Helper()
			wantAgain(t, a, 503, "", "The service is not available at the moment. Nothing was changed. Try again shortly.")
			if a.header.Get("Retry-After") == "" || a.header.Get("Set-Cookie") != "" {
				t.Errorf("Retry-After %q, Set-Cookie %q", a.header.Get("Retry-After"), a.header.Get("Set-Cookie"))
			}
		}
		owner := s.signUp(t, ann)
		p, _ := owner.enrol()
		b := s.challenge(t, ann)

		// A secret that cannot be read, for want of its key.
		s.exec(t, "UPDATE totps SET secret = 'v1.gone.' || substr(secret, 13)")
		away(b.send("/two-factor", "code="+p.next()))
		if n := s.events(t, account.EventKeyMissing); n != 1 {
			t.Errorf("the log says %d times that a key is missing; want once", n)
		}

		// More passwords than can be looked at: nobody waits here, so none is.
		s.accounts.Hasher = account.NewHasher(account.Cost{Memory: 64, Time: 1, Threads: 1}, -1)
		away(s.browser(t).send("/sign-in", "email="+ann, "password="+goodPassword))
	})
}

// TestSignInFormThatCannotGoOn is the form's [TestSignInThatCannotGoOn].
func TestSignInFormThatCannotGoOn(t *testing.T) {
	t.Parallel()
	database, err := storetest.Shared(t).NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, storetest.Migrated(t, database), nil)
	b := s.signUp(t, ann)
	user := b.get("/get-session").get("user.id").(string)
	if err := s.db.Tx(t.Context(), func(tx account.Store) error {
		if _, err := tx.LockUser(t.Context(), user); err != nil {
			return err
		}
		wantAgain(t, b.send("/sign-in", "email="+ann, "password="+goodPassword), 503, "", "The service is not available at the moment.")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestFormsSpeakAsTheApp holds that both say the same of the same: nothing
// changes when the app takes a page over.
func TestFormsSpeakAsTheApp(t *testing.T) {
	source, err := os.ReadFile("form.go")
	if err != nil {
		t.Fatal(err)
	}
	app := ""
	for _, name := range []string{"words.go", "sign_in.go", "challenge.go"} {
		part, err := os.ReadFile("../../app/ui/" + name)
		if err != nil {
			t.Fatal(err)
		}
		app += string(part)
	}
	said := regexp.MustCompile(`(?:shared\.Err\w+: +|Saying\(|Say\()("[A-Z][^"]+\.[^"]*")`).FindAllStringSubmatch(string(source), -1)
	for _, sentence := range said {
		if !strings.Contains(app, sentence[1]) && !strings.Contains(sentence[1], "form") {
			t.Errorf("the app does not say %s", sentence[1])
		}
	}
	if len(said) < 20 {
		t.Errorf("%d sentences were found; want those of all tables", len(said))
	}
}

func TestFormsInGerman(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		p, _ := s.signUp(t, ann).enrol()
		const german = "Accept-Language: de-DE,de;q=0.9,en;q=0.5"
		const wrong = "Diese E-Mail-Adresse und dieses Passwort gehören nicht zusammen."
		b := s.browser(t)
		a := b.sendRaw("/sign-in", "email="+ann+"&password=x", german)
		wantAgain(t, a, 401, "password", wrong)
		// The app has its own words for it.
		if !strings.Contains(a.body, `<html lang="de">`) || !strings.Contains(a.body, "Invalid email or password") {
			t.Errorf("the page is %s", a.body)
		}
		wantAgain(t, b.sendRaw("/sign-in", "email=&password=x", german), 400, "email", "Geben Sie Ihre E-Mail-Adresse ein.")
		wantAgain(t, b.sendRaw("/sign-in", "email=%&password=x", german), 400, "", "Das Formular ist nicht lesbar.")
		wantAgain(t, b.sendRaw("/sign-in", "email="+ann+"&password=x", german), 429, "", "Zu viele Versuche. Versuchen Sie es in [0-9]+ Sekunden noch einmal.")

		wantAgain(t, b.sendRaw("/sign-in", "", german, "Origin: https://evil.test", "Sec-Fetch-Site: cross-site"), 403, "", "Dieses Formular kam von der Seite einer anderen Website")
		wantAgain(t, b.sendRaw("/two-factor", "", german, "Origin: null", "Sec-Fetch-Site: same-site"), 403, "", "Ihr Browser hat nicht gesagt, von welcher Seite dieses Formular kommt.")

		// What was chosen counts for more than what the browser likes.
		b = s.browser(t)
		wantAgain(t, b.sendRaw("/sign-in", "email="+ann+"&password=x", german, "Cookie: latchkey.language=en"), 401, "password", wrongPassword)
		wantAgain(t, b.sendRaw("/sign-in", "email="+ann+"&password=x", "Cookie: latchkey.language=de"), 401, "password", wrong)

		s.wait(time.Hour)
		code := p.next()
		wantOn(t, s.challenge(t, ann).send("/two-factor", "code="+code), "/dashboard/settings")
		b = s.challenge(t, ann)
		wantAgain(t, b.sendRaw("/two-factor", "code="+code, german), 401, "code", "Dieser Code wurde schon benutzt. Warten Sie auf den nächsten.")
		wantAgain(t, b.sendRaw("/two-factor", "code=12", german), 400, "code", "Geben Sie die sechs Ziffern des Codes ein.")
	})
}

// TestEveryFormIsTested holds that the route table has the forms that are tested
// here, each for whom it is.
func TestEveryFormIsTested(t *testing.T) {
	source, err := os.ReadFile("server.go")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range regexp.MustCompile(`handleForm\(s, mux, (.+), shared\.(\w+), `).FindAllStringSubmatch(string(source), -1) {
		got = append(got, line[2]+" "+line[1])
	}
	if all := strings.Join(got, ", "); all != "PageSignIn anyone, PageTwoFactor enrolling(challenged)" {
		t.Errorf("the forms are %s", all)
	}
}

func TestFormPolicy(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for path, action := range map[string]string{
			"/sign-in": "'self'", "/two-factor": "'self'", "/": "'none'", "/sign-up": "'none'", "/dashboard/settings": "'none'", "/dashboard/system": "'none'",
			"/forgot-password": "'none'", "/sign-in/": "'none'", "/api/auth/sign-in/email": "'none'", "/nowhere": "'none'",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				a := s.browser(t).request(method, path, "")
				want := strings.Replace(server.ContentSecurityPolicy, "form-action 'none'", "form-action "+action, 1)
				if got := a.header.Get("Content-Security-Policy"); got != want {
					t.Errorf("%s %s: the policy is %q; want %q", method, path, got, want)
				}
			}
		}
	})
}

// TestShellHasTheName holds that pages say what the server is called, and that
// browsers get them anew when that changes.
func TestShellHasTheName(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		admin := s.admin(t, ann)
		b := s.browser(t)
		before := b.request("GET", "/sign-in", "")
		if !strings.Contains(before.body, "<title>Sign in · Latchkey</title>") && before.status == 200 {
			t.Errorf("the page is %.500s", before.body)
		}
		want(t, admin.elsewhere().put(body{"key": "APP_NAME", "value": `Bob's <b>"Keys"`}), 200, "")
		again := b.request("GET", "/nowhere", "")
		if !strings.Contains(again.body, `<title>Page not found · Bob&#39;s &lt;b&gt;&#34;Keys&#34;</title>`) {
			t.Errorf("the page is %.600s", again.body)
		}
		if tag := before.header.Get("ETag"); tag != "" {
			if a := b.request("GET", "/sign-in", "", "If-None-Match: "+tag); a.status != 200 || strings.Contains(a.body, "Latchkey") {
				t.Errorf("the browser keeps the old name: %d", a.status)
			}
		}
	})
}
