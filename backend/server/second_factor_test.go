package server_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// wantFactor checks that a call is refused until a second factor is verified.
func wantFactor(t *testing.T, a testkit.Answer) {
	t.Helper()
	want(t, a, 403, "SESSION_NOT_FRESH")
	if a.Get("need") != "second-factor" {
		t.Errorf("need: %v", a)
	}
}

// lastSecondFactor returns the factor that was last verified in the session, and when.
func (b *browser) lastSecondFactor() (by any, at string) {
	a := b.Session()
	return a.Get("session.secondFactorBy"), fmt.Sprint(a.Get("session.secondFactorAt"))
}

// weakenings makes the calls that weaken or reveal a factor, with the correct password,
// and returns their responses.
func (b *browser) weakenings(t *testing.T) map[string]testkit.Answer {
	t.Helper()
	b = b.Elsewhere()
	password := body{"password": testkit.Password}
	answers := map[string]testkit.Answer{
		"show the key":    b.Post("/two-factor/get-totp-uri", password),
		"new codes":       b.Post("/two-factor/generate-backup-codes", password),
		"replace":         b.Post("/two-factor/enable", body{"password": testkit.Password, "replace": true}),
		"begin a passkey": b.Get("/passkey/generate-register-options"),
		"another mailbox": b.Post("/change-email", body{"newEmail": "mallory@example.test"}),
		"switch off":      b.Post("/two-factor/disable", password),
	}
	if keys := b.passkeys(); len(keys) == 1 {
		answers["delete the last passkey"] = b.Post("/passkey/delete-passkey", body{"id": keys[0].ID})
	}
	return answers
}

// TestFactorGuardsFactors tests that a session without a recently verified second factor
// can neither weaken nor reveal a factor, whatever password it sends. Such sessions came
// from a trusted device or an emailed code, or verified their factor too long ago.
func TestFactorGuardsFactors(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze() // the window ends at an exact second
		owner, device := s.signUpWithPasskey(t, ann)
		app, codes := owner.enroll()
		refused := func(what string, b *browser) {
			t.Helper()
			for call, a := range b.weakenings(t) {
				if a.Status != 403 || a.Code() != "SESSION_NOT_FRESH" || a.Get("need") != "second-factor" {
					t.Errorf("%s: %s: %v", what, call, a)
				}
			}
			wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
			if len(b.passkeys()) != 1 {
				t.Errorf("%s: passkeys: %v", what, b.passkeys())
			}
		}

		trusted := s.pendingSignIn(t, ann)
		want(t, trusted.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}), 200, "")
		want(t, trusted.Elsewhere().SignIn(ann), 200, "")
		if by, _ := trusted.lastSecondFactor(); by != nil || trusted.method() != "password+trusted-device" {
			t.Errorf("a trusted device has shown %v", by)
		}
		refused("a trusted device", trusted)
		// Nor can it create a factor to continue with, from options that were requested
		// elsewhere.
		want(t, trusted.Elsewhere().Get("/passkey/generate-register-options?mediation=conditional"), 200, "")
		if a := trusted.Elsewhere().Get("/passkey/generate-register-options?mediation=conditional"); a.Body != "null" {
			t.Errorf("options for a passkey made unasked: %v", a)
		}
		wantFactor(t, trusted.Elsewhere().Post("/passkey/verify-registration", body{"response": body{}}))

		mailed := s.pendingSignIn(t, ann)
		want(t, mailed.Elsewhere().Post("/two-factor/send-otp", body{}), 200, "")
		want(t, mailed.Elsewhere().Post("/two-factor/verify-otp", body{"code": s.mailedCode(t)}), 200, "")
		refused("a code by email", mailed)

		// A password, correct or wrong, confirms no factor.
		s.clock.Advance(setting.FreshWindow)
		want(t, owner.Elsewhere().Post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID}), 403, "SESSION_NOT_FRESH")
		want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		refused("after a password", owner)
		wantFactor(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": "wrong password"}))

		// Each of the three factors does, and nothing else.
		want(t, owner.Elsewhere().Post("/step-up", body{"backupCode": "wrong-codes"}), 401, "INVALID_BACKUP_CODE")
		wantFactor(t, owner.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}))
		for _, f := range []struct {
			by    string
			proof func() body
		}{
			{"totp", func() body { return body{"code": nextCode(app)} }},
			{"backup-code", func() body { return body{"backupCode": codes[0]} }},
			{"passkey", func() body { return body{"passkey": getResponse(t, device, owner.authenticateOptions())} }},
		} {
			s.clock.Advance(setting.FreshWindow)
			proof, before := f.proof(), owner.token()
			want(t, owner.Elsewhere().Post("/step-up", proof), 200, "")
			if owner.token() == before {
				t.Errorf("%s: the session keeps its token", f.by)
			}
			by, at := owner.lastSecondFactor()
			if by != f.by || at == "<nil>" {
				t.Errorf("%s: the session says %v, %v", f.by, by, at)
			}
			if f.by != "passkey" { // its challenge is consumed
				want(t, owner.Elsewhere().Post("/step-up", proof), 401,
					map[string]string{"totp": "INVALID_CODE", "backup-code": "INVALID_BACKUP_CODE"}[f.by])
			}
			s.clock.Advance(setting.FreshWindow - time.Second)
			want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
			if again, then := owner.lastSecondFactor(); again != by || then != at {
				t.Errorf("%s: a password overwrites %v, %v with %v, %v", f.by, by, at, again, then)
			}
			want(t, owner.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}), 200, "")
			s.clock.Advance(time.Second)
			wantFactor(t, owner.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}))
		}
		if n := s.events(t, shared.EventBackupCodeUsed); n != 1 {
			t.Errorf("%d events of a used backup code", n)
		}

		// A factor that was verified in one session does not count in another.
		s.clock.Advance(time.Minute)
		want(t, owner.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 200, "")
		wantFactor(t, mailed.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}))
		for call, a := range owner.weakenings(t) { // the last call turns it off
			if call != "delete the last passkey" && a.Status != 200 {
				t.Errorf("with a factor: %s: %v", call, a)
			}
		}
	})
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// mailedCode returns the code in the last email to ann that has one, or "". Other emails, such
// as one about the sign-in before, may have the same time.
func (s *testServer) mailedCode(t *testing.T) (code string) {
	t.Helper()
	for _, m := range s.mails(t) {
		if m.Recipient == ann && m.Subject == en.T(message.MailSignInCodeSubject) {
			code = sixDigits.FindString(m.Text)
		}
	}
	return code
}

// TestFactorsOfSignIn tests what counts as a verified factor: a sign-in with a second
// factor, the first code of an enrollment, and a code in a session. A password must not
// count.
func TestFactorsOfSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		if by, at := owner.lastSecondFactor(); by != nil || at != "<nil>" {
			t.Errorf("a password has shown %v, %v", by, at)
		}
		if a := owner.Session(); a.Get("session.confirmedAt") != a.Get("session.createdAt") {
			t.Errorf("confirmedAt: %v", a)
		}
		device := s.device()
		want(t, owner.register(device), 200, "")
		app, codes := owner.enroll()
		is := func(b *browser, want any) {
			t.Helper()
			if by, _ := b.lastSecondFactor(); by != want {
				t.Errorf("shown: %v; want %v", by, want)
			}
		}
		is(owner, "totp")
		b := s.pendingSignIn(t, ann)
		want(t, b.verify(nextCode(app)), 200, "")
		is(b, "totp")
		b = s.pendingSignIn(t, ann)
		want(t, b.spend(codes[0]), 200, "")
		is(b, "backup-code")
		want(t, b.verify(nextCode(app)), 200, "") // in a session
		is(b, "totp")
		want(t, b.spend(codes[1]), 200, "")
		is(b, "backup-code")
		b = s.browser(t)
		want(t, b.authenticate(device), 200, "")
		is(b, "passkey")
		b = s.pendingSignIn(t, ann)
		want(t, b.authenticate(device), 200, "")
		is(b, "passkey")
		want(t, b.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
	})
}

// TestProofIsRecorded tests that the security log and the emails state what the user entered for
// an action, and not only which second factor the session had presented before.
func TestProofIsRecorded(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		_, codes := owner.enroll()
		detail := func(want string) {
			t.Helper()
			if a := owner.Get("/list-events"); a.Get("events.0.detail") != testkit.Capital(want) {
				t.Errorf("detail %v; want %q", a.Get("events.0"), want)
			}
		}
		// told checks the newest event and the email about it.
		told := func(subject string, entered, factor message.ID) {
			t.Helper()
			sentence, part := en.T(message.MailInSession, en.T(factor)), en.T(message.DetailInSession, en.T(factor))
			if entered != 0 {
				sentence = en.T(message.MailConfirmedInSession, en.T(entered), en.T(factor))
				part = en.T(message.DetailConfirmedInSession, en.T(entered), en.T(factor))
			}
			all := s.mails(t)
			if !slices.ContainsFunc(all, func(m mail.Mail) bool { return m.Subject == subject && strings.Contains(m.Text, sentence) }) {
				t.Errorf("no email %q that says %q: %+v", subject, sentence, all)
			}
			detail(part)
		}
		want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		detail(en.T(message.DetailConfirmedWith, en.T(message.ProofPassword)))
		want(t, owner.Elsewhere().Post("/step-up", body{"backupCode": codes[0]}), 200, "")
		detail(en.T(message.DetailConfirmedWith, en.T(message.ProofBackupCode)))
		want(t, owner.Elsewhere().Post("/two-factor/get-totp-uri", body{"password": testkit.Password}), 200, "")
		told(en.T(message.MailTOTPKeyShownSubject), message.ProofPassword, message.ProofBackupCode)
		want(t, owner.register(s.device()), 200, "")
		told(en.T(message.MailPasskeyAddedSubject), 0, message.ProofBackupCode)
		moved := owner.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password, "replace": true})
		want(t, moved, 200, "")
		app := s.scan(t, moved)
		want(t, owner.verify(app.Code(0)), 200, "")
		told(en.T(message.MailAuthenticatorReplacedSubject), message.ProofNewCode, message.ProofBackupCode)
		want(t, owner.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 200, "")
		want(t, owner.Elsewhere().Post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID}), 200, "")
		told(en.T(message.MailPasskeyRemovedSubject), 0, message.ProofTOTP)
		want(t, owner.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password}), 200, "")
		told(en.T(message.MailBackupCodesMadeSubject), message.ProofPassword, message.ProofTOTP)
		want(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
		told(en.T(message.MailTwoFactorDisabledSubject), message.ProofPassword, message.ProofTOTP)
	})
}

// TestFactorsOfAdministrators tests administrators who have two-factor authentication but
// have not verified a factor. They can neither change settings about factors nor remove
// other users' factors.
func TestFactorsOfAdministrators(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		victim := s.signUp(t, bob)
		victim.enroll()
		admin := s.signUp(t, ann).grant(account.Permissions...)
		put := func(key, value string) testkit.Answer { return admin.Elsewhere().put(body{"key": key, "value": value}) }
		keys := map[string]string{
			"FRESH_WINDOW": "1d", "REQUIRE_TWO_FACTOR": "off", "REQUIRE_TWO_FACTOR_GRACE": "30d", "TWO_FACTOR_EMAIL_CODE": "true",
			"PASSKEY_USER_VERIFICATION": "preferred",
		}
		for key, value := range keys { // without two-factor authentication, a password is enough
			if key != "FRESH_WINDOW" {
				want(t, put(key, value), 200, "")
			}
		}
		app, _ := admin.enroll()
		s.clock.Advance(setting.FreshWindow)
		want(t, admin.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		for key, value := range keys {
			wantFactor(t, put(key, value))
		}
		want(t, put("SIGN_UP_ENABLED", "true"), 200, "")
		wantFactor(t, admin.Elsewhere().manage(victim.id(), "reset-factors"))
		want(t, admin.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 200, "")
		for key, value := range keys {
			want(t, put(key, value), 200, "")
		}
		want(t, admin.Elsewhere().manage(victim.id(), "reset-factors"), 200, "")
	})
}

// TestPasskeyAsRequiredFactor tests a user of whom a second factor is required and whose
// only factor is a passkey. The user must verify it before they add another factor: the
// password alone grants no access, and must not create a factor that does.
func TestPasskeyAsRequiredFactor(t *testing.T) {
	required := func(c *server.Config) {
		c.Accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
	}
	eachAs(t, required, func(t *testing.T, s *testServer, accounts *account.Service) {
		_, device := s.signUpWithPasskey(t, ann)
		thief := s.signIn(t, ann)
		wantFactor(t, thief.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password}))
		wantFactor(t, thief.Elsewhere().Get("/passkey/generate-register-options"))
		wantFactor(t, thief.Elsewhere().Post("/passkey/verify-registration", body{"response": body{}}))
		want(t, thief.Get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")

		owner := s.signIn(t, ann)
		want(t, owner.Elsewhere().Post("/step-up", body{"passkey": getResponse(t, device, owner.authenticateOptions())}), 200, "")
		owner.enroll()
		want(t, owner.Get("/list-sessions"), 200, "")
	})
}

// TestLastSecondFactor tests that users who must have a second factor cannot turn off
// their only one, and that a passkey counts as another.
func TestLastSecondFactor(t *testing.T) {
	required := func(c *server.Config) {
		c.Accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
	}
	eachAs(t, required, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner := s.signUp(t, ann)
		_, codes := owner.enroll()
		a := owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password})
		want(t, a, 409, "LAST_SECOND_FACTOR")
		if a.Get("message") != shared.ErrLastSecondFactor.Message {
			t.Errorf("it does not say what to do: %v", a)
		}
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")
		want(t, owner.register(s.device()), 200, "")
		want(t, owner.Elsewhere().Post("/two-factor/disable", body{"password": testkit.Password}), 200, "")
		want(t, owner.Get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED") // until a sign-in with the passkey
	})
}
