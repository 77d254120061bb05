package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// TestMailPauses tests the delays between attempts to send an email: one second,
// then two, four and so on up to an hour, or the delay that the mail provider
// requests. After three days the server discards the email and logs that.
func TestMailPauses(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		s.clock.Freeze()
		began := accounts.Now()
		ann := s.signUp(t, ann)
		want(t, ann.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": testkit.Password + "!"}), 200, "")

		refusal := errors.New("no")
		try := func(err error) (tried bool, why error) {
			t.Helper()
			found, why := accounts.DeliverMail(t.Context(), func(m mail.Mail) error {
				if tried = true; m.Subject != en.T(message.MailPasswordChangedSubject) {
					t.Errorf("email: %+v", m)
				}
				return err
			})
			if found != tried {
				t.Errorf("found: %t, tried: %t", found, tried)
			}
			return tried, why
		}
		wantTry := func(pause time.Duration, refusal error) {
			t.Helper()
			s.clock.Advance(pause - time.Millisecond)
			if tried, err := try(refusal); tried || err != nil {
				t.Errorf("after %v: tried: %t, %v", accounts.Now().Sub(began), tried, err)
			}
			s.clock.Advance(time.Millisecond)
			if tried, err := try(refusal); !tried || !errors.Is(err, refusal) || errors.Is(err, account.ErrMailDiscarded) {
				t.Errorf("after %v: tried: %t, %v", accounts.Now().Sub(began), tried, err)
			}
		}
		if tried, err := try(refusal); !tried || !errors.Is(err, refusal) {
			t.Fatalf("at once: tried: %t, %v", tried, err)
		}
		pause := time.Second
		for range 12 {
			wantTry(pause, refusal)
			pause *= 2
		}
		wantTry(time.Hour, refusal)
		wantTry(time.Hour, &mail.RefusedError{Reason: "less", RetryAfter: time.Minute})
		busy := &mail.RefusedError{Reason: "Try tomorrow.", RetryAfter: 20 * time.Hour}
		wantTry(time.Hour, busy)
		wantTry(20*time.Hour, busy)
		wantTry(20*time.Hour, refusal)

		last := began.Add(3 * 24 * time.Hour)
		wantTry(time.Hour, &mail.RefusedError{Reason: "Much later.", RetryAfter: 1000 * time.Hour})
		s.clock.Advance(last.Sub(accounts.Now()))
		tried, err := try(refusal)
		if !tried || !errors.Is(err, account.ErrMailDiscarded) || !errors.Is(err, refusal) {
			t.Errorf("after three days: tried: %t, %v; want it dropped", tried, err)
		}
		s.clock.Advance(30 * 24 * time.Hour)
		if tried, err := try(nil); tried || err != nil {
			t.Errorf("a dropped email: tried: %t, %v", tried, err)
		}
		events, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{shared.EventMailDiscarded}, Limit: 10})
		if err != nil || len(events) != 1 || events[0].Subject != en.T(message.MailPasswordChangedSubject) || events[0].UserID == "" {
			t.Errorf("events %+v, %v", events, err)
		}
		if strings.Contains(fmt.Sprint(events), "example.test") {
			t.Errorf("the log tells the address: %+v", events)
		}
	})
}

// TestSlowMail tests that an email that is slow to send delays no other. The server
// must not try to send it twice at the same time.
func TestSlowMail(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		for _, who := range []string{"slow@example.test", "quick@example.test"} {
			b := s.signUp(t, who)
			want(t, b.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": testkit.Password + "!"}), 200, "")
			s.clock.Advance(time.Second)
		}
		found, err := accounts.DeliverMail(t.Context(), func(slow mail.Mail) error {
			if slow.Recipient != "slow@example.test" {
				t.Errorf("the first is %+v", slow)
			}
			for i, want := range []string{"quick@example.test", ""} {
				got := ""
				_, err := accounts.DeliverMail(t.Context(), func(m mail.Mail) error { got = m.Recipient; return nil })
				if err != nil || got != want {
					t.Errorf("%d: %q, %v; want %q", i, got, err, want)
				}
			}
			return nil
		})
		if !found || err != nil {
			t.Error(found, err)
		}
	})
}

// TestNewDeviceMail tests that the owner gets an email about the first sign-in from
// a new browser, by any method, and about no other sign-in. A setting must turn
// these emails off.
func TestNewDeviceMail(t *testing.T) {
	on := func(c *server.Config) { c.Accounts.Settings = set(t, "NEW_DEVICE_MAIL=true") }
	eachAs(t, on, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner := s.signUp(t, ann)
		wantMails(t, accounts, ann)
		password := body{"email": ann, "password": testkit.Password}
		known := s.browser(t)
		want(t, known.Post("/sign-in/email", password), 200, "")
		for _, m := range wantMails(t, accounts, ann, en.T(message.MailNewSignInSubject)) {
			at := m.CreatedAt.UTC().Format(en.T(message.DateTimeLayout))
			device := "Windows PC · Firefox"
			if !strings.Contains(m.Text, en.T(message.MailRequestContext, at, known.Address, device)) {
				t.Errorf("email: %s", m.Text)
			}
		}
		for _, b := range []*browser{known, known.Elsewhere(), owner} {
			want(t, b.Elsewhere().Post("/sign-in/email", password), 200, "")
		}
		want(t, s.browser(t).Post("/sign-in/email", body{"email": ann, "password": "not " + testkit.Password}), 401, "INVALID_EMAIL_OR_PASSWORD")
		wantMails(t, accounts, ann)

		device := s.device()
		owner = owner.Elsewhere()
		want(t, owner.sendRegistration(createResponse(t, device, owner.registerOptions())), 200, "")
		wantMails(t, accounts, ann, en.T(message.MailPasskeyAddedSubject))
		for _, subjects := range [][]string{{en.T(message.MailNewSignInSubject)}, nil} {
			b := known
			if subjects != nil {
				b = s.browser(t)
			}
			want(t, b.sendAuthentication(getResponse(t, device, b.authenticateOptions())), 200, "")
			wantMails(t, accounts, ann, subjects...)
		}

		app, codes := owner.enroll()
		wantMails(t, accounts, ann, en.T(message.MailTwoFactorEnabledSubject))
		b := s.browser(t)
		want(t, b.Post("/sign-in/email", password), 403, "TWO_FACTOR_REQUIRED")
		wantMails(t, accounts, ann)
		want(t, b.Elsewhere().verify(nextCode(app)), 200, "")
		wantMails(t, accounts, ann, en.T(message.MailNewSignInSubject))
		// One email reports both the sign-in and the backup code.
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")
		for _, m := range wantMails(t, accounts, ann, en.T(message.MailBackupCodeSignInSubject)) {
			if !strings.Contains(m.Text, en.T(message.MailNewSignIn)+"\n\n"+en.T(message.MailBackupCodeUsed, 9)) {
				t.Errorf("email: %s", m.Text)
			}
		}
		want(t, b.Elsewhere().Post("/sign-in/email", password), 403, "TWO_FACTOR_REQUIRED")
		want(t, b.spend(codes[1]), 200, "")
		wantMails(t, accounts, ann, en.T(message.EventBackupCodeUsed)) // the browser is known

		accounts.Settings = set(t, "NEW_DEVICE_MAIL=false")
		b = s.browser(t)
		want(t, b.sendAuthentication(getResponse(t, device, b.authenticateOptions())), 200, "")
		wantMails(t, accounts, ann)
	})
}

// TestSendTestMail tests that an administrator can send a test email and sees the
// response of the mail provider. A limit must keep the endpoint from filling a
// mailbox.
func TestSendTestMail(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		var mails []mail.Mail
		var refusal error
		s := open(t, storetest.Open(t, url), func(c *server.Config) {
			c.DeliverMail = func(ctx context.Context, m mail.Mail) error {
				if _, ok := ctx.Deadline(); !ok {
					t.Error("the context has no deadline")
				}
				mails = append(mails, m)
				return refusal
			}
		})
		send := func(b *browser) testkit.Answer { return b.Elsewhere().Do("POST", "/api/settings/test-mail", "{}") }
		want(t, send(s.browser(t)), 401, "UNAUTHORIZED")
		b := s.signUp(t, ann)
		want(t, send(b), 403, "FORBIDDEN")
		b.grant(account.PermissionSettings)
		s.clock.Advance(setting.FreshWindow)
		want(t, send(b), 403, "SESSION_NOT_FRESH")
		if len(mails) != 0 {
			t.Errorf("emails: %+v", mails)
		}
		want(t, b.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")

		want(t, send(b), 200, "")
		refusal = &mail.RefusedError{Reason: "The email provider says: no."}
		refused := send(b)
		want(t, refused, 424, "MAIL_NOT_SENT")
		if refused.Get("message") != "The email provider says: no." {
			t.Errorf("refused: %v", refused)
		}
		refusal = errors.New("/a/path cannot be written")
		broken := send(b)
		want(t, broken, 500, "INTERNAL_SERVER_ERROR")
		wantAbsent(t, broken.Body, "path")
		for range 2 {
			want(t, send(b), 500, "INTERNAL_SERVER_ERROR")
		}
		want(t, send(b), 429, "TOO_MANY_REQUESTS")
		s.clock.Advance(account.TestEmailLimit.Window)
		want(t, b.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		refusal = nil
		want(t, send(b), 200, "")

		if len(mails) != 6 {
			t.Errorf("%d emails; want 6", len(mails))
		}
		for _, m := range mails {
			if m.Recipient != ann || m.Subject != en.T(message.MailTestSubject) || !statesClient(m) {
				t.Errorf("email: %+v", m)
			}
		}
	})
}

// TestMailsAreInTheLanguageOfTheirReader tests that an email is in the language that
// its reader chose. If they chose none, it must be in the language of the browser
// that caused it, even if the server composes it later.
func TestMailsAreInTheLanguageOfTheirReader(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		for _, tt := range []struct{ chosen, accepted, want string }{
			{"", "de-AT, en;q=0.5", de.T(message.ChooseNewPassword)},
			{"en", "de", en.T(message.ChooseNewPassword)},
			{"de", "", de.T(message.ChooseNewPassword)},
		} {
			want(t, owner.Post("/update-user", body{"language": tt.chosen}), 200, "")
			s.mails(t)
			want(t, s.browser(t).Post("/request-password-reset", body{"email": ann}, "Accept-Language: "+tt.accepted), 200, "")
			s.link(t, ann, tt.want)
		}
	})
}
