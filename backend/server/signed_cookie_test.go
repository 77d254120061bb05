package server_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/betterauth"
	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

const (
	oldSecret   = "the secret of an application"
	trustedAs   = "trust-device-YRp1iOewYsYHtQjH0voCQT5TJWiOkh6i"
	oldPassword = "rasmuslerdorf"
)

// importUser imports a user with sessions, whose tokens are token0, token1 and so on, with a second
// factor, and with a trusted device.
func importUser(t *testing.T, s *testServer, sessions int) {
	t.Helper()
	now := s.clock.Now()
	_, _, err := s.accounts.Import(t.Context(), "better-auth", func(i *account.Importer) (any, error) {
		for _, add := range []func() error{
			func() error {
				return i.AddUser(t.Context(), account.User{ID: "u", Email: "ann@example.test", EmailVerified: true, TwoFactorEnabled: true})
			},
			func() error {
				return i.AddPassword(t.Context(), "u", "$2y$07$usesomesillystringfore2uDLvp1Ii2e./U9C8sBjqp8I90dH6hi", now)
			},
			func() error {
				_, err := i.AddTOTP(t.Context(), "u", []byte("12345678901234567890"), nil)
				return err
			},
			func() error {
				token := account.SignedToken(betterauth.TrustCookie(oldSecret, trustedAs, "u"))
				return i.AddTrustedDevice(t.Context(), "u", token, now, now.Add(time.Hour))
			},
		} {
			if err := add(); err != nil {
				return nil, err
			}
		}
		for n := range sessions {
			session := account.Session{
				ID: fmt.Sprint("s", n), UserID: "u", CreatedAt: now, LastActiveAt: now, ExpiresAt: now.Add(7 * 24 * time.Hour), Remember: true,
			}
			token := account.SignedToken(betterauth.Sign(oldSecret, fmt.Sprint("token", n)))
			if err := i.AddSession(t.Context(), session, token); err != nil {
				return nil, err
			}
		}
		return "report", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSignedCookies tests which cookies of Better Auth an https server honors, and what replaces them.
func TestSignedCookies(t *testing.T) {
	t.Parallel()
	for prefix, own := range map[string]string{
		"latchkey": "__Host-latchkey.", "better-auth": "__Secure-better-auth.", "acme": "__Host-acme.",
	} {
		s := open(t, storetest.Migrated(t, "sqlite:"+t.TempDir()+"/l.db"), func(c *server.Config) {
			c.Origin, c.CookiePrefix = parse(t, "https://accounts.example.test"), prefix
		})
		const sessions = 4
		importUser(t, s, sessions)
		call := func(method, path, sent string, cookies ...string) testkit.Answer {
			return s.browser(t).Do(method, "/api/auth"+path, sent, "Host: accounts.example.test", "Origin: https://accounts.example.test",
				"Cookie: "+strings.Join(cookies, "; "))
		}
		signed := func(name, value string) string {
			return name + "=" + url.QueryEscape(betterauth.Sign(oldSecret, value))
		}

		for _, other := range []string{"better-auth.", prefix + ".", "__Host-better-auth.", "__Secure-other."} {
			if a := call("GET", "/get-session", "", signed(other+"session_token", "token0")); a.Body != "null" {
				t.Errorf("%s: %ssession_token is read: %s", prefix, other, a)
			}
		}
		n := 0
		for _, old := range []string{"__Secure-better-auth.", "__Secure-" + prefix + "."} {
			for _, brief := range []bool{false, true} {
				cookies := []string{signed(old+"session_token", fmt.Sprint("token", n))}
				if n++; brief {
					cookies = append(cookies, signed(old+"dont_remember", "true"))
				}
				a := call("GET", "/get-session", "", cookies...)
				if a.Get("user.id") != "u" || a.Header["Set-Cookie"] != nil {
					t.Errorf("%s: with %q: %s %v", prefix, cookies, a, a.Header)
				}
				a = call("POST", "/update-user", `{"name": "Ann"}`, cookies...)
				last := lastCookie(a, own+"session_token")
				if a.Status != 200 || strings.Contains(last, "Max-Age") == brief || !strings.HasSuffix(last, "HttpOnly; Secure; SameSite=Lax") ||
					strings.Contains(last, "=;") {
					t.Errorf("%s: with %q, the new cookie is %q: %s", prefix, cookies, last, a)
				}
				if cleared := lastCookie(a, old+"session_token"); old != own && !strings.HasPrefix(cleared, old+"session_token=; Path=/; Max-Age=0;") {
					t.Errorf("%s: the old cookie is not cleared: %q", prefix, cleared)
				}
			}
		}

		credentials := fmt.Sprintf(`{"email": "ann@example.test", "password": %q}`, oldPassword)
		trusted := url.QueryEscape(betterauth.TrustCookie(oldSecret, trustedAs, "u"))
		call("POST", "/sign-in/email", credentials, "better-auth.trust_device="+trusted).Want(t, 403, "TWO_FACTOR_REQUIRED")
		a := call("POST", "/sign-in/email", credentials, "__Secure-better-auth.trust_device="+trusted)
		if last := lastCookie(a, own+"trust_device"); a.Status != 200 || !strings.Contains(last, "Max-Age=2592000") {
			t.Errorf("%s: with a trusted device: %s %q", prefix, a, last)
		}
	}
}

// lastCookie returns the last Set-Cookie line of an answer for a cookie, or "".
func lastCookie(a testkit.Answer, name string) (line string) {
	for _, one := range a.Header["Set-Cookie"] {
		if strings.HasPrefix(one, name+"=") {
			line = one
		}
	}
	return line
}
