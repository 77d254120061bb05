package server_test

import (
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
)

// mailing is a site whose mails are read.
type mailing struct {
	*site
	accounts *account.Service
}

// eachMailing runs test on a site on each database, with the given system keys.
func eachMailing(t *testing.T, keys []string, test func(t *testing.T, s mailing)) {
	t.Helper()
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := mailing{}
		s.site = open(t, storetest.Migrated(t, url), func(c *server.Config) {
			s.accounts = c.Accounts
			s.accounts.Settings = set(t, keys...)
		})
		s.database = url
		test(t, s)
	})
}

var required = []string{"VERIFY_EMAIL=required"}

// mails hands on what waits.
func (s mailing) mails(t *testing.T) (all []account.Mail) {
	t.Helper()
	for found := true; found; {
		var err error
		found, err = s.accounts.HandOnMail(t.Context(), func(m account.Mail) error {
			all = append(all, m)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

var linkForm = regexp.MustCompile(`http://\S+`)

// link is the path and query of the link in the one mail that waits, which has
// the recipient and the subject.
func (s mailing) link(t *testing.T, to, subject string) string {
	t.Helper()
	mails := s.mails(t)
	if len(mails) != 1 || mails[0].Recipient != to || mails[0].Subject != subject {
		t.Fatalf("mails: %+v; want one to %s, %q", mails, to, subject)
	}
	link, ok := strings.CutPrefix(linkForm.FindString(mails[0].Text), s.url.String())
	if !ok {
		t.Fatalf("the link does not lead to us: %s", mails[0].Text)
	}
	return link
}

// tokenOf is the token in a link.
func tokenOf(t *testing.T, link string) string {
	t.Helper()
	u := parse(t, link)
	if token, ok := strings.CutPrefix(u.Path, "/api/auth/reset-password/"); ok {
		return token
	}
	return u.Query().Get("token")
}

// open opens a link.
func (b *browser) open(link string) answer {
	b.t.Helper()
	return b.elsewhere().request("GET", link, "")
}

// wantRedirect fails the test unless an answer leads to an address.
func wantRedirect(t *testing.T, a answer, to string) {
	t.Helper()
	if a.status != 302 || a.header.Get("Location") != to || a.body != "" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v to %q; want to %q", a, a.header.Get("Location"), to)
	}
}

const nextPassword = "another good password"

// askReset asks for a new password, and is the link that comes.
func (s mailing) askReset(t *testing.T, email string) string {
	t.Helper()
	want(t, s.browser(t).post("/request-password-reset", body{"email": email}), 200, "")
	return s.link(t, email, "Choose a new password")
}

func TestResetPassword(t *testing.T) { // A29, D09
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		p, _ := owner.enrol()
		trusted := s.challenge(t, ann)
		want(t, trusted.elsewhere().post("/two-factor/verify-totp", body{"code": p.next(), "trustDevice": true}), 200, "")
		challenge := s.challenge(t, ann)
		s.mails(t)

		stranger := s.browser(t)
		want(t, stranger.post("/request-password-reset", body{"email": strings.ToUpper(ann), "redirectTo": "/new?x=1"}), 200, "")
		wantAbsent(t, s.dump(t), ann+"\n", "/new?x=1")
		link := s.link(t, ann, "Choose a new password")
		token := tokenOf(t, link)
		wantAbsent(t, s.dump(t), token)

		for range 2 { // it is not spent by being looked at
			wantRedirect(t, stranger.open(link), s.url.String()+"/new?x=1&token="+token)
		}
		want(t, stranger.open(strings.Replace(link, url.QueryEscape("/new?x=1"), "https%3A%2F%2Fevil.test", 1)), 403, "INVALID_CALLBACK_URL")
		wantRedirect(t, stranger.open("/api/auth/reset-password/"+token+"?callbackURL="), s.url.String()+"/email?error=INVALID_TOKEN")
		wantRedirect(t, stranger.open("/api/auth/reset-password/x?callbackURL=%2Fnew%23part"), s.url.String()+"/new?error=INVALID_TOKEN#part")
		want(t, stranger.open("/api/auth/reset-password/"+token), 400, "VALIDATION_ERROR")

		for password, code := range map[string]string{
			"short": "PASSWORD_TOO_SHORT", strings.Repeat("x", 129): "PASSWORD_TOO_LONG", "password1": "PASSWORD_TOO_COMMON", ann: "PASSWORD_TOO_COMMON",
		} {
			want(t, stranger.post("/reset-password", body{"newPassword": password, "token": token}), 400, code)
		}
		for _, bad := range []body{{"newPassword": nextPassword}, {"newPassword": nextPassword, "token": "x"}, {"newPassword": nextPassword, "token": string(account.NewToken())}} {
			want(t, stranger.post("/reset-password", bad), 400, "INVALID_TOKEN")
		}
		wantAlive(t, owner, true, "the owner before the reset")
		a := stranger.post("/reset-password", body{"newPassword": nextPassword, "token": token})
		if a.String() != `200 {"status":true}` || a.header.Get("Set-Cookie") != "" {
			t.Errorf("reset: %v %v", a, a.header)
		}
		want(t, stranger.post("/reset-password", body{"newPassword": nextPassword, "token": token}), 400, "INVALID_TOKEN")
		wantRedirect(t, stranger.open(link), s.url.String()+"/new?x=1&error=INVALID_TOKEN")

		wantAlive(t, owner, false, "the owner's session")
		wantAlive(t, trusted, false, "a trusted browser")
		want(t, challenge.verify(p.next()), 401, "INVALID_TWO_FACTOR_COOKIE")
		want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": goodPassword}), 401, "INVALID_EMAIL_OR_PASSWORD")
		want(t, trusted.elsewhere().post("/sign-in/email", body{"email": ann, "password": nextPassword}), 403, "TWO_FACTOR_REQUIRED")
		want(t, trusted.verify(p.next()), 200, "")

		if mails := s.mails(t); len(mails) != 1 || mails[0].Subject != "Your password was changed" || strings.Contains(mails[0].Text, nextPassword) {
			t.Errorf("mails after the reset: %+v", mails)
		}
		wantAbsent(t, s.log.String(), token)
		if s.events(t, account.EventResetRequested) != 1 || s.events(t, account.EventPasswordReset) != 1 {
			t.Error("the log does not tell of it")
		}
	})
}

func TestCheckLink(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		b := s.browser(t)
		check := func(token, purpose string) answer {
			return b.post("/check-link", body{"token": token, "purpose": purpose})
		}
		reset := tokenOf(t, s.askReset(t, ann))
		for range 2 { // it is not spent
			if a := check(reset, "reset"); a.String() != `200 {"status":true}` {
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
		for _, in := range []body{{"token": reset}, {"token": reset, "purpose": "verify email"}, {"purpose": "reset"}, {"token": 1, "purpose": "reset"}} {
			want(t, b.post("/check-link", in), 400, "VALIDATION_ERROR")
		}
		want(t, b.post("/reset-password", body{"newPassword": nextPassword, "token": reset}), 200, "")
		want(t, check(reset, "reset"), 400, "INVALID_TOKEN")
		disown := tokenOf(t, s.link(t, ann, "Your password was changed"))
		want(t, check(disown, "disown"), 200, "")
		want(t, check(disown, "reset"), 400, "INVALID_TOKEN")
		want(t, owner.elsewhere().post("/disown", body{"token": disown}), 200, "")
		want(t, check(disown, "disown"), 400, "INVALID_TOKEN")
		s.mails(t)

		s.wait(time.Hour)
		late := tokenOf(t, s.askReset(t, ann))
		s.wait(30 * time.Minute)
		if a := check(late, "reset"); a.String() != bad.String() {
			t.Errorf("an expired link: %v; want %v", a, bad)
		}

		tries := s.browser(t)
		for i := range 101 {
			if a := tries.post("/check-link", body{"token": "x", "purpose": "reset"}); (a.status == 429) != (i == 100) {
				t.Fatalf("%d: %v", i+1, a)
			}
		}
	})
}

func TestResetTokens(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, ann)
		reset := func(link string) answer {
			return s.browser(t).request("POST", "/api/auth/reset-password?token="+tokenOf(t, link), `{"newPassword":"`+goodPassword+`"}`)
		}
		older := s.askReset(t, ann)
		newer := s.askReset(t, ann)
		want(t, reset(older), 400, "INVALID_TOKEN")
		want(t, reset(newer), 200, "")
		s.mails(t)

		late := s.askReset(t, ann)
		s.wait(30 * time.Minute)
		want(t, reset(late), 400, "INVALID_TOKEN")
		s.wait(time.Hour)

		owner := s.signIn(t, ann)
		before := s.askReset(t, ann)
		want(t, owner.elsewhere().post("/change-password", body{"currentPassword": goodPassword, "newPassword": goodPassword}), 200, "")
		want(t, reset(before), 400, "INVALID_TOKEN")
		s.mails(t)

		// Nor does what was asked before the change and is written after it.
		want(t, s.browser(t).post("/request-password-reset", body{"email": ann}), 200, "")
		s.wait(time.Minute)
		want(t, owner.elsewhere().post("/change-password", body{"currentPassword": goodPassword, "newPassword": goodPassword}), 200, "")
		for _, m := range s.mails(t) {
			if m.Subject == "Choose a new password" {
				t.Error("a reset that was asked for before the password changed is mailed after it")
			}
		}

		// Who has only a passkey gets a first password.
		s.wait(time.Hour)
		s.exec(t, "DELETE FROM passwords")
		want(t, reset(s.askReset(t, ann)), 200, "")
		s.signIn(t, ann)
	})
}

func TestResetTellsNothing(t *testing.T) { // A28
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, ann)
		for _, path := range []string{"/request-password-reset", "/send-verification-email"} {
			var answers []answer
			for _, email := range []string{ann, bob} {
				before := strings.Count(s.dump(t), "\nmails ")
				a := s.browser(t).post(path, body{"email": email})
				want(t, a, 200, "")
				a.header.Del("Date")
				answers = append(answers, a)
				if after := strings.Count(s.dump(t), "\nmails "); after != before+1 {
					t.Errorf("%s of %s: %d rows more in the outbox; want 1", path, email, after-before)
				}
			}
			if answers[0].body != answers[1].body || len(answers[0].header) != len(answers[1].header) {
				t.Errorf("%s tells who has an account: %v %v, %v %v", path, answers[0], answers[0].header, answers[1], answers[1].header)
			}
		}
		for _, m := range s.mails(t) {
			if m.Recipient != ann {
				t.Errorf("a stranger gets mail: %+v", m)
			}
		}
		wantAbsent(t, s.dump(t), "\nmails ")

		// Limits do not tell either, per account or per address.
		for _, email := range []string{ann, bob} {
			for range 2 {
				want(t, s.browser(t).post("/request-password-reset", body{"email": email}), 200, "")
			}
			a := s.browser(t).post("/request-password-reset", body{"email": email})
			want(t, a, 429, "TOO_MANY_REQUESTS")
			if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 3000 || wait > 3600 {
				t.Errorf("Retry-After %q; want an hour", a.header.Get("Retry-After"))
			}
		}
		for _, path := range []string{"/request-password-reset", "/send-verification-email"} {
			b := s.browser(t)
			for i := range 4 {
				if a := b.post(path, body{"email": "nobody" + string(rune('a'+i)) + "@example.test"}); (a.status == 429) != (i == 3) {
					t.Errorf("%s %d: %v", path, i+1, a)
				}
			}
		}
		want(t, s.browser(t).post("/request-password-reset", body{"email": "x"}), 400, "VALIDATION_ERROR")
		want(t, s.browser(t).post("/request-password-reset", body{"email": ann, "redirectTo": "https://evil.test"}), 403, "INVALID_REDIRECT_URL")
		want(t, s.browser(t).post("/send-verification-email", body{"email": ann, "callbackURL": "//evil.test"}), 403, "INVALID_CALLBACK_URL")
	})
}

func TestVerifyEmail(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		verified := func() any { return owner.get("/get-session").get("user.emailVerified") }
		ask := func() string {
			s.wait(time.Hour)
			want(t, owner.elsewhere().post("/send-verification-email", body{"email": ann, "callbackURL": "/done?a=1"}), 200, "")
			return s.link(t, ann, "Verify your address")
		}
		want(t, owner.elsewhere().post("/send-verification-email", body{"email": bob}), 400, "EMAIL_MISMATCH")

		older, stranger := ask(), s.browser(t)
		newer := ask()
		wantRedirect(t, stranger.open(older), "/done?a=1&error=TOKEN_EXPIRED")
		want(t, stranger.elsewhere().request("HEAD", newer, ""), 405, "")
		bare := "/api/auth/verify-email?token=" + tokenOf(t, newer)
		s.wait(time.Hour)
		want(t, stranger.open(bare), 401, "TOKEN_EXPIRED")
		wantRedirect(t, stranger.open(newer), "/done?a=1&error=TOKEN_EXPIRED")
		want(t, stranger.open("/api/auth/verify-email?token=abc"), 401, "INVALID_TOKEN")
		want(t, stranger.open("/api/auth/verify-email"), 400, "VALIDATION_ERROR")
		want(t, stranger.open("/api/auth/verify-email?token=abc&callbackURL=https%3A%2F%2Fevil.test"), 403, "INVALID_CALLBACK_URL")
		if verified() != false {
			t.Error("the address is verified by what is no proof of it")
		}

		wantRedirect(t, stranger.open(ask()), "/done?a=1")
		wantAlive(t, stranger, false, "who opened the link")
		if verified() != true {
			t.Error("the address is not verified")
		}
		want(t, owner.elsewhere().post("/send-verification-email", body{"email": ann}), 400, "EMAIL_ALREADY_VERIFIED")
		want(t, s.browser(t).post("/send-verification-email", body{"email": ann}), 200, "")
		if mails := s.mails(t); len(mails) != 0 {
			t.Errorf("a verified address gets mails: %+v", mails)
		}
	})
}

// verify proves that the browser's address is its owner's.
func (s mailing) verify(t *testing.T, b *browser, email string) {
	t.Helper()
	want(t, b.elsewhere().post("/send-verification-email", body{"email": email}), 200, "")
	wantRedirect(t, b.open(s.link(t, email, "Verify your address")), "/email")
}

func TestChangeEmail(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner, next := s.signUp(t, ann), "ann.new@example.test"
		email := func() any { return owner.get("/get-session").get("user.email") }
		want(t, owner.elsewhere().post("/change-email", body{"newEmail": strings.ToUpper(ann)}), 400, "EMAIL_IS_THE_SAME")
		want(t, owner.elsewhere().post("/change-email", body{"newEmail": "x"}), 400, "VALIDATION_ERROR")

		// Unverified, it takes one mail; and a mistyped address gets no link by
		// which it could take the account.
		want(t, owner.elsewhere().post("/change-email", body{"newEmail": next}), 200, "")
		a := owner.open(strings.Replace(s.link(t, next, "Verify your new address"), "callbackURL=", "x=", 1))
		want(t, a, 200, "")
		if a.get("status") != true || a.get("user.email") != next || a.get("user.emailVerified") != true || email() != next {
			t.Errorf("changed: %v, %v", a, email())
		}
		if mails := s.mails(t); len(mails) != 1 || mails[0].Recipient != ann || mails[0].Subject != "Your address was changed" || strings.Contains(mails[0].Text, "token=") {
			t.Errorf("mails: %+v", mails)
		}

		// Verified, it takes two.
		reset := s.askReset(t, next)
		want(t, owner.elsewhere().post("/change-email", body{"newEmail": ann, "callbackURL": "/x"}), 200, "")
		confirm := s.link(t, next, "Change your address")
		want(t, s.signUp(t, bob).open("/api/auth/verify-email?token="+tokenOf(t, confirm)), 401, "INVALID_USER")
		wantRedirect(t, owner.open(confirm), "/x")
		wantRedirect(t, owner.open(confirm), "/x?error=INVALID_TOKEN")
		if email() != next {
			t.Error("the first of two steps has changed the address")
		}
		wantRedirect(t, s.browser(t).open(s.link(t, ann, "Verify your new address")), "/x")
		if email() != ann {
			t.Error("both steps have not changed the address")
		}
		want(t, s.browser(t).post("/reset-password", body{"newPassword": nextPassword, "token": tokenOf(t, reset)}), 400, "INVALID_TOKEN")
		want(t, s.browser(t).post("/sign-in/email", body{"email": next, "password": goodPassword}), 401, "INVALID_EMAIL_OR_PASSWORD")
		s.signIn(t, ann)

		// The old address takes it back.
		disown := s.link(t, next, "Your address was changed")
		a = s.browser(t).post("/disown", body{"token": tokenOf(t, disown)})
		want(t, a, 200, "")
		wantAlive(t, owner, false, "who changed the address")
		want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": a.get("token")}), 200, "")
		s.signIn(t, next)
		s.mails(t)
	})
}

func TestChangeEmailToATakenOne(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, bob)
		owner := s.signUp(t, ann)

		// Unverified: the answer does not tell, and the owner hears of it.
		taken := owner.elsewhere().post("/change-email", body{"newEmail": bob})
		s.link(t, bob, "You have an account already")
		if free := owner.elsewhere().post("/change-email", body{"newEmail": "free@example.test"}); free.String() != taken.String() || taken.status != 200 {
			t.Errorf("it tells which addresses are taken: %v, %v", taken, free)
		}
		// Taken meanwhile: nothing changes.
		change := s.link(t, "free@example.test", "Verify your new address")
		s.signUp(t, "free@example.test")
		wantRedirect(t, owner.open(change), "/email?done=changed&error=USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")
		if got := owner.get("/get-session").get("user.email"); got != ann {
			t.Errorf("the address is %v", got)
		}

		// Verified: the mail to the old address comes whether the new one is taken
		// or not.
		s.verify(t, owner, ann)
		want(t, owner.elsewhere().post("/change-email", body{"newEmail": bob}), 200, "")
		wantRedirect(t, owner.open(s.link(t, ann, "Change your address")), "/email?done=confirmed")
		s.link(t, bob, "You have an account already")

		s.wait(15 * time.Minute)
		want(t, owner.elsewhere().post("/change-email", body{"newEmail": "other@example.test"}), 403, "SESSION_NOT_FRESH")
	})
}

func TestDeleteUserByMail(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		account := func(email string) *browser {
			want(t, s.browser(t).post("/sign-up/email", body{"email": email, "name": "", "password": goodPassword}), 200, "")
			wantRedirect(t, s.browser(t).open(s.link(t, email, "Verify your address")), "/email")
			return s.signIn(t, email)
		}
		owner, other := account(ann), account(bob)
		ask := func(in body) string {
			a := owner.elsewhere().post("/delete-user", in)
			if a.String() != `200 {"success":true,"message":"Verification email sent"}` {
				t.Errorf("delete-user: %v", a)
			}
			return s.link(t, ann, "Delete your account")
		}
		link := ask(body{"callbackURL": "/bye"})
		want(t, s.browser(t).open("/api/auth/delete-user/callback?token="+tokenOf(t, link)), 404, "FAILED_TO_GET_USER_INFO")
		wantRedirect(t, s.browser(t).open(link), "/bye?error=FAILED_TO_GET_USER_INFO")
		want(t, owner.elsewhere().request("HEAD", link, ""), 405, "")
		want(t, other.open("/api/auth/delete-user/callback?token="+tokenOf(t, link)), 404, "INVALID_TOKEN")
		wantRedirect(t, owner.open(link), "/bye?error=INVALID_TOKEN") // somebody else had got hold of it

		link = ask(body{})
		s.wait(24 * time.Hour)
		wantRedirect(t, owner.open(link), "/email?done=deleted&error=INVALID_TOKEN")
		want(t, owner.elsewhere().post("/delete-user", body{}), 403, "SESSION_NOT_FRESH")
		want(t, owner.elsewhere().post("/delete-user", body{"password": "wrong password"}), 400, "INVALID_PASSWORD") // A26
		want(t, owner.elsewhere().post("/delete-user", body{"token": "nope"}), 404, "INVALID_TOKEN")
		wantAlive(t, owner, true, "the owner after what is no proof")

		want(t, owner.elsewhere().post("/step-up", body{"password": goodPassword}), 200, "")
		link = ask(body{"callbackURL": "/bye"})
		s.wait(time.Hour) // the link is good although the session is not fresh
		again := s.signIn(t, ann)
		a := owner.open(link)
		wantRedirect(t, a, "/bye")
		if owner.token() != "" || a.header.Get("Clear-Site-Data") == "" {
			t.Errorf("the browser keeps what it had: %v", a.header)
		}
		wantAlive(t, again, false, "another session of the deleted account")
		want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": goodPassword}), 401, "INVALID_EMAIL_OR_PASSWORD")
		wantAlive(t, other, true, "another account")
		want(t, other.elsewhere().post("/step-up", body{"password": goodPassword}), 200, "")

		want(t, other.elsewhere().post("/delete-user", body{}), 200, "")
		token := tokenOf(t, s.link(t, bob, "Delete your account"))
		want(t, other.elsewhere().post("/delete-user", body{"token": token}), 200, "")
		wantAlive(t, other, false, "who sent the token")
	})
}

func TestSignUpTellsNothing(t *testing.T) { // A12
	eachMailing(t, required, func(t *testing.T, s mailing) {
		signUp := func(email, password string) answer {
			b := s.browser(t)
			a := b.post("/sign-up/email", body{"email": email, "name": "N", "password": password, "callbackURL": "/welcome"})
			want(t, a, 200, "")
			if a.header.Get("Set-Cookie") != "" || a.get("token") != nil || !strings.HasPrefix(a.body, `{"token":null,"user":{`) || a.get("user.emailVerified") != false || a.get("user.email") != email {
				t.Errorf("sign-up: %v %v", a, a.header)
			}
			return a
		}
		fresh := signUp(ann, goodPassword)
		first := s.link(t, ann, "Verify your address")
		signIn := func(password string) answer {
			return s.browser(t).post("/sign-in/email", body{"email": ann, "password": password, "callbackURL": "/welcome"})
		}
		want(t, signIn("wrong password"), 401, "INVALID_EMAIL_OR_PASSWORD")

		// A second sign-up: one of the two is a stranger's, and neither password
		// is good, whichever mail is opened.
		taken := signUp(ann, nextPassword)
		second := s.link(t, ann, "Verify your address")
		if len(fresh.body) != len(taken.body) || fresh.get("user.id") == taken.get("user.id") || len(fresh.header) != len(taken.header) {
			t.Errorf("a taken address is told: %v, %v", fresh, taken)
		}
		a := s.browser(t).open(first) // the second has not ended it
		wantRedirect(t, a, "/welcome?error=NEW_PASSWORD_REQUIRED")
		if a.header.Get("Set-Cookie") != "" {
			t.Error("the link signs in")
		}
		want(t, s.browser(t).open("/api/auth/verify-email?token="+tokenOf(t, second)), 403, "NEW_PASSWORD_REQUIRED")
		want(t, signIn(goodPassword), 403, "NEW_PASSWORD_REQUIRED")
		want(t, signIn(nextPassword), 401, "INVALID_EMAIL_OR_PASSWORD")
		want(t, s.browser(t).post("/reset-password", body{"newPassword": nextPassword, "token": tokenOf(t, s.askReset(t, ann))}), 200, "")
		want(t, signIn(nextPassword), 200, "")
		s.mails(t)

		signUp(ann, goodPassword)
		mails := s.mails(t)
		if len(mails) != 1 || mails[0].Recipient != ann || mails[0].Subject != "You have an account already" || !strings.Contains(mails[0].Text, s.url.String()+"/forgot-password") {
			t.Errorf("mails: %+v", mails)
		}
		want(t, signIn(nextPassword), 200, "")
		want(t, signIn(goodPassword), 401, "INVALID_EMAIL_OR_PASSWORD")

		for range 8 { // and the owner is not flooded
			signUp(ann, goodPassword)
		}
		if mails := s.mails(t); len(mails) > 2 {
			t.Errorf("%d mails", len(mails))
		}
	})
}

func TestUnverifiedSignUpAtOnce(t *testing.T) { // R07
	eachMailing(t, required, func(t *testing.T, s mailing) {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				want(t, s.browser(t).post("/sign-up/email", body{"email": ann, "name": "", "password": goodPassword}), 200, "")
			})
		}
		wg.Wait()
		if n := s.events(t, account.EventSignUp); n != 1 {
			t.Errorf("%d accounts were made; want 1", n)
		}
		if n := s.events(t, account.EventSignUpTaken); n != 15 {
			t.Errorf("%d sign-ups with a taken address are in the log; want 15", n)
		}
		// The same password each time is no contest.
		want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": goodPassword}), 403, "EMAIL_NOT_VERIFIED")
	})
}

// TestContestedSignUp holds that nobody comes in by a mail that somebody else
// opens, whoever has signed up first, and that nobody can keep the owner out.
func TestContestedSignUp(t *testing.T) {
	const strangers, owners = goodPassword, nextPassword
	for _, test := range []struct {
		what      string
		passwords []string // of the sign-ups, one after the other
		opens     int      // which of their mails
	}{
		{"the stranger first, and their mail opened", []string{strangers, owners}, 0},
		{"the stranger first, and the owner's mail opened", []string{strangers, owners}, 1},
		{"the owner first, and their mail opened", []string{owners, strangers}, 0},
		{"the owner first, and the stranger's mail opened", []string{owners, strangers}, 1},
	} {
		t.Run(test.what, func(t *testing.T) {
			eachMailing(t, required, func(t *testing.T, s mailing) {
				var links []string
				for _, password := range test.passwords {
					want(t, s.browser(t).post("/sign-up/email", body{"email": ann, "name": "", "password": password}), 200, "")
					links = append(links, s.link(t, ann, "Verify your address"))
				}
				wantRedirect(t, s.browser(t).open(links[test.opens]), "/email?error=NEW_PASSWORD_REQUIRED")
				for _, password := range test.passwords {
					if b := s.browser(t); b.post("/sign-in/email", body{"email": ann, "password": password}).status == 200 || b.token() != "" {
						t.Errorf("%q signs in", password)
					}
				}
				const chosen = "chosen by who reads the mails"
				want(t, s.browser(t).post("/reset-password", body{"newPassword": chosen, "token": tokenOf(t, s.askReset(t, ann))}), 200, "")
				s.mails(t)

				// From now on a sign-up changes nothing.
				want(t, s.browser(t).post("/sign-up/email", body{"email": ann, "name": "", "password": strangers}), 200, "")
				s.link(t, ann, "You have an account already")
				want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": chosen}), 200, "")
			})
		})
	}
}

// TestResetBeforeVerified holds that a contested account is its owner's by a new
// password, too, and that the address has to be verified all the same.
func TestResetBeforeVerified(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		for _, password := range []string{goodPassword, nextPassword} {
			want(t, s.browser(t).post("/sign-up/email", body{"email": ann, "name": "", "password": password}), 200, "")
		}
		s.mails(t)
		const chosen = "chosen by who reads the mails"
		want(t, s.browser(t).post("/reset-password", body{"newPassword": chosen, "token": tokenOf(t, s.askReset(t, ann))}), 200, "")
		s.mails(t)
		signIn := func() answer { return s.browser(t).post("/sign-in/email", body{"email": ann, "password": chosen}) }
		want(t, signIn(), 403, "EMAIL_NOT_VERIFIED")
		wantRedirect(t, s.browser(t).open(s.link(t, ann, "Verify your address")), "/email")
		want(t, signIn(), 200, "")
	})
}

// TestManyVerificationMails holds that a stranger who has mails sent does not
// void the one that the owner is about to open.
func TestManyVerificationMails(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		want(t, s.browser(t).post("/sign-up/email", body{"email": ann, "name": "", "password": goodPassword}), 200, "")
		owners := s.link(t, ann, "Verify your address")
		for range 4 {
			want(t, s.browser(t).post("/send-verification-email", body{"email": ann}), 200, "")
		}
		want(t, s.browser(t).post("/send-verification-email", body{"email": ann}), 429, "TOO_MANY_REQUESTS")
		s.mails(t)
		wantRedirect(t, s.browser(t).open(owners), "/email")
		s.signIn(t, ann)
	})
}

// TestStrangerSignUp holds that a sign-up does not bring a stranger's password
// into an account that was in use before addresses had to be verified.
func TestStrangerSignUp(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		want(t, s.signUp(t, ann).elsewhere().post("/sign-out", body{}), 200, "")
		s.accounts.Settings = set(t, required...)
		want(t, s.browser(t).post("/sign-up/email", body{"email": ann, "name": "", "password": nextPassword}), 200, "")
		wantRedirect(t, s.browser(t).open(s.link(t, ann, "Verify your address")), "/email")
		want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": nextPassword}), 401, "INVALID_EMAIL_OR_PASSWORD")
		s.signIn(t, ann)
	})
}

func TestSignInUnverified(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner, device := s.keeping(t, ann)
		s.mails(t)
		s.accounts.Settings = set(t, required...)
		wantAlive(t, owner, true, "who was signed in before")

		signIn := func(b *browser) answer {
			return b.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword, "callbackURL": "/in"})
		}
		b := s.browser(t)
		want(t, signIn(b), 403, "EMAIL_NOT_VERIFIED")
		link := s.link(t, ann, "Verify your address")
		want(t, b.authenticate(device), 403, "EMAIL_NOT_VERIFIED")
		wantAlive(t, b, false, "who has not verified the address")
		for range 8 {
			want(t, signIn(b), 403, "EMAIL_NOT_VERIFIED")
		}
		if mails := s.mails(t); len(mails) != 4 {
			t.Errorf("%d more mails; want 4", len(mails))
		}
		s.wait(time.Hour)
		wantRedirect(t, b.open(link), "/in?error=TOKEN_EXPIRED")
		want(t, signIn(b), 403, "EMAIL_NOT_VERIFIED")
		wantRedirect(t, b.open(s.link(t, ann, "Verify your address")), "/in")
		want(t, signIn(b), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")

		// No second factor is asked for before.
		owner.enrol()
		s.exec(t, "UPDATE users SET email_verified = FALSE")
		want(t, signIn(b), 403, "EMAIL_NOT_VERIFIED")
	})
}

func TestSignUpDisabled(t *testing.T) {
	for _, keys := range [][]string{{"SIGN_UP_ENABLED=false"}, {"SIGN_UP_ENABLED=false", "VERIFY_EMAIL=required"}, {"SIGN_UP_ENABLED=false", "VERIFY_EMAIL=required", "RESEND_API_KEY=re_1"}} {
		t.Run(strings.Join(keys, " "), func(t *testing.T) {
			eachMailing(t, keys, func(t *testing.T, s mailing) {
				invite, err := s.accounts.InviteFirstAdmin(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				signUp := func(in body) answer {
					in["name"], in["password"] = "", goodPassword
					return s.browser(t).post("/sign-up/email", in)
				}
				want(t, signUp(body{"email": ann}), 400, "EMAIL_PASSWORD_SIGN_UP_DISABLED")
				want(t, signUp(body{"email": ann, "invite": string(account.NewToken())}), 403, "INVALID_INVITE")
				b := s.browser(t)
				want(t, b.post("/sign-up/email", body{"email": ann, "name": "", "password": goodPassword, "invite": string(invite)}), 200, "")
				wantAlive(t, b, true, "the first administrator")
				// Whether the address has an account is told to who has a good
				// invitation only.
				want(t, signUp(body{"email": ann, "invite": string(account.NewToken())}), 403, "INVALID_INVITE")

				mailed := slices.Contains(keys, "RESEND_API_KEY=re_1")
				if verified := b.get("/get-session").get("user.emailVerified"); verified == mailed {
					t.Errorf("verified: %v", verified)
				}
				again := s.browser(t).post("/sign-in/email", body{"email": ann, "password": goodPassword})
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
		owner, device := s.keeping(t, ann)
		p, _ := owner.enrol()
		s.exec(t, "UPDATE passwords SET void = TRUE")
		b := s.browser(t)
		want(t, b.post("/sign-in/email", body{"email": ann, "password": goodPassword}), 403, "NEW_PASSWORD_REQUIRED")
		want(t, b.post("/sign-in/email", body{"email": ann, "password": "wrong password"}), 401, "INVALID_EMAIL_OR_PASSWORD")
		if b.token() != "" || b.cookie("latchkey.two_factor") != "" || b.cookie("latchkey.browser") != "" {
			t.Error("a void password opens something")
		}
		for path, in := range map[string]body{
			"/step-up": {"password": goodPassword}, "/verify-password": {"password": goodPassword}, "/two-factor/disable": {"password": goodPassword},
			"/change-password": {"currentPassword": goodPassword, "newPassword": nextPassword}, "/delete-user": {"password": goodPassword},
		} {
			want(t, owner.elsewhere().post(path, in), 403, "NEW_PASSWORD_REQUIRED")
		}
		want(t, owner.elsewhere().post("/verify-password", body{"password": "wrong password"}), 400, "INVALID_PASSWORD")
		want(t, owner.elsewhere().post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID}), 409, "LAST_WAY_IN")
		want(t, owner.elsewhere().post("/step-up", body{"code": p.next()}), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")

		s.mails(t)
		want(t, s.browser(t).post("/reset-password", body{"newPassword": nextPassword, "token": tokenOf(t, s.askReset(t, ann))}), 200, "")
		want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": nextPassword}), 403, "TWO_FACTOR_REQUIRED")
	})
}

// TestDisown holds that the link of a notice undoes what it tells of.
func TestDisown(t *testing.T) {
	for _, test := range []struct {
		what, subject string
		does          func(b *browser) // what a stranger does with an open session
		check         func(t *testing.T, s mailing)
	}{
		{"a new password", "Your password was changed", func(b *browser) {
			want(b.t, b.elsewhere().post("/change-password", body{"currentPassword": goodPassword, "newPassword": goodPassword}), 200, "")
		}, nil},
		{"a passkey", "A passkey was added", func(b *browser) {
			want(b.t, b.register(b.site.device()), 200, "")
		}, func(t *testing.T, s mailing) {
			if got := len(s.signIn(t, ann).passkeys()); got != 0 {
				t.Errorf("%d passkeys are left", got)
			}
		}},
		{"two-factor authentication", "Two-factor authentication is on", func(b *browser) { b.enrol() }, func(t *testing.T, s mailing) {
			s.signIn(t, ann) // asks for no code
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

				want(t, s.browser(t).post("/disown", body{"token": token}, "Origin: https://evil.test"), 403, "INVALID_ORIGIN")
				a := s.browser(t).post("/disown", body{"token": token})
				want(t, a, 200, "")
				if a.get("status") != true || a.header.Get("Set-Cookie") != "" {
					t.Errorf("disowned: %v %v", a, a.header)
				}
				want(t, s.browser(t).post("/disown", body{"token": token}), 400, "INVALID_TOKEN")
				wantAlive(t, stranger, false, "the stranger")
				wantAlive(t, elsewhere, false, "another session, which may be the stranger's")
				want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": goodPassword}), 403, "NEW_PASSWORD_REQUIRED")
				s.wantMail(t, "Your account was secured")
				want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": a.get("token")}), 200, "")
				if test.check != nil {
					test.check(t, s)
				}
				s.signIn(t, ann)
				if s.events(t, account.EventDisowned) != 1 {
					t.Error("the log does not tell of it")
				}
			})
		})
	}
}

// wantMail fails the test unless one mail waits, of the subject, with no link.
func (s mailing) wantMail(t *testing.T, subject string) {
	t.Helper()
	mails := s.mails(t)
	if len(mails) != 1 || mails[0].Recipient != ann || mails[0].Subject != subject || strings.Contains(mails[0].Text, "token=") {
		t.Errorf("mails: %+v; want one, %q", mails, subject)
	}
}

func TestDisownOfFactors(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		p, codes := owner.enrol()
		disown := func(link string) {
			t.Helper()
			a := s.browser(t).post("/disown", body{"token": tokenOf(t, link)})
			want(t, a, 200, "")
			want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": a.get("token")}), 200, "")
			s.mails(t)
		}
		s.mails(t)

		// A used backup code is no credential that was added.
		b := s.challenge(t, ann)
		want(t, b.spend(codes[0]), 200, "")
		disown(s.link(t, ann, "A backup code was used"))
		wantAlive(t, b, false, "who used the code")
		b = s.challenge(t, ann)
		want(t, b.spend(codes[1]), 200, "")
		s.mails(t)

		// New ones go, if they are still those.
		want(t, b.elsewhere().post("/two-factor/generate-backup-codes", body{"password": goodPassword}), 200, "")
		first := s.link(t, ann, "New backup codes were made")
		s.wait(time.Minute)
		a := b.elsewhere().post("/two-factor/generate-backup-codes", body{"password": goodPassword})
		made := a.strings("backupCodes")
		second := s.link(t, ann, "New backup codes were made")
		disown(second)
		b = s.challenge(t, ann)
		want(t, b.spend(made[3]), 401, "INVALID_BACKUP_CODE")
		want(t, b.verify(p.next()), 200, "")
		a = b.elsewhere().post("/two-factor/generate-backup-codes", body{"password": goodPassword})
		s.mails(t)
		disown(first)
		want(t, s.challenge(t, ann).spend(a.strings("backupCodes")[0]), 200, "")
	})
}

// TestDisownOfTheLastWayIn holds that an account whose only way in was the
// stranger's gets another.
func TestDisownOfTheLastWayIn(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		stranger, device := s.keeping(t, ann)
		link := s.link(t, ann, "A passkey was added")
		s.exec(t, "DELETE FROM passwords")
		a := s.browser(t).post("/disown", body{"token": tokenOf(t, link)})
		want(t, a, 200, "")
		wantAlive(t, stranger, false, "the stranger")
		want(t, s.browser(t).authenticate(device), 401, "PASSKEY_NOT_FOUND")
		want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": a.get("token")}), 200, "")
		s.signIn(t, ann)
	})
}

// TestDisownOfAnAuthenticator holds that a key that a stranger has seen is no
// second factor any more, unless it was replaced since.
func TestDisownOfAnAuthenticator(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		b := s.signUp(t, ann)
		b.enrol()
		s.mails(t)
		want(t, b.elsewhere().post("/two-factor/get-totp-uri", body{"password": goodPassword}), 200, "")
		old := s.link(t, ann, "Your authenticator's key was shown")
		s.wait(time.Minute)
		p := s.scan(t, b.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true}))
		want(t, b.verify(p.code(0)), 200, "")
		s.mails(t)
		reset := func(link string) {
			t.Helper()
			a := s.browser(t).post("/disown", body{"token": tokenOf(t, link)})
			want(t, a, 200, "")
			want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": a.get("token")}), 200, "")
			s.mails(t)
		}
		reset(old)
		b = s.challenge(t, ann) // the new one is asked for
		want(t, b.verify(p.next()), 200, "")
		want(t, b.elsewhere().post("/two-factor/get-totp-uri", body{"password": goodPassword}), 200, "")
		reset(s.link(t, ann, "Your authenticator's key was shown"))
		s.signIn(t, ann)
	})
}

// TestFirstNoticeIsBelieved holds that the stranger's mailbox cannot take an
// account back from the owner's.
func TestFirstNoticeIsBelieved(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		s.verify(t, owner, ann)
		stranger := s.signIn(t, ann)
		change := func(from, to string) (disown string) {
			s.wait(time.Minute)
			want(t, stranger.elsewhere().post("/change-email", body{"newEmail": to}), 200, "")
			wantRedirect(t, stranger.open(s.link(t, from, "Change your address")), "/email?done=confirmed")
			wantRedirect(t, stranger.open(s.link(t, to, "Verify your new address")), "/email?done=changed")
			return s.link(t, from, "Your address was changed")
		}
		owners := change(ann, "stranger@example.test")
		strangers := change("stranger@example.test", "stranger2@example.test")
		a := s.browser(t).post("/disown", body{"token": tokenOf(t, owners)})
		want(t, a, 200, "")
		want(t, s.browser(t).post("/disown", body{"token": tokenOf(t, strangers)}), 400, "INVALID_TOKEN")
		want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": a.get("token")}), 200, "")
		s.signIn(t, ann)

		late := s.signUp(t, bob)
		want(t, late.elsewhere().post("/change-password", body{"currentPassword": goodPassword, "newPassword": goodPassword}), 200, "")
		for _, m := range s.mails(t) {
			if m.Recipient == bob {
				s.wait(7 * 24 * time.Hour)
				want(t, s.browser(t).post("/disown", body{"token": tokenOf(t, strings.TrimPrefix(linkForm.FindString(m.Text), s.url.String()))}), 400, "INVALID_TOKEN")
			}
		}
	})
}

// TestTokensAreForOneThing sends each token to where it is not for, and holds
// that it stays good for what it is for.
func TestTokensAreForOneThing(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		tokens := map[string]string{}
		tokens["reset"] = tokenOf(t, s.askReset(t, ann))
		want(t, owner.elsewhere().post("/send-verification-email", body{"email": ann}), 200, "")
		tokens["verify"] = tokenOf(t, s.link(t, ann, "Verify your address"))
		s.accounts.Settings = set(t, required...)
		want(t, owner.elsewhere().post("/delete-user", body{}), 200, "")
		tokens["delete"] = tokenOf(t, s.link(t, ann, "Delete your account"))
		want(t, owner.register(s.device()), 200, "")
		tokens["disown"] = tokenOf(t, s.link(t, ann, "A passkey was added"))
		invite, err := s.accounts.InviteFirstAdmin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tokens["invite"] = string(invite)

		uses := map[string]func(token string) answer{
			"reset": func(token string) answer {
				return s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": token})
			},
			"verify": func(token string) answer { return owner.open("/api/auth/verify-email?token=" + token) },
			"delete": func(token string) answer { return owner.open("/api/auth/delete-user/callback?token=" + token) },
			"disown": func(token string) answer { return s.browser(t).post("/disown", body{"token": token}) },
			"invite": func(token string) answer {
				return s.browser(t).post("/sign-up/email", body{"email": bob, "name": "", "password": goodPassword, "invite": token})
			},
		}
		for what, token := range tokens {
			for use, send := range uses {
				if use == what {
					continue
				}
				if a := send(token); a.status < 400 || a.status >= 500 {
					t.Errorf("the token to %s is good to %s: %v", what, use, a)
				}
			}
			if _, err := s.db.OneTimeToken(t.Context(), account.Token(token).Hash()); err != nil {
				t.Errorf("the token to %s is spent on what it is not for", what)
			}
		}
	})
}

// TestTokensOnce holds that of many who send a token at once, one is served.
func TestTokensOnce(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		once := func(what string, send func(b *browser) answer) {
			t.Helper()
			var served atomic.Int32
			var wg sync.WaitGroup
			for range 16 {
				b := owner.elsewhere()
				wg.Go(func() {
					switch a := send(b); {
					case a.status == 200:
						served.Add(1)
					case a.status >= 500 || a.code() != "INVALID_TOKEN" && a.code() != "FAILED_TO_GET_USER_INFO" && a.code() != "UNAUTHORIZED":
						t.Errorf("%s: %v", what, a)
					}
				})
			}
			wg.Wait()
			if served.Load() != 1 {
				t.Errorf("%s: %d of 16 at once are served; want 1", what, served.Load())
			}
		}
		want(t, owner.elsewhere().post("/send-verification-email", body{"email": ann}), 200, "")
		token := tokenOf(t, s.link(t, ann, "Verify your address"))
		once("verify-email", func(b *browser) answer { return b.get("/verify-email?token=" + token) })

		token = tokenOf(t, s.askReset(t, ann))
		once("reset-password", func(b *browser) answer {
			return b.post("/reset-password", body{"newPassword": goodPassword, "token": token})
		})

		token = tokenOf(t, s.link(t, ann, "Your password was changed"))
		once("disown", func(b *browser) answer { return b.post("/disown", body{"token": token}) })

		s.mails(t)
		token = tokenOf(t, s.askReset(t, ann))
		want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": token}), 200, "")
		s.mails(t)
		owner = s.signIn(t, ann)
		s.accounts.Settings = set(t, required...)
		want(t, owner.elsewhere().post("/delete-user", body{}), 200, "")
		token = tokenOf(t, s.link(t, ann, "Delete your account"))
		once("delete-user/callback", func(b *browser) answer { return b.get("/delete-user/callback?token=" + token) })
	})
}
