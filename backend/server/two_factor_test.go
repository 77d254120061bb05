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

	"github.com/pquerna/otp/hotp"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
)

// phone is an authenticator app.
type phone struct {
	t      *testing.T
	site   *site
	uri    string
	secret string // base32
}

// scan reads the otpauth URI of an answer as a phone does.
func (s *site) scan(t *testing.T, a answer) phone {
	t.Helper()
	uri := fmt.Sprint(a.get("totpURI"))
	u := parse(t, uri)
	if a.status != 200 || u.Scheme != "otpauth" || u.Host != "totp" {
		t.Fatalf("no authenticator to scan: %v", a)
	}
	return phone{t, s, uri, u.Query().Get("secret")}
}

// code is the code that the phone shows, or did or will some steps away.
func (p phone) code(away int) string {
	p.t.Helper()
	now := account.Now().Add(time.Duration(p.site.clock.Load()))
	code, err := hotp.GenerateCode(p.secret, uint64(now.Unix()/30+int64(away)))
	if err != nil {
		p.t.Fatal(err)
	}
	return code
}

// strings is the texts of a list in the answer.
func (a answer) strings(path string) (texts []string) {
	list, _ := a.get(path).([]any)
	for _, text := range list {
		texts = append(texts, fmt.Sprint(text))
	}
	return texts
}

// midStep moves the clock to the middle of a step of 30 s, so that none ends
// while a test is busy with it.
func (s *site) midStep() {
	now := account.Now().Add(time.Duration(s.clock.Load()))
	s.wait(now.Truncate(30 * time.Second).Add(45 * time.Second).Sub(now))
}

// next is a code that has not been spent.
func (p phone) next() string {
	p.site.wait(30 * time.Second)
	return p.code(0)
}

// enable enrols an authenticator in the browser's account, up to its first code.
func (b *browser) enable() (p phone, backupCodes []string) {
	b.t.Helper()
	a := b.elsewhere().post("/two-factor/enable", body{"password": goodPassword})
	return b.site.scan(b.t, a), a.strings("backupCodes")
}

// enrol switches 2FA on for the browser's account.
func (b *browser) enrol() (phone, []string) {
	b.t.Helper()
	p, codes := b.enable()
	want(b.t, b.elsewhere().post("/two-factor/verify-totp", body{"code": p.code(0)}), 200, "")
	return p, codes
}

// challenge gives the password in a new browser, which is then asked for more.
func (s *site) challenge(t *testing.T, email string) *browser {
	t.Helper()
	b := s.browser(t)
	b.passPassword(email)
	return b
}

func (b *browser) passPassword(email string) answer {
	b.t.Helper()
	a := b.elsewhere().post("/sign-in/email", body{"email": email, "password": goodPassword})
	want(b.t, a, 403, "TWO_FACTOR_REQUIRED")
	return a
}

func (b *browser) verify(code string) answer {
	b.t.Helper()
	return b.elsewhere().post("/two-factor/verify-totp", body{"code": code})
}

func (b *browser) spend(backupCode string) answer {
	b.t.Helper()
	return b.elsewhere().post("/two-factor/verify-backup-code", body{"code": backupCode})
}

const ann = "ann@example.test"

func TestEnableTwoFactor(t *testing.T) { // F01, F02, F03, F24
	each(t, func(t *testing.T, s *site) {
		b := s.signUp(t, ann)
		for _, in := range []body{{}, {"password": nil}, {"password": ""}, {"password": "wrong wrong"}, {"password": 1}} {
			a := b.elsewhere().post("/two-factor/enable", in)
			if a.status < 400 || a.status > 499 || strings.Contains(a.body, "otpauth") {
				t.Errorf("enable with %v: %v", in, a)
			}
		}
		want(t, b.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "method": "sms"}), 400, "VALIDATION_ERROR")
		want(t, b.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "method": "otp"}), 400, "OTP_NOT_CONFIGURED")
		want(t, b.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true}), 400, "TWO_FACTOR_NOT_ENABLED")
		want(t, b.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "issuer": strings.Repeat("x", 101)}), 400, "VALIDATION_ERROR")
		want(t, b.verify("123456"), 400, "TOTP_NOT_ENABLED")
		want(t, b.elsewhere().post("/two-factor/get-totp-uri", body{"password": goodPassword}), 400, "TOTP_NOT_ENABLED")
		want(t, b.elsewhere().post("/two-factor/generate-backup-codes", body{"password": goodPassword}), 400, "TWO_FACTOR_NOT_ENABLED")
		want(t, b.spend("aaaaa-bbbbb"), 400, "BACKUP_CODES_NOT_ENABLED")
		want(t, b.elsewhere().post("/two-factor/send-otp", body{}), 400, "TWO_FACTOR_NOT_ENABLED")
		wantStatus(t, b, shared.TwoFactor{})

		p, codes := b.enable()
		q := parse(t, p.uri).Query()
		secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.secret)
		if err != nil || len(secret) != 20 || q.Get("period") != "30" || q.Get("digits") != "6" || q.Get("algorithm") != "SHA1" || q.Get("issuer") != "Latchkey" {
			t.Errorf("URI %s: %v", p.uri, err)
		}
		form := regexp.MustCompile(`^[A-Za-z0-9]{5}-[A-Za-z0-9]{5}$`)
		for _, code := range codes {
			if !form.MatchString(code) {
				t.Errorf("backup code %q", code)
			}
		}
		if slices.Sort(codes); len(slices.Compact(codes)) != 10 {
			t.Errorf("backup codes %q", codes)
		}
		wantStatus(t, b, shared.TwoFactor{Pending: true})
		if other, _ := s.signUp(t, "bob@example.test").enable(); other.secret == p.secret {
			t.Error("two users have one secret")
		}
		if again, _ := b.enable(); again.secret == p.secret {
			t.Error("enabling again gives the same secret")
		} else {
			want(t, b.verify(p.code(0)), 401, "INVALID_CODE") // the one before it is forgotten
			p = again
		}

		// Nothing is asked for until it is proved.
		wantAlive(t, s.signIn(t, ann), true, "who signs in before the proof")
		other := s.signIn(t, ann)
		want(t, b.spend("aaaaa-bbbbb"), 400, "BACKUP_CODES_NOT_ENABLED")
		before := b.token()
		a := b.verify(p.code(0))
		want(t, a, 200, "")
		if a.get("user.twoFactorEnabled") != true || a.get("token") != b.get("/get-session").get("session.token") {
			t.Errorf("proved: %v", a)
		}
		if b.token() == before {
			t.Error("the session keeps its token")
		}
		s.wait(11 * time.Second)
		wantAlive(t, b, true, "who enabled 2FA")
		wantAlive(t, s.holding(t, "latchkey.session_token", before), false, "the token from before")
		wantAlive(t, other, false, "the other session")
		got := wantStatus(t, b, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		if got.Since == nil {
			t.Error("since when is not known")
		}
		want(t, b.elsewhere().post("/two-factor/enable", body{"password": goodPassword}), 400, "TOTP_ALREADY_ENABLED")
		s.challenge(t, ann)
	})
}

func wantStatus(t *testing.T, b *browser, want shared.TwoFactor) (got shared.TwoFactor) {
	t.Helper()
	a := b.get("/two-factor/status")
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Errorf("status: %v, %v", a, err)
	}
	same := got
	if same.Since = nil; same != want {
		t.Errorf("status %v; want %+v", a, want)
	}
	return got
}

func TestSignInWithTwoFactor(t *testing.T) { // F04, F05, F14, F15
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, _ := owner.enrol()

		b := s.browser(t)
		a := b.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword, "rememberMe": false})
		want(t, a, 403, "TWO_FACTOR_REQUIRED")
		if a.get("message") != "twoFactorRequired" || a.get("twoFactorRedirect") != true || fmt.Sprint(a.get("twoFactorMethods")) != "[totp otp]" || a.get("token") != nil || a.get("user") != nil {
			t.Errorf("sign-in: %v", a)
		}
		cookies := a.header.Values("Set-Cookie")
		if len(cookies) != 2 || cookies[0] != "latchkey.session_token=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" ||
			!regexp.MustCompile(`^latchkey\.two_factor=[\w-]{43}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax$`).MatchString(cookies[1]) {
			t.Errorf("cookies: %q", cookies)
		}
		wantAlive(t, b, false, "who owes a second factor")
		for _, e := range signedInEndpoints {
			want(t, b.call(e), 401, "UNAUTHORIZED")
		}
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})

		spent := b.cookie("latchkey.two_factor")
		a = b.verify(p.next())
		want(t, a, 200, "")
		if a.get("user.twoFactorEnabled") != true || a.get("token") == nil {
			t.Errorf("verified: %v", a)
		}
		if all := strings.Join(a.header.Values("Set-Cookie"), "\n"); !strings.Contains(all, "latchkey.two_factor=; Path=/; Max-Age=0") ||
			!regexp.MustCompile(`latchkey\.session_token=[\w-]{43}; Path=/; HttpOnly`).MatchString(all) { // not remembered, as was said with the password
			t.Errorf("cookies: %s", all)
		}
		wantAlive(t, b, true, "who gave both")
		if list := b.get("/list-sessions"); list.get("0.method") != "password+totp" {
			t.Errorf("method: %v", list)
		}
		want(t, s.holding(t, "latchkey.two_factor", spent).verify(p.next()), 401, "INVALID_TWO_FACTOR_COOKIE")

		expired := s.challenge(t, ann)
		s.wait(10 * time.Minute)
		want(t, expired.verify(p.code(0)), 401, "INVALID_TWO_FACTOR_COOKIE")
	})
}

// TestEveryWayIn walks every route there is, as somebody who has given the
// password and no code: none hands out a session, or anything of one.
func TestEveryWayIn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, _ := owner.enrol()
		user := owner.get("/get-session").get("user.id").(string)
		before, err := s.db.Sessions(t.Context(), user, account.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range slices.Concat(openEndpoints, signedInEndpoints, challengedEndpoints) {
			b := s.challenge(t, ann)
			a := b.elsewhere().call(e)
			if b.token() != "" || b.alive() || a.get("user") != nil || a.get("token") != nil {
				t.Errorf("%s hands out a session: %v", e.path, a)
			}
		}
		after, err := s.db.Sessions(t.Context(), user, account.Now())
		if err != nil || len(after) != len(before) {
			t.Errorf("%d sessions, %v; want %d as before", len(after), err, len(before))
		}
		want(t, s.challenge(t, ann).verify(p.next()), 200, "")
	})
}

func TestTOTPReplay(t *testing.T) { // F06, F10
	each(t, func(t *testing.T, s *site) {
		s.midStep()
		owner := s.signUp(t, ann)
		p, _ := owner.enable()
		first := p.code(0)
		want(t, owner.verify(first), 200, "")
		want(t, s.challenge(t, ann).verify(first), 401, "INVALID_CODE") // enrolment has spent it
		want(t, s.challenge(t, ann).verify(p.code(-1)), 401, "INVALID_CODE")

		one, two := s.challenge(t, ann), s.challenge(t, ann)
		code := p.code(1)
		want(t, one.verify(code), 200, "")
		want(t, two.verify(code), 401, "INVALID_CODE")
		wantAlive(t, two, false, "who sent a code again")
		want(t, owner.verify(code), 401, "INVALID_CODE") // nor is it good in a session
		want(t, owner.elsewhere().post("/step-up", body{"code": code}), 401, "INVALID_CODE")

		for _, away := range []int{-10, -3, -2, 3} {
			a := s.challenge(t, ann).verify(p.code(away))
			want(t, a, 401, "INVALID_CODE")
			says := "the clock of your phone"
			if away < 0 { // earlier than one that was spent
				says = "too old"
			}
			if !strings.Contains(a.body, says) {
				t.Errorf("%d steps away: %v; want %q", away, a, says)
			}
			if away == -2 { // before the account is locked
				s.wait(30 * time.Second)
				want(t, s.challenge(t, ann).verify(p.next()), 200, "")
			}
		}
		a := s.challenge(t, ann).verify(p.code(-11))
		want(t, a, 401, "INVALID_CODE")
		if strings.Contains(a.body, "seconds") { // it is not known for what it is
			t.Errorf("11 steps away: %v", a)
		}
		bob := s.signUp(t, "bob@example.test")
		q, _ := bob.enable()
		if a := bob.verify(q.code(-4)); a.status != 401 || !strings.Contains(a.body, "about 120 seconds behind") {
			t.Errorf("4 steps behind: %v", a)
		}
		if a := bob.verify(q.code(10)); a.status != 401 || !strings.Contains(a.body, "about 300 seconds ahead") {
			t.Errorf("10 steps ahead: %v", a)
		}
		for _, form := range []string{"", " " + p.code(0), p.code(0) + " ", p.code(0)[:5], "１２３４５６", p.code(0) + "\n"} {
			other := s.signUp(t, fmt.Sprintf("%d@example.test", addresses.Load()))
			q, _ := other.enable()
			want(t, other.verify(strings.ReplaceAll(form, p.code(0), q.code(0))), 401, "INVALID_CODE")
		}
	})
}

// TestToldCodeIsBurned holds that a code which somebody was told to be of a time
// to come is not good when that comes: they may have guessed it.
func TestToldCodeIsBurned(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		p, _ := s.signUp(t, ann).enrol()
		s.midStep()
		b := s.challenge(t, ann)
		told, untold := p.code(5), p.code(6)
		if a := b.verify(told); a.status != 401 || !strings.Contains(a.body, "about 150 seconds ahead") {
			t.Errorf("5 steps ahead: %v", a)
		}
		// Of two to come, one is told. That the clock seems to be off is said of
		// every wrong code from then on, so it tells nothing of the second.
		const off = "Invalid code. The clock of your phone seems to be off: set it to automatic, then use the next code."
		for _, code := range []string{untold, told, "000000"} {
			if a := b.verify(code); a.status != 401 || a.get("message") != off {
				t.Errorf("%s after one was told: %v", code, a)
			}
		}
		s.wait(4 * 30 * time.Second)
		want(t, b.verify(p.code(0)), 200, "") // those before it are
		s.wait(30 * time.Second)
		for range 20 { // it is no guess, so it locks nobody out
			if a := s.challenge(t, ann).verify(told); a.status != 401 || !strings.Contains(a.body, "entered too early") {
				t.Fatalf("the told one in its own time: %v", a)
			}
		}
		if a := s.challenge(t, ann).verify(p.code(4)); a.get("message") != off { // the told one is good for a step yet
			t.Errorf("4 steps ahead: %v", a)
		}
		s.wait(30 * time.Second)
		want(t, s.challenge(t, ann).verify(untold), 200, "")
	})
}

func TestChallengeTries(t *testing.T) { // F11, F20
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, codes := owner.enrol()
		b := s.challenge(t, ann)
		for range 5 {
			want(t, b.verify("000000"), 401, "INVALID_CODE")
		}
		cookie := b.cookie("latchkey.two_factor")
		spent := func() *browser { return s.holding(t, "latchkey.two_factor", cookie) }
		a := b.verify(p.next())
		want(t, a, 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		if b.cookie("latchkey.two_factor") != "" {
			t.Errorf("the cookie stays: %v", a.header)
		}
		want(t, b.verify(p.code(0)), 401, "INVALID_TWO_FACTOR_COOKIE")
		want(t, spent().verify(p.code(0)), 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		want(t, spent().spend(codes[0]), 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		want(t, s.challenge(t, ann).verify(p.code(0)), 200, "")

		both := s.challenge(t, ann)
		for range 3 {
			want(t, both.verify("000000"), 401, "INVALID_CODE")
		}
		for _, wrong := range []string{"aaaaa-bbbbb", "x"} {
			want(t, both.spend(wrong), 401, "INVALID_BACKUP_CODE")
		}
		want(t, both.spend(codes[0]), 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		want(t, s.challenge(t, ann).spend(codes[0]), 200, "") // it was not spent
	})
}

// TestSecondFactorLock holds that ten wrong codes at sign-in lock the account's
// second factor there for a while that doubles, and nothing else (F12).
func TestSecondFactorLock(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, codes := owner.enrol()
		trusted := s.challenge(t, ann)
		want(t, trusted.elsewhere().post("/two-factor/verify-totp", body{"code": p.next(), "trustDevice": true}), 200, "")
		guess := func(n int) answer {
			if n%2 == 0 {
				return s.challenge(t, ann).verify("000000")
			}
			return s.challenge(t, ann).spend("aaaaa-bbbbb")
		}
		const day = 24 * time.Hour
		for round, wait := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, day, day} {
			for n := range 10 {
				if a := guess(n); a.status != 401 {
					t.Fatalf("round %d, wrong code %d: %v", round, n, a)
				}
			}
			for what, a := range map[string]answer{
				"the right code": s.challenge(t, ann).verify(p.code(0)),
				"a backup code":  s.challenge(t, ann).spend(codes[0]),
			} {
				want(t, a, 429, "ACCOUNT_TEMPORARILY_LOCKED")
				after, _ := strconv.Atoi(a.header.Get("Retry-After"))
				if left := time.Duration(after) * time.Second; left > wait || left < wait-time.Minute || a.header.Get("X-Retry-After") != a.header.Get("Retry-After") {
					t.Errorf("round %d, %s: wait %v; want %v", round, what, left, wait)
				}
			}
			if round == 0 {
				wantAlive(t, owner, true, "the owner's live session")
				want(t, owner.elsewhere().post("/verify-password", body{"password": goodPassword}), 200, "") // another count
				want(t, owner.elsewhere().post("/step-up", body{"code": p.next()}), 200, "")                 // and another
				want(t, trusted.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword}), 200, "")
			}
			s.wait(wait)
		}
		for n := range 10 {
			guess(n)
		}
		s.wait(2 * day)
		a := s.challenge(t, ann).verify(p.code(0)) // a hundred in a row: no more
		want(t, a, 429, "ACCOUNT_TEMPORARILY_LOCKED")
		if a.header.Get("Retry-After") != "" || !strings.Contains(a.body, "unlock") {
			t.Errorf("after a hundred: %v %v", a, a.header)
		}

		// A new password ends it: who tried the codes knew the old one.
		b := s.browser(t)
		want(t, trusted.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword}), 200, "")
		want(t, trusted.elsewhere().post("/change-password", body{"currentPassword": goodPassword, "newPassword": "another good password"}), 200, "")
		want(t, b.elsewhere().post("/sign-in/email", body{"email": ann, "password": "another good password"}), 403, "TWO_FACTOR_REQUIRED")
		want(t, b.verify(p.code(0)), 200, "")
	})
}

// TestLockInSession holds that wrong codes of who is signed in are counted, too,
// and that the thief of a session cannot lock the owner out of signing in (F26).
func TestLockInSession(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, codes := owner.enrol()
		thief := s.holding(t, "latchkey.session_token", owner.token())
		guesses := []func() answer{
			func() answer { return thief.verify("000000") },
			func() answer { return thief.elsewhere().post("/step-up", body{"code": "000000"}) },
			func() answer { return thief.spend("aaaaa-bbbbb") },
		}
		for n := range 10 {
			if a := guesses[n%3](); a.status != 401 {
				t.Errorf("wrong code %d: %v", n, a)
			}
		}
		for _, a := range []answer{owner.verify(p.next()), owner.spend(codes[0]), owner.elsewhere().post("/step-up", body{"code": p.code(0)}), guesses[0]()} {
			want(t, a, 429, "ACCOUNT_TEMPORARILY_LOCKED")
		}
		wantAlive(t, owner, true, "who is locked")
		want(t, s.challenge(t, ann).verify(p.code(0)), 200, "")
		want(t, s.challenge(t, ann).spend(codes[0]), 200, "")
		want(t, owner.verify(p.next()), 429, "ACCOUNT_TEMPORARILY_LOCKED") // which is not ended by that
		// The way out of somebody who is signed in and knows the password.
		want(t, owner.elsewhere().post("/two-factor/disable", body{"password": goodPassword}), 200, "")
		again, _ := owner.enable()
		want(t, owner.verify(again.code(0)), 200, "")
	})
}

func TestRightCodeEndsTheRow(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, codes := owner.enrol()
		for i, right := range []func() answer{
			func() answer { return owner.verify(p.next()) },
			func() answer { return s.challenge(t, ann).verify(p.next()) },
			func() answer { return owner.elsewhere().post("/step-up", body{"code": p.next()}) },
			func() answer { return s.challenge(t, ann).spend(codes[0]) },
		} {
			for range 9 {
				if i%2 == 0 {
					want(t, owner.verify("000000"), 401, "INVALID_CODE")
				} else {
					want(t, s.challenge(t, ann).verify("000000"), 401, "INVALID_CODE")
				}
			}
			want(t, right(), 200, "")
		}
		for range 9 {
			want(t, owner.verify("000000"), 401, "INVALID_CODE")
			want(t, s.challenge(t, ann).verify("000000"), 401, "INVALID_CODE")
		}
		// One that is used again is no guess.
		for range 3 {
			want(t, s.challenge(t, ann).spend(codes[0]), 401, "INVALID_BACKUP_CODE")
			want(t, owner.spend(codes[0]), 401, "INVALID_BACKUP_CODE")
		}
		want(t, owner.verify(p.next()), 200, "")
		want(t, s.challenge(t, ann).verify(p.next()), 200, "")
	})
}

// TestPendingEnrolment holds that an authenticator which was shown and not proved
// is no way in for whoever saw it.
func TestPendingEnrolment(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		seen, _ := owner.enable()
		other := s.signIn(t, ann)
		want(t, other.verify(seen.code(0)), 400, "TOTP_NOT_ENABLED") // it is of one session
		wantStatus(t, other, shared.TwoFactor{})
		s.wait(59 * time.Minute)
		wantStatus(t, owner, shared.TwoFactor{Pending: true})
		want(t, owner.elsewhere().post("/two-factor/verify-totp", body{"code": "000000", "enrol": true}), 401, "INVALID_CODE")
		s.wait(time.Minute)
		want(t, owner.verify(seen.code(0)), 400, "TOTP_NOT_ENABLED") // and of an hour
		wantStatus(t, owner, shared.TwoFactor{})

		for what, end := range map[string]func(){
			"a new password": func() {
				want(t, owner.elsewhere().post("/change-password", body{"currentPassword": goodPassword, "newPassword": goodPassword}), 200, "")
			},
			"new backup codes": func() {
				want(t, owner.elsewhere().post("/two-factor/generate-backup-codes", body{"password": goodPassword}), 200, "")
			},
			"signing out": func() {
				want(t, owner.elsewhere().post("/sign-out", body{}), 200, "")
				owner = s.challenge(t, ann)
				want(t, owner.elsewhere().post("/two-factor/verify-totp", body{"code": seen.next()}), 200, "")
			},
		} {
			seen, _ = owner.enrol()
			a := owner.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true})
			planted := s.scan(t, a)
			end()
			wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
			if a := owner.verify(planted.next()); a.code() != "INVALID_CODE" {
				t.Errorf("after %s: %v", what, a)
			}
			want(t, owner.elsewhere().post("/two-factor/disable", body{"password": goodPassword}), 200, "")
		}
	})
}

// TestSealedForTheRow holds that who can write to the database cannot make their
// own authenticator somebody else's.
func TestSealedForTheRow(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		annes, _ := s.signUp(t, ann).enrol()
		s.signUp(t, "bob@example.test").enrol()
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
		want(t, s.challenge(t, "bob@example.test").verify(annes.next()), 500, "INTERNAL_SERVER_ERROR")
		want(t, s.challenge(t, ann).verify(annes.code(0)), 200, "")
	})
}

func TestBackupCodes(t *testing.T) { // F17, F19
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		_, codes := owner.enrol()
		one, two := s.challenge(t, ann), s.challenge(t, ann)
		want(t, one.spend(codes[0]), 200, "")
		if list := one.get("/list-sessions"); list.get("0.method") != "password+backup-code" {
			t.Errorf("method: %v", list)
		}
		a := two.spend(codes[0])
		want(t, a, 401, "INVALID_BACKUP_CODE")
		if a.get("message") == "Invalid backup code" {
			t.Errorf("used again: %v; it should say that it was used", a)
		}
		want(t, two.spend(strings.ReplaceAll(codes[1], "-", "")), 401, "INVALID_BACKUP_CODE")
		want(t, two.spend(codes[1]), 200, "")
		want(t, owner.spend(codes[2]), 200, "") // in a session it is spent, too
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 7})

		three := s.challenge(t, ann)
		a = three.elsewhere().post("/two-factor/verify-backup-code", body{"code": codes[3], "disableSession": true})
		want(t, a, 200, "")
		if a.get("token") != nil || a.get("user.email") != ann || three.alive() {
			t.Errorf("without a session: %v", a)
		}
		want(t, three.spend(codes[4]), 401, "INVALID_TWO_FACTOR_COOKIE")

		pending := s.challenge(t, ann)
		want(t, owner.elsewhere().post("/two-factor/generate-backup-codes", body{"password": "wrong wrong"}), 400, "INVALID_PASSWORD")
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 6})
		before := owner.token()
		a = owner.elsewhere().post("/two-factor/generate-backup-codes", body{"password": goodPassword})
		want(t, a, 200, "")
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
		wantAlive(t, one, false, "another session")
		want(t, pending.verify("000000"), 401, "INVALID_TWO_FACTOR_COOKIE")
		next := a.strings("backupCodes")
		if len(next) != 10 {
			t.Fatalf("new codes: %v", a)
		}
		want(t, s.challenge(t, ann).spend(codes[4]), 401, "INVALID_BACKUP_CODE")
		want(t, s.challenge(t, ann).spend(next[0]), 200, "")

		// Another user's codes are nobody else's.
		bob := s.signUp(t, "bob@example.test")
		_, bobs := bob.enrol()
		want(t, s.challenge(t, ann).spend(bobs[0]), 401, "INVALID_BACKUP_CODE")
		want(t, bob.spend(bobs[0]), 200, "")
	})
}

func TestDisableTwoFactor(t *testing.T) { // F21, F22
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, codes := owner.enrol()
		for _, path := range []string{"/two-factor/disable", "/two-factor/get-totp-uri", "/two-factor/generate-backup-codes"} {
			for _, in := range []body{{}, {"password": ""}, {"password": nil}, {"password": "wrong wrong"}, {"password": strings.Repeat("x", 60_000)}} {
				if a := owner.elsewhere().post(path, in); a.status < 400 || a.status > 499 {
					t.Errorf("%s %.40v: %v", path, in, a)
				}
			}
		}
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		a := owner.elsewhere().post("/two-factor/get-totp-uri", body{"password": goodPassword})
		want(t, a, 200, "")
		if a.get("totpURI") != p.uri {
			t.Errorf("URI %v; want %s", a, p.uri)
		}
		for _, path := range []string{"/get-session", "/list-sessions", "/two-factor/status", "/list-trusted-devices"} {
			wantAbsent(t, owner.get(path).body, append(codes, p.secret)...)
		}

		other, pending := s.challenge(t, ann), s.challenge(t, ann)
		want(t, other.verify(p.next()), 200, "")
		before := owner.token()
		want(t, owner.elsewhere().post("/two-factor/disable", body{"password": goodPassword}), 200, "")
		wantStatus(t, owner, shared.TwoFactor{})
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
		wantAlive(t, other, false, "the other session")
		want(t, pending.verify(p.next()), 401, "INVALID_TWO_FACTOR_COOKIE")
		wantAlive(t, s.signIn(t, ann), true, "who signs in without a code")
		want(t, owner.verify(p.code(0)), 400, "TOTP_NOT_ENABLED")
		want(t, owner.spend(codes[0]), 400, "BACKUP_CODES_NOT_ENABLED")
		before = owner.token()
		want(t, owner.elsewhere().post("/two-factor/disable", body{"password": goodPassword}), 200, "")
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
	})
}

// TestMoveToANewPhone holds that the old authenticator is good until the new one
// is proved, and that the backup codes stay.
func TestMoveToANewPhone(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		old, codes := owner.enrol()
		want(t, owner.elsewhere().post("/two-factor/enable", body{"password": "wrong wrong", "replace": true}), 400, "INVALID_PASSWORD")
		a := owner.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true})
		want(t, a, 200, "")
		if !strings.Contains(a.body, `"backupCodes":[]`) {
			t.Errorf("new backup codes: %v", a)
		}
		next := s.scan(t, a)
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10, Pending: true})

		s.midStep()
		s.wait(30 * time.Second)
		want(t, s.challenge(t, ann).verify(next.code(0)), 401, "INVALID_CODE") // not yet
		want(t, owner.elsewhere().post("/step-up", body{"code": next.code(0)}), 401, "INVALID_CODE")
		other := s.challenge(t, ann)
		want(t, other.verify(old.code(0)), 200, "")
		a = owner.elsewhere().post("/two-factor/get-totp-uri", body{"password": goodPassword})
		if a.get("totpURI") != old.uri {
			t.Errorf("URI %v; want that of the one that is good", a)
		}
		want(t, owner.verify("000000"), 401, "INVALID_CODE")
		for range 20 { // is asked for the new one, and this is no guess
			if a := owner.verify(old.code(1)); a.status != 401 || !strings.Contains(a.body, "old authenticator") {
				t.Fatalf("a code of the old one: %v", a)
			}
		}
		want(t, owner.elsewhere().post("/step-up", body{"code": old.code(1)}), 200, "")
		if a := owner.verify(old.code(5)); a.status != 401 || a.get("message") != "Invalid code" { // nobody is told that it is one
			t.Errorf("a code to come of the old one: %v", a)
		}
		before := owner.token()
		want(t, owner.verify(next.code(0)), 200, "")
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
		wantAlive(t, other, false, "the other session")
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		s.wait(30 * time.Second)
		want(t, s.challenge(t, ann).verify(old.code(0)), 401, "INVALID_CODE")
		want(t, s.challenge(t, ann).verify(next.code(0)), 200, "")
		want(t, s.challenge(t, ann).spend(codes[0]), 200, "")

		// One that has waited too long is not what another code is good for.
		next = s.scan(t, owner.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true}))
		s.wait(time.Hour)
		for range 11 { // and it is told apart from a wrong code
			want(t, owner.elsewhere().post("/two-factor/verify-totp", body{"code": next.code(0), "enrol": true}), 400, "TOTP_NOT_ENABLED")
		}
	})
}

// TestNewAuthenticatorUnlocks holds that wrong codes of an authenticator say
// nothing about the next.
func TestNewAuthenticatorUnlocks(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		owner.enrol()
		for range 10 {
			want(t, s.challenge(t, ann).verify("000000"), 401, "INVALID_CODE")
		}
		next := s.scan(t, owner.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true}))
		want(t, owner.verify(next.code(0)), 200, "")
		want(t, s.challenge(t, ann).verify(next.next()), 200, "")
	})
}

// TestEndsAtOnce holds that switching 2FA off and the end of a session in which
// an enrolment waits do not wait for each other.
func TestEndsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		for range 10 {
			p, _ := owner.enrol()
			other := s.challenge(t, ann)
			want(t, other.verify(p.next()), 200, "")
			want(t, other.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true}), 200, "")
			var both sync.WaitGroup
			both.Go(func() {
				want(t, owner.elsewhere().post("/two-factor/disable", body{"password": goodPassword}), 200, "")
			})
			both.Go(func() { want(t, other.elsewhere().post("/sign-out", body{}), 200, "") })
			both.Wait()
		}
	})
}

func TestTrustedDevices(t *testing.T) { // F28, F29
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, _ := owner.enrol()
		trust := func() *browser {
			b := s.challenge(t, ann)
			a := b.elsewhere().post("/two-factor/verify-totp", body{"code": p.next(), "trustDevice": true})
			want(t, a, 200, "")
			if all := strings.Join(a.header.Values("Set-Cookie"), "\n"); !regexp.MustCompile(`latchkey\.trust_device=[\w-]{43}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax`).MatchString(all) {
				t.Errorf("cookies: %s", all)
			}
			return b
		}
		signIn := func(b *browser, email string) answer {
			return b.elsewhere().post("/sign-in/email", body{"email": email, "password": goodPassword})
		}
		b := trust()
		first := b.cookie("latchkey.trust_device")
		want(t, signIn(b, ann), 200, "")
		if list := b.get("/list-sessions"); list.get("0.method") != "password+trusted-device" {
			t.Errorf("method: %v", list)
		}
		if b.cookie("latchkey.trust_device") == first {
			t.Error("the token opens a second sign-in")
		}
		want(t, signIn(s.holding(t, "latchkey.trust_device", first), ann), 403, "TWO_FACTOR_REQUIRED")
		s.challenge(t, ann) // another browser

		// Another user in that browser is asked, and may trust it beside.
		bob := s.signUp(t, "bob@example.test")
		q, _ := bob.enrol()
		want(t, signIn(b, "bob@example.test"), 403, "TWO_FACTOR_REQUIRED")
		want(t, b.elsewhere().post("/two-factor/verify-totp", body{"code": q.next(), "trustDevice": true}), 200, "")
		want(t, signIn(b, ann), 200, "")
		want(t, signIn(b, "bob@example.test"), 200, "")
		want(t, signIn(b, ann), 200, "")

		// Listed, and revoked one by one.
		second := trust()
		a := owner.get("/list-trusted-devices")
		var list []shared.TrustedDevice
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list) != 2 {
			t.Fatalf("trusted devices: %v, %v", a, err)
		}
		if d := list[0]; d.IsCurrent || d.Device.Browser != "Firefox 153" || d.IPAddress == "" || d.ExpiresAt.Sub(d.LastUsedAt.Time) != 30*24*time.Hour {
			t.Errorf("trusted device: %+v", d)
		}
		if a := second.get("/list-trusted-devices"); a.get("0.isCurrent") != true || a.get("1.isCurrent") != false {
			t.Errorf("trusted devices: %v", a)
		}
		want(t, bob.elsewhere().post("/revoke-trusted-device", body{"id": list[0].ID}), 200, "") // says nothing, does nothing
		want(t, signIn(second, ann), 200, "")
		want(t, owner.elsewhere().post("/revoke-trusted-device", body{"id": list[0].ID}), 200, "")
		want(t, signIn(second, ann), 403, "TWO_FACTOR_REQUIRED")
		want(t, signIn(b, ann), 200, "")
		want(t, owner.elsewhere().post("/revoke-trusted-devices", body{}), 200, "")
		want(t, signIn(b, ann), 403, "TWO_FACTOR_REQUIRED")
		want(t, signIn(b, "bob@example.test"), 200, "") // whose own trust stays

		// Trust lasts 30 days from the last use.
		b = trust()
		s.wait(29 * 24 * time.Hour)
		want(t, signIn(b, ann), 200, "")
		s.wait(29 * 24 * time.Hour)
		want(t, signIn(b, ann), 200, "")
		s.wait(31 * 24 * time.Hour)
		want(t, signIn(b, ann), 403, "TWO_FACTOR_REQUIRED")

		// It dies with what it was given for.
		for what, end := range map[string]func(b *browser){
			"a new password": func(b *browser) {
				want(t, b.elsewhere().post("/change-password", body{"currentPassword": goodPassword, "newPassword": "another good password"}), 200, "")
				want(t, b.elsewhere().post("/change-password", body{"currentPassword": "another good password", "newPassword": goodPassword}), 200, "")
			},
			"new backup codes": func(b *browser) {
				want(t, b.elsewhere().post("/two-factor/generate-backup-codes", body{"password": goodPassword}), 200, "")
			},
			"another authenticator": func(b *browser) {
				want(t, b.elsewhere().post("/two-factor/disable", body{"password": goodPassword}), 200, "")
				p, _ = b.enrol()
			},
		} {
			b := trust()
			o := s.challenge(t, ann)
			want(t, o.verify(p.next()), 200, "")
			end(o)
			if a := signIn(b, ann); a.status != 403 {
				t.Errorf("after %s: %v", what, a)
			}
		}
	})
}

func TestEmailCodes(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		var accounts *account.Service
		s := open(t, storetest.Migrated(t, url), func(c *server.Config) { accounts = c.Accounts })
		s.database = url
		mailed := func() (code string) {
			for {
				found, err := accounts.HandOnMail(t.Context(), func(m account.Mail) error {
					if m.Recipient == ann && m.Subject == "Your sign-in code" {
						code = regexp.MustCompile(`\b\d{6}\b`).FindString(m.Text)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if !found {
					return code
				}
			}
		}
		send := func(b *browser) answer { return b.elsewhere().post("/two-factor/send-otp", body{}) }
		verify := func(b *browser, code string) answer {
			return b.elsewhere().post("/two-factor/verify-otp", body{"code": code})
		}

		owner := s.signUp(t, ann)
		want(t, send(owner), 400, "TWO_FACTOR_NOT_ENABLED")
		want(t, verify(owner, "123456"), 400, "OTP_HAS_EXPIRED")
		owner.enrol()
		b := s.browser(t)
		if a := b.passPassword(ann); fmt.Sprint(a.get("twoFactorMethods")) != "[totp otp]" {
			t.Errorf("methods: %v", a)
		}
		want(t, verify(b, "123456"), 400, "OTP_HAS_EXPIRED")
		want(t, b.elsewhere().request("POST", "/api/auth/two-factor/send-otp", "", "Content-Type:"), 200, "")
		first := mailed()
		want(t, send(b), 200, "")
		code := mailed()
		if first == "" || code == "" {
			t.Fatal("no code was mailed")
		}
		wantAbsent(t, s.dump(t), code+".", code+" ")
		if first != code {
			want(t, verify(b, first), 401, "INVALID_CODE")
		}
		want(t, verify(s.challenge(t, ann), code), 400, "OTP_HAS_EXPIRED") // it is of one challenge
		want(t, verify(owner, code), 400, "OTP_HAS_EXPIRED")
		want(t, verify(b, code), 200, "")
		if list := b.get("/list-sessions"); list.get("0.method") != "password+email-code" {
			t.Errorf("method: %v", list)
		}

		want(t, send(owner), 200, "")
		code = mailed()
		want(t, verify(owner, code), 200, "")
		want(t, verify(owner, code), 400, "OTP_HAS_EXPIRED") // once

		late := s.challenge(t, ann)
		want(t, send(late), 200, "")
		code = mailed()
		s.wait(3 * time.Minute)
		want(t, verify(late, code), 400, "OTP_HAS_EXPIRED")

		tries := s.challenge(t, ann)
		want(t, send(tries), 200, "")
		code = mailed()
		wrong := fmt.Sprintf("%06d", (atoi(code)+1)%1_000_000)
		for range 5 {
			want(t, verify(tries, wrong), 401, "INVALID_CODE")
		}
		want(t, verify(tries, code), 400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
		want(t, verify(tries, code), 400, "OTP_HAS_EXPIRED")
		s.wait(15 * time.Minute)
		tries = s.challenge(t, ann)
		for range 5 {
			want(t, send(tries), 200, "") // a new one can be sent; five in a quarter of an hour
		}
		a := send(tries)
		want(t, a, 429, "TOO_MANY_REQUESTS")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %v", a.header)
		}
		code = mailed()
		want(t, verify(tries, code), 200, "")
	})
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

func TestStepUpByCode(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		want(t, owner.elsewhere().post("/step-up", body{}), 400, "VALIDATION_ERROR")
		want(t, owner.elsewhere().post("/step-up", body{"code": "123456"}), 400, "TOTP_NOT_ENABLED")
		p, _ := owner.enrol()
		s.wait(account.FreshWindow)
		want(t, owner.elsewhere().post("/delete-user", body{}), 403, "SESSION_NOT_FRESH")
		want(t, owner.elsewhere().post("/step-up", body{"code": "000000"}), 401, "INVALID_CODE")
		want(t, owner.elsewhere().post("/delete-user", body{}), 403, "SESSION_NOT_FRESH")
		before := owner.token()
		want(t, owner.elsewhere().post("/step-up", body{"code": p.code(0)}), 200, "")
		if owner.token() == before {
			t.Error("the session keeps its token")
		}
		want(t, owner.elsewhere().post("/delete-user", body{}), 200, "")
	})
}

// TestTwoFactorRedirect is the answer that Better Auth gives, which one can ask
// the server for.
func TestTwoFactorRedirect(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := open(t, storetest.Migrated(t, url), func(c *server.Config) { c.Accounts.Settings = set(t, "TWO_FACTOR_SIGN_IN=redirect") })
		p, _ := s.signUp(t, ann).enrol()
		b := s.browser(t)
		a := b.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword, "callbackURL": "/welcome"})
		if a.status != 200 || a.body != `{"twoFactorRedirect":true,"twoFactorMethods":["totp","otp"]}` || a.header.Get("Location") != "/welcome" {
			t.Errorf("sign-in: %v", a)
		}
		want(t, b.verify(p.next()), 200, "")
	})
}

// TestTwoFactorRaces holds that of many who send one right code at once, one
// gets in (R01, R02, R03).
func TestTwoFactorRaces(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		p, codes := owner.enrol()
		user := owner.get("/get-session").get("user.id").(string)
		atOnce := func(what string, send func(i int) answer) {
			t.Helper()
			before, err := s.db.Sessions(t.Context(), user, account.Now())
			if err != nil {
				t.Fatal(err)
			}
			var won atomic.Int32
			var all sync.WaitGroup
			start := make(chan struct{})
			for i := range 16 {
				all.Go(func() {
					<-start
					switch a := send(i); {
					case a.status == 200:
						won.Add(1)
					case a.status < 400 || a.status > 499:
						t.Errorf("%s: %v", what, a)
					}
				})
			}
			close(start)
			all.Wait()
			after, err := s.db.Sessions(t.Context(), user, account.Now())
			if err != nil {
				t.Fatal(err)
			}
			if won.Load() != 1 || len(after) != len(before)+1 {
				t.Errorf("%s: %d of 16 at once got in, and %d sessions were made; want 1", what, won.Load(), len(after)-len(before))
			}
		}
		for round := range 3 {
			challenges := func() (all [16]*browser) {
				for i := range all {
					all[i] = s.challenge(t, ann)
				}
				return all
			}
			some := challenges()
			atOnce("a backup code", func(i int) answer { return some[i].spend(codes[round]) })
			some = challenges()
			code := p.next()
			atOnce("a code", func(i int) answer { return some[i].verify(code) })
			one := s.challenge(t, ann)
			code = p.next()
			atOnce("one challenge", func(int) answer { return one.elsewhere().verify(code) })
		}
	})
}

// TestWrongCodesAtOnce holds that wrong codes sent all at once are all counted.
func TestWrongCodesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.signUp(t, ann).enrol()
		var judged, locked atomic.Int32
		var all sync.WaitGroup
		challenges := make([]*browser, 30)
		for i := range challenges {
			challenges[i] = s.challenge(t, ann)
		}
		for _, b := range challenges {
			all.Go(func() {
				switch a := b.verify("000000"); a.code() {
				case "INVALID_CODE":
					judged.Add(1)
				case "ACCOUNT_TEMPORARILY_LOCKED":
					locked.Add(1)
				default:
					t.Errorf("wrong code: %v", a)
				}
			})
		}
		all.Wait()
		if judged.Load() != 10 || locked.Load() != 20 {
			t.Errorf("%d of 30 wrong codes were judged, %d were not; want 10 and 20", judged.Load(), locked.Load())
		}
	})
}

// TestTwoFactorMails holds that the owner is told, by mails without secrets
// (A36, A37), and that every security event is in the log (W04).
func TestTwoFactorMails(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		var accounts *account.Service
		s := open(t, storetest.Migrated(t, url), func(c *server.Config) { accounts = c.Accounts })
		s.database = url
		owner := s.signUp(t, ann)
		p, codes := owner.enrol()
		secret, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.secret)
		secrets := append(forms(codes), p.secret, string(secret), hex.EncodeToString(secret), base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret))
		wantAbsent(t, s.dump(t), secrets...) // D03, D04
		mails := func(subjects ...string) {
			t.Helper()
			var got []string
			for {
				found, err := accounts.HandOnMail(t.Context(), func(m account.Mail) error {
					got = append(got, m.Subject)
					if m.Recipient != ann || !strings.Contains(m.Text, " UTC, from 198.18.") {
						t.Errorf("mail: %+v", m)
					}
					wantAbsent(t, m.Text+m.HTML+m.Subject, append(secrets, goodPassword)...)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if !found {
					break
				}
			}
			if slices.Sort(got); !slices.Equal(got, subjects) {
				t.Errorf("mails %q; want %q", got, subjects)
			}
		}
		mails("Two-factor authentication is on")
		want(t, s.challenge(t, ann).spend(codes[0]), 200, "")
		mails("A backup code was used")
		for range 10 {
			want(t, s.challenge(t, ann).verify("000000"), 401, "INVALID_CODE")
		}
		mails("Somebody is trying codes")
		for range 10 {
			want(t, owner.verify("000000"), 401, "INVALID_CODE")
		}
		mails("Somebody is trying codes")
		want(t, owner.elsewhere().post("/two-factor/get-totp-uri", body{"password": goodPassword}), 200, "")
		mails("Your authenticator's key was shown")
		s.wait(time.Hour)
		want(t, owner.elsewhere().post("/two-factor/generate-backup-codes", body{"password": goodPassword}), 200, "")
		mails("New backup codes were made")
		a := owner.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true})
		next := s.scan(t, a)
		secrets = append(secrets, next.secret) // while it waits, too
		wantAbsent(t, s.dump(t), secrets...)
		want(t, owner.verify(next.code(0)), 200, "")
		mails("Your authenticator was replaced")
		trusted := s.challenge(t, ann)
		want(t, trusted.elsewhere().post("/two-factor/verify-totp", body{"code": next.next(), "trustDevice": true}), 200, "")
		want(t, owner.elsewhere().post("/revoke-trusted-devices", body{}), 200, "")
		want(t, owner.elsewhere().post("/two-factor/disable", body{"password": goodPassword}), 200, "")
		mails("Two-factor authentication is off")
		want(t, owner.elsewhere().post("/change-password", body{"currentPassword": goodPassword, "newPassword": "another good password"}), 200, "")
		mails("Your password was changed")

		dump := s.dump(t)
		for _, kind := range []string{
			account.EventTwoFactorPending, account.EventTwoFactorEnabled, account.EventTwoFactorDisabled, account.EventAuthenticatorReplaced,
			account.EventBackupCodesMade, account.EventBackupCodeUsed, account.EventChallenged, account.EventCodeFailed, account.EventCodesLocked,
			account.EventTOTPURIRead, account.EventDeviceTrusted, account.EventTrustedDeviceRevoked,
		} {
			if !strings.Contains(dump, kind) {
				t.Errorf("there is no event %q", kind)
			}
		}
		wantAbsent(t, s.log.String(), secrets...)
	})
}

// forms is backup codes with and without their dash.
func forms(codes []string) []string {
	all := slices.Clone(codes)
	for _, code := range codes {
		all = append(all, strings.ReplaceAll(code, "-", ""))
	}
	return all
}

// TestSealedMails holds that mails cannot be made or turned by who can write to
// the database alone.
func TestSealedMails(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		var accounts *account.Service
		s := open(t, storetest.Migrated(t, url), func(c *server.Config) { accounts = c.Accounts })
		s.signUp(t, ann).enrol()
		now := account.Now()
		m, found, err := s.db.LeaseMail(t.Context(), now, now)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		if strings.Contains(m.Text+m.HTML, "Two-factor") {
			t.Errorf("the mail waits in clear: %+v", m)
		}
		turned := m
		turned.ID, turned.Recipient = "turned", "mallory@example.test"
		if err := s.db.DeleteMail(t.Context(), m.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.db.AddMail(t.Context(), turned); err != nil {
			t.Fatal(err)
		}
		if _, err := accounts.HandOnMail(t.Context(), func(m account.Mail) error { t.Errorf("handed on: %+v", m); return nil }); err == nil {
			t.Error("a mail to another is handed on")
		}
	})
}

// TestTwoFactorStorm holds that whatever is done to one account at once, nothing
// waits for the other for ever and nothing breaks.
func TestTwoFactorStorm(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		owner.enrol()
		password := body{"password": goodPassword}
		deeds := []func(b *browser) answer{
			func(b *browser) answer {
				return b.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword})
			},
			func(b *browser) answer { return b.verify("000000") },
			func(b *browser) answer { return b.spend("aaaaa-bbbbb") },
			func(b *browser) answer { return b.elsewhere().post("/two-factor/enable", password) },
			func(b *browser) answer {
				return b.elsewhere().post("/two-factor/enable", body{"password": goodPassword, "replace": true})
			},
			func(b *browser) answer { return b.elsewhere().post("/two-factor/generate-backup-codes", password) },
			func(b *browser) answer { return b.elsewhere().post("/two-factor/disable", password) },
			func(b *browser) answer { return b.elsewhere().post("/revoke-trusted-devices", body{}) },
			func(b *browser) answer { return b.elsewhere().post("/revoke-other-sessions", body{}) },
			func(b *browser) answer { return b.elsewhere().post("/step-up", password) },
			func(b *browser) answer { return b.elsewhere().post("/sign-out", body{}) },
		}
		var all sync.WaitGroup
		for i := range 2 * len(deeds) {
			all.Go(func() {
				b := s.browser(t)
				b.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword})
				for n := range 3 {
					deeds[(i+n)%len(deeds)](b)
				}
			})
		}
		all.Wait()
		// What takes too long is refused for now, and that is all.
		wantAbsent(t, s.log.String(), "internal error", "deadlock")
	})
}
