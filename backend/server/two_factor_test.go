package server_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// scan returns an authenticator app that has scanned the otpauth URI in a response. The
// app uses the site's clock.
func (s *testServer) scan(t *testing.T, a testkit.Answer) *testkit.AuthenticatorApp {
	t.Helper()
	app := a.Scan(t)
	app.Now, app.Wait = s.clock.Now, s.clock.Advance
	s.apps.Add(app)
	return app
}

// nextCode advances the clock by one time step and returns the current code of the app.
func nextCode(app *testkit.AuthenticatorApp) string {
	app.Wait(testkit.Step)
	return app.Code(0)
}

// enable starts the enrollment of an authenticator in the browser's account. The
// enrollment is then pending until the first code.
func (b *browser) enable() (app *testkit.AuthenticatorApp, backupCodes []string) {
	b.t.Helper()
	a := b.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password})
	return b.server.scan(b.t, a), a.Strings("backupCodes")
}

// enroll turns on two-factor authentication for the browser's account.
func (b *browser) enroll() (app *testkit.AuthenticatorApp, backupCodes []string) {
	b.t.Helper()
	app, codes := b.enable()
	want(b.t, b.Elsewhere().Post("/two-factor/verify-totp", body{"code": app.Code(0)}), 200, "")
	return app, codes
}

// pendingSignIn sends the password of an account in a new browser, which then needs a
// second factor.
func (s *testServer) pendingSignIn(t *testing.T, email string) *browser {
	t.Helper()
	b := s.browser(t)
	b.passPassword(email)
	return b
}

// passPassword sends the password of an account with two-factor authentication.
func (b *browser) passPassword(email string) testkit.Answer {
	b.t.Helper()
	a := b.Elsewhere().SignIn(email)
	want(b.t, a, 403, "TWO_FACTOR_REQUIRED")
	return a
}

// verify sends a code of an authenticator.
func (b *browser) verify(code string) testkit.Answer {
	b.t.Helper()
	return b.Elsewhere().Post("/two-factor/verify-totp", body{"code": code})
}

// spend sends a backup code.
func (b *browser) spend(backupCode string) testkit.Answer {
	b.t.Helper()
	return b.Elsewhere().Post("/two-factor/verify-backup-code", body{"code": backupCode})
}

const ann = "ann@example.test"

// TestEnableTwoFactor tests that enrolling an authenticator requires the password, and
// that each enrollment has its own secret and backup codes. Sign-in must need no code
// until the first code verifies the enrollment. That verification revokes all other
// sessions.
func TestEnableTwoFactor(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		for _, in := range []body{{}, {"password": nil}, {"password": ""}, {"password": "wrong wrong"}, {"password": 1}} {
			a := b.Elsewhere().Post("/two-factor/enable", in)
			if a.Status < 400 || a.Status > 499 || strings.Contains(a.Body, "otpauth") {
				t.Errorf("enable with %v: %v", in, a)
			}
		}
		enable := func(option string, value any) testkit.Answer {
			return b.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, option: value})
		}
		want(t, enable("method", "sms"), 400, "VALIDATION_ERROR")
		want(t, enable("method", "otp"), 400, "OTP_NOT_CONFIGURED")
		want(t, enable("replace", true), 400, "TWO_FACTOR_NOT_ENABLED")
		want(t, enable("issuer", strings.Repeat("x", 101)), 400, "VALIDATION_ERROR")
		want(t, b.verify("123456"), 400, "TOTP_NOT_ENABLED")
		want(t, b.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}), 400, "TOTP_NOT_ENABLED")
		want(t, b.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password}), 400, "TWO_FACTOR_NOT_ENABLED")
		want(t, b.spend("aaaaa-bbbbb"), 400, "BACKUP_CODES_NOT_ENABLED")
		want(t, b.Elsewhere().Post("/two-factor/send-otp", body{}), 400, "TWO_FACTOR_NOT_ENABLED")
		wantStatus(t, b, shared.TwoFactor{})

		app, codes := b.enable()
		q := parse(t, app.URI).Query()
		secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(app.Secret)
		if err != nil || len(secret) != 20 || q.Get("period") != "30" || q.Get("digits") != "6" || q.Get("algorithm") != "SHA1" ||
			q.Get("issuer") != "Latchkey" {
			t.Errorf("URI %s: %v", app.URI, err)
		}
		form := regexp.MustCompile(`^([0-9a-hjkmnp-tv-z]{4}-){2}[0-9a-hjkmnp-tv-z]{4}$`)
		for _, code := range codes {
			if !form.MatchString(code) {
				t.Errorf("backup code %q", code)
			}
		}
		if slices.Sort(codes); len(slices.Compact(codes)) != 10 {
			t.Errorf("backup codes %q", codes)
		}
		wantStatus(t, b, shared.TwoFactor{Pending: true})
		if other, _ := s.signUp(t, "bob@example.test").enable(); other.Secret == app.Secret {
			t.Error("two users have one secret")
		}
		if again, _ := b.enable(); again.Secret == app.Secret {
			t.Error("enabling again gives the same secret")
		} else {
			want(t, b.verify(app.Code(0)), 401, "INVALID_CODE") // the server has deleted the first secret
			app = again
		}

		// Sign-in needs no code before the verification.
		wantAlive(t, s.signIn(t, ann), true, "a browser that signs in before the proof")
		other := s.signIn(t, ann)
		want(t, b.spend("aaaaa-bbbbb"), 400, "BACKUP_CODES_NOT_ENABLED")
		before := b.token()
		a := b.verify(app.Code(0))
		want(t, a, 200, "")
		if a.Get("user.twoFactorEnabled") != true || a.Get("token") != b.Session().Get("session.token") {
			t.Errorf("proved: %v", a)
		}
		if b.token() == before {
			t.Error("the session keeps its token")
		}
		s.clock.Advance(11 * time.Second)
		wantAlive(t, b, true, "the session of the proof")
		wantAlive(t, s.holding(t, "latchkey.session_token", before), false, "the token from before")
		wantAlive(t, other, false, "the other session")
		got := wantStatus(t, b, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		if got.Since == nil {
			t.Error("the status does not say since when")
		}
		want(t, b.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password}), 400, "TOTP_ALREADY_ENABLED")
		s.pendingSignIn(t, ann)
	})
}

// wantStatus returns the two-factor status of the browser's account. It fails the test
// unless the status, except for its time, equals the given one.
func wantStatus(t *testing.T, b *browser, want shared.TwoFactor) (got shared.TwoFactor) {
	t.Helper()
	a := b.Get("/two-factor/status")
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Errorf("status: %v, %v", a, err)
	}
	same := got
	if same.Since = nil; same != want {
		t.Errorf("status %v; want %+v", a, want)
	}
	return got
}

// TestSignInWithTwoFactor tests that the password alone starts only a pending sign-in,
// which gives no access, and that a code then starts a session. The pending sign-in must
// be valid once, for ten minutes.
func TestSignInWithTwoFactor(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, _ := owner.enroll()

		b := s.browser(t)
		a := b.Elsewhere().Post("/sign-in/email", body{"email": ann, "password": testkit.Password, "rememberMe": false})
		want(t, a, 403, "TWO_FACTOR_REQUIRED")
		if a.Get("message") != "twoFactorRequired" || a.Get("twoFactorRedirect") != true ||
			fmt.Sprint(a.Get("twoFactorMethods")) != "[totp otp]" || a.Get("token") != nil || a.Get("user") != nil {
			t.Errorf("sign-in: %v", a)
		}
		cookies := a.Header.Values("Set-Cookie")
		if len(cookies) != 2 || cookies[0] != "latchkey.session_token=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" ||
			!regexp.MustCompile(`^latchkey\.two_factor=[\w-]{43}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax$`).MatchString(cookies[1]) {
			t.Errorf("cookies: %q", cookies)
		}
		wantAlive(t, b, false, "a browser without the second factor")
		for _, e := range signedInEndpoints {
			want(t, b.callEndpoint(e), 401, "UNAUTHORIZED")
		}
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})

		spent := b.Cookie("latchkey.two_factor")
		a = b.verify(nextCode(app))
		want(t, a, 200, "")
		if a.Get("user.twoFactorEnabled") != true || a.Get("token") == nil {
			t.Errorf("verified: %v", a)
		}
		if all := strings.Join(a.Header.Values("Set-Cookie"), "\n"); !strings.Contains(all, "latchkey.two_factor=; Path=/; Max-Age=0") ||
			!regexp.MustCompile(`latchkey\.session_token=[\w-]{43}; Path=/; HttpOnly`).MatchString(all) { // "rememberMe" was false
			t.Errorf("cookies: %s", all)
		}
		wantAlive(t, b, true, "a browser with both factors")
		if list := b.Get("/list-sessions"); list.Get("0.method") != "password+totp" {
			t.Errorf("method: %v", list)
		}
		want(t, s.holding(t, "latchkey.two_factor", spent).verify(nextCode(app)), 401, "INVALID_TWO_FACTOR_COOKIE")

		expired := s.pendingSignIn(t, ann)
		s.clock.Advance(10 * time.Minute)
		want(t, expired.verify(app.Code(0)), 401, "INVALID_TWO_FACTOR_COOKIE")
	})
}

// TestEverySignInMethod calls every endpoint after the password and without a code, and
// tests that none returns a session or a part of one.
func TestEverySignInMethod(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, _ := owner.enroll()
		user := owner.Session().Get("user.id").(string)
		before, err := s.db.Sessions(t.Context(), user, account.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range slices.Concat(openEndpoints, signedInEndpoints, signingInEndpoints) {
			b := s.pendingSignIn(t, ann)
			a := b.Elsewhere().callEndpoint(e)
			if b.token() != "" || b.SignedIn(t) || a.Get("user") != nil || a.Get("token") != nil {
				t.Errorf("%s hands out a session: %v", e.path, a)
			}
		}
		after, err := s.db.Sessions(t.Context(), user, account.Now())
		if err != nil || len(after) != len(before) {
			t.Errorf("%d sessions, %v; want %d as before", len(after), err, len(before))
		}
		want(t, s.pendingSignIn(t, ann).verify(nextCode(app)), 200, "")
	})
}

// TestTOTPReplay tests that the server accepts each TOTP code once, in the current time
// step or an adjacent one. It also tests the errors for codes of other steps.
func TestTOTPReplay(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.MidStep()
		owner := s.signUp(t, ann)
		app, _ := owner.enable()
		first := app.Code(0)
		want(t, owner.verify(first), 200, "")
		want(t, s.pendingSignIn(t, ann).verify(first), 401, "INVALID_CODE") // the enrollment has consumed it
		want(t, s.pendingSignIn(t, ann).verify(app.Code(-1)), 401, "INVALID_CODE")

		one, two := s.pendingSignIn(t, ann), s.pendingSignIn(t, ann)
		code := app.Code(1)
		want(t, one.verify(code), 200, "")
		want(t, two.verify(code), 401, "INVALID_CODE")
		wantAlive(t, two, false, "the browser that sent a code again")
		want(t, owner.verify(code), 401, "INVALID_CODE") // it is not valid in a session either
		want(t, owner.Elsewhere().Post("/step-up", body{"code": code}), 401, "INVALID_CODE")

		for _, away := range []int{-10, -3, -2, 3} {
			a := s.pendingSignIn(t, ann).verify(app.Code(away))
			want(t, a, 401, "INVALID_CODE")
			says := "Your phone's clock seems to be"
			if away < 0 { // before a step whose code was used
				says = shared.ErrCodeTooOld.Message
			}
			if !strings.Contains(a.Body, says) {
				t.Errorf("%d steps away: %v; want %q", away, a, says)
			}
			if away == -2 { // a correct code, so that the wrong ones cause no lockout
				s.clock.Advance(30 * time.Second)
				want(t, s.pendingSignIn(t, ann).verify(nextCode(app)), 200, "")
			}
		}
		a := s.pendingSignIn(t, ann).verify(app.Code(-11))
		want(t, a, 401, "INVALID_CODE")
		if strings.Contains(a.Body, "seconds") { // the server does not check steps that far away
			t.Errorf("11 steps away: %v", a)
		}
		bob := s.signUp(t, "bob@example.test")
		q, _ := bob.enable()
		if a := bob.verify(q.Code(-4)); a.Status != 401 || !strings.Contains(a.Body, "about 120 seconds behind") {
			t.Errorf("4 steps behind: %v", a)
		}
		if a := bob.verify(q.Code(10)); a.Status != 401 || !strings.Contains(a.Body, "about 300 seconds ahead") {
			t.Errorf("10 steps ahead: %v", a)
		}
		for i, form := range []string{"", app.Code(0)[:5], app.Code(0) + "0", "+" + app.Code(0), "x" + app.Code(0)} {
			other := s.signUp(t, fmt.Sprintf("user%d@example.test", i))
			q, _ := other.enable()
			want(t, other.verify(strings.ReplaceAll(form, app.Code(0), q.Code(0))), 401, "INVALID_CODE")
		}
	})
}

// TestRevealedCodeIsInvalid tests that a future code is not valid later if the server has told
// a client that it is one: the client may have guessed it.
func TestRevealedCodeIsInvalid(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		app, _ := s.signUp(t, ann).enroll()
		s.clock.MidStep()
		b := s.pendingSignIn(t, ann)
		told, untold := app.Code(5), app.Code(6)
		if a := b.verify(told); a.Status != 401 || !strings.Contains(a.Body, "about 150 seconds ahead") {
			t.Errorf("5 steps ahead: %v", a)
		}
		// The server reveals that one of two codes is a future one. From then on it
		// answers every wrong code with a hint about the clock, which reveals nothing
		// about the second.
		off := shared.ErrClockOff.Message
		for _, code := range []string{untold, told, s.apps.Wrong()} {
			if a := b.verify(code); a.Status != 401 || a.Get("message") != off {
				t.Errorf("%s after one was told: %v", code, a)
			}
		}
		s.clock.Advance(4 * 30 * time.Second)
		want(t, b.verify(app.Code(0)), 200, "") // a code before the revealed one is valid
		s.clock.Advance(30 * time.Second)
		for range 20 { // it does not count as a guess, so it causes no lockout
			if a := s.pendingSignIn(t, ann).verify(told); a.Status != 401 || a.Get("message") != shared.ErrCodeTooEarly.Message {
				t.Fatalf("the told one in its own time: %v", a)
			}
		}
		if a := s.pendingSignIn(t, ann).verify(app.Code(4)); a.Get("message") != off { // the server still remembers the revealed code
			t.Errorf("4 steps ahead: %v", a)
		}
		s.clock.Advance(30 * time.Second)
		want(t, s.pendingSignIn(t, ann).verify(untold), 200, "")
	})
}

// TestPendingSignInTries tests that a pending sign-in has five attempts, over all kinds
// of codes, and consumes no code after them.
func TestPendingSignInTries(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		b := s.pendingSignIn(t, ann)
		for range 5 {
			want(t, b.verify(s.apps.Wrong()), 401, "INVALID_CODE")
		}
		cookie := b.Cookie("latchkey.two_factor")
		spent := func() *browser { return s.holding(t, "latchkey.two_factor", cookie) }
		a := b.verify(nextCode(app))
		want(t, a, 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		if b.Cookie("latchkey.two_factor") != "" {
			t.Errorf("the cookie stays: %v", a.Header)
		}
		want(t, b.verify(app.Code(0)), 401, "INVALID_TWO_FACTOR_COOKIE")
		want(t, spent().verify(app.Code(0)), 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		want(t, spent().spend(codes[0]), 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		want(t, s.pendingSignIn(t, ann).verify(app.Code(0)), 200, "")

		both := s.pendingSignIn(t, ann)
		for range 3 {
			want(t, both.verify(s.apps.Wrong()), 401, "INVALID_CODE")
		}
		for _, wrong := range []string{"aaaaa-bbbbb", "x"} {
			want(t, both.spend(wrong), 401, "INVALID_BACKUP_CODE")
		}
		want(t, both.spend(codes[0]), 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "") // the previous pending sign-in did not consume it
	})
}

// TestSecondFactorLockout tests that ten wrong codes at sign-in lock the account's second
// factor at sign-in, and nothing else. The duration must double with each lockout.
func TestSecondFactorLockout(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		trusted := s.pendingSignIn(t, ann)
		want(t, trusted.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}), 200, "")
		guess := func(n int) testkit.Answer {
			if n%2 == 0 {
				return s.pendingSignIn(t, ann).verify(s.apps.Wrong())
			}
			return s.pendingSignIn(t, ann).spend("aaaaa-bbbbb")
		}
		const day = 24 * time.Hour
		for round, wait := range []time.Duration{
			15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, day, day,
		} {
			began := s.clock.Now()
			for n := range 10 {
				if a := guess(n); a.Status != 401 {
					t.Fatalf("round %d, wrong code %d: %v", round, n, a)
				}
			}
			for what, a := range map[string]testkit.Answer{
				"the right code": s.pendingSignIn(t, ann).verify(app.Code(0)),
				"a backup code":  s.pendingSignIn(t, ann).spend(codes[0]),
			} {
				want(t, a, 429, "ACCOUNT_TEMPORARILY_LOCKED")
				after, _ := strconv.Atoi(a.Header.Get("Retry-After"))
				left, least := time.Duration(after)*time.Second, wait-s.clock.Now().Sub(began)-time.Second
				if left > wait || left < least || a.Header.Get("X-Retry-After") != a.Header.Get("Retry-After") {
					t.Errorf("round %d, %s: wait %v; want %v to %v", round, what, left, least, wait)
				}
			}
			if round == 0 {
				wantAlive(t, owner, true, "the owner's live session")
				want(t, owner.Elsewhere().Post("/verify-password", body{"password": testkit.Password}), 200, "") // it has its own counter
				want(t, owner.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 200, "")                // and so does this
				want(t, trusted.Elsewhere().SignIn(ann), 200, "")
			}
			s.clock.Advance(wait)
		}
		for n := range 10 {
			guess(n)
		}
		s.clock.Advance(2 * day)
		a := s.pendingSignIn(t, ann).verify(app.Code(0)) // after a hundred consecutive wrong codes the lockout does not expire
		want(t, a, 429, "ACCOUNT_TEMPORARILY_LOCKED")
		if a.Header.Get("Retry-After") != "" || !strings.Contains(a.Body, "unlock") {
			t.Errorf("after a hundred: %v %v", a, a.Header)
		}

		// A new password ends the lockout: the attacker knew the old one.
		b := s.browser(t)
		want(t, trusted.Elsewhere().SignIn(ann), 200, "")
		change := body{"currentPassword": testkit.Password, "newPassword": nextPassword}
		want(t, trusted.Elsewhere().Post("/change-password", change), 200, "")
		want(t, b.Elsewhere().Post("/sign-in/email", body{"email": ann, "password": nextPassword}), 403, "TWO_FACTOR_REQUIRED")
		want(t, b.verify(app.Code(0)), 200, "")
	})
}

// TestLockoutInSession tests that the server also counts wrong codes in a session. An
// attacker with a stolen session must not be able to keep the owner from signing in.
func TestLockoutInSession(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		thief := s.holding(t, "latchkey.session_token", owner.token())
		guesses := []func() testkit.Answer{
			func() testkit.Answer { return thief.verify(s.apps.Wrong()) },
			func() testkit.Answer { return thief.Elsewhere().Post("/step-up", body{"code": s.apps.Wrong()}) },
			func() testkit.Answer { return thief.spend("aaaaa-bbbbb") },
		}
		for n := range 10 {
			if a := guesses[n%3](); a.Status != 401 {
				t.Errorf("wrong code %d: %v", n, a)
			}
		}
		for _, a := range []testkit.Answer{
			owner.verify(nextCode(app)), owner.spend(codes[0]), owner.Elsewhere().Post("/step-up", body{"code": app.Code(0)}), guesses[0](),
		} {
			want(t, a, 429, "ACCOUNT_TEMPORARILY_LOCKED")
		}
		wantAlive(t, owner, true, "a locked session")
		want(t, s.pendingSignIn(t, ann).verify(app.Code(0)), 200, "")
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")
		want(t, owner.verify(nextCode(app)), 429, "ACCOUNT_TEMPORARILY_LOCKED") // signing in does not end the lockout
		// A user with a session and the password can end the lockout by disabling
		// two-factor authentication.
		want(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
		again, _ := owner.enable()
		want(t, owner.verify(again.Code(0)), 200, "")
	})
}

// TestCorrectCodeResetsCount tests that a correct code of any kind resets the count of
// consecutive wrong codes. A used code must not count as wrong.
func TestCorrectCodeResetsCount(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		for i, right := range []func() testkit.Answer{
			func() testkit.Answer { return owner.verify(nextCode(app)) },
			func() testkit.Answer { return s.pendingSignIn(t, ann).verify(nextCode(app)) },
			func() testkit.Answer { return owner.Elsewhere().Post("/step-up", body{"code": nextCode(app)}) },
			func() testkit.Answer { return s.pendingSignIn(t, ann).spend(codes[0]) },
		} {
			for range 9 {
				if i%2 == 0 {
					want(t, owner.verify(s.apps.Wrong()), 401, "INVALID_CODE")
				} else {
					want(t, s.pendingSignIn(t, ann).verify(s.apps.Wrong()), 401, "INVALID_CODE")
				}
			}
			want(t, right(), 200, "")
		}
		for range 9 {
			want(t, owner.verify(s.apps.Wrong()), 401, "INVALID_CODE")
			want(t, s.pendingSignIn(t, ann).verify(s.apps.Wrong()), 401, "INVALID_CODE")
		}
		// A used code does not count as a guess.
		for range 3 {
			want(t, s.pendingSignIn(t, ann).spend(codes[0]), 401, "INVALID_BACKUP_CODE")
			want(t, owner.spend(codes[0]), 401, "INVALID_BACKUP_CODE")
		}
		want(t, owner.verify(nextCode(app)), 200, "")
		want(t, s.pendingSignIn(t, ann).verify(nextCode(app)), 200, "")
	})
}

// TestPendingEnrollment tests that an unverified authenticator is valid only in the
// session that enrolled it, for an hour. It must not survive a new password, new backup
// codes, or the session.
func TestPendingEnrollment(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze() // the hour ends at an exact second
		owner := s.signUp(t, ann)
		seen, _ := owner.enable()
		other := s.signIn(t, ann)
		want(t, other.verify(seen.Code(0)), 400, "TOTP_NOT_ENABLED") // it belongs to the other session
		wantStatus(t, other, shared.TwoFactor{})
		s.clock.Advance(59 * time.Minute)
		wantStatus(t, owner, shared.TwoFactor{Pending: true})
		want(t, owner.Elsewhere().Post("/two-factor/verify-totp", body{"code": s.apps.Wrong(), "enrol": true}), 401, "INVALID_CODE")
		s.clock.Advance(time.Minute)
		want(t, owner.verify(seen.Code(0)), 400, "TOTP_NOT_ENABLED") // an hour is over
		wantStatus(t, owner, shared.TwoFactor{})

		for what, end := range map[string]func(){
			"a new password": func() {
				want(t, owner.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
				s.restorePassword(t)
			},
			"new backup codes": func() {
				want(t, owner.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password}), 200, "")
			},
			"signing out": func() {
				want(t, owner.Elsewhere().Post("/sign-out", body{}), 200, "")
				owner = s.pendingSignIn(t, ann)
				want(t, owner.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(seen)}), 200, "")
			},
		} {
			seen, _ = owner.enroll()
			a := owner.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true})
			planted := s.scan(t, a)
			end()
			wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
			if a := owner.verify(nextCode(planted)); a.Code() != "INVALID_CODE" {
				t.Errorf("after %s: %v", what, a)
			}
			want(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
		}
	})
}

// TestSealedForTheRow tests that an attacker who can write to the database cannot make
// the authenticator of one account valid for another.
func TestSealedForTheRow(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		annes, _ := s.signUp(t, ann).enroll()
		s.signUp(t, "bob@example.test").enroll()
		var rows [2]account.TOTP
		for i, email := range []string{ann, "bob@example.test"} {
			user, _, err := s.db.UserByEmail(t.Context(), email)
			if err != nil {
				t.Fatal(err)
			}
			all, err := s.db.TOTPs(t.Context(), user.ID, "", account.Now())
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			rows[i] = all[0]
		}
		rows[1].Secret = rows[0].Secret
		if err := errors.Join(s.db.DeleteTOTPs(t.Context(), rows[1].UserID), s.db.AddTOTP(t.Context(), rows[1])); err != nil {
			t.Fatal(err)
		}
		want(t, s.pendingSignIn(t, "bob@example.test").verify(nextCode(annes)), 500, "INTERNAL_SERVER_ERROR")
		want(t, s.pendingSignIn(t, ann).verify(annes.Code(0)), 200, "")
	})
}

// TestBackupCodes tests that each backup code is valid once, for its account only. New
// codes must require the password, and revoke the old codes and all other sessions.
func TestBackupCodes(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		_, codes := owner.enroll()
		one, two := s.pendingSignIn(t, ann), s.pendingSignIn(t, ann)
		want(t, one.spend(codes[0]), 200, "")
		if list := one.Get("/list-sessions"); list.Get("0.method") != "password+backup-code" {
			t.Errorf("method: %v", list)
		}
		a := two.spend(codes[0])
		want(t, a, 401, "INVALID_BACKUP_CODE")
		if a.Get("message") == "Invalid backup code" {
			t.Errorf("used again: %v; it should say that it was used", a)
		}
		want(t, two.spend(strings.ReplaceAll(codes[0], "-", "")), 401, "INVALID_BACKUP_CODE") // it is the same code
		want(t, two.spend(codes[1]), 200, "")
		want(t, owner.spend(codes[2]), 200, "") // a session consumes it, too
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 7})

		three := s.pendingSignIn(t, ann)
		a = three.Elsewhere().Post("/two-factor/verify-backup-code", body{"code": codes[3], "disableSession": true})
		want(t, a, 200, "")
		if a.Get("token") != nil || a.Get("user.email") != ann || three.SignedIn(t) {
			t.Errorf("without a session: %v", a)
		}
		want(t, three.spend(codes[4]), 401, "INVALID_TWO_FACTOR_COOKIE")

		pending := s.pendingSignIn(t, ann)
		want(t, owner.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": "wrong wrong"}), 400, "INVALID_PASSWORD")
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 6})
		before := owner.token()
		a = owner.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password})
		want(t, a, 200, "")
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
		wantAlive(t, one, false, "another session")
		want(t, pending.verify(s.apps.Wrong()), 401, "INVALID_TWO_FACTOR_COOKIE")
		next := a.Strings("backupCodes")
		if len(next) != 10 {
			t.Fatalf("new codes: %v", a)
		}
		want(t, s.pendingSignIn(t, ann).spend(codes[4]), 401, "INVALID_BACKUP_CODE")
		want(t, s.pendingSignIn(t, ann).spend(next[0]), 200, "")

		// The codes of one user are not valid for another.
		bob := s.signUp(t, "bob@example.test")
		_, bobs := bob.enroll()
		want(t, s.pendingSignIn(t, ann).spend(bobs[0]), 401, "INVALID_BACKUP_CODE")
		want(t, bob.spend(bobs[0]), 200, "")
	})
}

// TestDisableTwoFactor tests that turning off two-factor authentication requires the
// password and revokes all other sessions and pending sign-ins. No response may contain
// the secret or the backup codes unless the user requests them with the password.
func TestDisableTwoFactor(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		for _, path := range []string{"/two-factor/disable", "/two-factor/get-totp-uri", "/two-factor/generate-backup-codes"} {
			for _, in := range []body{
				{}, {"password": ""}, {"password": nil}, {"password": "wrong wrong"}, {"password": strings.Repeat("x", 60_000)},
			} {
				if a := owner.Elsewhere().Post(path, in); a.Status < 400 || a.Status > 499 {
					t.Errorf("%s %.40v: %v", path, in, a)
				}
			}
		}
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		a := owner.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password})
		want(t, a, 200, "")
		if a.Get("totpURI") != app.URI {
			t.Errorf("URI %v; want %s", a, app.URI)
		}
		for _, path := range []string{"/get-session", "/list-sessions", "/two-factor/status", "/list-trusted-devices"} {
			wantAbsent(t, owner.Get(path).Body, append(codes, app.Secret)...)
		}

		other, pending := s.pendingSignIn(t, ann), s.pendingSignIn(t, ann)
		want(t, other.verify(nextCode(app)), 200, "")
		before := owner.token()
		want(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
		wantStatus(t, owner, shared.TwoFactor{})
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
		wantAlive(t, other, false, "the other session")
		want(t, pending.verify(nextCode(app)), 401, "INVALID_TWO_FACTOR_COOKIE")
		wantAlive(t, s.signIn(t, ann), true, "a browser that signs in without a code")
		want(t, owner.verify(app.Code(0)), 400, "TOTP_NOT_ENABLED")
		want(t, owner.spend(codes[0]), 400, "BACKUP_CODES_NOT_ENABLED")
		before = owner.token()
		want(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
	})
}

// TestReplaceAuthenticator tests that the old authenticator stays valid until a code
// verifies the new one, and that the backup codes stay.
func TestReplaceAuthenticator(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		old, codes := owner.enroll()
		want(t, owner.Elsewhere().Post("/two-factor/enable", body{"password": "wrong wrong", "replace": true}), 400, "INVALID_PASSWORD")
		a := owner.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true})
		want(t, a, 200, "")
		if !strings.Contains(a.Body, `"backupCodes":[]`) {
			t.Errorf("new backup codes: %v", a)
		}
		next := s.scan(t, a)
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10, Pending: true})

		s.clock.MidStep()
		s.clock.Advance(30 * time.Second)
		want(t, s.pendingSignIn(t, ann).verify(next.Code(0)), 401, "INVALID_CODE") // not yet
		want(t, owner.Elsewhere().Post("/step-up", body{"code": next.Code(0)}), 401, "INVALID_CODE")
		other := s.pendingSignIn(t, ann)
		want(t, other.verify(old.Code(0)), 200, "")
		a = owner.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password})
		if a.Get("totpURI") != old.URI {
			t.Errorf("URI %v; want that of the one that is good", a)
		}
		want(t, owner.verify(s.apps.Wrong()), 401, "INVALID_CODE")
		for range 20 { // the server requires a code of the new one, and counts no guess
			if a := owner.verify(old.Code(1)); a.Status != 401 || a.Get("message") != shared.ErrCodeOfOldAuthenticator.Message {
				t.Fatalf("a code of the old one: %v", a)
			}
		}
		want(t, owner.Elsewhere().Post("/step-up", body{"code": old.Code(1)}), 200, "")
		if a := owner.verify(old.Code(5)); a.Status != 401 || a.Get("message") != "Invalid code" { // the error does not reveal it
			t.Errorf("a code to come of the old one: %v", a)
		}
		before := owner.token()
		want(t, owner.verify(next.Code(0)), 200, "")
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
		wantAlive(t, other, false, "the other session")
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		s.clock.Advance(30 * time.Second)
		want(t, s.pendingSignIn(t, ann).verify(old.Code(0)), 401, "INVALID_CODE")
		want(t, s.pendingSignIn(t, ann).verify(next.Code(0)), 200, "")
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")

		// A code of an expired enrollment does not count as a code of the authenticator.
		next = s.scan(t, owner.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true}))
		s.clock.Advance(time.Hour)
		for range 11 { // and does not count as a wrong code
			want(t, owner.Elsewhere().Post("/two-factor/verify-totp", body{"code": next.Code(0), "enrol": true}), 400, "TOTP_NOT_ENABLED")
		}
	})
}

// TestNewAuthenticatorUnlocks tests that the lockout of an authenticator ends when a new
// one replaces it.
func TestNewAuthenticatorUnlocks(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		owner.enroll()
		for range 10 {
			want(t, s.pendingSignIn(t, ann).verify(s.apps.Wrong()), 401, "INVALID_CODE")
		}
		next := s.scan(t, owner.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true}))
		want(t, owner.verify(next.Code(0)), 200, "")
		want(t, s.pendingSignIn(t, ann).verify(nextCode(next)), 200, "")
	})
}

// TestRevokesAtOnce tests that turning off two-factor authentication and revoking a
// session with a pending enrollment do not deadlock.
func TestRevokesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		for range 10 {
			app, _ := owner.enroll()
			other := s.pendingSignIn(t, ann)
			want(t, other.verify(nextCode(app)), 200, "")
			want(t, other.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true}), 200, "")
			var both sync.WaitGroup
			both.Go(func() {
				want(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
			})
			both.Go(func() { want(t, other.Elsewhere().Post("/sign-out", body{}), 200, "") })
			both.Wait()
		}
	})
}

// TestTrustedDevices tests that a trusted browser needs no code for the accounts that
// trust it, and that each sign-in rotates the token. The trust must end after 30 days
// without use, when the user revokes it, and with the factors.
func TestTrustedDevices(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, _ := owner.enroll()
		trust := func() *browser {
			b := s.pendingSignIn(t, ann)
			a := b.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true})
			want(t, a, 200, "")
			cookie := regexp.MustCompile(`latchkey\.trust_device=[\w-]{43}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax`)
			if cookies := strings.Join(a.Header.Values("Set-Cookie"), "\n"); !cookie.MatchString(cookies) {
				t.Errorf("cookies: %s", cookies)
			}
			return b
		}
		signIn := func(b *browser, email string) testkit.Answer {
			return b.Elsewhere().SignIn(email)
		}
		b := trust()
		first := b.Cookie("latchkey.trust_device")
		want(t, signIn(b, ann), 200, "")
		if list := b.Get("/list-sessions"); list.Get("0.method") != "password+trusted-device" {
			t.Errorf("method: %v", list)
		}
		if b.Cookie("latchkey.trust_device") == first {
			t.Error("the token opens a second sign-in")
		}
		want(t, signIn(s.holding(t, "latchkey.trust_device", first), ann), 403, "TWO_FACTOR_REQUIRED")
		s.pendingSignIn(t, ann) // another browser

		// Another user of that browser needs a code, and may trust the browser, too.
		bob := s.signUp(t, "bob@example.test")
		q, _ := bob.enroll()
		want(t, signIn(b, "bob@example.test"), 403, "TWO_FACTOR_REQUIRED")
		want(t, b.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(q), "trustDevice": true}), 200, "")
		want(t, signIn(b, ann), 200, "")
		want(t, signIn(b, "bob@example.test"), 200, "")
		want(t, signIn(b, ann), 200, "")

		// The user lists the trusted browsers and revokes them one after the other.
		second := trust()
		a := owner.Get("/list-trusted-devices")
		var list []shared.TrustedDevice
		if err := json.Unmarshal([]byte(a.Body), &list); err != nil || len(list) != 2 {
			t.Fatalf("trusted devices: %v, %v", a, err)
		}
		if d := list[0]; d.IsCurrent || d.Device.Browser != "Firefox 153" || d.IPAddress == "" ||
			d.ExpiresAt.Sub(d.LastUsedAt.Time) != 30*24*time.Hour {
			t.Errorf("trusted device: %+v", d)
		}
		if a := second.Get("/list-trusted-devices"); a.Get("0.isCurrent") != true || a.Get("1.isCurrent") != false {
			t.Errorf("trusted devices: %v", a)
		}
		want(t, bob.Elsewhere().Post("/revoke-trusted-device", body{"id": list[0].ID}), 200, "") // without effect
		want(t, signIn(second, ann), 200, "")
		want(t, owner.Elsewhere().Post("/revoke-trusted-device", body{"id": list[0].ID}), 200, "")
		want(t, signIn(second, ann), 403, "TWO_FACTOR_REQUIRED")
		want(t, signIn(b, ann), 200, "")
		want(t, owner.Elsewhere().Post("/revoke-trusted-devices", body{}), 200, "")
		want(t, signIn(b, ann), 403, "TWO_FACTOR_REQUIRED")
		want(t, signIn(b, "bob@example.test"), 200, "") // the other user's trust stays

		// Trust lasts 30 days from the last use.
		b = trust()
		s.clock.Advance(29 * 24 * time.Hour)
		want(t, signIn(b, ann), 200, "")
		s.clock.Advance(29 * 24 * time.Hour)
		want(t, signIn(b, ann), 200, "")
		s.clock.Advance(31 * 24 * time.Hour)
		want(t, signIn(b, ann), 403, "TWO_FACTOR_REQUIRED")

		// Trust ends with the factors.
		for what, end := range map[string]func(b *browser){
			"a new password": func(b *browser) {
				change := func(from, to string) {
					want(t, b.Elsewhere().Post("/change-password", body{"currentPassword": from, "newPassword": to}), 200, "")
				}
				change(testkit.Password, nextPassword)
				change(nextPassword, testkit.Password)
			},
			"new backup codes": func(b *browser) {
				want(t, b.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password}), 200, "")
			},
			"another authenticator": func(b *browser) {
				want(t, b.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
				app, _ = b.enroll()
			},
		} {
			b := trust()
			o := s.pendingSignIn(t, ann)
			want(t, o.verify(nextCode(app)), 200, "")
			end(o)
			if a := signIn(b, ann); a.Status != 403 {
				t.Errorf("after %s: %v", what, a)
			}
		}
	})
}

// TestEmailCodes tests that an emailed code is valid once, for one pending sign-in or
// session, for three minutes and five attempts. A limit must keep the endpoint from
// filling a mailbox.
func TestEmailCodes(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		mailed := func() string { return s.mailedCode(t) }
		send := func(b *browser) testkit.Answer { return b.Elsewhere().Post("/two-factor/send-otp", body{}) }
		verify := func(b *browser, code string) testkit.Answer {
			return b.Elsewhere().Post("/two-factor/verify-otp", body{"code": code})
		}

		owner := s.signUp(t, ann)
		want(t, send(owner), 400, "TWO_FACTOR_NOT_ENABLED")
		want(t, verify(owner, "123456"), 400, "OTP_HAS_EXPIRED")
		owner.enroll()
		b := s.browser(t)
		if a := b.passPassword(ann); fmt.Sprint(a.Get("twoFactorMethods")) != "[totp otp]" {
			t.Errorf("methods: %v", a)
		}
		want(t, verify(b, "123456"), 400, "OTP_HAS_EXPIRED")
		want(t, b.Elsewhere().Do("POST", "/api/auth/two-factor/send-otp", "", "Content-Type:"), 200, "")
		first := mailed()
		want(t, send(b), 200, "")
		code := mailed()
		if first == "" || code == "" {
			t.Fatal("no code came by email")
		}
		wantAbsent(t, s.dump(t), code+".", code+" ")
		if first != code {
			want(t, verify(b, first), 401, "INVALID_CODE")
		}
		want(t, verify(s.pendingSignIn(t, ann), code), 400, "OTP_HAS_EXPIRED") // it belongs to the other pending sign-in
		want(t, verify(owner, code), 400, "OTP_HAS_EXPIRED")
		want(t, verify(b, code), 200, "")
		if list := b.Get("/list-sessions"); list.Get("0.method") != "password+email-code" {
			t.Errorf("method: %v", list)
		}

		want(t, send(owner), 200, "")
		code = mailed()
		want(t, verify(owner, code), 200, "")
		want(t, verify(owner, code), 400, "OTP_HAS_EXPIRED") // it was used

		late := s.pendingSignIn(t, ann)
		want(t, send(late), 200, "")
		code = mailed()
		s.clock.Advance(3 * time.Minute)
		want(t, verify(late, code), 400, "OTP_HAS_EXPIRED")

		tries := s.pendingSignIn(t, ann)
		want(t, send(tries), 200, "")
		code = mailed()
		wrong := fmt.Sprintf("%06d", (atoi(code)+1)%1_000_000)
		for range 5 {
			want(t, verify(tries, wrong), 401, "INVALID_CODE")
		}
		want(t, verify(tries, code), 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		want(t, verify(tries, code), 400, "OTP_HAS_EXPIRED")
		s.clock.Advance(15 * time.Minute)
		tries = s.pendingSignIn(t, ann)
		for range 5 {
			s.clock.Advance(time.Second)  // emails of the same time have no order
			want(t, send(tries), 200, "") // five in a quarter of an hour
		}
		a := send(tries)
		want(t, a, 429, "TOO_MANY_REQUESTS")
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %v", a.Header)
		}
		code = mailed()
		want(t, verify(tries, code), 200, "")
	})
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

func TestStepUpByCode(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		want(t, owner.Elsewhere().Post("/step-up", body{}), 400, "VALIDATION_ERROR")
		want(t, owner.Elsewhere().Post("/step-up", body{"code": "123456"}), 400, "TOTP_NOT_ENABLED")
		app, _ := owner.enroll()
		s.clock.Advance(setting.FreshWindow)
		want(t, owner.Elsewhere().Post("/delete-user", body{}), 403, "SESSION_NOT_FRESH")
		want(t, owner.Elsewhere().Post("/step-up", body{"code": s.apps.Wrong()}), 401, "INVALID_CODE")
		want(t, owner.Elsewhere().Post("/delete-user", body{}), 403, "SESSION_NOT_FRESH")
		before := owner.token()
		want(t, owner.Elsewhere().Post("/step-up", body{"code": app.Code(0)}), 200, "")
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
		want(t, owner.Elsewhere().Post("/delete-user", body{}), 403, "CONFIRMATION_REQUIRED")
	})
}

// TestTwoFactorRedirect tests the setting with which the server responds like Better Auth
// to a correct password without a second factor.
func TestTwoFactorRedirect(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := open(t, storetest.Open(t, url), func(c *server.Config) { c.Accounts.Settings = set(t, "TWO_FACTOR_SIGN_IN=redirect") })
		app, _ := s.signUp(t, ann).enroll()
		b := s.browser(t)
		a := b.Elsewhere().Post("/sign-in/email", body{"email": ann, "password": testkit.Password, "callbackURL": "/welcome"})
		if a.Status != 200 || a.Body != `{"twoFactorRedirect":true,"twoFactorMethods":["totp","otp"]}` || a.Header.Get("Location") != "/welcome" {
			t.Errorf("sign-in: %v", a)
		}
		want(t, b.verify(nextCode(app)), 200, "")
	})
}

// TestTwoFactorRaces tests that if many parallel requests send one correct code, one of
// them signs in.
func TestTwoFactorRaces(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		user := owner.Session().Get("user.id").(string)
		atOnce := func(what string, send func(i int) testkit.Answer) {
			t.Helper()
			before, err := s.db.Sessions(t.Context(), user, account.Now())
			if err != nil {
				t.Fatal(err)
			}
			testkit.OnlySuccess(t, what, testkit.AtOnce(16, send))
			after, err := s.db.Sessions(t.Context(), user, account.Now())
			if err != nil {
				t.Fatal(err)
			}
			if len(after) != len(before)+1 {
				t.Errorf("%s: 16 at once make %d sessions; want 1", what, len(after)-len(before))
			}
		}
		for round := range 3 {
			pending := func() (all [16]*browser) {
				for i := range all {
					all[i] = s.pendingSignIn(t, ann)
				}
				return all
			}
			some := pending()
			atOnce("a backup code", func(i int) testkit.Answer { return some[i].spend(codes[round]) })
			some = pending()
			code := nextCode(app)
			atOnce("a code", func(i int) testkit.Answer { return some[i].verify(code) })
			one := s.pendingSignIn(t, ann)
			code = nextCode(app)
			atOnce("one pending sign-in", func(int) testkit.Answer { return one.Elsewhere().verify(code) })
		}
	})
}

// TestWrongCodesAtOnce tests that the server counts all of many parallel wrong codes.
func TestWrongCodesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann).enroll()
		var checked, refused atomic.Int32
		var all sync.WaitGroup
		pending := make([]*browser, 30)
		for i := range pending {
			pending[i] = s.pendingSignIn(t, ann)
		}
		for _, b := range pending {
			all.Go(func() {
				switch a := b.verify(s.apps.Wrong()); a.Code() {
				case "INVALID_CODE":
					checked.Add(1)
				case "ACCOUNT_TEMPORARILY_LOCKED":
					refused.Add(1)
				default:
					t.Errorf("wrong code: %v", a)
				}
			})
		}
		all.Wait()
		if checked.Load() != 10 || refused.Load() != 20 {
			t.Errorf("%d of 30 wrong codes were checked, %d were not; want 10 and 20", checked.Load(), refused.Load())
		}
	})
}

// TestWrongCodesOfOnePendingSignIn tests that parallel wrong codes of one pending sign-in
// count, and that none is checked beyond its limit.
func TestWrongCodesOfOnePendingSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		one := s.pendingSignIn(t, ann)
		checked := 0
		for _, a := range testkit.AtOnce(16, func(i int) testkit.Answer {
			if i%2 == 0 {
				return one.Elsewhere().verify(s.apps.Wrong())
			}
			return one.Elsewhere().spend("aaaa-bbbb-cccc")
		}) {
			if a.Status == 401 && a.Code() != "INVALID_TWO_FACTOR_COOKIE" {
				checked++
			} else if a.Code() != "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE" && a.Code() != "INVALID_TWO_FACTOR_COOKIE" {
				t.Errorf("wrong code: %v", a)
			}
		}
		if checked != shared.PendingSignInTries {
			t.Errorf("%d of 16 wrong codes were checked; want %d", checked, shared.PendingSignInTries)
		}
		if n := s.events(t, shared.EventCodeFailed); n != checked {
			t.Errorf("the log has %d wrong codes; want %d", n, checked)
		}
		want(t, s.pendingSignIn(t, ann).verify(nextCode(app)), 200, "")
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")
	})
}

// TestRefusedSignInSpendsNoCode tests that a correct code stays valid if the sign-in fails
// for another reason, and that the attempt does not count.
func TestRefusedSignInSpendsNoCode(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		b := s.pendingSignIn(t, ann)
		s.exec(t, "UPDATE users SET disabled_at = created_at")
		code := nextCode(app)
		for range 12 { // more than any limit of wrong codes
			want(t, b.verify(code), 403, "ACCOUNT_DISABLED")
			want(t, b.spend(codes[0]), 403, "ACCOUNT_DISABLED")
		}
		s.exec(t, "UPDATE users SET disabled_at = NULL")
		want(t, b.verify(code), 200, "")
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")
	})
}

// TestTwoFactorMails tests that the owner gets an email about every security-relevant
// change, and that the log records them all, both without secrets.
func TestTwoFactorMails(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, codes := owner.enroll()
		secret, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(app.Secret)
		secrets := append(forms(codes), app.Secret, string(secret), hex.EncodeToString(secret),
			base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret))
		wantAbsent(t, s.dump(t), secrets...)
		mails := func(subjects ...string) {
			t.Helper()
			var got []string
			for _, m := range s.mails(t) {
				got = append(got, m.Subject)
				if m.Recipient != ann || !statesClient(m) {
					t.Errorf("email: %+v", m)
				}
				wantAbsent(t, m.Text+m.HTML+m.Subject, append(secrets, testkit.Password)...)
			}
			if slices.Sort(got); !slices.Equal(got, subjects) {
				t.Errorf("emails %q; want %q", got, subjects)
			}
		}
		mails(en.T(message.MailTwoFactorEnabledSubject))
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")
		mails(en.T(message.EventBackupCodeUsed))
		for range 10 {
			want(t, s.pendingSignIn(t, ann).verify(s.apps.Wrong()), 401, "INVALID_CODE")
		}
		mails(en.T(message.MailCodeGuessingSubject))
		for range 10 {
			want(t, owner.verify(s.apps.Wrong()), 401, "INVALID_CODE")
		}
		mails(en.T(message.MailCodeGuessingSubject))
		want(t, owner.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}), 200, "")
		mails(en.T(message.MailTOTPKeyShownSubject))
		s.clock.Advance(time.Hour)
		want(t, owner.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 200, "")
		want(t, owner.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password}), 200, "")
		mails(en.T(message.MailBackupCodesMadeSubject))
		a := owner.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true})
		next := s.scan(t, a)
		secrets = append(secrets, next.Secret) // pending until its first code
		wantAbsent(t, s.dump(t), secrets...)
		want(t, owner.verify(next.Code(0)), 200, "")
		mails(en.T(message.MailAuthenticatorReplacedSubject))
		trusted := s.pendingSignIn(t, ann)
		want(t, trusted.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(next), "trustDevice": true}), 200, "")
		want(t, owner.Elsewhere().Post("/revoke-trusted-devices", body{}), 200, "")
		want(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
		mails(en.T(message.MailTwoFactorDisabledSubject))
		want(t, owner.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		mails(en.T(message.MailPasswordChangedSubject))

		dump := s.dump(t)
		for _, kind := range []string{
			shared.EventTwoFactorPending, shared.EventTwoFactorEnabled, shared.EventTwoFactorDisabled, shared.EventAuthenticatorReplaced,
			shared.EventBackupCodesMade, shared.EventBackupCodeUsed, shared.EventSecondFactorRequired, shared.EventCodeFailed, shared.EventLockout,
			shared.EventTOTPURIRead, shared.EventDeviceTrusted, shared.EventTrustedDeviceRevoked,
		} {
			if !strings.Contains(dump, kind) {
				t.Errorf("no event %s", kind)
			}
		}
		wantAbsent(t, s.log.String(), secrets...)
	})
}

// forms returns backup codes with and without their hyphen.
func forms(codes []string) []string {
	all := slices.Clone(codes)
	for _, code := range codes {
		all = append(all, strings.ReplaceAll(code, "-", ""))
	}
	return all
}

// TestSealedMails tests that an attacker who can write to the database can neither read a
// queued email nor redirect it to another address.
func TestSealedMails(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann).enroll()
		now := s.clock.Now()
		m, found, err := s.db.LeaseMail(t.Context(), now, now)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		if strings.Contains(m.Text+m.HTML, "Two-factor") {
			t.Errorf("the email waits in clear: %+v", m)
		}
		turned := m
		turned.ID, turned.Recipient = "turned", "mallory@example.test"
		if err := s.db.DeleteMail(t.Context(), m.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.db.AddMail(t.Context(), turned); err != nil {
			t.Fatal(err)
		}
		if _, err := s.accounts.DeliverMail(t.Context(), func(m mail.Mail) error { t.Errorf("sent: %+v", m); return nil }); err == nil {
			t.Error("the server sends an email to another address")
		}
	})
}

// TestTwoFactorStorm tests that many different parallel requests for one account neither
// deadlock nor cause a server error.
func TestTwoFactorStorm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		owner.enroll()
		password := body{"password": testkit.Password}
		actions := []func(b *browser) testkit.Answer{
			func(b *browser) testkit.Answer {
				return b.Elsewhere().SignIn(ann)
			},
			func(b *browser) testkit.Answer { return b.verify(s.apps.Wrong()) },
			func(b *browser) testkit.Answer { return b.spend("aaaaa-bbbbb") },
			func(b *browser) testkit.Answer { return b.Elsewhere().Post("/two-factor/enable", password) },
			func(b *browser) testkit.Answer {
				return b.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true})
			},
			func(b *browser) testkit.Answer {
				return b.Elsewhere().Post("/two-factor/generate-backup-codes", password)
			},
			func(b *browser) testkit.Answer { return b.Elsewhere().Post("/two-factor/disable", password) },
			func(b *browser) testkit.Answer { return b.Elsewhere().Post("/revoke-trusted-devices", body{}) },
			func(b *browser) testkit.Answer { return b.Elsewhere().Post("/revoke-other-sessions", body{}) },
			func(b *browser) testkit.Answer { return b.Elsewhere().Post("/step-up", password) },
			func(b *browser) testkit.Answer { return b.Elsewhere().Post("/sign-out", body{}) },
		}
		var all sync.WaitGroup
		for i := range 2 * len(actions) {
			all.Go(func() {
				b := s.browser(t)
				answers := []testkit.Answer{b.Elsewhere().SignIn(ann)}
				for n := range 3 {
					answers = append(answers, actions[(i+n)%len(actions)](b))
				}
				for _, a := range answers {
					if a.Err != nil {
						t.Error(a)
					}
				}
			})
		}
		all.Wait()
		// The server may have refused slow requests with a 503.
		wantAbsent(t, s.log.String(), "internal error", "deadlock")
	})
}
