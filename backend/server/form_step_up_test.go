package server_test

import (
	"strings"
	"testing"
	"time"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// pendingMove sends a form that needs a second factor, and returns the page that asks for it.
func (b *browser) pendingMove() (page testkit.Document) {
	b.t.Helper()
	address, page := b.openTask(factorPage, message.MoveToNewPhone, message.MoveToNewPhone)
	return b.task(b.submit(address, page, "password="+testkit.Password), message.ConfirmIdentity)
}

// wantExpired fails the test unless a response is the page of a form with a toast that the form has
// expired, from which the user can begin again.
func wantExpired(t *testing.T, a testkit.Answer) {
	t.Helper()
	page := testkit.ParseHTML(t, a.Body)
	toasts := page.In(t, "div", "class=toasts").Texts("p")
	if a.Status < 400 || a.Status > 499 || strings.Join(toasts, "\n") != en.T(message.ErrFormExpired) {
		t.Errorf("%d, toasts %q", a.Status, toasts)
	}
	if len(page.All("h2", "id=two-factor")) != 1 {
		t.Error("the response is not the page of the form")
	}
}

// TestPendingFormOnce tests that a form that has waited for proof is sent once.
func TestPendingFormOnce(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		app, _ := b.enroll()
		s.stale()
		page := b.pendingMove()
		moved := b.task(b.submit(factorPage, page, "code="+nextCode(app)), message.AddKeyToAuthenticatorApp)
		newApp, _ := s.scanForm(t, moved)
		wantExpired(t, b.submit(factorPage, page, "code="+nextCode(app)))
		b.wantDone(b.submit(factorPage, moved, "code="+newApp.Code(0)), factorPage, message.DoneMovedToNewPhone) // still the pending one
	})
}

// TestPendingFormOfSession tests that only the session that has sent a form can send it again.
func TestPendingFormOfSession(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		app, _ := b.enroll()
		other := s.pendingSignIn(t, ann)
		want(t, other.verify(nextCode(app)), 200, "")
		bob := s.signUp(t, "bob@example.test")
		bobsApp, _ := bob.enroll()
		s.stale()
		page := b.pendingMove()
		wantExpired(t, other.submit(factorPage, page, "code="+nextCode(app)))
		if a := bob.submit(factorPage, page, "code="+nextCode(bobsApp)); a.Status != 409 {
			t.Errorf("another user: %v", a)
		}
		// Bob replaces the account in the form.
		call := attribute(page.All("button", "name="+shared.FormCall)[0], "value")
		wantExpired(t, bob.call(factorPage, strings.Replace(call, b.id(), bob.id(), 1), "code="+nextCode(bobsApp)))
		if strings.Count(call, b.id()) != 1 {
			t.Errorf("the call is %s", call)
		}
		wantStatus(t, bob, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		wantStatus(t, other, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		b.task(b.submit(factorPage, page, "code="+nextCode(app)), message.AddKeyToAuthenticatorApp)
	})
}

// TestPendingFormExpires tests that a form waits for five minutes, and that a wrong code or another
// way to confirm does not end its wait.
func TestPendingFormExpires(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b := s.signUp(t, ann)
		app, codes := b.enroll()
		s.stale()
		page := b.pendingMove()
		s.clock.Advance(4 * time.Minute)
		page = b.task(b.submit(factorPage, page, "code="), message.ConfirmIdentity)
		wantErrorAt(t, page, "code", message.ErrEnterSixDigits)
		page = b.task(b.submit(factorPage, page, "code="+s.apps.Wrong()), message.ConfirmIdentity)
		wantErrorAt(t, page, "code", message.ErrInvalidCode)
		page = b.task(b.page(linkOf(t, page, message.UseBackupCode)), message.ConfirmIdentity)
		page = b.task(b.submit(factorPage, page, "backupCode="), message.ConfirmIdentity)
		wantErrorAt(t, page, "backupCode", message.ErrEnterBackupCode)
		page = b.task(b.submit(factorPage, page, "backupCode="+codes[0]), message.AddKeyToAuthenticatorApp)
		s.scanForm(t, page)

		s.stale()
		page = b.pendingMove()
		s.clock.Advance(5 * time.Minute)
		wantExpired(t, b.submit(factorPage, page, "code="+app.Code(0)))
	})
}

// TestPendingFormIsSealed tests that the database does not show what waits, which has the password
// in it.
func TestPendingFormIsSealed(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		b.enroll()
		s.stale()
		b.pendingMove()
		wantAbsent(t, s.dump(t), testkit.Password, strings.ReplaceAll(testkit.Password, " ", "+"), shared.EnableTwoFactor.Path)
	})
}

// TestStepUpTwice tests a form that needs a recent sign-in and then a second factor: the deletion of
// the last passkey.
func TestStepUpTwice(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b, _ := s.signUpWithPasskey(t, ann)
		app, _ := b.enroll()
		s.stale()
		address, page := b.openTask(shared.PagePasskeys, message.DeleteItem, message.ConfirmDeletePasskey)
		page = b.task(b.submit(address, page), message.ConfirmIdentity)
		page = b.task(b.submit(shared.PagePasskeys, page, "password="), message.ConfirmIdentity)
		wantErrorAt(t, page, "password", message.ErrEnterPassword)
		page = b.task(b.submit(shared.PagePasskeys, page, "password="+testkit.Password), message.ConfirmIdentity)
		if len(page.All("input", "name=code")) != 1 || len(b.passkeys()) != 1 {
			t.Fatal("the page does not ask for a second factor")
		}
		b.wantDone(b.submit(shared.PagePasskeys, page, "code="+nextCode(app)), shared.PagePasskeys, message.DonePasskeyGone)
		if len(b.passkeys()) > 0 {
			t.Error("the passkey is still there")
		}
	})
}

// TestStepUpWithCodeInstead tests that a user confirms with a code in place of the password.
func TestStepUpWithCodeInstead(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b, _ := s.signUpWithPasskey(t, ann)
		app, _ := b.enroll()
		s.stale()
		address, page := b.openTask(shared.PagePasskeys, message.RenameItem, message.RenamePasskey)
		page = b.task(b.submit(address, page, "name=Phone"), message.ConfirmIdentity)
		page = b.task(b.page(linkOf(t, page, message.UseAuthenticatorCode)), message.ConfirmIdentity)
		b.task(b.page(linkOf(t, page, message.UsePassword)), message.ConfirmIdentity)
		b.wantDone(b.submit(shared.PagePasskeys, page, "code="+nextCode(app)), shared.PagePasskeys, message.DonePasskeyRenamed)
		if got := *b.passkeys()[0].Name; got != "Phone" {
			t.Errorf("the passkey is called %q", got)
		}
	})
}

// TestStepUpNeedsApp tests that a user who has nothing but a passkey is told that the app is needed.
func TestStepUpNeedsApp(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUpWithPasskey(t, ann)
		s.accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
		b := s.signIn(t, ann)
		address, page := b.openTask(factorPage, message.EnableTwoFactor, message.EnableTwoFactor)
		page = b.task(b.submit(address, page, "password="+testkit.Password), message.ConfirmIdentity)
		if got := strings.Join(page.Texts("p"), "\n"); got != en.T(message.ProofNeedsApp) || len(page.All("form")) > 0 {
			t.Errorf("the page says %q", got)
		}
	})
}

// TestPendingFormsAreLimited tests that an account keeps few forms.
func TestPendingFormsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		app, _ := b.enroll()
		s.clock.Freeze()
		s.stale()
		var pages []testkit.Document
		for range 11 {
			pages = append(pages, b.pendingMove())
			s.clock.Advance(11 * time.Second) // the limit of the endpoint
		}
		wantExpired(t, b.submit(factorPage, pages[0], "code="+nextCode(app)))
		b.task(b.submit(factorPage, pages[10], "code="+nextCode(app)), message.AddKeyToAuthenticatorApp)
	})
}

// TestStepUpExtendsSession tests that a form goes on in a session that the same request extends, so that
// the response sets two tokens.
func TestStepUpExtendsSession(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b, _ := s.signUpWithPasskey(t, ann)
		s.clock.Advance(24*time.Hour - time.Minute)
		address, page := b.openTask(shared.PagePasskeys, message.RenameItem, message.RenamePasskey)
		page = b.task(b.submit(address, page, "name=Phone"), message.ConfirmIdentity)
		s.clock.Advance(2 * time.Minute)
		a := b.submit(shared.PagePasskeys, page, "password="+testkit.Password)
		if n := strings.Count(strings.Join(a.Header["Set-Cookie"], "\n"), "session_token="); n != 2 {
			t.Errorf("the response sets %d tokens", n)
		}
		b.wantDone(a, shared.PagePasskeys, message.DonePasskeyRenamed)
	})
}
