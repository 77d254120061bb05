package server_test

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// The names in brackets are cases of the threat model that the tests hold.

func TestSignUp(t *testing.T) { // A01
	each(t, func(t *testing.T, s *site) {
		b := s.browser(t)
		a := b.post("/sign-up/email", body{"email": "Ann@Example.test", "name": "Ann", "password": goodPassword})
		want(t, a, 200, "")
		if got := a.get("user.email"); got != "ann@example.test" {
			t.Errorf("user.email = %v", got)
		}
		for _, secret := range []string{goodPassword, "password", "hash", "handle", b.token()} {
			if strings.Contains(a.body, secret) {
				t.Errorf("the answer contains %q: %s", secret, a.body)
			}
		}
		wantAlive(t, b, true, "who signed up")

		want(t, s.browser(t).post("/sign-up/email", body{"email": "ANN@example.test", "name": "B", "password": goodPassword}), 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL") // A11
		want(t, s.browser(t).post("/sign-in/email", body{"email": "ANN@EXAMPLE.TEST", "password": goodPassword}), 200, "")
	})
}

func TestSignUpRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		tests := []struct {
			what, code string
			in         body
		}{
			{"seven characters (A04)", "PASSWORD_TOO_SHORT", body{"password": "short12"}},
			{"seven characters of four bytes", "PASSWORD_TOO_SHORT", body{"password": strings.Repeat("🔑", 7)}},
			{"6000 characters (A05)", "PASSWORD_TOO_LONG", body{"password": strings.Repeat("long pass ", 600)}},
			{"a common password (A07)", "PASSWORD_TOO_COMMON", body{"password": "iloveyou1"}},
			{"a common password, shouted", "PASSWORD_TOO_COMMON", body{"password": "QWERTYUIOP"}},
			{"the address (A09)", "PASSWORD_TOO_COMMON", body{"password": "New.Person@example.test"}},
			{"the first part of the address", "PASSWORD_TOO_COMMON", body{"password": "new.person"}},
			{"the name", "PASSWORD_TOO_COMMON", body{"password": "new person"}},
			{"NUL in the password (I05)", "BAD_REQUEST", body{"password": "correct\x00horse battery"}},
			{"NUL in the name", "BAD_REQUEST", body{"name": "a\x00b"}},
			{"a line end in the name", "VALIDATION_ERROR", body{"name": "a\nb"}},
			{"a name of 100000 (I20)", "PAYLOAD_TOO_LARGE", body{"name": strings.Repeat("n", 100_000)}},
			{"a name of 101", "VALIDATION_ERROR", body{"name": strings.Repeat("n", 101)}},
			{"no address", "VALIDATION_ERROR", body{"email": "nobody"}},
			{"SQL in the address (I14)", "VALIDATION_ERROR", body{"email": "a' OR '1'='1"}},
			{"a used-up invitation", "INVALID_INVITE", body{"invite": "AAAA"}},
		}
		for _, test := range tests {
			b := s.browser(t)
			in := body{"email": "new.person@example.test", "name": "New Person", "password": goodPassword}
			for k, v := range test.in {
				in[k] = v
			}
			a := b.post("/sign-up/email", in)
			if a.code() != test.code || a.status < 400 || a.status >= 500 {
				t.Errorf("%s: %.200v; want %s", test.what, a, test.code)
			}
			wantAlive(t, b, false, test.what)
		}
		for _, p := range []string{"password", "12345678", "qwertyuiop", "password1", "iloveyou1", "11111111"} {
			want(t, s.browser(t).post("/sign-up/email", body{"email": "new@example.test", "name": "", "password": p}), 400, "PASSWORD_TOO_COMMON")
		}
		want(t, s.browser(t).post("/sign-up/email", body{"email": "new@example.test", "name": "", "password": strings.Repeat("sixteen letters ", 4)}), 200, "")
	})
}

func TestSignUpTakesNothingElse(t *testing.T) { // A31
	each(t, func(t *testing.T, s *site) {
		a := s.browser(t).post("/sign-up/email", body{
			"email": "a@example.test", "name": "A", "password": goodPassword, "id": "mine", "role": "admin", "permissions": []string{"settings.manage"},
			"emailVerified": true, "twoFactorEnabled": true, "isAdmin": true, "createdAt": "2001-01-01T00:00:00.000Z",
		})
		want(t, a, 200, "")
		if a.get("user.id") == "mine" || a.get("user.emailVerified") != false || a.get("user.twoFactorEnabled") != false || strings.HasPrefix(a.get("user.createdAt").(string), "2001") {
			t.Errorf("the body chose what the server does: %v", a)
		}
	})
}

func TestSignUpAtOnce(t *testing.T) { // R07
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := open(t, db, nil)
		var mu sync.Mutex
		statuses := map[int]int{}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				a := s.browser(t).post("/sign-up/email", body{"email": "same@example.test", "name": "", "password": goodPassword})
				mu.Lock()
				defer mu.Unlock()
				statuses[a.status]++
			})
		}
		wg.Wait()
		if statuses[200] != 1 || statuses[200]+statuses[422] != 16 {
			t.Errorf("16 sign-ups of one address at once: %v; want one 200 and fifteen 422", statuses)
		}
	})
}

func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.signUp(t, "ann@example.test")

		b := s.browser(t)
		known := b.post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
		unknown := b.post("/sign-in/email", body{"email": "bob@example.test", "password": "wrong password"})
		want(t, known, 401, "INVALID_EMAIL_OR_PASSWORD")
		if known.body != unknown.body || known.status != unknown.status || len(known.header["Set-Cookie"])+len(unknown.header["Set-Cookie"]) != 0 { // A02
			t.Errorf("a known and an unknown address are told apart: %v %v, %v %v", known, known.header, unknown, unknown.header)
		}

		a := s.browser(t).post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword, "callbackURL": "/dashboard/settings"})
		want(t, a, 200, "")
		if a.get("redirect") != true || a.get("url") != "/dashboard/settings" || a.header.Get("Location") != "/dashboard/settings" {
			t.Errorf("callbackURL: %v, Location %q", a, a.header.Get("Location"))
		}
		for _, evil := range []string{"https://evil.test", "//evil.test", `/\evil.test`, "javascript:alert(1)", "/a%2fb", "/.//evil.test", "/a\x7fb", "http://user@" + s.url.Host, s.url.Scheme + "://evil.test@" + s.url.Host + ".evil.test", "dash"} { // A33
			b := s.browser(t)
			want(t, b.post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword, "callbackURL": evil}), 403, "INVALID_CALLBACK_URL")
			want(t, b.request("POST", "/api/auth/sign-in/email?callbackURL="+url.QueryEscape(evil), `{"email":"ann@example.test","password":"`+goodPassword+`"}`), 403, "INVALID_CALLBACK_URL")
		}
	})
}

func TestPasswordIsNormalised(t *testing.T) { // A10
	each(t, func(t *testing.T, s *site) {
		const composed, decomposed = " pässwörd-ohne-Ende ", " pa\u0308sswo\u0308rd-ohne-Ende "
		want(t, s.browser(t).post("/sign-up/email", body{"email": "a@example.test", "name": "", "password": composed}), 200, "")
		want(t, s.browser(t).post("/sign-in/email", body{"email": "a@example.test", "password": decomposed}), 200, "")
		want(t, s.browser(t).post("/sign-in/email", body{"email": "a@example.test", "password": strings.TrimSpace(composed)}), 401, "INVALID_EMAIL_OR_PASSWORD")
	})
}

func TestSessionCookie(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.signUp(t, "ann@example.test")
		tokens := map[string]bool{}
		var varied [43]map[byte]bool
		for range 16 { // S01
			b := s.signIn(t, "ann@example.test")
			token := b.token()
			if tokens[token] || len(token) != len(varied) {
				t.Fatalf("token %d repeats or has length %d", len(tokens), len(token))
			}
			tokens[token] = true
			for i := range varied {
				if varied[i] == nil {
					varied[i] = map[byte]bool{}
				}
				varied[i][token[i]] = true
			}
		}
		varies := 0
		for _, bytes := range varied {
			if len(bytes) > 1 {
				varies++
			}
		}
		if varies < 20 {
			t.Errorf("%d positions of the tokens vary", varies)
		}

		cookieOf := func(remember bool) string {
			a := s.browser(t).post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword, "rememberMe": remember})
			want(t, a, 200, "")
			return a.header.Get("Set-Cookie")
		}
		remembered, brief := cookieOf(true), cookieOf(false)
		if !strings.HasPrefix(remembered, "latchkey.session_token=") || !strings.HasSuffix(remembered, "; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax") { // S02
			t.Errorf("cookie: %s", remembered)
		}
		if strings.Contains(brief, "Max-Age") || strings.Contains(brief, "Expires") { // S12
			t.Errorf("cookie of a brief session: %s", brief)
		}
	})
}

func TestSecureCookies(t *testing.T) { // S02, H06
	t.Parallel()
	for prefix, want := range map[string]string{"latchkey": "__Host-latchkey.session_token", "better-auth": "__Secure-better-auth.session_token"} {
		s := open(t, storetest.Migrated(t, "sqlite:"+t.TempDir()+"/l.db"), func(c *server.Config) {
			c.Origin, c.CookiePrefix = parse(t, "https://accounts.example.test"), prefix
		})
		b := s.browser(t)
		a := b.post("/sign-up/email", body{"email": "a@example.test", "name": "", "password": goodPassword},
			"Host: accounts.example.test", "Origin: https://accounts.example.test")
		cookie := a.header.Get("Set-Cookie")
		if !strings.HasPrefix(cookie, want+"=") || !strings.HasSuffix(cookie, "; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax") {
			t.Errorf("cookie: %s", cookie)
		}
		if got := a.header.Get("Strict-Transport-Security"); got != "max-age=63072000; includeSubDomains" {
			t.Errorf("Strict-Transport-Security: %s", got)
		}
		value, _, _ := strings.Cut(strings.TrimPrefix(cookie, want+"="), ";")
		unprefixed := s.holding(t, strings.TrimPrefix(strings.TrimPrefix(want, "__Host-"), "__Secure-"), value)
		if got := unprefixed.get("/get-session", "Host: accounts.example.test"); got.body != "null" {
			t.Errorf("the name without its prefix is read: %v", got)
		}
	}
}

func TestLimitPerAddress(t *testing.T) { // A14, R08, Z06
	each(t, func(t *testing.T, s *site) {
		s.signUp(t, "ann@example.test")
		b := s.browser(t)
		var mu sync.Mutex
		statuses := map[int]int{}
		var last answer
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				a := b.post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
				mu.Lock()
				defer mu.Unlock()
				statuses[a.status]++
				if a.status == 429 {
					last = a
				}
			})
		}
		wg.Wait()
		if statuses[401] > 3 || statuses[401]+statuses[429] != 60 {
			t.Errorf("60 guesses at once: %v; want at most 3 of them 401, the rest 429", statuses)
		}
		if after := last.header.Get("Retry-After"); after == "" || after == "0" || after != last.header.Get("X-Retry-After") || last.code() != "TOO_MANY_REQUESTS" {
			t.Errorf("429: %v %v", last, last.header)
		}
		s.wait(11 * time.Second)
		want(t, b.post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword}), 200, "")

		// The addresses of one /64 are one customer's.
		v6 := s.browser(t)
		for i, ip := range []string{"2001:db8::1", "2001:db8::2", "2001:0db8:0:0::3", "2001:db8::4"} {
			v6.ip = ip
			if a := v6.post("/sign-up/email", body{}); (a.status == 429) != (i == 3) {
				t.Errorf("call %d from the /64: %v", i, a)
			}
		}
	})
}

func TestLimitPerAccount(t *testing.T) { // A15, A16, A17
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, "ann@example.test")
		want(t, owner.post("/sign-out", body{}), 200, "")
		want(t, owner.post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword}), 200, "")
		session := s.holding(t, "latchkey.session_token", owner.token())

		guess := func() answer {
			return s.browser(t).post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
		}
		for range 10 {
			want(t, guess(), 401, "INVALID_EMAIL_OR_PASSWORD")
		}
		a := guess()
		want(t, a, 429, "TOO_MANY_ATTEMPTS")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		want(t, s.browser(t).post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword}), 429, "TOO_MANY_ATTEMPTS")

		wantAlive(t, session, true, "the owner's session")
		s.wait(10 * time.Second) // past the limit of the address
		want(t, owner.post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword}), 200, "")
		other := s.holding(t, "latchkey.browser", strings.ToLower(owner.cookie("latchkey.browser")))
		want(t, other.post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword}), 429, "TOO_MANY_ATTEMPTS")

		for range 11 { // an unknown address is no different
			a = s.browser(t).post("/sign-in/email", body{"email": "nobody@example.test", "password": "wrong password"})
		}
		want(t, a, 429, "TOO_MANY_ATTEMPTS")

		s.wait(15 * time.Minute)
		want(t, guess(), 401, "INVALID_EMAIL_OR_PASSWORD")
	})
}

// TestKnownBrowserDies holds that what a browser keeps of sign-ins gives nobody
// more tries once the password has changed, and that it serves several accounts.
func TestKnownBrowserDies(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		thief := s.signUp(t, "ann@example.test")
		owner := s.signIn(t, "ann@example.test")
		const next = "another good password"
		want(t, owner.post("/change-password", body{"currentPassword": goodPassword, "newPassword": next}), 200, "")
		want(t, owner.elsewhere().post("/sign-up/email", body{"email": "bob@example.test", "name": "", "password": goodPassword}), 200, "")
		for range 11 {
			s.browser(t).post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
		}
		want(t, thief.elsewhere().post("/sign-in/email", body{"email": "ann@example.test", "password": next}), 429, "TOO_MANY_ATTEMPTS")
		want(t, owner.elsewhere().post("/sign-in/email", body{"email": "ann@example.test", "password": next}), 200, "")
	})
}

// TestGuessesAreWrittenDown holds that who hangs up while a guess is looked at
// leaves the same trace as who waits.
func TestGuessesAreWrittenDown(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.signUp(t, "ann@example.test")
		const guess = `{"email":"ann@example.test","password":"wrong password"}`
		for range 5 {
			conn, err := net.Dial("tcp", s.url.Host)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /api/auth/sign-in/email HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
				s.url.Host, newAddress(), len(guess), guess)
			conn.Close()
		}
		for end := time.Now().Add(10 * time.Second); strings.Count(s.dump(t), " sign-in-failed ") < 5; {
			if time.Now().After(end) {
				t.Fatalf("%d of 5 guesses are in the log", strings.Count(s.dump(t), " sign-in-failed "))
			}
		}
	})
}

func TestLimitIsCommonToReplicas(t *testing.T) { // R16
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		var replicas []*site
		for range 2 {
			replicas = append(replicas, open(t, storetest.Migrated(t, url), nil))
		}
		one, other := replicas[0], replicas[1]
		owner := one.signUp(t, "ann@example.test")
		elsewhere := other.holding(t, "latchkey.session_token", owner.token())
		wantAlive(t, elsewhere, true, "the session on the other replica")
		var codes []string
		for i := range 11 {
			a := replicas[i%2].browser(t).post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
			codes = append(codes, a.code())
		}
		if got := codes[10]; got != "TOO_MANY_ATTEMPTS" || slices.Contains(codes[:10], got) {
			t.Errorf("guesses spread over two replicas: %v", codes)
		}
		want(t, owner.post("/revoke-sessions", body{}), 200, "")
		wantAlive(t, elsewhere, false, "a session revoked on the other replica")
	})
}

func TestPasswordPromptsAreLimited(t *testing.T) { // A24
	each(t, func(t *testing.T, s *site) {
		thief := s.signUp(t, "ann@example.test")
		calls := []struct {
			path string
			in   body
		}{
			{"/change-password", body{"currentPassword": "wrong password", "newPassword": "another good password"}},
			{"/verify-password", body{"password": "wrong password"}},
			{"/step-up", body{"password": "wrong password"}},
			{"/delete-user", body{"password": "wrong password"}},
		}
		for i := range 12 {
			a := thief.elsewhere().post(calls[i%len(calls)].path, calls[i%len(calls)].in)
			if i < 10 {
				want(t, a, 400, "INVALID_PASSWORD")
			} else {
				want(t, a, 429, "TOO_MANY_ATTEMPTS")
			}
		}
		want(t, s.browser(t).post("/sign-in/email", body{"email": "ann@example.test", "password": goodPassword}), 200, "")
	})
}

// TestLimitOfUnknownPaths holds that a caller who makes up paths has no count
// of their own for each, and fills no table.
func TestLimitOfUnknownPaths(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser(t)
		for i := range 101 {
			path := []string{"/nope%d", "/sign-in/nope%d", "/sign-in/email/%d"}[i%3]
			a := b.request([]string{"GET", "POST"}[i%2], "/api/auth"+fmt.Sprintf(path, i), "{}")
			if (a.status == 429) != (i == 100) {
				t.Fatalf("call %d: %v", i+1, a)
			}
		}
		if d := s.dump(t); strings.Contains(d, "attempts") {
			t.Errorf("unknown paths are counted in the database: %s", d)
		}
	})
}

func TestLimitOfReads(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser(t)
		for i := range 101 {
			if a := b.get("/get-session"); (a.status == 429) != (i == 100) {
				t.Fatalf("read %d: %v", i+1, a)
			}
		}
		s.wait(10 * time.Second)
		wantAlive(t, b, false, "a stranger")
	})
}

func TestFirstAdministrator(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		accounts := &account.Service{Store: s.db, Now: account.Now}
		stale, err := accounts.InviteFirstAdmin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		invite, err := accounts.InviteFirstAdmin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		signUp := func(email string, invite account.Token) answer {
			return s.browser(t).post("/sign-up/email", body{"email": email, "name": "", "password": goodPassword, "invite": string(invite)})
		}
		want(t, signUp("a@example.test", stale), 403, "INVALID_INVITE")
		want(t, signUp("a@example.test", invite), 200, "")
		want(t, signUp("b@example.test", invite), 403, "INVALID_INVITE")
		want(t, s.browser(t).post("/sign-in/email", body{"email": "b@example.test", "password": goodPassword}), 401, "INVALID_EMAIL_OR_PASSWORD") // no half account
		var granted []store.Grant
		for _, p := range slices.Sorted(slices.Values(account.Permissions)) {
			granted = append(granted, store.Grant{Email: "a@example.test", Permission: p})
		}
		if got, err := s.db.Permissions(t.Context()); err != nil || !slices.Equal(got, granted) {
			t.Errorf("permissions: %v, %v; want %v", got, err, granted)
		}
		if again, err := accounts.InviteFirstAdmin(t.Context()); again != "" || err != nil {
			t.Errorf("an invitation with an administrator there: %v, %v", again, err)
		}
	})
}
