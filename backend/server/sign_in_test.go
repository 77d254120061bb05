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
	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestSignUp tests that a sign-up creates an account and signs in, that the response
// contains no secret, and that email addresses are not case-sensitive.
func TestSignUp(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.browser(t)
		a := b.Post("/sign-up/email", body{"email": "Ann@Example.test", "name": "Ann", "password": testkit.Password})
		want(t, a, 200, "")
		if got := a.Get("user.email"); got != "ann@example.test" {
			t.Errorf("user.email = %v", got)
		}
		for _, secret := range []string{testkit.Password, "password", "hash", "handle", b.token()} {
			if strings.Contains(a.Body, secret) {
				t.Errorf("the answer contains %q: %s", secret, a.Body)
			}
		}
		wantAlive(t, b, true, "the new user")

		want(t, s.browser(t).SignUp("ANN@example.test"), 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")
		want(t, s.browser(t).SignIn("ANN@EXAMPLE.TEST"), 200, "")
	})
}

func TestSignUpRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		tests := []struct {
			what, code string
			in         body
		}{
			{"seven characters", "PASSWORD_TOO_SHORT", body{"password": "short12"}},
			{"seven characters of four bytes", "PASSWORD_TOO_SHORT", body{"password": strings.Repeat("🔑", 7)}},
			{"6000 characters", "PASSWORD_TOO_LONG", body{"password": strings.Repeat("long pass ", 600)}},
			{"a common password", "PASSWORD_TOO_COMMON", body{"password": "iloveyou1"}},
			{"a common password, shouted", "PASSWORD_TOO_COMMON", body{"password": "QWERTYUIOP"}},
			{"the address", "PASSWORD_TOO_COMMON", body{"password": "New.Person@example.test"}},
			{"the first part of the address", "PASSWORD_TOO_COMMON", body{"password": "new.person"}},
			{"the name", "PASSWORD_TOO_COMMON", body{"password": "new person"}},
			{"NUL in the password", "BAD_REQUEST", body{"password": "correct\x00horse battery"}},
			{"NUL in the name", "BAD_REQUEST", body{"name": "a\x00b"}},
			{"a line end in the name", "VALIDATION_ERROR", body{"name": "a\nb"}},
			{"a name of 100000", "PAYLOAD_TOO_LARGE", body{"name": strings.Repeat("n", 100_000)}},
			{"a name of 101", "VALIDATION_ERROR", body{"name": strings.Repeat("n", 101)}},
			{"no address", "VALIDATION_ERROR", body{"email": "nobody"}},
			{"SQL in the address", "VALIDATION_ERROR", body{"email": "a' OR '1'='1"}},
			{"a used-up invitation", "INVALID_INVITE", body{"invite": "AAAA"}},
		}
		for _, test := range tests {
			b := s.browser(t)
			in := body{"email": "new.person@example.test", "name": "New Person", "password": testkit.Password}
			for k, v := range test.in {
				in[k] = v
			}
			a := b.Post("/sign-up/email", in)
			if a.Code() != test.code || a.Status < 400 || a.Status >= 500 {
				t.Errorf("%s: %v; want %s", test.what, a, test.code)
			}
			wantAlive(t, b, false, test.what)
		}
		for _, p := range []string{"password", "12345678", "qwertyuiop", "password1", "iloveyou1", "11111111"} {
			want(t, s.browser(t).Post("/sign-up/email", body{"email": "new@example.test", "name": "", "password": p}), 400, "PASSWORD_TOO_COMMON")
		}
		long := body{"email": "new@example.test", "name": "", "password": strings.Repeat("sixteen letters ", 4)}
		want(t, s.browser(t).Post("/sign-up/email", long), 200, "")
	})
}

// TestSignUpIgnoresServerFields tests that a sign-up cannot set fields that only the
// server may set, such as permissions.
func TestSignUpIgnoresServerFields(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		a := s.browser(t).Post("/sign-up/email", body{
			"email": "a@example.test", "name": "A", "password": testkit.Password,
			"id": "mine", "role": "admin", "permissions": []string{"settings.manage"},
			"emailVerified": true, "twoFactorEnabled": true, "isAdmin": true, "createdAt": "2001-01-01T00:00:00.000Z",
		})
		want(t, a, 200, "")
		if a.Get("user.id") == "mine" || a.Get("user.emailVerified") != false || a.Get("user.twoFactorEnabled") != false ||
			strings.HasPrefix(a.Get("user.createdAt").(string), "2001") {
			t.Errorf("the body chose what the server does: %v", a)
		}
	})
}

// TestSignUpAtOnce tests that many parallel sign-ups with one address create one
// account.
func TestSignUpAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := open(t, db, nil)
		var mu sync.Mutex
		statuses := map[int]int{}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				a := s.browser(t).SignUp("same@example.test")
				mu.Lock()
				defer mu.Unlock()
				statuses[a.Status]++
			})
		}
		wg.Wait()
		if statuses[200] != 1 || statuses[200]+statuses[422] != 16 {
			t.Errorf("16 sign-ups of one address at once: %v; want one 200 and fifteen 422", statuses)
		}
	})
}

// TestSignIn tests that the response to a wrong password does not reveal whether the
// address has an account. A sign-in must redirect only to our own pages.
func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, "ann@example.test")

		b := s.browser(t)
		known := b.Post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
		unknown := b.Post("/sign-in/email", body{"email": "bob@example.test", "password": "wrong password"})
		want(t, known, 401, "INVALID_EMAIL_OR_PASSWORD")
		if known.Body != unknown.Body || known.Status != unknown.Status ||
			len(known.Header["Set-Cookie"])+len(unknown.Header["Set-Cookie"]) != 0 {
			t.Errorf("a known and an unknown address are told apart: %v %v, %v %v", known, known.Header, unknown, unknown.Header)
		}

		leadingTo := func(to string) body {
			return body{"email": "ann@example.test", "password": testkit.Password, "callbackURL": to}
		}
		a := s.browser(t).Post("/sign-in/email", leadingTo("/dashboard/settings"))
		want(t, a, 200, "")
		if a.Get("redirect") != true || a.Get("url") != "/dashboard/settings" || a.Header.Get("Location") != "/dashboard/settings" {
			t.Errorf("callbackURL: %v, Location %q", a, a.Header.Get("Location"))
		}
		for _, evil := range []string{
			"https://evil.test", "//evil.test", `/\evil.test`, "javascript:alert(1)", "/a%2fb", "/.//evil.test", "/a\x7fb",
			"http://user@" + s.url.Host, s.url.Scheme + "://evil.test@" + s.url.Host + ".evil.test", "dash",
		} {
			b := s.browser(t)
			want(t, b.Post("/sign-in/email", leadingTo(evil)), 403, "INVALID_CALLBACK_URL")
			inQuery := b.Call("POST", "/api/auth/sign-in/email?callbackURL="+url.QueryEscape(evil),
				body{"email": "ann@example.test", "password": testkit.Password})
			want(t, inQuery, 403, "INVALID_CALLBACK_URL")
		}
	})
}

// TestPasswordIsNormalized tests that composed and decomposed letters make the same
// password, and that surrounding spaces are significant.
func TestPasswordIsNormalized(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		const composed, decomposed = " pässwörd-ohne-Ende ", " pa\u0308sswo\u0308rd-ohne-Ende "
		want(t, s.browser(t).Post("/sign-up/email", body{"email": "a@example.test", "name": "", "password": composed}), 200, "")
		want(t, s.browser(t).Post("/sign-in/email", body{"email": "a@example.test", "password": decomposed}), 200, "")
		trimmed := body{"email": "a@example.test", "password": strings.TrimSpace(composed)}
		want(t, s.browser(t).Post("/sign-in/email", trimmed), 401, "INVALID_EMAIL_OR_PASSWORD")
	})
}

// TestSessionCookie tests that each session has its own random token. The cookie must
// have the protective attributes, and expire with the browser if the user chose not to
// stay signed in.
func TestSessionCookie(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, "ann@example.test")
		tokens := map[string]bool{}
		var varied [43]map[byte]bool
		for range 16 {
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
			a := s.browser(t).Post("/sign-in/email", body{"email": "ann@example.test", "password": testkit.Password, "rememberMe": remember})
			want(t, a, 200, "")
			return a.Header.Get("Set-Cookie")
		}
		remembered, brief := cookieOf(true), cookieOf(false)
		if !strings.HasPrefix(remembered, "latchkey.session_token=") ||
			!strings.HasSuffix(remembered, "; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax") {
			t.Errorf("cookie: %s", remembered)
		}
		if strings.Contains(brief, "Max-Age") || strings.Contains(brief, "Expires") {
			t.Errorf("cookie of a brief session: %s", brief)
		}
	})
}

// TestSecureCookies tests that at an https origin cookies are Secure and have a name
// prefix that browsers enforce, and that the server sends HSTS.
func TestSecureCookies(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"latchkey": "__Host-latchkey.session_token", "better-auth": "__Secure-better-auth.session_token",
	} {
		s := open(t, storetest.Migrated(t, "sqlite:"+t.TempDir()+"/l.db"), func(c *server.Config) {
			c.Origin, c.CookiePrefix = parse(t, "https://accounts.example.test"), prefix
		})
		b := s.browser(t)
		a := b.Post("/sign-up/email", body{"email": "a@example.test", "name": "", "password": testkit.Password},
			"Host: accounts.example.test", "Origin: https://accounts.example.test")
		cookie := a.Header.Get("Set-Cookie")
		if !strings.HasPrefix(cookie, want+"=") || !strings.HasSuffix(cookie, "; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax") {
			t.Errorf("cookie: %s", cookie)
		}
		if got := a.Header.Get("Strict-Transport-Security"); got != "max-age=63072000; includeSubDomains" {
			t.Errorf("Strict-Transport-Security: %s", got)
		}
		value, _, _ := strings.Cut(strings.TrimPrefix(cookie, want+"="), ";")
		unprefixed := s.holding(t, strings.TrimPrefix(strings.TrimPrefix(want, "__Host-"), "__Secure-"), value)
		if got := unprefixed.Get("/get-session", "Host: accounts.example.test"); got.Body != "null" {
			t.Errorf("the name without its prefix is read: %v", got)
		}
	}
}

// TestLimitPerAddress tests that an address has three sign-in attempts in ten seconds,
// even in parallel, and that a /64 of IPv6 counts as one address.
func TestLimitPerAddress(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		s.signUp(t, "ann@example.test")
		b := s.browser(t)
		var mu sync.Mutex
		statuses := map[int]int{}
		var last testkit.Answer
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				a := b.Post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
				mu.Lock()
				defer mu.Unlock()
				statuses[a.Status]++
				if a.Status == 429 {
					last = a
				}
			})
		}
		wg.Wait()
		if statuses[401] > 3 || statuses[401]+statuses[429] != 60 {
			t.Errorf("60 guesses at once: %v; want at most 3 of them 401, the rest 429", statuses)
		}
		if after := last.Header.Get("Retry-After"); after == "" || after == "0" || after != last.Header.Get("X-Retry-After") ||
			last.Code() != "TOO_MANY_REQUESTS" {
			t.Errorf("429: %v %v", last, last.Header)
		}
		s.clock.Advance(11 * time.Second)
		want(t, b.SignIn("ann@example.test"), 200, "")

		// One customer has all addresses of a /64.
		v6 := s.browser(t)
		for i, ip := range []string{"2001:db8::1", "2001:db8::2", "2001:0db8:0:0::3", "2001:db8::4"} {
			v6.Address = ip
			if a := v6.Post("/sign-up/email", body{}); a.Err != nil || (a.Status == 429) != (i == 3) {
				t.Errorf("call %d from the /64: %v", i, a)
			}
		}
	})
}

// TestLimitPerAccount tests that after ten wrong passwords, from any addresses, an
// account accepts no password for a quarter of an hour. Only browsers that have signed
// in to it before may still sign in. An address without an account must behave the
// same.
func TestLimitPerAccount(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, "ann@example.test")
		want(t, owner.Post("/sign-out", body{}), 200, "")
		want(t, owner.SignIn("ann@example.test"), 200, "")
		session := s.holding(t, "latchkey.session_token", owner.token())

		guess := func() testkit.Answer {
			return s.browser(t).Post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
		}
		for range 10 {
			want(t, guess(), 401, "INVALID_EMAIL_OR_PASSWORD")
		}
		a := guess()
		want(t, a, 429, "TOO_MANY_ATTEMPTS")
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		want(t, s.browser(t).SignIn("ann@example.test"), 429, "TOO_MANY_ATTEMPTS")

		wantAlive(t, session, true, "the owner's session")
		s.clock.Advance(10 * time.Second) // past the limit of the address
		want(t, owner.SignIn("ann@example.test"), 200, "")
		other := s.holding(t, "latchkey.browser", strings.ToLower(owner.Cookie("latchkey.browser")))
		want(t, other.SignIn("ann@example.test"), 429, "TOO_MANY_ATTEMPTS")

		for range 11 { // an address without an account
			a = s.browser(t).Post("/sign-in/email", body{"email": "nobody@example.test", "password": "wrong password"})
		}
		want(t, a, 429, "TOO_MANY_ATTEMPTS")

		s.clock.Advance(15 * time.Minute)
		want(t, guess(), 401, "INVALID_EMAIL_OR_PASSWORD")
	})
}

// TestKnownDeviceEndsWithPassword tests that the known-device cookie gives no
// additional attempts after a password change, and that it works for several accounts.
func TestKnownDeviceEndsWithPassword(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		thief := s.signUp(t, "ann@example.test")
		owner := s.signIn(t, "ann@example.test")
		want(t, owner.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		want(t, owner.Elsewhere().SignUp("bob@example.test"), 200, "")
		for range 11 {
			a := s.browser(t).Post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
			if a.Status != 401 && a.Status != 429 {
				t.Error(a)
			}
		}
		want(t, thief.Elsewhere().Post("/sign-in/email", body{"email": "ann@example.test", "password": nextPassword}), 429, "TOO_MANY_ATTEMPTS")
		want(t, owner.Elsewhere().Post("/sign-in/email", body{"email": "ann@example.test", "password": nextPassword}), 200, "")
	})
}

// TestGuessesAreLogged tests that a wrong password is logged even if the client
// disconnects before the response.
func TestGuessesAreLogged(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, "ann@example.test")
		const guess = `{"email":"ann@example.test","password":"wrong password"}`
		for range 5 {
			conn, err := net.Dial("tcp", s.url.Host)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /api/auth/sign-in/email HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\n"+
				"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", s.url.Host, testkit.NewAddress(), len(guess), guess)
			conn.Close()
		}
		testkit.Eventually(t, "all 5 guesses are in the log", func() bool { return s.events(t, shared.EventSignInFailed) == 5 },
			func() string { return fmt.Sprint(s.events(t, shared.EventSignInFailed)) })
	})
}

// TestLimitIsCommonToReplicas tests that two servers on one database count guesses
// together and share sessions.
func TestLimitIsCommonToReplicas(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		var replicas []*testServer
		for range 2 {
			replicas = append(replicas, open(t, storetest.Open(t, url), nil))
		}
		one, other := replicas[0], replicas[1]
		owner := one.signUp(t, "ann@example.test")
		elsewhere := other.holding(t, "latchkey.session_token", owner.token())
		wantAlive(t, elsewhere, true, "the session on the other replica")
		var codes []string
		for i := range 11 {
			a := replicas[i%2].browser(t).Post("/sign-in/email", body{"email": "ann@example.test", "password": "wrong password"})
			codes = append(codes, a.Code())
		}
		if got := codes[10]; got != "TOO_MANY_ATTEMPTS" || slices.Contains(codes[:10], got) {
			t.Errorf("guesses spread over two replicas: %v", codes)
		}
		want(t, owner.Post("/revoke-sessions", body{}), 200, "")
		wantAlive(t, elsewhere, false, "a session revoked on the other replica")
	})
}

// TestPasswordPromptsAreLimited tests that an attacker with a stolen session has ten
// attempts to guess the password, over all endpoints that accept it. The attacker must
// not be able to keep the owner from signing in.
func TestPasswordPromptsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		thief := s.signUp(t, "ann@example.test")
		calls := []struct {
			path string
			in   body
		}{
			{"/change-password", body{"currentPassword": "wrong password", "newPassword": nextPassword}},
			{"/verify-password", body{"password": "wrong password"}},
			{"/step-up", body{"password": "wrong password"}},
			{"/delete-user", body{"password": "wrong password"}},
		}
		for i := range 12 {
			a := thief.Elsewhere().Post(calls[i%len(calls)].path, calls[i%len(calls)].in)
			if i < 10 {
				want(t, a, 400, "INVALID_PASSWORD")
			} else {
				want(t, a, 429, "TOO_MANY_ATTEMPTS")
			}
		}
		want(t, s.browser(t).SignIn("ann@example.test"), 200, "")
	})
}

// TestLimitOfUnknownPaths tests that all unknown paths count as one, and not in the
// database.
func TestLimitOfUnknownPaths(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b := s.browser(t)
		for i := range 101 {
			path := []string{"/nope%d", "/sign-in/nope%d", "/sign-in/email/%d"}[i%3]
			a := b.Do([]string{"GET", "POST"}[i%2], "/api/auth"+fmt.Sprintf(path, i), "{}")
			if a.Err != nil || (a.Status == 429) != (i == 100) {
				t.Fatalf("call %d: %v", i+1, a)
			}
		}
		if d := s.dump(t); strings.Contains(d, "attempts") {
			t.Errorf("unknown paths are counted in the database: %s", d)
		}
	})
}

// TestLimitOfReads tests that an address can make a hundred reads in ten seconds.
func TestLimitOfReads(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b := s.browser(t)
		for i := range 101 {
			if a := b.Session(); a.Err != nil || (a.Status == 429) != (i == 100) {
				t.Fatalf("read %d: %v", i+1, a)
			}
		}
		s.clock.Advance(10 * time.Second)
		wantAlive(t, b, false, "a stranger")
	})
}

// TestFirstAdministrator tests that the newest invitation of the first administrator
// is valid for one sign-up, which gets all permissions, and that there is none
// afterward.
func TestFirstAdministrator(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		accounts := &account.Service{Store: s.db, Now: account.Now}
		stale, err := accounts.InviteFirstAdmin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		invite, err := accounts.InviteFirstAdmin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		signUp := func(email string, invite account.Token) testkit.Answer {
			return s.browser(t).Post("/sign-up/email", body{"email": email, "name": "", "password": testkit.Password, "invite": string(invite)})
		}
		want(t, signUp("a@example.test", stale), 403, "INVALID_INVITE")
		want(t, signUp("a@example.test", invite), 200, "")
		want(t, signUp("b@example.test", invite), 403, "INVALID_INVITE")
		want(t, s.browser(t).SignIn("b@example.test"), 401, "INVALID_EMAIL_OR_PASSWORD") // the failed sign-up leaves no partial account
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
