package server_test

import (
	"errors"
	"strings"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// TestEmailAddresses tests that all spellings of an email address belong to one
// account, at every endpoint that takes an address. Emails must go to its ASCII
// form.
func TestEmailAddresses(t *testing.T) {
	for _, tt := range []struct{ typed, kept string }{
		{"User@bücher.example", "user@xn--bcher-kva.example"},
		{"user@XN--BCHER-KVA.example", "user@xn--bcher-kva.example"},
		{"a@пример.рф", "a@xn--e1afmkfd.xn--p1ai"},
		{"Foo..Bar.@docomo.ne.jp", "foo..bar.@docomo.ne.jp"},
		{"a&b@example.com", "a&b@example.com"},
	} {
		t.Run(strings.ReplaceAll(tt.typed, "/", ""), func(t *testing.T) {
			eachAs(t, func(c *server.Config) { c.Accounts.Unlimited = true }, func(t *testing.T, s *testServer, accounts *account.Service) {
				b := s.signUp(t, tt.typed)
				if got := b.Session().Get("user.email"); got != tt.kept {
					t.Errorf("signed up with %v; want %s", got, tt.kept)
				}
				want(t, s.browser(t).SignUp(tt.kept), 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")
				for _, email := range []string{tt.typed, tt.kept, strings.ToUpper(tt.typed), strings.ToUpper(tt.kept)} {
					s.signIn(t, email)
					wantSeeOther(t, s.browser(t).send("/sign-in", "email="+email, "password="+testkit.Password), "/dashboard/settings")
					want(t, b.Post("/change-email", body{"newEmail": email}), 400, "EMAIL_IS_THE_SAME")
					mails := func(what string, a testkit.Answer, subject string) {
						t.Helper()
						want(t, a, 200, "")
						wantMails(t, accounts, tt.kept, subject)
					}
					mails("reset", s.browser(t).Post("/request-password-reset", body{"email": email}), en.T(message.ChooseNewPassword))
					mails("verify", s.browser(t).Post("/send-verification-email", body{"email": email}), en.T(message.MailVerifyEmailSubject))
					mails("verify mine", b.Post("/send-verification-email", body{"email": email}), en.T(message.MailVerifyEmailSubject))
					if user, err := accounts.UserByEmail(t.Context(), email); err != nil || user.Email != tt.kept {
						t.Errorf("the user of %s: %v, %v", email, user.Email, err)
					}
					if _, err := accounts.LiftLockout(t.Context(), email); err != nil {
						t.Errorf("unlock %s: %v", email, err)
					}
				}

				// Another account changes to a new address.
				other := s.signUp(t, ann)
				want(t, other.Post("/change-email", body{"newEmail": "x" + tt.typed}), 200, "")
				wantMails(t, accounts, "x"+tt.kept, en.T(message.MailVerifyNewEmailSubject))
				want(t, other.Post("/change-email", body{"newEmail": tt.typed}), 200, "")
				wantMails(t, accounts, tt.kept, en.T(message.MailHaveAccountSubject))
				if _, err := accounts.GrantEmergencyAccess(t.Context(), tt.typed); err != nil {
					t.Errorf("recover %s: %v", tt.typed, err)
				}
			})
		})
	}
}

// TestWrongEmailAddresses tests that every endpoint refuses an invalid address,
// with its own error message.
func TestWrongEmailAddresses(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.Accounts.Unlimited = true }, func(t *testing.T, s *testServer, accounts *account.Service) {
		b := s.signUp(t, ann)
		b.grant(account.PermissionSettings)
		for _, email := range []string{
			"ann", "a@localhost", "a@example.com.", "a@192.0.2.1", "a@[192.0.2.1]", "a@xn--a.com", "a@exam_ple.com", `"a b"@example.com`,
			"Ann <a@example.com>",
			"a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com", " a@example.com", strings.Repeat("l", 65) + "@example.com",
			"jörg@example.com",
		} {
			text := "Invalid email address"
			message := "Invalid email"
			if email == "jörg@example.com" {
				text, message = shared.ErrEmailLocalPart.Message, shared.ErrEmailLocalPart.Message
			}
			wrong := func(a testkit.Answer, field string) {
				t.Helper()
				if !a.Is(400, "VALIDATION_ERROR") || a.Get("field") != field || a.Get("message") != "[body."+field+"] "+text {
					t.Errorf("%q: %v; want %s", email, a, text)
				}
			}
			wrong(s.browser(t).SignUp(email), "email")
			wrong(s.browser(t).Post("/request-password-reset", body{"email": email}), "email")
			wrong(s.browser(t).Post("/send-verification-email", body{"email": email}), "email")
			wrong(b.Post("/change-email", body{"newEmail": email}), "newEmail")
			if a := s.browser(t).SignIn(email); !a.Is(400, "INVALID_EMAIL") || a.Get("message") != message || a.Get("field") != "email" {
				t.Errorf("sign-in with %q: %v", email, a)
			}
			if email != "Ann <a@example.com>" && email != " a@example.com" {
				want(t, b.put(body{"key": "MAIL_FROM", "value": email}), 400, "INVALID_SETTING")
			}
			if _, err := accounts.UserByEmail(t.Context(), email); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("the user of %q: %v", email, err)
			}
		}
		wantRedisplayed(t, s.browser(t).send("/sign-in", "email=jörg@example.com", "password=x"), 400, "email", en.T(message.ErrEmailLocalPart))

		for value, shown := range map[string]string{
			"a@xn--e1afmkfd.xn--p1ai": "a@xn--e1afmkfd.xn--p1ai", "Bücher <User@bücher.example>": "Bücher <user@xn--bcher-kva.example>",
			"foo..bar@docomo.ne.jp": `"foo..bar"@docomo.ne.jp`, "A & B <a&b@example.com>": "A & B <a&b@example.com>",
		} {
			a := b.put(body{"key": "MAIL_FROM", "value": value})
			if want(t, a, 200, ""); a.Get("value") != shown {
				t.Errorf("MAIL_FROM %s: %v", value, a)
			}
		}
	})
}
