package server_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// navigation is the headers of a browser that navigates to a page.
var navigation = []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none", "Sec-Fetch-User: ?1",
	"Accept: text/html,application/xhtml+xml,*/*;q=0.8"}

// visit opens a link like a user who clicks it.
func (b *browser) visit(link string, headers ...string) testkit.Answer {
	b.t.Helper()
	return b.Elsewhere().Do("GET", link, "", append(slices.Clone(navigation), headers...)...)
}

// press presses the button of a page. It fails the test if the page has none.
func (b *browser) press(page testkit.Answer) testkit.Answer {
	b.t.Helper()
	if !strings.Contains(page.Body, `<form class="card" method="post" action="/email">`) {
		b.t.Fatalf("the page has no form: %d %s", page.Status, text(page))
	}
	return b.send("/email", "token="+formField(page, "token"), "callbackURL="+formField(page, "callbackURL"))
}

// follow opens a link and presses the button of its page.
func (b *browser) follow(link string) testkit.Answer {
	b.t.Helper()
	return b.press(b.visit(link))
}

func formField(page testkit.Answer, name string) string {
	found := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)">`).FindStringSubmatch(page.Body)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

// text returns the visible text of a page.
func text(page testkit.Answer) string {
	_, body, _ := strings.Cut(page.Body, "<main")
	return html.UnescapeString(strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString("<"+body, " ")), " "))
}

// wantLinkPage fails the test unless a response is the page of a link, contains the text
// says, and must not be cached.
func wantLinkPage(t *testing.T, a testkit.Answer, status int, want string) {
	t.Helper()
	if a.Status != status || a.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(text(a), want) {
		t.Errorf("%d %s: %s; want %d with %q", a.Status, a.Header.Get("Content-Type"), text(a), status, want)
	}
	if cache, referrer := a.Header.Get("Cache-Control"), a.Header.Get("Referrer-Policy"); cache != "no-store" || referrer != "no-referrer" {
		t.Errorf("Cache-Control %q, Referrer-Policy %q", cache, referrer)
	}
	if n := strings.Count(a.Body, "<script"); n != strings.Count(a.Body, "<script>"+web.FirstScript()+"</script>") {
		t.Error("the page has another script than that of the theme")
	}
}

// continueLink returns the address of the page's Continue link.
func continueLink(a testkit.Answer) string {
	found := regexp.MustCompile(`<a class="button" href="([^"]*)">` + en.T(message.ContinueAction) + `</a>`).FindStringSubmatch(a.Body)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

// scans lists the requests of programs that scan emails, and of browsers that prefetch
// pages.
var scans = []struct {
	method  string
	headers []string
}{
	{"GET", nil},
	{"HEAD", nil},
	{"GET", []string{"User-Agent: Scanner/1.0", "Accept: */*"}},
	{"GET", navigation},
	{"HEAD", navigation},
	{"GET", append([]string{"Sec-Purpose: prefetch"}, navigation...)},
	{"GET", append([]string{"Sec-Purpose: prefetch;prerender"}, navigation...)},
	{"GET", append([]string{"Purpose: prefetch"}, navigation...)},
	{"GET", []string{"X-Moz: prefetch"}},
	{"GET", []string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image", "Sec-Fetch-Site: cross-site"}},
}

// openAll opens every link in emails as scanners do, and every link and form action of
// the resulting pages.
func (s mailing) openAll(t *testing.T, mails []mail.Mail) {
	t.Helper()
	links := 0
	for _, m := range mails {
		for _, found := range linkForm.FindAllString(m.Text, -1) {
			link, ours := strings.CutPrefix(found, s.url.String())
			if !ours {
				t.Errorf("a link leads elsewhere: %s", found)
			}
			if strings.HasPrefix(link, "/api/") {
				t.Errorf("a link leads to the API: %s", link)
			}
			links++
			for _, scan := range scans {
				a := s.browser(t).Do(scan.method, link, "", scan.headers...)
				for _, next := range regexp.MustCompile(`(?:href|action)="(/[^"]*)"`).FindAllStringSubmatch(a.Body, -1) {
					s.browser(t).Do("GET", html.UnescapeString(next[1]), "", scan.headers...)
				}
			}
		}
	}
	if links == 0 {
		t.Error("the emails have no links")
	}
}

// TestScannedSignUp tests a stranger's sign-up with another user's address. The account
// must stay useless when a scanner opens every link in that user's mailbox, and the
// user's own click must work afterward.
func TestScannedSignUp(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		want(t, s.browser(t).Post("/sign-up/email", body{"email": ann, "name": "Grace", "password": testkit.Password}), 200, "")
		want(t, s.browser(t).Post("/request-password-reset", body{"email": ann}), 200, "")
		mails := s.mails(t)
		s.openAll(t, mails)
		want(t, s.browser(t).SignIn(ann), 403, "EMAIL_NOT_VERIFIED")
		s.openAll(t, s.mails(t)) // the sign-in sends the link a second time
		want(t, s.browser(t).SignIn(ann), 403, "EMAIL_NOT_VERIFIED")
		if s.events(t, shared.EventEmailVerified) != 0 {
			t.Error("a scanner verifies the address")
		}
		s.mails(t)

		// Both emails may have the same time, and so any order.
		signUp := slices.IndexFunc(mails, func(m mail.Mail) bool { return m.Subject == en.T(message.MailVerifyEmailSubject) })
		if signUp < 0 {
			t.Fatalf("emails: %+v; want one to verify the address", mails)
		}
		link := strings.TrimPrefix(linkForm.FindString(mails[signUp].Text), s.url.String())
		b := s.browser(t)
		page := b.visit(link)
		wantLinkPage(t, page, 200, en.T(message.ConfirmEmailOfUser, ann, "Grace"))
		wantLinkPage(t, b.press(page), 200, en.T(message.DoneEmailVerified)+" "+ann+" "+en.T(message.ContinueAction))
		wantAlive(t, b, false, "the browser of the link")
		want(t, s.browser(t).SignIn(ann), 200, "")
	})
}

// TestScannedEmailChange tests that scanners of the old and the new mailbox neither
// complete an email change nor delete an account.
func TestScannedEmailChange(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		want(t, s.browser(t).SignUp(ann), 200, "")
		wantLinkPage(t, s.browser(t).follow(s.link(t, ann, en.T(message.MailVerifyEmailSubject))), 200, en.T(message.DoneEmailVerified))
		owner := s.signIn(t, ann)
		next := "ann.new@example.test"
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": next, "callbackURL": "/x"}), 200, "")
		mails := s.mails(t)
		s.openAll(t, mails)
		if more := s.mails(t); len(more) != 0 {
			t.Fatalf("a scanner agrees to the change: %+v", more)
		}
		link := strings.TrimPrefix(linkForm.FindString(mails[0].Text), s.url.String())
		page := s.browser(t).visit(link)
		wantLinkPage(t, page, 200, en.T(message.ConfirmEmailChangeOfUser, "Ada Lovelace", ann, next))
		a := s.browser(t).press(page)
		wantLinkPage(t, a, 200, en.T(message.OneMoreStep)+" "+en.T(message.DoneNewEmailLinkSent))
		if continueLink(a) != "/x" {
			t.Errorf("it leads on to %s", continueLink(a))
		}
		mails = s.mails(t)
		wantLinkPage(t, s.browser(t).visit(link), 200, en.T(message.DoneChangeAlreadyAgreed, next))

		s.openAll(t, mails)
		if got := owner.Session().Get("user.email"); got != ann {
			t.Fatalf("a scanner changes the address to %v", got)
		}
		changing := strings.TrimPrefix(linkForm.FindString(mails[0].Text), s.url.String())
		wantLinkPage(t, s.browser(t).follow(changing), 200, en.T(message.EventEmailChanged)+" "+en.T(message.DoneEmailChanged))
		if got := owner.Session().Get("user.email"); got != next {
			t.Errorf("the address is %v", got)
		}
		for _, link := range []string{link, changing} {
			wantLinkPage(t, s.browser(t).visit(link), 200, en.T(message.DoneEmailAlreadyChanged)+" "+next)
		}
		s.mails(t)

		want(t, owner.Elsewhere().Post("/delete-user", body{}), 200, "")
		mails = s.mails(t)
		s.openAll(t, mails)
		wantAlive(t, owner, true, "the owner, after a scanner has opened the link for the deletion")
		link = strings.TrimPrefix(linkForm.FindString(mails[0].Text), s.url.String())

		// Deleting the account requires its session and a click.
		wantLinkPage(t, s.browser(t).visit(link), 401, en.T(message.ErrLinkNothingDeleted))
		wantLinkPage(t, s.browser(t).send("/email", "token="+tokenOf(t, link), "callbackURL=/"), 401, en.T(message.ErrLinkNothingDeleted))
		other := s.browser(t)
		want(t, other.SignUp(bob), 200, "")
		wantLinkPage(t, s.browser(t).follow(s.link(t, bob, en.T(message.MailVerifyEmailSubject))), 200, en.T(message.DoneEmailVerified))
		other = s.signIn(t, bob)
		wantLinkPage(t, other.visit(link), 403, en.T(message.ErrLinkOtherAccount))
		wantLinkPage(t, other.send("/email", "token="+tokenOf(t, link), "callbackURL=/"), 403, en.T(message.ErrLinkOtherAccount))
		wantAlive(t, other, true, "the other account")
		page = owner.visit(link)
		wantLinkPage(t, page, 200, en.T(message.ConfirmDeleteAccount)+" "+en.T(message.DeleteAccountExplanation, next))
		wantAlive(t, owner, true, "the owner before the click")
		a = owner.press(page)
		wantLinkPage(t, a, 200, en.T(message.DoneAccountDataDeleted))
		if owner.token() != "" || a.Header.Get("Clear-Site-Data") == "" {
			t.Errorf("the browser keeps what it had: %v", a.Header)
		}
		wantLinkPage(t, s.browser(t).visit(link), 404, en.T(message.ErrLinkNoLongerWorks))
	})
}

// TestLinkOfOwnSession tests that a link acts at once if the user opens it in a browser
// that is signed in to the same account. It must not if the browser fetches it for
// another reason, or in a session of another account.
func TestLinkOfOwnSession(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner, other := s.signUp(t, ann), s.signUp(t, bob)
		verified := func() any { return owner.Session().Get("user.emailVerified") }
		ask := func() string {
			s.clock.Advance(time.Minute)
			want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": ann, "callbackURL": "/done?a=1"}), 200, "")
			return s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		}
		link := ask()
		for _, headers := range [][]string{
			{"Sec-Purpose: prefetch"}, {"Purpose: prefetch"}, {"X-Moz: prefetch"}, {"X-Purpose: preview"},
			{"Sec-Fetch-Dest: iframe"}, {"Sec-Fetch-Dest: empty", "Sec-Fetch-Mode: cors"}, {"Sec-Fetch-Mode: same-origin"},
		} {
			wantLinkPage(t, owner.visit(link, headers...), 200, "Confirm "+ann)
		}
		if a := owner.Elsewhere().Do("HEAD", link, "", navigation...); a.Status != 200 || a.Body != "" {
			t.Errorf("HEAD: %v", a)
		}
		wantLinkPage(t, other.visit(link), 200, "Confirm "+ann)
		if verified() != false {
			t.Fatal("the address is verified")
		}
		a := owner.visit(link)
		wantLinkPage(t, a, 200, en.T(message.DoneEmailVerified))
		if verified() != true || continueLink(a) != "/done?a=1" {
			t.Errorf("verified: %v; it leads on to %s", verified(), continueLink(a))
		}
		wantLinkPage(t, owner.visit(link), 200, en.T(message.DoneEmailAlreadyVerified))
		wantLinkPage(t, s.browser(t).visit(link), 200, en.T(message.DoneEmailAlreadyVerified))
		if s.events(t, shared.EventEmailVerified) != 1 {
			t.Error("the log does not have it once")
		}

		// The links of an email change, first in the session of another account.
		next := "ann.new@example.test"
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": next}), 200, "")
		confirm := s.link(t, ann, en.T(message.MailAgreeEmailChangeSubject))
		wantLinkPage(t, other.visit(confirm), 403, en.T(message.ErrLinkOtherAccount))
		wantLinkPage(t, other.send("/email", "token="+tokenOf(t, confirm), "callbackURL="), 403, en.T(message.ErrLinkOtherAccount))
		wantLinkPage(t, owner.visit(confirm), 200, en.T(message.DoneNewEmailLinkSent))
		a = owner.visit(s.link(t, next, en.T(message.MailVerifyNewEmailSubject)))
		wantLinkPage(t, a, 200, en.T(message.DoneEmailChanged))
		if !strings.Contains(a.Body, `href="/dashboard/settings">`+en.T(message.GoToSettings)+"<") {
			t.Errorf("it does not lead to the settings: %s", a.Body)
		}
		if got := owner.Session().Get("user.email"); got != next {
			t.Errorf("the address is %v", got)
		}
	})
}

// TestAPIOfLinks tests that the endpoints of links serve scripts, and redirect
// navigations and prefetches to the page.
func TestAPIOfLinks(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		want(t, s.browser(t).SignUp(ann), 200, "")
		token := tokenOf(t, s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
		refused := append([][]string{}, navigation, []string{"Accept: text/html"}, []string{"Sec-Purpose: prefetch"},
			[]string{"Purpose: prefetch"},
			[]string{"X-Moz: prefetch"}, []string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, []string{"Sec-Fetch-Mode: navigate"},
			[]string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Sec-Purpose: prefetch"})
		for _, path := range []string{"/api/auth/verify-email", "/api/auth/delete-user/callback"} {
			for _, headers := range refused {
				wantRedirect(t, s.browser(t).Do("GET", path+"?token="+token+"&callbackURL=%2Fdone%3Fa%3D1", "", headers...),
					"/email?token="+token+"&callbackURL=%2Fdone%3Fa%3D1")
				wantRedirect(t, s.browser(t).Do("GET", path+"?token="+token, "", headers...), "/email?token="+token)
				want(t, s.browser(t).Do("GET", path+"?token="+token+"&callbackURL=https%3A%2F%2Fevil.test", "", headers...),
					403, "INVALID_CALLBACK_URL")
			}
			want(t, s.browser(t).Do("HEAD", path+"?token="+token, ""), 405, "")
		}
		want(t, s.browser(t).SignIn(ann), 403, "EMAIL_NOT_VERIFIED")
		s.mails(t)
		a := s.browser(t).Do("GET", "/api/auth/verify-email?token="+token, "", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty",
			"Sec-Fetch-Site: same-origin", "Accept: */*")
		if a.String() != `200 {"status":true,"user":null}` {
			t.Errorf("by a script: %v", a)
		}
		want(t, s.browser(t).Get("/verify-email?token="+token), 401, "INVALID_TOKEN")
		owner := s.signIn(t, ann)

		// A link from an older email redirects to the page. The page acts at once for the
		// account's own session, and its Continue link leads to the home page.
		s.clock.Advance(time.Hour)
		s.exec(t, "UPDATE users SET email_verified = FALSE")
		want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": ann}), 200, "")
		token = tokenOf(t, s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
		a = owner.visit("/api/auth/verify-email?token=" + token + "&callbackURL=%2Femail")
		a = owner.visit(a.Header.Get("Location"))
		wantLinkPage(t, a, 200, en.T(message.DoneEmailVerified))
		if continueLink(a) != "/" {
			t.Errorf("it leads on to %s", continueLink(a))
		}
	})
}

// TestErrorPage tests the page to which front ends lead for errors: it explains the codes with which the
// server redirects, and contains nothing of its address.
func TestErrorPage(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		for query, want := range map[string]string{
			"error=INVALID_TOKEN":         en.T(message.ErrLinkUsedOrIncomplete),
			"error=TOKEN_EXPIRED":         en.T(message.ErrLinkExpiredNoChange),
			"error=INVALID_USER":          en.T(message.ErrLinkOtherAccount),
			"error=LAST_ADMINISTRATOR":    en.T(message.ErrLastAdministrator),
			"error=NEW_PASSWORD_REQUIRED": en.T(message.ErrPasswordCompromised),
			"":                            en.T(message.ErrUnknownGoBack),
			"error=state_mismatch":        en.T(message.ErrUnknownGoBack),
			"error=zzz%3Cb%3E&error_description=zzz%3Cb%3E": en.T(message.ErrUnknownGoBack),
			"error=zzz&error=zzz&zzz=zzz":                   en.T(message.ErrUnknownGoBack),
		} {
			a := s.browser(t).Get("/error?" + query)
			wantLinkPage(t, a, 200, want)
			if strings.Contains(a.Body, "zzz") || !strings.Contains(a.Body, "<h1>") || continueLink(a) != "/" {
				t.Errorf("%q: %s", query, a.Body)
			}
			if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'none'") {
				t.Errorf("%q: Content-Security-Policy %q", query, policy)
			}
		}
		if a := s.browser(t).Get("/error", "Accept-Language: de"); !strings.Contains(a.Body, de.T(message.ErrUnknownGoBack)) {
			t.Errorf("in German: %s", a.Body)
		}
	})
}

// TestLinkLeadsOn tests the Continue link of the page of a link: it leads only to trusted
// addresses.
func TestLinkLeadsOn(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, database string) {
		s := mailing{open(t, storetest.Open(t, database), func(c *server.Config) {
			c.Accounts.Settings = set(t)
			c.TrustedOrigins = trust(t, "https://app.example.com")
		})}
		s.database = database
		owner := s.signUp(t, ann)
		ask := func() string {
			s.clock.Advance(time.Hour)
			s.exec(t, "UPDATE users SET email_verified = FALSE")
			want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": ann}), 200, "")
			return "/email?token=" + tokenOf(t, s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
		}
		for callback, to := range map[string]string{
			"":                                   "/",
			"/done?a=1&b=<2>#c":                  "/done?a=1&b=<2>#c",
			"https://app.example.com/x?y=1":      "https://app.example.com/x?y=1",
			"/email?done=changed":                "/", // as in older links
			s.url.String() + "/dashboard/system": s.url.String() + "/dashboard/system",
		} {
			a := s.browser(t).follow(ask() + "&callbackURL=" + url.QueryEscape(callback))
			wantLinkPage(t, a, 200, en.T(message.DoneEmailVerified))
			if got, err := url.PathUnescape(continueLink(a)); err != nil || got != to {
				t.Errorf("%q leads on to %q; want %q", callback, got, to)
			}
		}
		link := ask()
		for _, callback := range []string{
			"https://evil.test", "//evil.test", `/\evil.test`, "javascript:alert(1)", "/a%2fb", "https://app.example.com.evil.test", "dash",
			"https://app.example.com@evil.test/", "http://app.example.com",
		} {
			for _, b := range []*browser{s.browser(t), owner} {
				a := b.visit(link + "&callbackURL=" + url.QueryEscape(callback))
				wantLinkPage(t, a, 403, en.T(message.ErrLinkUntrustedRedirect))
				if a.Header.Get("Location") != "" || strings.Contains(a.Body, "evil") || strings.Contains(a.Body, "<form") {
					t.Errorf("%q: %v %s", callback, a.Header, a.Body)
				}
				wantLinkPage(t, b.send("/email", "token="+tokenOf(t, link), "callbackURL="+callback), 403, en.T(message.ErrLinkUntrustedRedirect))
			}
		}
		if owner.Session().Get("user.emailVerified") != false {
			t.Error("the address is verified")
		}
		wantLinkPage(t, s.browser(t).follow(link), 200, en.T(message.DoneEmailVerified))
	})
}

// TestDeadLinkPages tests the text on the page of a link that has no effect.
func TestDeadLinkPages(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		incomplete := en.T(message.ErrLinkUsedOrIncomplete)
		reset := tokenOf(t, s.askReset(t, ann))
		for _, link := range []string{"/email?token=x", "/email?token=", "/email?token=" + string(account.NewToken()), "/email?token=" + reset} {
			wantLinkPage(t, s.browser(t).visit(link), 404, incomplete)
			wantLinkPage(t, s.browser(t).send("/email", "token="+strings.TrimPrefix(link, "/email?token="), "callbackURL="), 404, incomplete)
		}
		for _, link := range []string{"/email", "/email?token=a&token=b", "/email?callbackURL=/"} {
			wantLinkPage(t, s.browser(t).visit(link), 400, incomplete)
		}
		wantLinkPage(t, s.browser(t).visit("/email?token=%ff"), 400, en.T(message.ErrLinkMalformedRequest))
		wantLinkPage(t, s.browser(t).send("/email"), 400, incomplete)
		wantLinkPage(t, s.browser(t).sendRaw("/email", "token=x", "Content-Type: text/plain"), 415, en.T(message.ErrLinkMalformedRequest))
		foreign := []string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"}
		wantLinkPage(t, s.browser(t).sendRaw("/email", "token=x", foreign...), 403, en.T(message.ErrLinkCrossSite))
		a := s.browser(t).Do("PUT", "/email", "token=x", "Content-Type: application/x-www-form-urlencoded")
		wantLinkPage(t, a, 405, en.T(message.ErrLinkMalformedRequest))
		if a := s.browser(t).Do("PUT", "/email", ""); a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("PUT: %v %v", a, a.Header)
		}

		want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": ann}), 200, "")
		late := s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		s.clock.Advance(time.Hour)
		for _, b := range []*browser{owner, s.browser(t)} {
			wantLinkPage(t, b.visit(late), 410, en.T(message.ErrLinkExpiredNoChange))
			wantLinkPage(t, b.send("/email", "token="+tokenOf(t, late), "callbackURL=/"), 410, en.T(message.ErrLinkExpiredNoChange))
		}

		// Another account takes the address meanwhile.
		want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": "free@example.test"}), 200, "")
		change := s.link(t, "free@example.test", en.T(message.MailVerifyNewEmailSubject))
		s.signUp(t, "free@example.test")
		for range 2 {
			wantLinkPage(t, owner.visit(change), 422, en.T(message.ErrEmailTakenMeanwhile))
		}

		// Addresses to which endpoints used to redirect, and arbitrary text in them.
		for query, want := range map[string]string{
			"done=changed":                en.T(message.DoneEmailChanged),
			"done=deleted":                en.T(message.DoneAccountDataDeleted),
			"done=confirmed":              en.T(message.DoneNewEmailLinkSent),
			"done=<b>":                    en.T(message.DoneEmailVerified),
			"error=INVALID_TOKEN":         incomplete,
			"error=NEW_PASSWORD_REQUIRED": en.T(message.DoneVerifiedPasswordDue),
			"error=<b>":                   en.T(message.ErrLinkServerFailed),
			"error=TOKEN_EXPIRED":         en.T(message.ErrLinkExpiredNoChange),
			"error=UNAUTHORIZED":          en.T(message.ErrLinkNothingDeleted),
		} {
			wantLinkPage(t, s.browser(t).visit("/email?"+query), 200, want)
		}
		wantAbsent(t, s.log.String(), tokenOf(t, late), tokenOf(t, change), reset)
	})
}

// TestContestedLink tests that the page of a link leads to a new password if neither
// password is valid. It must also do so when the link is opened a second time.
func TestContestedLink(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		var links []string
		for _, password := range []string{testkit.Password, nextPassword} {
			want(t, s.browser(t).Post("/sign-up/email", body{"email": ann, "name": " ", "password": password}), 200, "")
			links = append(links, s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
		}
		page := s.browser(t).visit(links[0])
		wantLinkPage(t, page, 200, en.T(message.ConfirmEmailOfYours, ann))
		for _, a := range []testkit.Answer{s.browser(t).press(page), s.browser(t).visit(links[0]), s.browser(t).visit(links[1])} {
			wantLinkPage(t, a, 200, en.T(message.DoneVerifiedPasswordDue))
			if !strings.Contains(a.Body, `href="/forgot-password"`) {
				t.Error("it does not lead to a new password")
			}
		}
	})
}

// TestLinkClickedInParallel tests that of many parallel clicks one acts on the link, and the
// others report that it is done.
func TestLinkClickedInParallel(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		want(t, s.browser(t).SignUp(ann), 200, "")
		page := s.browser(t).visit(s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
		var done atomic.Int32
		var wg sync.WaitGroup
		for range 12 {
			b := s.browser(t)
			wg.Go(func() {
				switch a := b.press(page); {
				case a.Status == 200 && strings.Contains(text(a), en.T(message.DoneEmailVerified)):
					done.Add(1)
				case a.Status != 200 || !strings.Contains(text(a), en.T(message.DoneEmailAlreadyVerified)):
					t.Errorf("%d: %s", a.Status, text(a))
				}
			})
		}
		wg.Wait()
		if done.Load() != 1 {
			t.Errorf("%d of 12 clicks verify the address; want 1", done.Load())
		}
	})
}

// TestLinkLimits tests that clicks count toward the limit of the endpoint, and that the
// page offers to retry.
func TestLinkLimits(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.clock.Freeze()
		b := s.browser(t)
		for i := range 101 {
			if i%2 == 0 {
				b.Do("POST", "/email", "token=x&callbackURL=", "Content-Type: application/x-www-form-urlencoded")
			} else {
				b.Do("POST", "/email", "token=x&callbackURL=/", "Content-Type: application/x-www-form-urlencoded")
			}
		}
		a := b.Do("POST", "/email", "token=x&callbackURL=/y", "Content-Type: application/x-www-form-urlencoded")
		wantLinkPage(t, a, 429, en.T(message.ErrTooManyTries)+" "+en.T(message.TryAgainSecondsMany, 10))
		if !strings.Contains(a.Body, `href="/email?token=x&amp;callbackURL=%2Fy">`+en.T(message.TryAgain)+`</a>`) {
			t.Errorf("there is no way on: %s", a.Body)
		}
	})
}

// TestLinkPagesInGerman tests that the page is in the user's language, and that it
// escapes the user's name.
func TestLinkPagesInGerman(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		want(t, s.browser(t).Post("/sign-up/email", body{"email": ann, "name": `<b>Grace</b> "&`, "password": testkit.Password}), 200, "")
		link := s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		b := s.browser(t)
		page := b.visit(link, "Accept-Language: de")
		wantLinkPage(t, page, 200, de.T(message.ConfirmEmailOfUser, ann, `<b>Grace</b> "&`))
		if strings.Contains(page.Body, "<b>") || !strings.Contains(page.Body, `<html lang="de"`) {
			t.Errorf("the name is markup, or the language is wrong: %s", page.Body)
		}
		a := b.sendRaw("/email", "token="+tokenOf(t, link)+"&callbackURL=", "Accept-Language: de")
		wantLinkPage(t, a, 200, de.T(message.DoneEmailVerified))
		wantLinkPage(t, b.visit(link, "Accept-Language: de"), 200, de.T(message.DoneEmailAlreadyVerified))
	})
}

// TestResetLinkOfEmail tests that a password reset link leads to our page, or through our
// page to a front end's. Opening it must not consume it.
func TestResetLinkOfEmail(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, ann)
		link := s.askReset(t, ann)
		if !regexp.MustCompile(`^/reset-password\?token=[\w-]{43}$`).MatchString(link) {
			t.Errorf("the link is %s", link)
		}
		if status := s.browser(t).visit(link).Status; status != 200 && status != http.StatusServiceUnavailable { // 503 without the app
			t.Errorf("the page is %d", status)
		}
		s.clock.Advance(time.Hour)
		want(t, s.browser(t).Post("/request-password-reset", body{"email": ann, "redirectTo": "/new?x=1#part"}), 200, "")
		link = s.link(t, ann, en.T(message.ChooseNewPassword))
		token := tokenOf(t, link)
		if link != "/reset-password?token="+token+"&callbackURL=%2Fnew%3Fx%3D1%23part" {
			t.Errorf("the link is %s", link)
		}
		for _, scan := range scans {
			wantPageRedirect(t, s.browser(t).Do(scan.method, link, "", scan.headers...), s.url.String()+"/new?x=1&token="+token+"#part")
		}
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": token}), 200, "")
		wantPageRedirect(t, s.browser(t).visit(link), s.url.String()+"/new?x=1&error=INVALID_TOKEN#part")
	})
}
