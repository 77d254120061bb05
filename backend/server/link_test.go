package server_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A mailing is a site whose emails the test reads.
type mailing struct{ *testServer }

// eachMailing runs test on a site on each database, with settings as for [set].
func eachMailing(t *testing.T, keys []string, test func(t *testing.T, s mailing)) {
	t.Helper()
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := mailing{open(t, storetest.Open(t, url), func(c *server.Config) { c.Accounts.Settings = set(t, keys...) })}
		s.database = url
		test(t, s)
	})
}

var required = []string{"VERIFY_EMAIL=required"}

var linkForm = regexp.MustCompile(`http://\S+`)

// link sends the one queued email, which must have the recipient and the subject, and
// returns the path and query of the link in it.
func (s mailing) link(t *testing.T, to, subject string) string {
	t.Helper()
	mails := s.mails(t)
	if len(mails) != 1 || mails[0].Recipient != to || mails[0].Subject != subject {
		t.Fatalf("emails: %+v; want one to %s, %q", mails, to, subject)
	}
	link, ok := strings.CutPrefix(linkForm.FindString(mails[0].Text), s.url.String())
	if !ok {
		t.Fatalf("the link does not lead to the server: %s", mails[0].Text)
	}
	return link
}

// tokenOf returns the token in a link.
func tokenOf(t *testing.T, link string) string {
	t.Helper()
	u := parse(t, link)
	if token, ok := strings.CutPrefix(u.Path, "/api/auth/reset-password/"); ok {
		return token
	}
	return u.Query().Get("token")
}

// open follows a link to verify an address, as returned by [mailing.link], through its
// endpoint like a front end's script. It opens other links directly.
func (b *browser) open(link string) testkit.Answer {
	b.t.Helper()
	return b.Elsewhere().Do("GET", strings.Replace(link, "/email?", "/api/auth/verify-email?", 1), "")
}

// wantPageRedirect fails the test unless a page redirects to an address.
func wantPageRedirect(t *testing.T, a testkit.Answer, to string) {
	t.Helper()
	if a.Status != 302 || a.Header.Get("Location") != to || a.Body != "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v to %q; want to %q", a, a.Header.Get("Location"), to)
	}
}

// wantRedirect fails the test unless a response redirects to an address.
func wantRedirect(t *testing.T, a testkit.Answer, to string) {
	t.Helper()
	if a.Status != 302 || a.Header.Get("Location") != to || a.Body != "" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v to %q; want to %q", a, a.Header.Get("Location"), to)
	}
}

const nextPassword = "another good password"

// resetPassword sets a new password with a token, and then restores the password.
func (s *testServer) resetPassword(t *testing.T, token any) {
	t.Helper()
	want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": token}), 200, "")
	s.restorePassword(t)
}

// restorePassword makes [testkit.Password] the password of all accounts again, for the
// sign-ins that follow.
func (s *testServer) restorePassword(t *testing.T) {
	t.Helper()
	hash, err := s.accounts.Hasher.Hash(t.Context(), testkit.Password)
	if err != nil {
		t.Fatal(err)
	}
	s.exec(t, "UPDATE passwords SET hash = '"+hash+"'")
}

// askReset requests a password reset, and returns the emailed link.
func (s mailing) askReset(t *testing.T, email string) string {
	t.Helper()
	want(t, s.browser(t).Post("/request-password-reset", body{"email": email}), 200, "")
	return s.link(t, email, en.T(message.ChooseNewPassword))
}

// TestResetPassword tests that an emailed link is valid for one new password. The new
// password must revoke all sessions and trusted devices, but not the second factor.
// Neither the database nor the log may contain the plaintext token.
func TestResetPassword(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		app, _ := owner.enroll()
		trusted := s.pendingSignIn(t, ann)
		want(t, trusted.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}), 200, "")
		pending := s.pendingSignIn(t, ann)
		s.mails(t)

		stranger := s.browser(t)
		want(t, stranger.Post("/request-password-reset", body{"email": strings.ToUpper(ann), "redirectTo": "/new?x=1"}), 200, "")
		wantAbsent(t, s.dump(t), ann+"\n", "/new?x=1")
		link := s.link(t, ann, en.T(message.ChooseNewPassword))
		token := tokenOf(t, link)
		wantAbsent(t, s.dump(t), token)

		for range 2 { // opening the link does not consume it
			wantPageRedirect(t, stranger.open(link), s.url.String()+"/new?x=1&token="+token)
		}
		want(t, stranger.open("/api/auth/reset-password/"+token+"?callbackURL=https%3A%2F%2Fevil.test"), 403, "INVALID_CALLBACK_URL")
		tampered := strings.Replace(link, url.QueryEscape("/new?x=1"), "https%3A%2F%2Fevil.test", 1)
		wantLinkPage(t, stranger.open(tampered), 403, en.T(message.ErrLinkUntrustedRedirect))
		wantRedirect(t, stranger.open("/api/auth/reset-password/"+token+"?callbackURL="), s.url.String()+"/email?error=INVALID_TOKEN")
		wantRedirect(t, stranger.open("/api/auth/reset-password/x?callbackURL=%2Fnew%23part"), s.url.String()+"/new?error=INVALID_TOKEN#part")
		want(t, stranger.open("/api/auth/reset-password/"+token), 400, "VALIDATION_ERROR")
		for range 2 {
			wantRedirect(t, stranger.open("/api/auth/reset-password/"+token+"?callbackURL=%2Fnew%3Fx%3D1"), s.url.String()+"/new?x=1&token="+token)
		}

		for password, code := range map[string]string{
			"short": "PASSWORD_TOO_SHORT", strings.Repeat("x", 129): "PASSWORD_TOO_LONG",
			"password1": "PASSWORD_TOO_COMMON", ann: "PASSWORD_TOO_COMMON",
		} {
			want(t, stranger.Post("/reset-password", body{"newPassword": password, "token": token}), 400, code)
		}
		for _, bad := range []body{
			{"newPassword": nextPassword}, {"newPassword": nextPassword, "token": "x"},
			{"newPassword": nextPassword, "token": string(account.NewToken())},
		} {
			want(t, stranger.Post("/reset-password", bad), 400, "INVALID_TOKEN")
		}
		wantAlive(t, owner, true, "the owner before the reset")
		a := stranger.Post("/reset-password", body{"newPassword": nextPassword, "token": token})
		if a.String() != `200 {"status":true}` || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("reset: %v %v", a, a.Header)
		}
		want(t, stranger.Post("/reset-password", body{"newPassword": nextPassword, "token": token}), 400, "INVALID_TOKEN")
		wantPageRedirect(t, stranger.open(link), s.url.String()+"/new?x=1&error=INVALID_TOKEN")

		wantAlive(t, owner, false, "the owner's session")
		wantAlive(t, trusted, false, "a trusted browser")
		want(t, pending.verify(nextCode(app)), 401, "INVALID_TWO_FACTOR_COOKIE")
		want(t, s.browser(t).SignIn(ann), 401, "INVALID_EMAIL_OR_PASSWORD")
		want(t, trusted.Elsewhere().Post("/sign-in/email", body{"email": ann, "password": nextPassword}), 403, "TWO_FACTOR_REQUIRED")
		want(t, trusted.verify(nextCode(app)), 200, "")

		if mails := s.mails(t); len(mails) != 1 || mails[0].Subject != en.T(message.MailPasswordChangedSubject) ||
			!strings.Contains(mails[0].Text, en.T(message.MailPasswordReset)) || strings.Contains(mails[0].Text, nextPassword) {
			t.Errorf("emails after the reset: %+v", mails)
		}
		wantAbsent(t, s.log.String(), token)
		if s.events(t, shared.EventResetRequested) != 1 || s.events(t, shared.EventPasswordReset) != 1 {
			t.Error("the log lacks the request or the new password")
		}
	})
}

// TestCheckLink tests that a page can check a link without consuming it, and learns
// whether an invalid one was used, has expired or never existed.
func TestCheckLink(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		b := s.browser(t)
		check := func(token, purpose string) testkit.Answer {
			return b.Post("/check-link", body{"token": token, "purpose": purpose})
		}
		reset := tokenOf(t, s.askReset(t, ann))
		for range 2 { // checking the link does not consume it
			if a := check(reset, "reset"); a.String() != fmt.Sprintf(`200 {"status":true,"email":%q}`, ann) {
				t.Errorf("a good link: %v", a)
			}
		}
		bad := check("x", "reset")
		want(t, bad, 400, "INVALID_TOKEN")
		for _, token := range []string{"", string(account.NewToken()), reset} {
			if a := check(token, "disown"); a.String() != bad.String() {
				t.Errorf("%q: %v; want %v", token, a, bad)
			}
		}
		for _, in := range []body{
			{"token": reset}, {"token": reset, "purpose": "verify email"}, {"purpose": "reset"}, {"token": 1, "purpose": "reset"},
		} {
			want(t, b.Post("/check-link", in), 400, "VALIDATION_ERROR")
		}
		want(t, b.Post("/reset-password", body{"newPassword": nextPassword, "token": reset}), 200, "")
		want(t, check(reset, "reset"), 400, "TOKEN_USED")
		want(t, check(reset, "disown"), 400, "INVALID_TOKEN")
		report := tokenOf(t, s.link(t, ann, en.T(message.MailPasswordChangedSubject)))
		if a := check(report, "disown"); a.String() != `200 {"status":true}` {
			t.Errorf("a good link of a notice: %v", a)
		}
		want(t, check(report, "reset"), 400, "INVALID_TOKEN")
		want(t, owner.Elsewhere().Post("/disown", body{"token": report}), 200, "")
		want(t, check(report, "disown"), 400, "TOKEN_USED")
		s.mails(t)

		s.clock.Advance(time.Hour)
		late := tokenOf(t, s.askReset(t, ann))
		s.clock.Advance(30 * time.Minute)
		want(t, check(late, "reset"), 400, "TOKEN_EXPIRED")

		s.clock.Freeze()
		tries := s.browser(t)
		for i := range 101 {
			if a := tries.Post("/check-link", body{"token": "x", "purpose": "reset"}); a.Err != nil || (a.Status == 429) != (i == 100) {
				t.Fatalf("%d: %v", i+1, a)
			}
		}
	})
}

// TestResetTokens tests that a reset link becomes invalid if there is a newer one, after
// half an hour, and if the password changes.
func TestResetTokens(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, ann)
		reset := func(link string) testkit.Answer {
			return s.browser(t).Do("POST", "/api/auth/reset-password?token="+tokenOf(t, link), `{"newPassword":"`+nextPassword+`"}`)
		}
		older := s.askReset(t, ann)
		newer := s.askReset(t, ann)
		want(t, reset(older), 400, "INVALID_TOKEN")
		want(t, reset(newer), 200, "")
		s.restorePassword(t)
		s.mails(t)

		late := s.askReset(t, ann)
		s.clock.Advance(30 * time.Minute)
		want(t, reset(late), 400, "INVALID_TOKEN")
		s.clock.Advance(time.Hour)

		owner := s.signIn(t, ann)
		before := s.askReset(t, ann)
		want(t, owner.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		want(t, reset(before), 400, "INVALID_TOKEN")
		s.mails(t)

		// Nor does the server compose an email for a request from before the change.
		want(t, s.browser(t).Post("/request-password-reset", body{"email": ann}), 200, "")
		s.clock.Advance(time.Minute)
		want(t, owner.Elsewhere().Post("/change-password", body{"currentPassword": nextPassword, "newPassword": testkit.Password}), 200, "")
		for _, m := range s.mails(t) {
			if m.Subject == en.T(message.ChooseNewPassword) {
				t.Error("an email for a request from before the new password has a link")
			}
		}

		// A user with only a passkey gets a first password.
		s.clock.Advance(time.Hour)
		s.exec(t, "DELETE FROM passwords")
		want(t, reset(s.askReset(t, ann)), 200, "")
		want(t, s.browser(t).Post("/sign-in/email", body{"email": ann, "password": nextPassword}), 200, "")
	})
}

// TestResetRevealsNothing tests that nothing reveals whether an address has an account: not
// the response to a request for an email, not a limit, and not the number of queued
// emails. An address without an account must get no email.
func TestResetRevealsNothing(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, ann)
		for _, path := range []string{"/request-password-reset", "/send-verification-email"} {
			var answers []testkit.Answer
			for _, email := range []string{ann, bob} {
				before := strings.Count(s.dump(t), "\nmails ")
				a := s.browser(t).Post(path, body{"email": email})
				want(t, a, 200, "")
				a.Header.Del("Date")
				answers = append(answers, a)
				if after := strings.Count(s.dump(t), "\nmails "); after != before+1 {
					t.Errorf("%s of %s: %d rows more in the outbox; want 1", path, email, after-before)
				}
			}
			if answers[0].Body != answers[1].Body || len(answers[0].Header) != len(answers[1].Header) {
				t.Errorf("%s tells which address has an account: %v %v, %v %v",
					path, answers[0], answers[0].Header, answers[1], answers[1].Header)
			}
		}
		for _, m := range s.mails(t) {
			if m.Recipient != ann {
				t.Errorf("an address without an account gets an email: %+v", m)
			}
		}
		wantAbsent(t, s.dump(t), "\nmails ")

		// The limits per account and per address reveal nothing either.
		s.clock.Freeze()
		for _, email := range []string{ann, bob} {
			for range 2 {
				want(t, s.browser(t).Post("/request-password-reset", body{"email": email}), 200, "")
			}
			a := s.browser(t).Post("/request-password-reset", body{"email": email})
			want(t, a, 429, "TOO_MANY_REQUESTS")
			if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || wait < 3000 || wait > 3600 {
				t.Errorf("Retry-After %q; want an hour", a.Header.Get("Retry-After"))
			}
		}
		for _, path := range []string{"/request-password-reset", "/send-verification-email"} {
			b := s.browser(t)
			for i := range 4 {
				a := b.Post(path, body{"email": "nobody" + string(rune('a'+i)) + "@example.test"})
				if a.Err != nil || (a.Status == 429) != (i == 3) {
					t.Errorf("%s %d: %v", path, i+1, a)
				}
			}
		}
		want(t, s.browser(t).Post("/request-password-reset", body{"email": "x"}), 400, "VALIDATION_ERROR")
		want(t, s.browser(t).Post("/request-password-reset", body{"email": ann, "redirectTo": "https://evil.test"}), 403, "INVALID_REDIRECT_URL")
		want(t, s.browser(t).Post("/send-verification-email", body{"email": ann, "callbackURL": "//evil.test"}), 403, "INVALID_CALLBACK_URL")
	})
}

func TestVerifyEmail(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		verified := func() any { return owner.Session().Get("user.emailVerified") }
		ask := func() string {
			s.clock.Advance(time.Hour)
			want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": ann, "callbackURL": "/done?a=1"}), 200, "")
			return s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		}
		want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": bob}), 400, "EMAIL_MISMATCH")

		older, stranger := ask(), s.browser(t)
		newer := ask()
		wantRedirect(t, stranger.open(older), "/done?a=1&error=TOKEN_EXPIRED")
		bare := "/api/auth/verify-email?token=" + tokenOf(t, newer)
		want(t, stranger.Elsewhere().Do("HEAD", bare, ""), 405, "")
		s.clock.Advance(time.Hour)
		want(t, stranger.open(bare), 401, "TOKEN_EXPIRED")
		wantRedirect(t, stranger.open(newer), "/done?a=1&error=TOKEN_EXPIRED")
		want(t, stranger.open("/api/auth/verify-email?token=abc"), 401, "INVALID_TOKEN")
		want(t, stranger.open("/api/auth/verify-email"), 400, "VALIDATION_ERROR")
		want(t, stranger.open("/api/auth/verify-email?token=abc&callbackURL=https%3A%2F%2Fevil.test"), 403, "INVALID_CALLBACK_URL")
		if verified() != false {
			t.Error("a link that is not good verifies the address")
		}

		wantRedirect(t, stranger.open(ask()), "/done?a=1")
		wantAlive(t, stranger, false, "the browser that opened the link")
		if verified() != true {
			t.Error("the address is not verified")
		}
		want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": ann}), 400, "EMAIL_ALREADY_VERIFIED")
		want(t, s.browser(t).Post("/send-verification-email", body{"email": ann}), 200, "")
		if mails := s.mails(t); len(mails) != 0 {
			t.Errorf("a verified address gets emails: %+v", mails)
		}
	})
}

// verify verifies the email address of the browser's account.
func (s mailing) verify(t *testing.T, b *browser, email string) {
	t.Helper()
	want(t, b.Elsewhere().Post("/send-verification-email", body{"email": email}), 200, "")
	wantRedirect(t, b.open(s.link(t, email, en.T(message.MailVerifyEmailSubject))), "/")
}

func TestChangeEmail(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner, next := s.signUp(t, ann), "ann.new@example.test"
		email := func() any { return owner.Session().Get("user.email") }
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": strings.ToUpper(ann)}), 400, "EMAIL_IS_THE_SAME")
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": "x"}), 400, "VALIDATION_ERROR")

		// Changing an unverified address takes one email, to the new address. The notice
		// to the old address has no link to take the account back, because the old
		// address may be mistyped.
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": next}), 200, "")
		a := owner.open(strings.Replace(s.link(t, next, en.T(message.MailVerifyNewEmailSubject)), "callbackURL=", "x=", 1))
		want(t, a, 200, "")
		if a.Get("status") != true || a.Get("user.email") != next || a.Get("user.emailVerified") != true || email() != next {
			t.Errorf("changed: %v, %v", a, email())
		}
		if mails := s.mails(t); len(mails) != 1 || mails[0].Recipient != ann || mails[0].Subject != en.T(message.MailEmailChangedSubject) ||
			strings.Contains(mails[0].Text, "token=") {
			t.Errorf("emails: %+v", mails)
		}

		// Changing a verified address takes two emails, the first to the old address.
		reset := s.askReset(t, next)
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": ann, "callbackURL": "/x"}), 200, "")
		confirm := s.link(t, next, en.T(message.MailAgreeEmailChangeSubject))
		want(t, s.signUp(t, bob).open("/api/auth/verify-email?token="+tokenOf(t, confirm)), 401, "INVALID_USER")
		wantRedirect(t, owner.open(confirm), "/x")
		wantRedirect(t, owner.open(confirm), "/x?error=INVALID_TOKEN")
		if email() != next {
			t.Error("the first of two steps has changed the address")
		}
		wantRedirect(t, s.browser(t).open(s.link(t, ann, en.T(message.MailVerifyNewEmailSubject))), "/x")
		if email() != ann {
			t.Error("both steps have not changed the address")
		}
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": tokenOf(t, reset)}), 400, "INVALID_TOKEN")
		want(t, s.browser(t).SignIn(next), 401, "INVALID_EMAIL_OR_PASSWORD")
		s.signIn(t, ann)

		// The owner of the old address takes the account back.
		report := s.link(t, next, en.T(message.MailEmailChangedSubject))
		a = s.browser(t).Post("/disown", body{"token": tokenOf(t, report)})
		want(t, a, 200, "")
		wantAlive(t, owner, false, "the session that changed the address")
		s.resetPassword(t, a.Get("token"))
		s.signIn(t, next)
		s.mails(t)
	})
}

func TestChangeEmailToTakenAddress(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, bob)
		owner := s.signUp(t, ann)

		// With an unverified address, the response does not reveal that the new address
		// has an account, and the owner of that account gets an email.
		taken := owner.Elsewhere().Post("/change-email", body{"newEmail": bob})
		s.link(t, bob, en.T(message.MailHaveAccountSubject))
		free := owner.Elsewhere().Post("/change-email", body{"newEmail": "free@example.test"})
		if free.Status != 200 || taken.Status != 200 || free.Body != taken.Body {
			t.Errorf("it tells which addresses have an account: %v, %v", taken, free)
		}
		// If a sign-up takes the address meanwhile, nothing changes.
		change := s.link(t, "free@example.test", en.T(message.MailVerifyNewEmailSubject))
		s.signUp(t, "free@example.test")
		wantRedirect(t, owner.open(change), "/?error=USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")
		if got := owner.Session().Get("user.email"); got != ann {
			t.Errorf("the address is %v", got)
		}

		// With a verified address, the old address gets the email even if the new address
		// has an account.
		s.verify(t, owner, ann)
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": bob}), 200, "")
		wantRedirect(t, owner.open(s.link(t, ann, en.T(message.MailAgreeEmailChangeSubject))), "/")
		s.link(t, bob, en.T(message.MailHaveAccountSubject))

		s.clock.Advance(15 * time.Minute)
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": "other@example.test"}), 403, "SESSION_NOT_FRESH")
	})
}

func TestDeleteUserByMail(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		account := func(email string) *browser {
			want(t, s.browser(t).SignUp(email), 200, "")
			wantRedirect(t, s.browser(t).open(s.link(t, email, en.T(message.MailVerifyEmailSubject))), "/")
			return s.signIn(t, email)
		}
		owner, other := account(ann), account(bob)
		ask := func(in body) string {
			a := owner.Elsewhere().Post("/delete-user", in)
			if a.String() != `200 {"success":true,"message":"Verification email sent"}` {
				t.Errorf("delete-user: %v", a)
			}
			return strings.Replace(s.link(t, ann, en.T(message.MailDeleteAccountSubject)), "/email?", "/api/auth/delete-user/callback?", 1)
		}
		link := ask(body{"callbackURL": "/bye"})
		want(t, s.browser(t).open("/api/auth/delete-user/callback?token="+tokenOf(t, link)), 404, "FAILED_TO_GET_USER_INFO")
		wantRedirect(t, s.browser(t).open(link), "/bye?error=FAILED_TO_GET_USER_INFO")
		want(t, owner.Elsewhere().Do("HEAD", link, ""), 405, "")
		want(t, other.open("/api/auth/delete-user/callback?token="+tokenOf(t, link)), 404, "INVALID_TOKEN")
		wantRedirect(t, owner.open(link), "/bye?error=INVALID_TOKEN") // the other user's attempt has consumed it

		link = ask(body{})
		s.clock.Advance(24 * time.Hour)
		wantRedirect(t, owner.open(link), "/?error=INVALID_TOKEN")
		want(t, owner.Elsewhere().Post("/delete-user", body{}), 403, "SESSION_NOT_FRESH")
		want(t, owner.Elsewhere().Post("/delete-user", body{"password": "wrong password"}), 400, "INVALID_PASSWORD")
		want(t, owner.Elsewhere().Post("/delete-user", body{"token": "nope"}), 404, "INVALID_TOKEN")
		wantAlive(t, owner, true, "the owner after failed deletions")

		want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		link = ask(body{"callbackURL": "/bye"})
		s.clock.Advance(time.Hour) // the link is valid even if the session is not fresh
		again := s.signIn(t, ann)
		a := owner.open(link)
		wantRedirect(t, a, "/bye")
		s.wantMail(t, en.T(message.MailAccountDeletedSubject))
		if owner.token() != "" || a.Header.Get("Clear-Site-Data") == "" {
			t.Errorf("the browser keeps what it had: %v", a.Header)
		}
		wantAlive(t, again, false, "another session of the deleted account")
		want(t, s.browser(t).SignIn(ann), 401, "INVALID_EMAIL_OR_PASSWORD")
		wantAlive(t, other, true, "another account")
		want(t, other.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")

		want(t, other.Elsewhere().Post("/delete-user", body{}), 200, "")
		token := tokenOf(t, s.link(t, bob, en.T(message.MailDeleteAccountSubject)))
		want(t, other.Elsewhere().Post("/delete-user", body{"token": token}), 200, "")
		wantAlive(t, other, false, "the session that sent the token")
	})
}

// TestSignUpRevealsNothing tests sign-ups if addresses have to be verified. The response
// must not reveal whether the address has an account. After two sign-ups with one address
// neither password may be valid.
func TestSignUpRevealsNothing(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		signUp := func(email, password string) testkit.Answer {
			b := s.browser(t)
			a := b.Post("/sign-up/email", body{"email": email, "name": "N", "password": password, "callbackURL": "/welcome"})
			want(t, a, 200, "")
			if a.Header.Get("Set-Cookie") != "" || a.Get("token") != nil || !strings.HasPrefix(a.Body, `{"token":null,"user":{`) ||
				a.Get("user.emailVerified") != false || a.Get("user.email") != email {
				t.Errorf("sign-up: %v %v", a, a.Header)
			}
			return a
		}
		fresh := signUp(ann, testkit.Password)
		first := s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		signIn := func(password string) testkit.Answer {
			return s.browser(t).Post("/sign-in/email", body{"email": ann, "password": password, "callbackURL": "/welcome"})
		}
		want(t, signIn("wrong password"), 401, "INVALID_EMAIL_OR_PASSWORD")

		// One of the two sign-ups may be a stranger's. So neither password is valid,
		// whichever email the owner opens.
		taken := signUp(ann, nextPassword)
		second := s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		if len(fresh.Body) != len(taken.Body) || fresh.Get("user.id") == taken.Get("user.id") || len(fresh.Header) != len(taken.Header) {
			t.Errorf("a taken address is told: %v, %v", fresh, taken)
		}
		a := s.browser(t).open(first) // still valid after the second
		wantRedirect(t, a, "/welcome?error=NEW_PASSWORD_REQUIRED")
		if a.Header.Get("Set-Cookie") != "" {
			t.Error("the link signs in")
		}
		want(t, s.browser(t).open("/api/auth/verify-email?token="+tokenOf(t, second)), 403, "NEW_PASSWORD_REQUIRED")
		want(t, signIn(testkit.Password), 403, "NEW_PASSWORD_REQUIRED")
		want(t, signIn(nextPassword), 401, "INVALID_EMAIL_OR_PASSWORD")
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": tokenOf(t, s.askReset(t, ann))}), 200, "")
		want(t, signIn(nextPassword), 200, "")
		s.mails(t)

		signUp(ann, testkit.Password)
		mails := s.mails(t)
		if len(mails) != 1 || mails[0].Recipient != ann || mails[0].Subject != en.T(message.MailHaveAccountSubject) ||
			!strings.Contains(mails[0].Text, s.url.String()+"/forgot-password") {
			t.Errorf("emails: %+v", mails)
		}
		want(t, signIn(nextPassword), 200, "")
		want(t, signIn(testkit.Password), 401, "INVALID_EMAIL_OR_PASSWORD")

		for range 8 { // the owner gets at most two emails for these
			signUp(ann, testkit.Password)
		}
		if mails := s.mails(t); len(mails) > 2 {
			t.Errorf("%d emails; want 2 at most", len(mails))
		}
	})
}

// TestUnverifiedSignUpAtOnce tests that many parallel sign-ups with one address create
// one account even if addresses have to be verified.
func TestUnverifiedSignUpAtOnce(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				want(t, s.browser(t).SignUp(ann), 200, "")
			})
		}
		wg.Wait()
		if n := s.events(t, shared.EventSignUp); n != 1 {
			t.Errorf("%d accounts were made; want 1", n)
		}
		if n := s.events(t, shared.EventSignUpTaken); n != 15 {
			t.Errorf("%d sign-ups with a taken address are in the log; want 15", n)
		}
		// If all have the same password, the password stays valid.
		want(t, s.browser(t).SignIn(ann), 403, "EMAIL_NOT_VERIFIED")
	})
}

// TestContestedSignUp tests sign-ups of a stranger and the owner with the owner's
// address. Neither password may be valid, regardless of which user signs up first and which email the
// owner opens. The owner must still be able to get the account.
func TestContestedSignUp(t *testing.T) {
	const strangers, owners = testkit.Password, nextPassword
	for _, test := range []struct {
		what      string
		passwords []string // of the sign-ups, in order
		opens     int      // index of the email that the owner opens
	}{
		{"the stranger first, and the stranger's email opened", []string{strangers, owners}, 0},
		{"the stranger first, and the owner's email opened", []string{strangers, owners}, 1},
		{"the owner first, and the owner's email opened", []string{owners, strangers}, 0},
		{"the owner first, and the stranger's email opened", []string{owners, strangers}, 1},
	} {
		t.Run(test.what, func(t *testing.T) {
			eachMailing(t, required, func(t *testing.T, s mailing) {
				var links []string
				for _, password := range test.passwords {
					want(t, s.browser(t).Post("/sign-up/email", body{"email": ann, "name": "", "password": password}), 200, "")
					links = append(links, s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
				}
				wantRedirect(t, s.browser(t).open(links[test.opens]), "/?error=NEW_PASSWORD_REQUIRED")
				for _, password := range test.passwords {
					b := s.browser(t)
					if a := b.Post("/sign-in/email", body{"email": ann, "password": password}); a.Err != nil || a.Status == 200 || b.token() != "" {
						t.Errorf("%q signs in: %v", password, a)
					}
				}
				const chosen = "chosen by the reader of the emails"
				want(t, s.browser(t).Post("/reset-password", body{"newPassword": chosen, "token": tokenOf(t, s.askReset(t, ann))}), 200, "")
				s.mails(t)

				// A later sign-up changes nothing.
				want(t, s.browser(t).Post("/sign-up/email", body{"email": ann, "name": "", "password": strangers}), 200, "")
				s.link(t, ann, en.T(message.MailHaveAccountSubject))
				want(t, s.browser(t).Post("/sign-in/email", body{"email": ann, "password": chosen}), 200, "")
			})
		})
	}
}

// TestResetBeforeVerified tests that the owner also gets a contested account through a
// password reset, and that the address still has to be verified.
func TestResetBeforeVerified(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		for _, password := range []string{testkit.Password, nextPassword} {
			want(t, s.browser(t).Post("/sign-up/email", body{"email": ann, "name": "", "password": password}), 200, "")
		}
		s.mails(t)
		const chosen = "chosen by the reader of the emails"
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": chosen, "token": tokenOf(t, s.askReset(t, ann))}), 200, "")
		s.mails(t)
		signIn := func() testkit.Answer {
			return s.browser(t).Post("/sign-in/email", body{"email": ann, "password": chosen})
		}
		want(t, signIn(), 403, "EMAIL_NOT_VERIFIED")
		wantRedirect(t, s.browser(t).open(s.link(t, ann, en.T(message.MailVerifyEmailSubject))), "/")
		want(t, signIn(), 200, "")
	})
}

// TestManyVerificationMails tests that a stranger who makes the server send more emails
// does not revoke the link that the owner is about to open.
func TestManyVerificationMails(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		want(t, s.browser(t).SignUp(ann), 200, "")
		owners := s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		for range 4 {
			want(t, s.browser(t).Post("/send-verification-email", body{"email": ann}), 200, "")
		}
		want(t, s.browser(t).Post("/send-verification-email", body{"email": ann}), 429, "TOO_MANY_REQUESTS")
		s.mails(t)
		wantRedirect(t, s.browser(t).open(owners), "/")
		s.signIn(t, ann)
	})
}

// TestStrangerSignUp tests that a sign-up does not change the password of an account from
// before addresses had to be verified.
func TestStrangerSignUp(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		want(t, s.signUp(t, ann).Elsewhere().Post("/sign-out", body{}), 200, "")
		s.accounts.Settings = set(t, required...)
		want(t, s.browser(t).Post("/sign-up/email", body{"email": ann, "name": "", "password": nextPassword}), 200, "")
		wantRedirect(t, s.browser(t).open(s.link(t, ann, en.T(message.MailVerifyEmailSubject))), "/")
		want(t, s.browser(t).Post("/sign-in/email", body{"email": ann, "password": nextPassword}), 401, "INVALID_EMAIL_OR_PASSWORD")
		s.signIn(t, ann)
	})
}

// TestSignInUnverified tests an account from before addresses had to be verified. It
// keeps its sessions. A sign-in sends the verification email, up to a limit, and succeeds
// once the address is verified.
func TestSignInUnverified(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner, device := s.signUpWithPasskey(t, ann)
		s.mails(t)
		s.accounts.Settings = set(t, required...)
		wantAlive(t, owner, true, "the session from before")

		signIn := func(b *browser) testkit.Answer {
			return b.Elsewhere().Post("/sign-in/email", body{"email": ann, "password": testkit.Password, "callbackURL": "/in"})
		}
		b := s.browser(t)
		want(t, signIn(b), 403, "EMAIL_NOT_VERIFIED")
		link := s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		want(t, b.authenticate(device), 403, "EMAIL_NOT_VERIFIED")
		wantAlive(t, b, false, "the browser before the address is verified")
		for range 8 {
			want(t, signIn(b), 403, "EMAIL_NOT_VERIFIED")
		}
		if mails := s.mails(t); len(mails) != 4 {
			t.Errorf("%d more emails; want 4", len(mails))
		}
		s.clock.Advance(time.Hour)
		wantRedirect(t, b.open(link), "/in?error=TOKEN_EXPIRED")
		want(t, signIn(b), 403, "EMAIL_NOT_VERIFIED")
		wantRedirect(t, b.open(s.link(t, ann, en.T(message.MailVerifyEmailSubject))), "/in")
		want(t, signIn(b), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")

		// The server requires a verified address before it requires a second factor.
		owner.enroll()
		s.exec(t, "UPDATE users SET email_verified = FALSE")
		want(t, signIn(b), 403, "EMAIL_NOT_VERIFIED")
	})
}

func TestSignUpDisabled(t *testing.T) {
	for _, keys := range [][]string{
		{"SIGN_UP_ENABLED=false"},
		{"SIGN_UP_ENABLED=false", "VERIFY_EMAIL=required"},
		{"SIGN_UP_ENABLED=false", "VERIFY_EMAIL=required", "RESEND_API_KEY=re_1"},
	} {
		t.Run(strings.Join(keys, " "), func(t *testing.T) {
			eachMailing(t, keys, func(t *testing.T, s mailing) {
				invite, err := s.accounts.InviteFirstAdmin(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				signUp := func(in body) testkit.Answer {
					in["name"], in["password"] = "", testkit.Password
					return s.browser(t).Post("/sign-up/email", in)
				}
				want(t, signUp(body{"email": ann}), 400, "EMAIL_PASSWORD_SIGN_UP_DISABLED")
				want(t, signUp(body{"email": ann, "invite": string(account.NewToken())}), 403, "INVALID_INVITE")
				b := s.browser(t)
				want(t, b.Post("/sign-up/email", body{"email": ann, "name": "", "password": testkit.Password, "invite": string(invite)}), 200, "")
				wantAlive(t, b, true, "the first administrator")
				// Only a caller with a valid invitation learns whether the address has an
				// account.
				want(t, signUp(body{"email": ann, "invite": string(account.NewToken())}), 403, "INVALID_INVITE")

				mailed := slices.Contains(keys, "RESEND_API_KEY=re_1")
				if verified := b.Session().Get("user.emailVerified"); verified == mailed {
					t.Errorf("verified: %v", verified)
				}
				again := s.browser(t).SignIn(ann)
				if mailed {
					want(t, again, 403, "EMAIL_NOT_VERIFIED")
				} else {
					want(t, again, 200, "")
				}
			})
		})
	}
}

func TestVoidPassword(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner, device := s.signUpWithPasskey(t, ann)
		app, _ := owner.enroll()
		s.exec(t, "UPDATE passwords SET void = TRUE")
		b := s.browser(t)
		want(t, b.SignIn(ann), 403, "NEW_PASSWORD_REQUIRED")
		want(t, b.Post("/sign-in/email", body{"email": ann, "password": "wrong password"}), 401, "INVALID_EMAIL_OR_PASSWORD")
		log := owner.Get("/list-events")
		if log.Get("events.1.kind") != "sign-in-failed" || log.Get("events.1.text") != en.T(message.EventSignInVoidPassword) ||
			log.Get("events.1.detail") != nil || log.Get("events.0.text") != en.T(message.EventSignInFailed) {
			t.Errorf("a right but void password and then a wrong one are logged as %v and %v", log.Get("events.1"), log.Get("events.0"))
		}
		if b.token() != "" || b.Cookie("latchkey.two_factor") != "" || b.Cookie("latchkey.browser") != "" {
			t.Error("a void password sets a cookie")
		}
		password := body{"password": testkit.Password}
		for path, in := range map[string]body{
			"/step-up": password, "/verify-password": password, "/two-factor/disable": password, "/delete-user": password,
			"/change-password": {"currentPassword": testkit.Password, "newPassword": nextPassword},
		} {
			want(t, owner.Elsewhere().Post(path, in), 403, "NEW_PASSWORD_REQUIRED")
		}
		want(t, owner.Elsewhere().Post("/verify-password", body{"password": "wrong password"}), 400, "INVALID_PASSWORD")
		want(t, owner.Elsewhere().Post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID}), 409, "LAST_WAY_IN")
		want(t, owner.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")

		s.mails(t)
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": tokenOf(t, s.askReset(t, ann))}), 200, "")
		want(t, s.browser(t).Post("/sign-in/email", body{"email": ann, "password": nextPassword}), 403, "TWO_FACTOR_REQUIRED")
	})
}

// TestReportNotMe tests that the link of a notice reverts the change that the notice
// reports.
func TestReportNotMe(t *testing.T) {
	for _, test := range []struct {
		what, subject string
		does          func(b *browser) // the change that a stranger makes in a session
		check         func(t *testing.T, s mailing)
	}{
		{"a new password", en.T(message.MailPasswordChangedSubject), func(b *browser) {
			want(b.t, b.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
			b.server.restorePassword(b.t)
		}, nil},
		{"a passkey", en.T(message.MailPasskeyAddedSubject), func(b *browser) {
			want(b.t, b.register(b.server.device()), 200, "")
		}, func(t *testing.T, s mailing) {
			if got := len(s.signIn(t, ann).passkeys()); got != 0 {
				t.Errorf("%d passkeys are left", got)
			}
		}},
		{"two-factor authentication", en.T(message.MailTwoFactorEnabledSubject), func(b *browser) { b.enroll() }, func(t *testing.T, s mailing) {
			s.signIn(t, ann) // without a code
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			eachMailing(t, nil, func(t *testing.T, s mailing) {
				s.signUp(t, ann)
				stranger, elsewhere := s.signIn(t, ann), s.signIn(t, ann)
				test.does(stranger)
				link := s.link(t, ann, test.subject)
				token := tokenOf(t, link)
				if !strings.HasPrefix(link, "/not-me?") {
					t.Errorf("link: %s", link)
				}
				wantAbsent(t, s.dump(t), token)

				want(t, s.browser(t).Post("/disown", body{"token": token}, "Origin: https://evil.test"), 403, "INVALID_ORIGIN")
				a := s.browser(t).Post("/disown", body{"token": token})
				want(t, a, 200, "")
				if a.Get("status") != true || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("reported: %v %v", a, a.Header)
				}
				want(t, s.browser(t).Post("/disown", body{"token": token}), 400, "INVALID_TOKEN")
				wantAlive(t, stranger, false, "the stranger")
				wantAlive(t, elsewhere, false, "another session, which may be the stranger's")
				want(t, s.browser(t).SignIn(ann), 403, "NEW_PASSWORD_REQUIRED")
				s.wantMail(t, en.T(message.MailAccountSecuredSubject))
				s.resetPassword(t, a.Get("token"))
				if test.check != nil {
					test.check(t, s)
				}
				s.signIn(t, ann)
				if s.events(t, shared.EventReportedNotMe) != 1 {
					t.Error("the log lacks it")
				}
			})
		})
	}
}

// wantMail sends the queued emails. It fails the test unless there is exactly one, with
// the subject and without a link.
func (s mailing) wantMail(t *testing.T, subject string) {
	t.Helper()
	mails := s.mails(t)
	if len(mails) != 1 || mails[0].Recipient != ann || mails[0].Subject != subject || strings.Contains(mails[0].Text, "token=") {
		t.Errorf("emails: %+v; want one, %q", mails, subject)
	}
}

// TestReportNotMeOfFactors tests what the links of the notices about backup codes revert.
func TestReportNotMeOfFactors(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		report := func(link string) {
			t.Helper()
			a := s.browser(t).Post("/disown", body{"token": tokenOf(t, link)})
			want(t, a, 200, "")
			s.resetPassword(t, a.Get("token"))
			s.mails(t)
		}
		s.mails(t)

		// The link of the notice about a used backup code revokes the session, but no
		// factor.
		b := s.pendingSignIn(t, ann)
		want(t, b.spend(codes[0]), 200, "")
		report(s.link(t, ann, en.T(message.EventBackupCodeUsed)))
		wantAlive(t, b, false, "the session of the code")
		b = s.pendingSignIn(t, ann)
		want(t, b.spend(codes[1]), 200, "")
		s.mails(t)

		// The link of the notice about new backup codes revokes only those codes.
		want(t, b.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password}), 200, "")
		first := s.link(t, ann, en.T(message.MailBackupCodesMadeSubject))
		s.clock.Advance(time.Minute)
		a := b.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password})
		made := a.Strings("backupCodes")
		second := s.link(t, ann, en.T(message.MailBackupCodesMadeSubject))
		report(second)
		b = s.pendingSignIn(t, ann)
		want(t, b.spend(made[3]), 401, "INVALID_BACKUP_CODE")
		want(t, b.verify(nextCode(app)), 200, "")
		a = b.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password})
		s.mails(t)
		report(first)
		want(t, s.pendingSignIn(t, ann).spend(a.Strings("backupCodes")[0]), 200, "")
	})
}

// TestReportNotMeOfLastCredential tests that the owner can sign in to an account whose
// only sign-in method was the stranger's passkey.
func TestReportNotMeOfLastCredential(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		stranger, device := s.signUpWithPasskey(t, ann)
		link := s.link(t, ann, en.T(message.MailPasskeyAddedSubject))
		s.exec(t, "DELETE FROM passwords")
		a := s.browser(t).Post("/disown", body{"token": tokenOf(t, link)})
		want(t, a, 200, "")
		wantAlive(t, stranger, false, "the stranger")
		want(t, s.browser(t).authenticate(device), 401, "PASSKEY_NOT_FOUND")
		s.resetPassword(t, a.Get("token"))
		s.signIn(t, ann)
	})
}

// TestReportNotMeOfAuthenticator tests that an authenticator whose key a stranger has
// seen is no longer a second factor, and that one that has replaced it stays.
func TestReportNotMeOfAuthenticator(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		b := s.signUp(t, ann)
		b.enroll()
		s.mails(t)
		want(t, b.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}), 200, "")
		old := s.link(t, ann, en.T(message.MailTOTPKeyShownSubject))
		s.clock.Advance(time.Minute)
		app := s.scan(t, b.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true}))
		want(t, b.verify(app.Code(0)), 200, "")
		s.mails(t)
		reset := func(link string) {
			t.Helper()
			a := s.browser(t).Post("/disown", body{"token": tokenOf(t, link)})
			want(t, a, 200, "")
			s.resetPassword(t, a.Get("token"))
			s.mails(t)
		}
		reset(old)
		b = s.pendingSignIn(t, ann) // the new one stays
		want(t, b.verify(nextCode(app)), 200, "")
		want(t, b.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}), 200, "")
		reset(s.link(t, ann, en.T(message.MailTOTPKeyShownSubject)))
		s.signIn(t, ann)
	})
}

// TestFirstNoticeReverts tests an account whose email address has changed several
// times. The first notice takes the account back. The later ones do not, because they
// went to a stranger's addresses.
func TestFirstNoticeReverts(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		s.verify(t, owner, ann)
		stranger := s.signIn(t, ann)
		change := func(from, to string) (report string) {
			s.clock.Advance(time.Minute)
			want(t, stranger.Elsewhere().Post("/change-email", body{"newEmail": to}), 200, "")
			wantRedirect(t, stranger.open(s.link(t, from, en.T(message.MailAgreeEmailChangeSubject))), "/")
			wantRedirect(t, stranger.open(s.link(t, to, en.T(message.MailVerifyNewEmailSubject))), "/")
			return s.link(t, from, en.T(message.MailEmailChangedSubject))
		}
		owners := change(ann, "stranger@example.test")
		strangers := change("stranger@example.test", "stranger2@example.test")
		a := s.browser(t).Post("/disown", body{"token": tokenOf(t, owners)})
		want(t, a, 200, "")
		want(t, s.browser(t).Post("/disown", body{"token": tokenOf(t, strangers)}), 400, "INVALID_TOKEN")
		s.resetPassword(t, a.Get("token"))
		s.signIn(t, ann)

		late := s.signUp(t, bob)
		want(t, late.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		for _, m := range s.mails(t) {
			if m.Recipient == bob {
				s.clock.Advance(7 * 24 * time.Hour)
				token := tokenOf(t, linkForm.FindString(m.Text))
				want(t, s.browser(t).Post("/disown", body{"token": token}), 400, "INVALID_TOKEN")
			}
		}
	})
}

// TestTokensHaveOnePurpose sends each token to the endpoints for other kinds of tokens.
// It tests that they refuse it, and that it is still valid for its own endpoint.
func TestTokensHaveOnePurpose(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		tokens := map[string]string{}
		tokens["reset"] = tokenOf(t, s.askReset(t, ann))
		want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": ann}), 200, "")
		tokens["verify"] = tokenOf(t, s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
		s.accounts.Settings = set(t, required...)
		want(t, owner.Elsewhere().Post("/delete-user", body{}), 200, "")
		tokens["delete"] = tokenOf(t, s.link(t, ann, en.T(message.MailDeleteAccountSubject)))
		want(t, owner.register(s.device()), 200, "")
		tokens["disown"] = tokenOf(t, s.link(t, ann, en.T(message.MailPasskeyAddedSubject)))
		invite, err := s.accounts.InviteFirstAdmin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tokens["invite"] = string(invite)

		uses := map[string]func(token string) testkit.Answer{
			"reset": func(token string) testkit.Answer {
				return s.browser(t).Post("/reset-password", body{"newPassword": testkit.Password, "token": token})
			},
			"verify": func(token string) testkit.Answer { return owner.open("/api/auth/verify-email?token=" + token) },
			"delete": func(token string) testkit.Answer { return owner.open("/api/auth/delete-user/callback?token=" + token) },
			"disown": func(token string) testkit.Answer { return s.browser(t).Post("/disown", body{"token": token}) },
			"invite": func(token string) testkit.Answer {
				return s.browser(t).Post("/sign-up/email", body{"email": bob, "name": "", "password": testkit.Password, "invite": token})
			},
		}
		for what, token := range tokens {
			for use, send := range uses {
				if use == what {
					continue
				}
				if a := send(token); a.Status < 400 || a.Status >= 500 {
					t.Errorf("the token to %s is good to %s: %v", what, use, a)
				}
			}
			if got, err := s.db.OneTimeToken(t.Context(), account.Token(token).Hash()); err != nil || got.UsedAt != nil {
				t.Errorf("the token to %s is used for what it is not for: %v", what, err)
			}
		}
	})
}

// TestTokensAreSingleUse tests that if many parallel requests send one token, one succeeds.
func TestTokensAreSingleUse(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		once := func(what string, send func(b *browser) testkit.Answer) {
			t.Helper()
			var served atomic.Int32
			var wg sync.WaitGroup
			for range 16 {
				b := owner.Elsewhere()
				wg.Go(func() {
					switch a := send(b); {
					case a.Status == 200:
						served.Add(1)
					case a.Status >= 500 || a.Code() != "INVALID_TOKEN" && a.Code() != "FAILED_TO_GET_USER_INFO" && a.Code() != "UNAUTHORIZED":
						t.Errorf("%s: %v", what, a)
					}
				})
			}
			wg.Wait()
			if served.Load() != 1 {
				t.Errorf("%s: %d of 16 at once succeed; want 1", what, served.Load())
			}
		}
		want(t, owner.Elsewhere().Post("/send-verification-email", body{"email": ann}), 200, "")
		token := tokenOf(t, s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
		once("verify-email", func(b *browser) testkit.Answer { return b.Get("/verify-email?token=" + token) })

		token = tokenOf(t, s.askReset(t, ann))
		once("reset-password", func(b *browser) testkit.Answer {
			return b.Post("/reset-password", body{"newPassword": nextPassword, "token": token})
		})

		token = tokenOf(t, s.link(t, ann, en.T(message.MailPasswordChangedSubject)))
		once("disown", func(b *browser) testkit.Answer { return b.Post("/disown", body{"token": token}) })

		s.mails(t)
		token = tokenOf(t, s.askReset(t, ann))
		s.restorePassword(t)
		s.resetPassword(t, token)
		s.mails(t)
		owner = s.signIn(t, ann)
		s.accounts.Settings = set(t, required...)
		want(t, owner.Elsewhere().Post("/delete-user", body{}), 200, "")
		token = tokenOf(t, s.link(t, ann, en.T(message.MailDeleteAccountSubject)))
		once("delete-user/callback", func(b *browser) testkit.Answer { return b.Get("/delete-user/callback?token=" + token) })
	})
}
