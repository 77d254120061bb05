package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
)

// TestMailPauses holds that a mail is tried again after a second, two, four and
// so on up to an hour, or after as long as who carries mails asks for; and that
// it is dropped after three days, which the log tells.
func TestMailPauses(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *site, accounts *account.Service) {
		frozen := account.Now() // or pauses would be as long as the machine makes them
		accounts.Now = func() time.Time { return frozen }
		ann := s.signUp(t, ann)
		want(t, ann.post("/change-password", body{"currentPassword": goodPassword, "newPassword": goodPassword + "!"}), 200, "")
		began := frozen

		refusal := errors.New("no")
		try := func(err error) (tried bool, why error) {
			t.Helper()
			found, why := accounts.HandOnMail(t.Context(), func(m account.Mail) error {
				if tried = true; m.Subject != "Your password was changed" {
					t.Errorf("mail: %+v", m)
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
			frozen = frozen.Add(pause - time.Millisecond)
			if tried, err := try(refusal); tried || err != nil {
				t.Errorf("after %v: tried: %t, %v", frozen.Sub(began), tried, err)
			}
			frozen = frozen.Add(time.Millisecond)
			if tried, err := try(refusal); !tried || !errors.Is(err, refusal) || errors.Is(err, account.ErrMailDropped) {
				t.Errorf("after %v: tried: %t, %v", frozen.Sub(began), tried, err)
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
		wantTry(time.Hour, &account.RefusedError{Why: "less", Wait: time.Minute})
		busy := &account.RefusedError{Why: "Try tomorrow.", Wait: 20 * time.Hour}
		wantTry(time.Hour, busy)
		wantTry(20*time.Hour, busy)
		wantTry(20*time.Hour, refusal)

		last := began.Add(3 * 24 * time.Hour)
		wantTry(time.Hour, &account.RefusedError{Why: "Much later.", Wait: 1000 * time.Hour})
		frozen = last
		tried, err := try(refusal)
		if !tried || !errors.Is(err, account.ErrMailDropped) || !errors.Is(err, refusal) {
			t.Errorf("after three days: tried: %t, %v; want it dropped", tried, err)
		}
		frozen = frozen.Add(30 * 24 * time.Hour)
		if tried, err := try(nil); tried || err != nil {
			t.Errorf("a dropped mail: tried: %t, %v", tried, err)
		}
		events, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{account.EventMailDropped}, Limit: 10})
		if err != nil || len(events) != 1 || events[0].Subject != "Your password was changed" || events[0].UserID == "" {
			t.Errorf("events %+v, %v", events, err)
		}
		if strings.Contains(fmt.Sprint(events), "example.test") {
			t.Errorf("the log tells the address: %+v", events)
		}
	})
}

// TestSlowMail holds that a mail which is not handed on holds up no other, and
// that nobody else tries it meanwhile.
func TestSlowMail(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *site, accounts *account.Service) {
		for _, who := range []string{"slow@example.test", "quick@example.test"} {
			b := s.signUp(t, who)
			want(t, b.post("/change-password", body{"currentPassword": goodPassword, "newPassword": goodPassword + "!"}), 200, "")
			s.wait(time.Second)
		}
		found, err := accounts.HandOnMail(t.Context(), func(slow account.Mail) error {
			if slow.Recipient != "slow@example.test" {
				t.Errorf("the first is %+v", slow)
			}
			for i, want := range []string{"quick@example.test", ""} {
				got := ""
				_, err := accounts.HandOnMail(t.Context(), func(m account.Mail) error { got = m.Recipient; return nil })
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

// TestNewDeviceMail holds that the owner hears of every way to sign in from a
// browser that the account did not know, once, and of no other sign-in; unless
// the system key says that they need not.
func TestNewDeviceMail(t *testing.T) {
	on := func(c *server.Config) { c.Accounts.Settings = set(t) }
	eachAs(t, on, func(t *testing.T, s *site, accounts *account.Service) {
		owner := s.signUp(t, ann)
		wantMails(t, accounts, ann)
		password := body{"email": ann, "password": goodPassword}
		known := s.browser(t)
		want(t, known.post("/sign-in/email", password), 200, "")
		for _, m := range wantMails(t, accounts, ann, "New sign-in") {
			if !strings.Contains(m.Text, ", from "+known.ip+", with Firefox 153 on Windows.") {
				t.Errorf("mail: %s", m.Text)
			}
		}
		for _, b := range []*browser{known, known.elsewhere(), owner} {
			want(t, b.elsewhere().post("/sign-in/email", password), 200, "")
		}
		want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": "not " + goodPassword}), 401, "INVALID_EMAIL_OR_PASSWORD")
		wantMails(t, accounts, ann)

		device := s.device()
		owner = owner.elsewhere()
		want(t, owner.sendRegistration(made(t, device, owner.registerOptions())), 200, "")
		wantMails(t, accounts, ann, "A passkey was added")
		for _, subjects := range [][]string{{"New sign-in"}, nil} {
			b := known
			if subjects != nil {
				b = s.browser(t)
			}
			want(t, b.sendAuthentication(used(t, device, b.authenticateOptions())), 200, "")
			wantMails(t, accounts, ann, subjects...)
		}

		p, _ := owner.enrol()
		wantMails(t, accounts, ann, "Two-factor authentication is on")
		b := s.browser(t)
		want(t, b.post("/sign-in/email", password), 403, "TWO_FACTOR_REQUIRED")
		wantMails(t, accounts, ann)
		want(t, b.elsewhere().verify(p.next()), 200, "")
		wantMails(t, accounts, ann, "New sign-in")

		accounts.Settings = set(t, "NEW_DEVICE_MAIL=false")
		b = s.browser(t)
		want(t, b.sendAuthentication(used(t, device, b.authenticateOptions())), 200, "")
		wantMails(t, accounts, ann)
	})
}
