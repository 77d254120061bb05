package server_test

import (
	"errors"
	"strings"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/mail"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// TestMissingKey tests a sealed value whose key the server lacks. The server must
// treat it neither as absent nor as another value, but return 503.
func TestMissingKey(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann).grant(account.PermissionSettings)
		app, codes := owner.enroll()
		want(t, owner.Elsewhere().Do("PUT", "/api/settings", `{"key":"RESEND_API_KEY","value":"re_12345678"}`), 200, "")
		want(t, owner.Elsewhere().Do("PUT", "/api/settings", `{"key":"VERIFY_EMAIL","value":"off"}`), 200, "") // no address is verified
		// A key's ID has eight characters.
		gone := "'v1.gone.' || substr(%, 13)"
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

		b := s.pendingSignIn(t, ann) // the server still requires the code
		want(t, b.verify(nextCode(app)), 503, "SERVICE_UNAVAILABLE")
		wantAlive(t, b, false, "the sender of a code that the server cannot check")
		want(t, owner.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 503, "SERVICE_UNAVAILABLE")
		want(t, owner.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}), 503, "SERVICE_UNAVAILABLE")
		want(t, owner.Do("GET", "/api/settings", ""), 503, "SERVICE_UNAVAILABLE")
		want(t, owner.Elsewhere().Do("PUT", "/api/settings", `{"key":"RESEND_API_KEY","value":"re_87654321"}`), 503, "SERVICE_UNAVAILABLE")
		if after := strings.Join(sealed(), ""); after != before {
			t.Errorf("what was kept became\n%s; it was\n%s", after, before)
		}
		events, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{shared.EventKeyMissing}, Limit: 10})
		if err != nil || len(events) != 5 {
			t.Fatalf("%d events, %v; want 5", len(events), err)
		}
		if e := events[4]; e.UserID != owner.id() || !strings.HasPrefix(e.Subject, "totps|secret|") ||
			e.Detail != `{"key":"gone"}` || e.IP == "" {
			t.Errorf("event: %+v", e)
		}
		if log := s.log.String(); !strings.Contains(log, `the key \"gone\" of the encrypted value`) {
			t.Error("the log does not say why")
		}
		want(t, b.spend(codes[0]), 200, "") // another second factor
	})
}

// TestRotateKey tests that after a rotation only backup codes need the old key and
// no sealed value does. A server without the new key must not be able to open the
// database.
func TestRotateKey(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		if err := s.db.CheckKeys(t.Context(), testKeys); err != nil {
			t.Fatal(err)
		}
		owner := s.signUp(t, ann).grant(account.PermissionSettings)
		app, codes := owner.enroll()
		s.signUp(t, bob).enable() // a pending enrollment
		want(t, owner.Elsewhere().Do("PUT", "/api/settings", `{"key":"RESEND_API_KEY","value":"re_12345678"}`), 200, "")
		want(t, owner.Elsewhere().Do("PUT", "/api/settings", `{"key":"VERIFY_EMAIL","value":"off"}`), 200, "") // no address is verified
		if _, err := accounts.GrantEmergencyAccess(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		oldID, _ := testKeys.CheckValue()
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
		alone, err := keyring.Parse(strings.Join(strings.SplitAfter(keys.Text(), "\n")[:2], ""))
		if err != nil {
			t.Fatal(err)
		}
		with := func(keys keyring.Keys) *testServer {
			t.Helper()
			if err := s.db.CheckKeys(t.Context(), keys); err != nil {
				t.Error(err)
			}
			other := open(t, storetest.Open(t, s.database), func(c *server.Config) {
				c.Accounts.Keys, c.Accounts.Now = keys, s.clock.Now
			})
			if all, err := other.accounts.LoadSettings(t.Context()); err != nil || other.accounts.Settings.Now().MailAPIKey != "re_12345678" {
				t.Errorf("settings: %d, %v", len(all), err)
			}
			if report, err := other.accounts.VerifyLog(t.Context()); err != nil || report.Entries() == 0 {
				t.Errorf("the log: %+v, %v", report, err)
			}
			return other
		}
		both := with(keys)
		want(t, both.pendingSignIn(t, ann).spend(codes[0]), 200, "")
		lonely := with(alone)
		want(t, lonely.pendingSignIn(t, ann).spend(codes[1]), 401, "INVALID_BACKUP_CODE")
		want(t, lonely.pendingSignIn(t, ann).verify(nextCode(app)), 200, "")
		for {
			found, err := next.DeliverMail(t.Context(), func(mail.Mail) error { return nil })
			if err != nil {
				t.Error(err)
			}
			if !found {
				break
			}
		}
	})
}

// TestEmergencyAccess tests that an operator can return an account to its owner
// from the host. It revokes all sessions, second factors and lockouts of the
// account. Passkeys stay. The owner chooses a new password through a link that no
// endpoint returns.
func TestEmergencyAccess(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner := s.signUp(t, ann)
		id := owner.id()
		app, codes := owner.enroll()
		device := s.device()
		want(t, owner.register(device), 200, "")
		trusted, begun := s.pendingSignIn(t, ann), s.pendingSignIn(t, ann)
		want(t, trusted.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}), 200, "")
		for range 11 {
			if a := s.browser(t).Post("/sign-in/email", body{"email": ann, "password": "wrong wrong"}); a.Status != 401 && a.Status != 429 {
				t.Error(a)
			}
		}
		s.exec(t, "UPDATE users SET disabled_at = '2026-01-01 00:00:00+00:00'")
		sendMails(t, accounts)

		if _, err := accounts.GrantEmergencyAccess(t.Context(), bob); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("without a user: %v", err)
		}
		token, err := accounts.GrantEmergencyAccess(t.Context(), strings.ToUpper(ann))
		if err != nil {
			t.Fatal(err)
		}
		wantAlive(t, owner, false, "the owner's session")
		wantAlive(t, trusted, false, "the trusted browser")
		want(t, begun.verify(nextCode(app)), 401, "INVALID_TWO_FACTOR_COOKIE")
		// An attacker may know the password, so that only the second factor kept
		// them out.
		want(t, s.browser(t).SignIn(ann), 403, "NEW_PASSWORD_REQUIRED")
		want(t, s.browser(t).authenticate(device), 200, "")
		if dump := s.dump(t); strings.Contains(dump, string(token)) || strings.Count(dump, " recover ") != 1 {
			t.Error("the token is in the database, or its hash is not")
		}
		events, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{shared.EventEmergencyAccess}, Limit: 2})
		if err != nil || len(events) != 1 || events[0].UserID != id || events[0].ActorID != "" {
			t.Errorf("events: %+v, %v", events, err)
		}
		emails := 0
		if _, err := accounts.DeliverMail(t.Context(), func(m mail.Mail) error {
			emails++
			if m.Recipient != ann || m.Subject != en.T(message.MailEmergencyAccessSubject) || strings.Contains(m.Text, string(token)) {
				t.Errorf("email: %+v", m)
			}
			return nil
		}); err != nil || emails != 1 {
			t.Errorf("%d emails, %v; want 1", emails, err)
		}
		// A requested reset email does not revoke this link.
		want(t, s.browser(t).Post("/request-password-reset", body{"email": ann}), 200, "")
		wantMails(t, accounts, ann, en.T(message.ChooseNewPassword))
		s.resetPassword(t, string(token))
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": testkit.Password, "token": string(token)}), 400, "INVALID_TOKEN")
		in := s.signIn(t, ann) // no lockout and no code
		if e := in.Get("/list-events?kind=password-reset"); e.Get("events.0.text") != en.T(message.EventPasswordSetByOperatorLink) {
			t.Errorf("the new password in the log: %v", e)
		}
		want(t, in.spend(codes[0]), 400, "BACKUP_CODES_NOT_ENABLED")
		for _, r := range server.Routes() {
			if strings.Contains(r.Path, "recover") || strings.Contains(r.Path, "glass") {
				t.Errorf("there is a route: %s", r.Path)
			}
		}
	})
}
