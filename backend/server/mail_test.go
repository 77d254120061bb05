package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
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
