package server_test

import (
	"errors"
	"strings"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// TestMissingKey holds that what cannot be read, because the server lacks its key,
// is taken neither for absent nor for anything else (U08).
func TestMissingKey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann).granted(account.PermissionSettings)
		p, codes := owner.enrol()
		want(t, owner.elsewhere().request("PUT", "/api/settings", `{"key":"RESEND_API_KEY","value":"re_12345678"}`), 200, "")
		want(t, owner.elsewhere().request("PUT", "/api/settings", `{"key":"VERIFY_EMAIL","value":"off"}`), 200, "") // nobody here has verified theirs
		gone := "'v1.gone.' || substr(%, 13)"                                                                       // a key's id has eight characters
		s.exec(t, "UPDATE totps SET secret = "+strings.ReplaceAll(gone, "%", "secret"))
		s.exec(t, "UPDATE settings SET value = "+strings.ReplaceAll(gone, "%", "value")+" WHERE key = 'RESEND_API_KEY'")
		sealed := func() (lines []string) {
			for line := range strings.Lines(s.dump(t)) {
				if strings.HasPrefix(line, "totps ") || strings.HasPrefix(line, "settings ") || strings.HasPrefix(line, "second_factor_tries ") {
					lines = append(lines, line)
				}
			}
			return lines
		}
		before := strings.Join(sealed(), "")

		b := s.challenge(t, ann) // it is asked for all the same
		want(t, b.verify(p.next()), 503, "SERVICE_UNAVAILABLE")
		wantAlive(t, b, false, "whose code cannot be looked at")
		want(t, owner.elsewhere().post("/step-up", body{"code": p.next()}), 503, "SERVICE_UNAVAILABLE")
		want(t, owner.elsewhere().post("/two-factor/get-totp-uri", body{"password": goodPassword}), 503, "SERVICE_UNAVAILABLE")
		want(t, owner.request("GET", "/api/settings", ""), 503, "SERVICE_UNAVAILABLE")
		want(t, owner.elsewhere().request("PUT", "/api/settings", `{"key":"RESEND_API_KEY","value":"re_87654321"}`), 503, "SERVICE_UNAVAILABLE")
		if after := strings.Join(sealed(), ""); after != before {
			t.Errorf("what was kept became\n%s; it was\n%s", after, before)
		}
		events, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{account.EventKeyMissing}, Limit: 10})
		if err != nil || len(events) != 5 {
			t.Fatalf("%d events, %v; want 5", len(events), err)
		}
		if e := events[4]; e.UserID != owner.id() || !strings.HasPrefix(e.Subject, "totps|secret|") || e.Detail != `{"key":"gone"}` || e.IP == "" {
			t.Errorf("event: %+v", e)
		}
		if log := s.log.String(); !strings.Contains(log, `there is no key \"gone\"`) {
			t.Error("the log does not say why")
		}
		want(t, b.spend(codes[0]), 200, "") // another way in
	})
}

// TestRotateKey holds that nothing that is sealed needs the old key after a
// rotation (U07), that backup codes are all that does, and that a server that
// lacks the new one is refused.
func TestRotateKey(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *site, accounts *account.Service) {
		if err := s.db.CheckKeys(t.Context(), testKeys); err != nil {
			t.Fatal(err)
		}
		owner := s.signUp(t, ann).granted(account.PermissionSettings)
		p, codes := owner.enrol()
		waiting, _ := s.signUp(t, bob).enable() // an enrolment that waits
		want(t, owner.elsewhere().request("PUT", "/api/settings", `{"key":"RESEND_API_KEY","value":"re_12345678"}`), 200, "")
		want(t, owner.elsewhere().request("PUT", "/api/settings", `{"key":"VERIFY_EMAIL","value":"off"}`), 200, "") // nobody here has verified theirs
		if _, err := accounts.BreakGlass(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		_ = waiting
		oldID, _ := testKeys.Check()
		if sealed := strings.Count(s.dump(t), "v1."+oldID+"."); sealed < 6 {
			t.Fatalf("%d values are sealed", sealed)
		}

		keys := testKeys.Rotated()
		next := *accounts
		next.Keys = keys
		n, lost, err := next.Reseal(t.Context())
		if err != nil || len(lost) != 0 || n < 6 {
			t.Fatalf("%d values sealed anew, %v, %v", n, lost, err)
		}
		wantAbsent(t, s.dump(t), "v1."+oldID+".")
		if n, _, err := next.Reseal(t.Context()); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
		if err := s.db.RenewKeys(t.Context(), keys); err != nil {
			t.Fatal(err)
		}
		if err := s.db.CheckKeys(t.Context(), testKeys); !errors.Is(err, store.ErrKeys) {
			t.Errorf("a server with the old key alone: %v", err)
		}
		alone, err := account.ParseKeys(strings.Join(strings.SplitAfter(keys.Text(), "\n")[:2], ""))
		if err != nil {
			t.Fatal(err)
		}
		with := func(keys account.Keys) *site {
			t.Helper()
			if err := s.db.CheckKeys(t.Context(), keys); err != nil {
				t.Error(err)
			}
			var rules *account.Service
			other := open(t, storetest.Open(t, s.database), func(c *server.Config) {
				c.Accounts.Keys = keys
				rules = c.Accounts
			})
			other.clock.Store(s.clock.Load())
			if all, err := rules.LoadSettings(t.Context()); err != nil || rules.Settings.Now().MailAPIKey != "re_12345678" {
				t.Errorf("settings: %d, %v", len(all), err)
			}
			if n, err := rules.VerifyLog(t.Context()); err != nil || n == 0 {
				t.Errorf("the log: %d, %v", n, err)
			}
			return other
		}
		both := with(keys)
		want(t, both.challenge(t, ann).spend(codes[0]), 200, "")
		lonely := with(alone)
		p.site = lonely
		want(t, lonely.challenge(t, ann).spend(codes[1]), 401, "INVALID_BACKUP_CODE")
		want(t, lonely.challenge(t, ann).verify(p.next()), 200, "")
		for {
			found, err := next.HandOnMail(t.Context(), func(account.Mail) error { return nil })
			if err != nil {
				t.Error(err)
			}
			if !found {
				break
			}
		}
	})
}

// TestBreakGlass is what W05 asks for.
func TestBreakGlass(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *site, accounts *account.Service) {
		owner := s.signUp(t, ann)
		id := owner.id()
		p, codes := owner.enrol()
		device := s.device()
		want(t, owner.register(device), 200, "")
		trusted, begun := s.challenge(t, ann), s.challenge(t, ann)
		want(t, trusted.elsewhere().post("/two-factor/verify-totp", body{"code": p.next(), "trustDevice": true}), 200, "")
		for range 11 {
			s.browser(t).post("/sign-in/email", body{"email": ann, "password": "wrong wrong"})
		}
		s.exec(t, "UPDATE users SET disabled_at = '2026-01-01 00:00:00+00:00'")
		for found := true; found; {
			var err error
			if found, err = accounts.HandOnMail(t.Context(), func(account.Mail) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}

		if _, err := accounts.BreakGlass(t.Context(), bob); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("of nobody: %v", err)
		}
		token, err := accounts.BreakGlass(t.Context(), strings.ToUpper(ann))
		if err != nil {
			t.Fatal(err)
		}
		wantAlive(t, owner, false, "who was signed in")
		wantAlive(t, trusted, false, "who was trusted")
		want(t, begun.verify(p.next()), 401, "INVALID_TWO_FACTOR_COOKIE")
		// Whoever knows the password was held off by the second factor alone.
		want(t, s.browser(t).post("/sign-in/email", body{"email": ann, "password": goodPassword}), 403, "NEW_PASSWORD_REQUIRED")
		want(t, s.browser(t).authenticate(device), 200, "")
		if dump := s.dump(t); strings.Contains(dump, string(token)) || strings.Count(dump, " recover ") != 1 {
			t.Error("the token is in the database, or its hash is not")
		}
		events, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{account.EventRecovered}, Limit: 2})
		if err != nil || len(events) != 1 || events[0].UserID != id || events[0].ActorID != "" {
			t.Errorf("events: %+v, %v", events, err)
		}
		mails := 0
		if _, err := accounts.HandOnMail(t.Context(), func(m account.Mail) error {
			mails++
			if m.Recipient != ann || m.Subject != "Your account was recovered" || strings.Contains(m.Text, string(token)) {
				t.Errorf("mail: %+v", m)
			}
			return nil
		}); err != nil || mails != 1 {
			t.Errorf("%d mails, %v", mails, err)
		}
		// Nor does anybody take the link away by asking for one by mail.
		want(t, s.browser(t).post("/request-password-reset", body{"email": ann}), 200, "")
		wantMails(t, accounts, ann, "Choose a new password")
		want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": string(token)}), 200, "")
		want(t, s.browser(t).post("/reset-password", body{"newPassword": goodPassword, "token": string(token)}), 400, "INVALID_TOKEN")
		in := s.signIn(t, ann) // no lock, no code
		want(t, in.spend(codes[0]), 400, "BACKUP_CODES_NOT_ENABLED")
		for _, r := range routes(t) {
			if strings.Contains(r.path, "recover") || strings.Contains(r.path, "glass") {
				t.Errorf("there is a route: %s", r.path)
			}
		}
	})
}
