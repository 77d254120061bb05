package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/setting"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
	"latchkey/shared"
	"latchkey/shared/message"
)

// overview returns the overview of the browser's account.
func (b *browser) overview() (out shared.Overview) {
	b.t.Helper()
	a := b.Elsewhere().Get("/overview")
	want(b.t, a, 200, "")
	a.Into(b.t, &out)
	return out
}

// sessions returns the sessions of the browser's account.
func (b *browser) sessions() (all []shared.Session) {
	b.t.Helper()
	b.Elsewhere().Get("/list-sessions").Into(b.t, &all)
	return all
}

// sessionID returns the ID of the browser's session.
func (b *browser) sessionID() string { return fmt.Sprint(b.Session().Get("session.id")) }

// question returns the ID of the session that the browser's overview asks about, or "".
func (b *browser) question() string {
	b.t.Helper()
	if q := b.overview().Question; q != nil {
		return q.ID
	}
	return ""
}

func (b *browser) confirm(session string) testkit.Answer {
	return b.Elsewhere().Post("/confirm-sign-in", body{"token": session})
}

func (b *browser) report(session string) testkit.Answer {
	return b.Elsewhere().Post("/report-sign-in", body{"token": session})
}

// TestNewSessions tests which sessions are new: those of browsers in which the account was not
// known, by any method, whether or not an email reports them. It also tests that a session
// has the name of the passkey that opened it.
func TestNewSessions(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner := s.signUp(t, ann)
		wantSession := func(b *browser, isNew bool, passkey string) {
			t.Helper()
			current := b.sessions()[0]
			name := ""
			if current.PasskeyName != nil {
				name = *current.PasskeyName
			}
			if !current.IsCurrent || current.IsNew != isNew || name != passkey {
				t.Errorf("%s: new %t, passkey %q; want %t, %q", current.Method, current.IsNew, name, isNew, passkey)
			}
			if a := b.Session(); a.Get("session.isNew") != isNew || a.Get("session.passkeyName") != nil {
				t.Errorf("get-session: %v", a)
			}
		}
		wantSession(owner, false, "")
		for _, notices := range []string{"true", "false"} {
			accounts.Settings = set(t, "NEW_DEVICE_MAIL="+notices)
			b := s.signIn(t, ann)
			wantSession(b, true, "")
			// A browser stays new for a week.
			want(t, b.Elsewhere().SignIn(ann), 200, "")
			wantSession(b, true, "")
			s.clock.Advance(7 * 24 * time.Hour)
			want(t, b.Elsewhere().SignIn(ann), 200, "")
			wantSession(b, false, "")
		}
		want(t, owner.Elsewhere().SignIn(ann), 200, "")
		wantSession(owner, false, "")
	})
}

// TestPasskeyOfSession tests that a session has the name of the passkey that opened it, as
// the first or the second factor.
func TestPasskeyOfSession(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)
		id := owner.passkeys()[0].ID
		name := func(b *browser) string {
			t.Helper()
			current := b.sessions()[0]
			if !current.IsNew || current.PasskeyName == nil {
				return fmt.Sprint(current.IsNew)
			}
			return *current.PasskeyName
		}
		b := s.browser(t)
		want(t, b.authenticate(device), 200, "")
		if got := name(b); got != "true" {
			t.Errorf("without a name: %q", got)
		}
		want(t, owner.Elsewhere().Post("/passkey/update-passkey", body{"id": id, "name": "Key"}), 200, "")
		if got := name(b); got != "Key" {
			t.Errorf("a passkey: %q", got)
		}
		for _, session := range owner.sessions() {
			if session.IsCurrent && session.PasskeyName != nil {
				t.Errorf("the session that registered the passkey has its name: %+v", session)
			}
		}

		app, _ := owner.enroll()
		second := s.pendingSignIn(t, ann)
		options := second.Elsewhere().Get("/passkey/generate-authenticate-options?secondFactor=true")
		want(t, second.sendAuthentication(getResponse(t, device, options)), 200, "")
		if got := name(second); got != "Key" {
			t.Errorf("as a second factor: %q", got)
		}
		code := s.pendingSignIn(t, ann)
		want(t, code.verify(nextCode(app)), 200, "")
		if got := name(code); got != "true" {
			t.Errorf("another second factor: %q", got)
		}
		// A deleted passkey has no name.
		want(t, second.register(s.device()), 200, "")
		want(t, second.Elsewhere().Post("/passkey/delete-passkey", body{"id": id}), 200, "")
		if got := name(second); got != "true" {
			t.Errorf("a deleted passkey: %q", got)
		}
	})
}

// TestOverview tests each member of an overview.
func TestOverview(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		s.clock.Freeze()
		owner := s.signUp(t, ann)
		created := s.clock.Now()
		o := owner.overview()
		if o.User.Email != ann || !o.Password.Set || o.Password.ChangedAt == nil || !o.Password.ChangedAt.Equal(created) ||
			o.TwoFactor != (shared.TwoFactor{}) || o.Passkeys != (shared.PasskeySummary{}) || o.Email != (shared.PendingEmail{}) ||
			o.Question != nil || o.Delivers || o.Trusted != 0 || o.Admin {
			t.Errorf("of a new account: %+v", o)
		}
		if s := o.Sessions; s.Count != 1 || s.New != 0 || len(s.Newest) != 1 || !s.Newest[0].IsCurrent {
			t.Errorf("sessions of a new account: %+v", s)
		}
		if e := o.Newest; e == nil || e.Kind != shared.EventSignUp || e.Text != en.T(message.EventSignUp) || e.Actor == nil ||
			e.Actor.Email != ann || e.Account == nil || e.Account.Email != ann {
			t.Errorf("newest event of a new account: %+v", e)
		}

		// The overview agrees with the endpoints that have the whole lists.
		device, unsynced := s.device(), s.device()
		unsynced.Flags &^= authenticator.BackupEligible | authenticator.BackedUp
		want(t, owner.register(device), 200, "")
		want(t, owner.Elsewhere().Post("/passkey/update-passkey", body{"id": owner.passkeys()[0].ID, "name": "Key"}), 200, "")
		want(t, owner.register(unsynced), 200, "")
		if p := owner.overview().Passkeys; p.Count != 2 || p.Synced != 1 || p.LastUsedAt != nil || p.LastUsed != nil {
			t.Errorf("unused passkeys: %+v", p)
		}
		want(t, owner.Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password}), 200, "")
		if f := owner.overview().TwoFactor; f != (shared.TwoFactor{Pending: true}) {
			t.Errorf("two-factor authentication that is pending: %+v", f)
		}
		app, codes := owner.enroll()
		since := s.clock.Now()
		s.clock.Advance(time.Minute)
		other := s.pendingSignIn(t, ann)
		want(t, other.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}), 200, "")
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")
		s.clock.Advance(time.Minute)
		newest := s.browser(t)
		want(t, newest.authenticate(device), 200, "")
		used := s.clock.Now()
		accounts.Settings = set(t, "VERIFY_EMAIL=required")
		s.exec(t, "UPDATE users SET email_verified = TRUE")
		owner.grant(account.PermissionAudit)

		o = owner.overview()
		f := o.TwoFactor
		if !f.Enabled || f.Since == nil || !f.Since.Equal(since) || f.BackupCodesLeft != 9 || f.Pending {
			t.Errorf("two-factor authentication: %+v", f)
		}
		if p := o.Passkeys; p.Count != 2 || p.Synced != 1 || p.LastUsedAt == nil || !p.LastUsedAt.Equal(used) || p.LastUsed == nil ||
			*p.LastUsed != "Key" {
			t.Errorf("passkeys: %+v", p)
		}
		if !o.Delivers || o.Trusted != 1 || !o.Admin {
			t.Errorf("email %t, trusted %d, administrator %t", o.Delivers, o.Trusted, o.Admin)
		}
		all, same := owner.sessions(), func(a, b shared.Session) bool { return a.ID == b.ID }
		if s := o.Sessions; s.Count != 4 || s.New != 3 || !slices.EqualFunc(s.Newest, all[:3], same) {
			t.Errorf("sessions: %+v of %+v", s, all)
		}
		if o.Question == nil || o.Question.ID != newest.sessionID() || o.Question.PasskeyName == nil || *o.Question.PasskeyName != "Key" {
			t.Errorf("question: %+v", o.Question)
		}
		// The caller's own session is in no question and in no count.
		if o := newest.overview(); o.Sessions.New != 2 || o.Question == nil || o.Question.IsCurrent {
			t.Errorf("of a new session: %+v", o)
		}
		s.exec(t, "UPDATE passwords SET void = TRUE")
		if p := owner.overview().Password; p != (shared.PasswordState{}) {
			t.Errorf("a void password: %+v", p)
		}
		s.exec(t, "DELETE FROM passwords")
		if p := owner.overview().Password; p != (shared.PasswordState{}) {
			t.Errorf("no password: %+v", p)
		}
	})
}

// TestOverviewHidesAdministrators tests that the newest event does not reveal the address of
// an administrator, and that it is in the caller's language.
func TestOverviewHidesAdministrators(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin, owner := s.signUp(t, bob).grant(account.PermissionUsers), s.signUp(t, ann)
		id := owner.id()
		want(t, admin.manage(id, "disable"), 200, "")
		want(t, admin.manage(id, "enable"), 200, "")
		// No session has survived, so one is made as if it had.
		err := s.db.Tx(t.Context(), func(tx account.Store) error {
			token := account.NewToken()
			owner.SetCookie("latchkey.session_token", string(token))
			_, err := tx.AddSession(t.Context(), account.Session{ID: "s", UserID: id, TokenHash: token.Hash(), CreatedAt: s.clock.Now(),
				LastActiveAt: s.clock.Now(), ExpiresAt: s.clock.Now().Add(time.Hour), ConfirmedAt: s.clock.Now(), Method: "password"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		a := owner.Elsewhere().Do("GET", "/api/auth/overview", "", "Accept-Language: de")
		want(t, a, 200, "")
		if a.Get("newestEvent.kind") != shared.EventUserEnabled || a.Get("newestEvent.text") != de.T(message.EventUserEnabled) ||
			a.Get("newestEvent.actor") != nil || a.Get("newestEvent.ipAddress") != "" || strings.Contains(a.Body, bob) {
			t.Errorf("overview: %v", a)
		}
	})
}

// TestPendingEmail tests that an overview has a pending change of the address, until it is
// done, outdated or expired.
func TestPendingEmail(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.clock.Freeze()
		owner := s.signUp(t, ann)
		const next = "next@example.test"
		wantPending := func(address, sentTo string, since time.Time) {
			t.Helper()
			p := owner.overview().Email
			if p.Address != address || p.SentTo != sentTo || (p.ExpiresAt != nil) != (address != "") ||
				p.ExpiresAt != nil && !p.ExpiresAt.Equal(since.Add(time.Hour)) {
				t.Errorf("pending: %+v; want %q, sent to %q at %v", p, address, sentTo, since)
			}
		}
		change := func(address string) time.Time {
			t.Helper()
			s.clock.Advance(time.Second)
			want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": address}), 200, "")
			return s.clock.Now()
		}
		at := change(next)
		link := s.link(t, next, en.T(message.MailVerifyNewEmailSubject))
		wantPending(next, next, at)
		s.clock.Advance(time.Hour)
		wantPending("", "", at)
		wantRedirect(t, owner.open(link), "/?error=TOKEN_EXPIRED")

		s.verify(t, owner, ann)
		want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		at = change(next)
		link = s.link(t, ann, en.T(message.MailAgreeEmailChangeSubject))
		wantPending(next, ann, at)
		s.clock.Advance(time.Minute)
		wantRedirect(t, owner.open(link), "/")
		link = s.link(t, next, en.T(message.MailVerifyNewEmailSubject))
		wantPending(next, next, at.Add(time.Minute))
		wantRedirect(t, owner.open(link), "/")
		wantPending("", "", at)
		s.mails(t)

		// What revokes the link ends the change.
		change("another@example.test")
		s.mails(t)
		if owner.overview().Email.Address == "" {
			t.Error("a second change is not pending")
		}
		want(t, owner.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		wantPending("", "", at)
	})
}

// TestPendingEmailRevealsNothing tests that a change to an address that has an account looks
// like any other.
func TestPendingEmailRevealsNothing(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.clock.Freeze()
		s.signUp(t, bob)
		owner := s.signUp(t, ann)
		pending := func() (all []shared.PendingEmail) {
			t.Helper()
			for _, address := range []string{bob, "free@example.test"} {
				want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": address}), 200, "")
				mails := s.mails(t)
				if strings.Contains(mails[0].Text, "/email?token=") && mails[0].Recipient == ann {
					wantRedirect(t, owner.open(strings.TrimPrefix(linkForm.FindString(mails[0].Text), s.url.String())), "/")
					s.mails(t)
				}
				p := owner.overview().Email
				p.Address = strings.Replace(p.Address, address, "the address", 1)
				p.SentTo = strings.Replace(p.SentTo, address, "the address", 1)
				all = append(all, p)
			}
			return all
		}
		for _, verified := range []bool{false, true} {
			if verified {
				s.verify(t, owner, ann)
			}
			all := pending()
			if all[0].Address != "the address" || all[0].SentTo != "the address" || fmt.Sprint(all[0].ExpiresAt) != fmt.Sprint(all[1].ExpiresAt) ||
				all[0].Address != all[1].Address || all[0].SentTo != all[1].SentTo {
				t.Errorf("verified %t: to a taken address %+v; to a free one %+v", verified, all[0], all[1])
			}
		}
	})
}

// TestConfirmSignIn tests who can confirm a sign-in: another session that is not new, or where
// all sessions are new, an older one.
func TestConfirmSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		var added []*browser
		for range 3 {
			s.clock.Advance(time.Minute)
			added = append(added, s.signIn(t, ann))
		}
		first, second, third := added[0], added[1], added[2]
		id := func(b *browser) string { return b.sessionID() }
		if owner.question() != id(third) || third.question() != id(second) {
			t.Errorf("questions: %s, %s; want %s, %s", owner.question(), third.question(), id(third), id(second))
		}

		stranger := s.signUp(t, bob)
		want(t, stranger.confirm(id(third)), 200, "") // as if it did not exist
		want(t, owner.confirm("nothing"), 200, "")
		want(t, owner.confirm(id(owner)), 200, "") // it is not new
		for _, refused := range [][2]*browser{{third, third}, {third, first}, {first, third}, {first, first}} {
			a := refused[0].confirm(id(refused[1]))
			want(t, a, 403, "FORBIDDEN")
			if a.Get("message") != shared.ErrSessionUnconfirmed.Message {
				t.Errorf("a new session: %v", a)
			}
		}
		if n := owner.overview().Sessions.New; n != 3 || s.events(t, shared.EventSignInConfirmed) != 0 {
			t.Fatalf("%d sessions are new, %d events; want 3, 0", n, s.events(t, shared.EventSignInConfirmed))
		}

		// Of several answers at once, one counts.
		answer, target := owner.Elsewhere(), id(third)
		for _, a := range testkit.AtOnce(8, func(int) testkit.Answer { return answer.Post("/confirm-sign-in", body{"token": target}) }) {
			if a.String() != `200 {"status":true}` {
				t.Errorf("an answer: %v", a)
			}
		}
		if owner.question() != id(second) || owner.overview().Sessions.New != 2 {
			t.Errorf("after one answer: %+v", owner.overview())
		}
		e := owner.Get("/list-events?kind=sign-in-confirmed")
		if e.Get("events.0.subject") != target || e.Get("events.0.sessionId") != id(owner) || e.Get("events.1") != nil {
			t.Errorf("events: %v", e)
		}
		want(t, third.confirm(id(first)), 200, "") // a confirmed session is as good as the first one
		want(t, owner.Elsewhere().Post("/revoke-other-sessions", body{}), 200, "")

		// Where no session is known, the older confirms the newer, and not the other way round.
		older := s.signIn(t, ann)
		s.clock.Advance(time.Minute)
		newer := s.signIn(t, ann)
		want(t, older.confirm(id(newer)), 403, "FORBIDDEN")
		want(t, owner.Elsewhere().Post("/sign-out", body{}), 200, "")
		want(t, newer.confirm(id(older)), 403, "FORBIDDEN")
		want(t, older.confirm(id(newer)), 200, "")
		if newer.question() != id(older) { // which may be an attacker's
			t.Errorf("after the older session has confirmed the newer, the question is about %q; want the older, %q", newer.question(), id(older))
		}
		want(t, newer.confirm(id(older)), 200, "")
		if got := older.question() + newer.question(); got != "" {
			t.Errorf("questions about %s are left", got)
		}
	})
}

// TestConfirmAfterSecondSignIn tests that an attacker cannot answer the question about their
// sign-in, nor prevent it, by another sign-in in the same browser.
func TestConfirmAfterSecondSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, attacker := s.signUp(t, ann), s.signIn(t, ann)
		first := attacker.sessionID()
		attacker.SetCookie("latchkey.session_token", "")
		want(t, attacker.Elsewhere().SignIn(ann), 200, "")
		want(t, attacker.confirm(first), 403, "FORBIDDEN")
		want(t, attacker.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		again := attacker.Elsewhere().Post("/sign-in/email", body{"email": ann, "password": nextPassword})
		want(t, again, 200, "")
		if !attacker.sessions()[0].IsNew {
			t.Error("after a new password, the browser is known")
		}
		wantAlive(t, owner, false, "the owner after a new password")
	})
}

// TestReportSignIn tests that a report signs out everyone and returns a token for a new
// password, once.
func TestReportSignIn(t *testing.T) {
	eachMailing(t, []string{"NEW_DEVICE_MAIL=true"}, func(t *testing.T, s mailing) {
		owner, other := s.signUp(t, ann), s.signIn(t, ann)
		stranger := s.signIn(t, ann)
		bobs := s.signUp(t, bob)
		s.mails(t)
		target := stranger.sessionID()
		want(t, bobs.report(target), 404, "SESSION_NOT_FOUND")
		want(t, owner.report("nothing"), 404, "SESSION_NOT_FOUND")
		want(t, owner.report(owner.sessionID()), 404, "SESSION_NOT_FOUND")
		for what, b := range map[string]*browser{"the caller": owner, "the reported session": stranger, "another one": other} {
			wantAlive(t, b, true, what+" after failed reports")
		}
		wantMails(t, s.accounts, ann)

		s.clock.Advance(setting.FreshWindow)
		want(t, owner.report(target), 403, "SESSION_NOT_FRESH")
		want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		a := owner.report(target)
		want(t, a, 200, "")
		if owner.token() != "" || a.Header.Get("Clear-Site-Data") == "" {
			t.Errorf("the browser keeps what it had: %v", a.Header)
		}
		for what, b := range map[string]*browser{"the caller": owner, "the reported session": stranger, "another one": other} {
			wantAlive(t, b, false, what)
		}
		wantAlive(t, bobs, true, "another account")
		want(t, s.browser(t).SignIn(ann), 403, "NEW_PASSWORD_REQUIRED")
		s.wantMail(t, en.T(message.MailAccountSecuredSubject))
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": a.Get("token")}), 200, "")
		if all := s.mails(t); !slices.ContainsFunc(all, func(m mail.Mail) bool {
			return strings.Contains(m.Text, en.T(message.MailPasswordSetAfterReport))
		}) {
			t.Errorf("emails about the new password: %+v", all)
		}
		owner = s.browser(t)
		want(t, owner.Post("/sign-in/email", body{"email": ann, "password": nextPassword}), 200, "")
		e := owner.Get("/list-events?kind=disowned")
		if e.Get("events.0.subject") != target || e.Get("events.0.actor.email") != ann || e.Get("events.1") != nil {
			t.Errorf("events: %v", e)
		}
		if e := owner.Get("/list-events?kind=password-reset"); e.Get("events.0.text") != en.T(message.EventPasswordSetAfterReport) {
			t.Errorf("the new password in the log: %v", e)
		}
	})
}

// TestReportSignInAtOnce tests that of several reports at once, one gets a token.
func TestReportSignInAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		var callers []*browser
		callers = append(callers, s.signUp(t, ann))
		for range 3 {
			callers = append(callers, s.signIn(t, ann))
		}
		target := s.signIn(t, ann).sessionID()
		testkit.OnlySuccess(t, "report-sign-in", testkit.AtOnce(8, func(i int) testkit.Answer { return callers[i%4].report(target) }))
		if n := s.events(t, shared.EventReportedNotMe); n != 1 {
			t.Errorf("%d events; want 1", n)
		}
	})
}

// TestReportSignInNeedsFactor tests that a session without a recent second factor gets no
// token to reset the password.
func TestReportSignInNeedsFactor(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		owner := s.signUp(t, ann)
		app, _ := owner.enroll()
		s.clock.Advance(setting.FreshWindow)
		other := s.pendingSignIn(t, ann)
		want(t, other.verify(nextCode(app)), 200, "")
		target := other.sessionID()
		want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		wantFactor(t, owner.report(target))
		wantAlive(t, other, true, "the session that was not reported")
		s.clock.Advance(time.Minute)
		want(t, owner.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 200, "")
		want(t, owner.report(target), 200, "")
		wantAlive(t, other, false, "the reported session")
	})
}

// TestReportSignInReverts tests that a report reverts what the reported session changed, and
// nothing that another session changed. The notices of other sessions must keep working: an
// attacker who reports the owner must not take away the owner's last defense.
func TestReportSignInReverts(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		s.verify(t, owner, ann)
		mine, theirs := s.device(), s.device()
		want(t, owner.register(mine), 200, "")
		s.mails(t)
		s.clock.Advance(time.Minute)
		stranger := s.signIn(t, ann)
		target := stranger.sessionID()
		want(t, stranger.register(theirs), 200, "")
		passkey := s.link(t, ann, en.T(message.MailPasskeyAddedSubject))
		change := func(b *browser, from, to string) (report string) {
			t.Helper()
			s.clock.Advance(time.Minute)
			want(t, b.Elsewhere().Post("/change-email", body{"newEmail": to}), 200, "")
			wantRedirect(t, b.open(s.link(t, from, en.T(message.MailAgreeEmailChangeSubject))), "/")
			wantRedirect(t, b.open(s.link(t, to, en.T(message.MailVerifyNewEmailSubject))), "/")
			return s.link(t, from, en.T(message.MailEmailChangedSubject))
		}
		change(stranger, ann, "stranger@example.test")
		strangers := change(stranger, "stranger@example.test", "stranger2@example.test")
		// The notice about another session goes to the stranger's mailbox.
		want(t, s.signIn(t, "stranger2@example.test").register(s.device()), 200, "")
		misled := s.link(t, "stranger2@example.test", en.T(message.MailPasskeyAddedSubject))

		a := owner.report(target)
		want(t, a, 200, "")
		s.wantMail(t, en.T(message.MailAccountSecuredSubject)) // at the owner's address
		want(t, s.browser(t).authenticate(theirs), 401, "PASSKEY_NOT_FOUND")
		for what, link := range map[string]string{"a passkey": passkey, "an address": strangers, "another session": misled} {
			if b := s.browser(t).Post("/disown", body{"token": tokenOf(t, link)}); !b.Is(400, "INVALID_TOKEN") {
				t.Errorf("the notice about %s still works: %v", what, b)
			}
		}
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": a.Get("token")}), 200, "")
		owner = s.browser(t)
		want(t, owner.authenticate(mine), 200, "")
		want(t, owner.Post("/change-password", body{"currentPassword": nextPassword, "newPassword": testkit.Password}), 200, "")
		if got := owner.Session().Get("user.email"); got != ann {
			t.Errorf("the address is %v", got)
		}
		s.mails(t)

		// The roles change: the stranger reports the owner's session.
		stranger = s.signIn(t, ann)
		revert := change(stranger, ann, "stranger@example.test")
		taken := stranger.report(owner.sessionID())
		want(t, taken, 200, "")
		s.mails(t)
		a = s.browser(t).Post("/disown", body{"token": tokenOf(t, revert)})
		want(t, a, 200, "")
		s.wantMail(t, en.T(message.MailAccountSecuredSubject)) // at the owner's address
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": taken.Get("token")}), 400, "INVALID_TOKEN")
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": a.Get("token")}), 200, "")
		want(t, s.browser(t).Post("/sign-in/email", body{"email": ann, "password": nextPassword}), 200, "")
	})
}

// TestReportKeepsNewerAddress tests that a new session which began after a change of the
// address does not revert the change. An attacker with the password could otherwise report the
// owner's session, and so move the account back to an address that the owner has given up, and
// take away the notice about the attacker's own sign-in.
func TestReportKeepsNewerAddress(t *testing.T) {
	eachMailing(t, []string{"NEW_DEVICE_MAIL=true"}, func(t *testing.T, s mailing) {
		const next = "next@example.test"
		owner := s.signUp(t, ann)
		s.verify(t, owner, ann)
		older := s.signIn(t, ann)
		s.mails(t)
		s.clock.Advance(time.Minute)
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": next}), 200, "")
		wantRedirect(t, owner.open(s.link(t, ann, en.T(message.MailAgreeEmailChangeSubject))), "/")
		wantRedirect(t, owner.open(s.link(t, next, en.T(message.MailVerifyNewEmailSubject))), "/")
		changed := s.link(t, ann, en.T(message.MailEmailChangedSubject))
		s.clock.Advance(time.Minute)
		attacker := s.signIn(t, next)
		notice := s.link(t, next, en.T(message.MailNewSignInSubject))

		taken := attacker.report(owner.sessionID())
		want(t, taken, 200, "")
		if mails := s.mails(t); len(mails) != 1 || mails[0].Recipient != next {
			t.Errorf("emails: %+v; want one to %s", mails, next)
		}
		a := s.browser(t).Post("/disown", body{"token": tokenOf(t, notice)})
		want(t, a, 200, "")
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": taken.Get("token")}), 400, "INVALID_TOKEN")
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": nextPassword, "token": a.Get("token")}), 200, "")
		owner = s.browser(t)
		want(t, owner.Post("/sign-in/email", body{"email": next, "password": nextPassword}), 200, "")
		wantAlive(t, older, false, "an older session after the reports")

		// The notice about the change still reverts it: whoever reads the former address decides.
		s.mails(t)
		want(t, s.browser(t).Post("/disown", body{"token": tokenOf(t, changed)}), 200, "")
		if mails := s.mails(t); len(mails) != 1 || mails[0].Recipient != ann {
			t.Errorf("emails: %+v; want one to %s", mails, ann)
		}
	})
}
