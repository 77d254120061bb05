package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// scanForm returns an authenticator app that has scanned the QR code of a page, by way of the link
// for phones, and the backup codes of the page.
func (s *testServer) scanForm(t *testing.T, page testkit.Document) (app *testkit.AuthenticatorApp, codes []string) {
	t.Helper()
	app, err := testkit.Scan(attribute(page.All("a", "class=otpauth")[0], "href"))
	if err != nil {
		t.Fatal(err)
	}
	app.Now, app.Wait = s.clock.Now, s.clock.Advance
	s.apps.Add(app)
	if key := strings.ReplaceAll(testkit.Content(page.All("code", "id=task-key")[0]), " ", ""); key != app.Secret {
		t.Errorf("the page shows the key %s; want %s", key, app.Secret)
	}
	if len(page.In(t, "svg", "role=img").All("path")) != 2 {
		t.Error("the page has no QR code")
	}
	return app, codesOf(t, page)
}

// codesOf returns the backup codes of a page, which can also be downloaded. There may be none.
func codesOf(t *testing.T, page testkit.Document) []string {
	t.Helper()
	if len(page.All("ul", "class=codes")) == 0 {
		return nil
	}
	codes := page.In(t, "ul", "class=codes").Texts("code")
	link := page.All("a", "download=latchkey-backup-codes.txt")[0]
	data, isText := strings.CutPrefix(attribute(link, "href"), "data:text/plain;charset=utf-8,")
	file, err := url.PathUnescape(data)
	if err != nil || !isText || !strings.Contains(file, "\n\n"+strings.Join(codes, "\n")+"\n\n") {
		t.Errorf("the file is %q, %v; want the codes %q in it", file, err, codes)
	}
	return codes
}

const factorPage = shared.PageTwoFactorSettings

// TestEnableByForm tests that a user turns two-factor authentication on without the app.
func TestEnableByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		address, page := b.openTask(factorPage, message.EnableTwoFactor, message.EnableTwoFactor)
		wantFocus(t, page, "password")
		for password, wrong := range map[string]message.ID{"": message.ErrEnterPassword, "not it": message.ErrWrongCurrentPassword} {
			a := b.submit(address, page, "password="+password)
			if a.Status < 400 || a.Status > 499 {
				t.Errorf("%q: %v", password, a)
			}
			page = b.task(a, message.EnableTwoFactor)
			wantErrorAt(t, page, "password", wrong)
		}
		wantStatus(t, b, shared.TwoFactor{})

		a := b.submit(address, page, "password="+testkit.Password)
		if a.Status != 200 || a.Header.Get("Cache-Control") != "no-store" || strings.Contains(a.Body, testkit.Password) {
			t.Errorf("%v, Cache-Control %q", a, a.Header.Get("Cache-Control"))
		}
		page = b.task(a, message.AddKeyToAuthenticatorApp)
		first, _ := s.scanForm(t, page)
		wantStatus(t, b, shared.TwoFactor{Pending: true})

		// After a wrong code, the page shows neither the key nor the codes again.
		for code, wrong := range map[string]message.ID{
			"": message.ErrEnterSixDigits, "12345": message.ErrInvalidCode, s.apps.Wrong(): message.ErrInvalidCode,
		} {
			a = b.submit(address, page, "code="+code)
			page = b.task(a, message.EnableTwoFactor)
			wantErrorAt(t, page, "code", wrong)
			if strings.Contains(a.Body, first.Secret) || len(codesOf(t, page)) > 0 {
				t.Error("the page shows the secrets again")
			}
		}

		// A new start gives a new key.
		again := linkOf(t, page, message.StartOverWithNewKey)
		page = b.task(b.page(again), message.EnableTwoFactor)
		page = b.task(b.submit(again, page, "password="+testkit.Password), message.AddKeyToAuthenticatorApp)
		app, codes := s.scanForm(t, page)
		if len(codes) != 10 || app.Secret == first.Secret || !strings.Contains(app.URI, url.QueryEscape(ann)) {
			t.Errorf("%d codes, URI %s", len(codes), app.URI)
		}
		b.wantDone(b.submit(again, page, "code="+app.Code(0)), factorPage, message.DoneTwoFactorEnabled)
		wantStatus(t, b, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		want(t, s.pendingSignIn(t, ann).spend(codes[9]), 200, "")

		// The page of the task says that it is done.
		page = b.task(b.page(address), message.EnableTwoFactor)
		if got := page.Texts("p"); !slices.Contains(got, en.T(message.ErrTwoFactorAlreadyOn)) {
			t.Errorf("the page says %q", got)
		}
	})
}

// TestFirstCodeWithoutSession tests that a user whose session ends during the enrollment signs in
// and comes back.
func TestFirstCodeWithoutSession(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		address, page := b.openTask(factorPage, message.EnableTwoFactor, message.EnableTwoFactor)
		page = b.task(b.submit(address, page, "password="+testkit.Password), message.AddKeyToAuthenticatorApp)
		app, _ := s.scanForm(t, page)
		want(t, b.Elsewhere().Post("/revoke-sessions", body{}), 200, "")
		wantSeeOther(t, b.submit(factorPage, page, "code="+app.Code(0)), "/sign-in?next="+url.QueryEscape(factorPage))
	})
}

// TestOverdueByForm tests that a user who can do nothing but enroll a second factor can do so
// without the app.
func TestOverdueByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		s.accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
		s.clock.Advance(time.Hour)
		want(t, b.Get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")
		_, home := b.drawn(shared.PageSettings)
		if len(home.In(t, "div", "class=banner").All("a", "href="+factorPage)) != 1 {
			t.Error("the home does not lead to the page")
		}
		b.openTask(shared.PageSettings, message.EnableTwoFactor, message.EnableTwoFactor)
		address, page := b.openTask(factorPage, message.EnableTwoFactor, message.EnableTwoFactor)
		page = b.task(b.submit(address, page, "password=not it"), message.EnableTwoFactor)
		wantErrorAt(t, page, "password", message.ErrWrongCurrentPassword)
		page = b.task(b.submit(address, page, "password="+testkit.Password), message.AddKeyToAuthenticatorApp)
		app, _ := s.scanForm(t, page)
		b.wantDone(b.submit(address, page, "code="+app.Code(0)), factorPage, message.DoneTwoFactorEnabled)
		want(t, b.Get("/list-sessions"), 200, "")
	})
}

// TestMoveByForm tests that a user moves to a new phone without the app, after a code of the old one.
func TestMoveByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		old, _ := b.enroll()
		s.stale()
		address, page := b.openTask(factorPage, message.MoveToNewPhone, message.MoveToNewPhone)
		a := b.submit(address, page, "password="+testkit.Password)
		page = b.task(a, message.ConfirmIdentity)
		if strings.Contains(a.Body, testkit.Password) {
			t.Error("the page has the password in it")
		}
		a = b.submit(address, page, "code="+nextCode(old))
		if a.Status != 200 || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v, Cache-Control %q", a, a.Header.Get("Cache-Control"))
		}
		page = b.task(a, message.AddKeyToAuthenticatorApp)
		app, codes := s.scanForm(t, page)
		if len(codes) > 0 || app.Secret == old.Secret {
			t.Errorf("the page shows the codes %q, or the old key", codes)
		}
		page = b.task(b.submit(address, page, "code="+s.apps.Wrong()), message.MoveToNewPhone)
		wantErrorAt(t, page, "code", message.ErrInvalidCode)
		b.task(b.page(linkOf(t, page, message.StartOverWithNewKey)), message.MoveToNewPhone)
		b.wantDone(b.submit(address, page, "code="+app.Code(0)), factorPage, message.DoneMovedToNewPhone)
		wantStatus(t, b, shared.TwoFactor{Enabled: true, BackupCodesLeft: 10})
		want(t, s.pendingSignIn(t, ann).verify(nextCode(old)), 401, "INVALID_CODE")
	})
}

// TestWrongPasswordAfterStepUp tests that a form that was refused after its user has confirmed their
// identity keeps the fields that the user has not typed.
func TestWrongPasswordAfterStepUp(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		app, _ := b.enroll()
		s.stale()
		address, page := b.openTask(factorPage, message.MoveToNewPhone, message.MoveToNewPhone)
		page = b.task(b.submit(address, page, "password=not it"), message.ConfirmIdentity)
		wantFocus(t, page, "code")
		page = b.task(b.submit(address, page, "code="+nextCode(app)), message.MoveToNewPhone)
		wantErrorAt(t, page, "password", message.ErrWrongCurrentPassword)
		b.task(b.submit(address, page, "password="+testkit.Password), message.AddKeyToAuthenticatorApp)
	})
}

// TestRenewAndDisableByForm tests that a user gets new backup codes, and turns two-factor
// authentication off, without the app.
func TestRenewAndDisableByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		_, old := b.enroll()
		address, page := b.openTask(factorPage, message.NewBackupCodes, message.NewBackupCodes)
		page = b.task(b.submit(address, page, "password="), message.NewBackupCodes)
		wantErrorAt(t, page, "password", message.ErrEnterPassword)
		a := b.submit(address, page, "password="+testkit.Password)
		page = b.task(a, message.SaveBackupCodes)
		codes := codesOf(t, page)
		if len(codes) != 10 || slices.Contains(codes, old[0]) || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d codes, Cache-Control %q", len(codes), a.Header.Get("Cache-Control"))
		}
		if linkOf(t, page, message.FinishSetup) != factorPage {
			t.Error("the page does not lead back")
		}
		want(t, s.pendingSignIn(t, ann).spend(old[1]), 401, "INVALID_BACKUP_CODE")
		want(t, s.pendingSignIn(t, ann).spend(codes[1]), 200, "")

		address, page = b.openTask(factorPage, message.DisableTwoFactor, message.ConfirmDisableTwoFactor)
		page = b.task(b.submit(address, page, "password=not it"), message.ConfirmDisableTwoFactor)
		wantErrorAt(t, page, "password", message.ErrWrongCurrentPassword)
		wantStatus(t, b, shared.TwoFactor{Enabled: true, BackupCodesLeft: 9})
		b.wantDone(b.submit(address, page, "password="+testkit.Password), factorPage, message.DoneTwoFactorDisabled)
		wantStatus(t, b, shared.TwoFactor{})
		page = b.task(b.page(address), message.ConfirmDisableTwoFactor)
		if got := page.Texts("p"); !slices.Contains(got, en.T(message.ErrTwoFactorNotOn)) {
			t.Errorf("the page says %q", got)
		}
	})
}

// TestUntrustByForm tests that a user stops trusting devices without the app.
func TestUntrustByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		app, _ := b.enroll()
		var devices []*browser
		for range 3 {
			one := s.pendingSignIn(t, ann)
			want(t, one.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}), 200, "")
			devices = append(devices, one)
		}
		ids := func() (all []string) {
			var list []shared.TrustedDevice
			b.Get("/list-trusted-devices").Into(t, &list)
			for _, one := range list {
				all = append(all, one.ID)
			}
			return all
		}
		before := ids()
		address, page := b.openTask(factorPage, message.RevokeThis, message.ConfirmUntrustDevice)
		if len(ids()) != 3 {
			t.Fatal("the question revokes")
		}
		b.wantDone(b.submit(address, page), factorPage, message.DoneDeviceNotTrusted)
		after := ids()
		if len(after) != 2 || slices.Contains(after, before[0]) || !strings.Contains(address, before[0]) {
			t.Errorf("the devices are %v; want %v without the one in %s", after, before, address)
		}
		page = b.task(b.page(address), message.ConfirmUntrustDevice)
		if got := page.Texts("p"); !slices.Contains(got, en.T(message.DoneDeviceNotTrusted)) {
			t.Errorf("the page of the device that is not trusted says %q", got)
		}

		address, page = b.openTask(factorPage, message.RevokeTrustedDevices, message.ConfirmRevokeTrustedDevices)
		b.wantDone(b.submit(address, page), factorPage, message.DoneTrustedDevicesRevoked)
		if len(ids()) > 0 || devices[2].signsInUnasked(t, ann) {
			t.Error("a device is still trusted")
		}
	})
}
