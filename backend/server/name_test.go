package server_test

import (
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestNames tests that users, passkeys and the service can have any name that
// does not affect the text around it. All other names must be refused.
func TestNames(t *testing.T) {
	good := []string{
		"王\U0002ebf0", "\U0001fae9", "משה\u200f", "\u200eAnn", "می\u200cخواهم", "👩\u200d💻",
		"🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
		"co\u00adop", "\uf8ff", "\u845b\U000e0100城",
	}
	bad := []string{
		"a\tb", "a\r\nb", "a\x7fb", "a\u0085b", "a\u2028b", "a\u202egnihtemos", "a\u2066b\u2069", "a\u206fb", "a\ufff9b", "a\ufffeb", "a\ufeffb",
		"a\U000e0041b",
	}
	eachAs(t, func(c *server.Config) { c.Accounts.Unlimited = true }, func(t *testing.T, s *testServer, _ *account.Service) {
		b, _ := s.signUpWithPasskey(t, ann)
		b.grant(account.PermissionSettings)
		id := b.passkeys()[0].ID
		signUp := func(email, name string) (*browser, testkit.Answer) {
			other := s.browser(t)
			return other, other.Post("/sign-up/email", body{"email": email, "name": name, "password": testkit.Password})
		}
		for i, name := range good {
			other, a := signUp("user"+string(rune('a'+i))+"@example.test", name)
			if want(t, a, 200, ""); other.Session().Get("user.name") != name {
				t.Errorf("signed up as %+q: %v", name, other.Session())
			}
			want(t, b.Post("/update-user", body{"name": name}), 200, "")
			if got := b.Session().Get("user.name"); got != name {
				t.Errorf("renamed to %+q: %+q", name, got)
			}
			a = b.Post("/passkey/update-passkey", body{"id": id, "name": name})
			if want(t, a, 200, ""); *b.passkeys()[0].Name != name {
				t.Errorf("the passkey is renamed to %+q: %v", name, a)
			}
			a = b.put(body{"key": "APP_NAME", "value": name})
			if want(t, a, 200, ""); a.Get("value") != name {
				t.Errorf("the service is renamed to %+q: %v", name, a)
			}
		}
		for _, name := range bad {
			_, a := signUp("bad@example.test", name)
			for what, a := range map[string]testkit.Answer{
				"sign-up": a,
				"profile": b.Post("/update-user", body{"name": name}),
				"passkey": b.Post("/passkey/update-passkey", body{"id": id, "name": name}),
			} {
				if !a.Is(400, "VALIDATION_ERROR") || a.Get("field") != "name" || a.Get("message") != shared.ErrNameControls.Message {
					t.Errorf("%s as %+q: %v", what, name, a)
				}
			}
			want(t, b.put(body{"key": "APP_NAME", "value": name}), 400, "INVALID_SETTING")
			want(t, b.Post("/two-factor/enable", body{"password": testkit.Password, "issuer": name}), 400, "VALIDATION_ERROR")
		}
		for i, name := range []string{"", " \u3000", "\u200b", "\u200e\u200f", "\u3164"} {
			other, a := signUp("empty"+string(rune('a'+i))+"@example.test", name)
			if want(t, a, 200, ""); other.Session().Get("user.name") != "" {
				t.Errorf("signed up as %+q: %v", name, other.Session())
			}
			want(t, b.Post("/update-user", body{"name": name}), 200, "")
			if got := b.Session().Get("user.name"); got != "" {
				t.Errorf("renamed to %+q: %+q", name, got)
			}
			a = b.Post("/passkey/update-passkey", body{"id": id, "name": name})
			if !a.Is(400, "VALIDATION_ERROR") || a.Get("message") != "A passkey needs a name." {
				t.Errorf("the passkey renamed to %+q: %v", name, a)
			}
			want(t, b.put(body{"key": "APP_NAME", "value": name}), 400, "INVALID_SETTING")
		}
	})
}

// TestIssuer tests that authenticator apps always get an issuer: the caller's or
// else the name of the service or else its host.
func TestIssuer(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann).grant(account.PermissionSettings)
		issuer := func(given string) string {
			t.Helper()
			a := b.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "issuer": given})
			want(t, a, 200, "")
			u := parse(t, a.Get("totpURI").(string))
			issuer := u.Query().Get("issuer")
			if !strings.HasPrefix(u.Path, "/"+issuer+":") {
				t.Errorf("the URI %s", u)
			}
			return issuer
		}
		for given, want := range map[string]string{"": "Latchkey", ": :": "Latchkey", "\u200e:": "Latchkey", "a:b": "ab", " Acme: ": "Acme"} {
			if got := issuer(given); got != want {
				t.Errorf("the issuer %+q becomes %q; want %q", given, got, want)
			}
		}
		for _, name := range []string{":", ": :", "::\u200f", ":\u3164"} {
			a := b.Elsewhere().put(body{"key": "APP_NAME", "value": name})
			if want(t, a, 400, "INVALID_SETTING"); a.Get("field") != "value" {
				t.Errorf("%+q: %v", name, a)
			}
			if _, err := setting.NewCache(func(key string) string { return map[string]string{"APP_NAME": name}[key] }); err == nil ||
				!strings.Contains(err.Error(), "the environment variable APP_NAME is invalid: The value must have 1 to 60 characters") {
				t.Errorf("the environment's %+q: %v", name, err)
			}
		}
		want(t, b.Elsewhere().put(body{"key": "APP_NAME", "value": "Acme: Accounts"}), 200, "")
		if got := issuer(":"); got != "Acme Accounts" {
			t.Errorf("the service's name becomes the issuer %q", got)
		}

		// A name from before names were validated counts as none.
		if ok, err := s.db.PutSetting(t.Context(), setting.Setting{
			Key: "APP_NAME", Value: ":", Revision: 2, UpdatedAt: time.Now(),
		}); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := s.accounts.RefreshSettings(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := issuer(""); got != "Latchkey" {
			t.Errorf("with an old name the issuer is %q", got)
		}
	})
}
