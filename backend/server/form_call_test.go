package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestRevokeByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		other := s.signIn(t, ann)
		handle := other.sessionID()

		list := testkit.ParseHTML(t, b.page(shared.PageSessions).Body)
		button := list.All("button", "id=revoke-"+handle)[0]
		call := attribute(button, "value")
		if attribute(button, "formmethod") != "get" || attribute(button, "formaction") != shared.PageSessions ||
			attribute(button, "form") != "calls" {
			t.Errorf("the button is %v", button.Attr)
		}
		address := askFor(shared.PageSessions, call)
		page := b.task(b.page(address), message.ConfirmRevokeSession)
		if !other.SignedIn(t) {
			t.Fatal("the question revokes")
		}
		b.wantDone(b.submit(address, page), shared.PageSessions, message.DoneSessionRevoked)
		if other.SignedIn(t) || !b.SignedIn(t) {
			t.Error("the session goes on, or the other one has ended")
		}
		b.task(b.page(address), message.ConfirmRevokeSession) // says that it has ended

		// The page for one account does not act in a session of another.
		third := s.signIn(t, ann)
		call = shared.RevokeOtherSessions.Path + "?" + shared.FormAccount + "="
		bob := s.signUp(t, "bob@example.test")
		bobElsewhere := s.signIn(t, "bob@example.test")
		if a := bob.call(shared.PageSessions, call+b.id()); a.Status != 409 {
			t.Errorf("in the session of another user: %v", a)
		}
		if !bobElsewhere.SignedIn(t) || !third.SignedIn(t) {
			t.Error("a session of another account has ended")
		}
		b.wantDone(b.call(shared.PageSessions, call+b.id()), shared.PageSessions, message.DoneOtherSessionsRevoked)
		if third.SignedIn(t) || !bobElsewhere.SignedIn(t) {
			t.Error("the wrong sessions have ended")
		}
	})
}

func TestFormCallsAreStrict(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		other := s.signIn(t, ann)
		handle := other.sessionID()
		for _, body := range []string{
			"call=" + url.QueryEscape("/api/auth/get-session"),        // changes nothing
			"call=" + url.QueryEscape("/api/auth/nowhere"),            // no endpoint
			"call=" + url.QueryEscape(shared.VerifyRegistration.Path), // no form can call it
			"call=", "", "token=" + handle, // no call
			"call=" + url.QueryEscape(shared.RevokeSession.Path+"?token="+handle) + "&token=other", // twice
			"call=" + url.QueryEscape(shared.RevokeSession.Path+"?token="+handle+"&token="+handle), // twice
			"call=" + url.QueryEscape(shared.RevokeSession.Path+"?token="+handle+"%00"),            // NUL
			"call=" + url.QueryEscape(shared.RevokeSession.Path+"?token=%zz"),                      // no query
			"call=" + url.QueryEscape(shared.RevokeSession.Path),                                   // no handle
			"call=" + url.QueryEscape("//evil.test"+shared.RevokeOtherSessions.Path),               // another host
			"call=" + url.QueryEscape("https://evil.test"+shared.RevokeOtherSessions.Path),         // likewise
			"call=" + url.QueryEscape(shared.RevokeOtherSessions.Path+"/"), "call=%FF",
		} {
			a := b.sendRaw(shared.PageSessions, body)
			if a.Status != 400 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%s: %v", body, a)
			}
		}
		for _, headers := range [][]string{
			{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"},
			{"Origin: null", "Sec-Fetch-Site: cross-site"},
			{"Origin: https://sub." + s.url.Host, "Sec-Fetch-Site: same-site"},
		} {
			a := b.sendRaw(shared.PageSessions, "call="+url.QueryEscape(shared.RevokeSession.Path+"?token="+handle), headers...)
			if a.Status != 403 {
				t.Errorf("%q: %v", headers, a)
			}
		}
		if !other.SignedIn(t) {
			t.Error("a refused form revokes a session")
		}
		// Without a session, the user signs in first, and comes back.
		a := s.browser(t).call(shared.PageSessions+"?call=x", shared.RevokeSession.Path, "token="+handle)
		wantSeeOther(t, a, "/sign-in?next="+url.QueryEscape(shared.PageSessions))
		if !other.SignedIn(t) {
			t.Error("a caller without a session revokes one")
		}
	})
}

// TestDoneCookie tests that nobody but the server puts a message into a page.
func TestDoneCookie(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		for _, value := range []string{"0", "1", "-1", "999999", "x", "b"} {
			b.SetCookie("latchkey.done", value)
			a := b.page(shared.PageSessions)
			if b.Cookie("latchkey.done") != "" {
				t.Errorf("the cookie stays: %v", a)
			}
			if texts := testkit.ParseHTML(t, a.Body).In(t, "div", "class=toasts").Texts("p"); len(texts) > 0 {
				t.Errorf("%s: the page says %q", value, texts)
			}
		}
	})
}

// TestStepUpByForm tests that a form waits until its user has confirmed their identity, and that the
// page then says what came of it. See also TestPendingFormOnce and the tests beside it.
func TestStepUpByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		s.stale()
		a := b.call(shared.PagePasskeys, shared.UpdatePasskey.Path, "id=x", "name=Phone")
		page := b.task(a, message.ConfirmIdentity)
		if a.Status != 200 || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v, Cache-Control %q", a, a.Header.Get("Cache-Control"))
		}
		page = b.task(b.submit(shared.PagePasskeys, page, "password=wrong password"), message.ConfirmIdentity)
		wantErrorAt(t, page, "password", message.ErrWrongCurrentPassword)
		a = b.submit(shared.PagePasskeys, page, "password="+testkit.Password)
		if gone := b.task(a, message.RenamePasskey); !slices.Contains(gone.Texts("p"), en.T(message.DonePasskeyGone)) {
			t.Errorf("after the password: %v", a)
		}
	})
}

// TestFormCallsRedirectNowhere tests that a form, like a call of the API, chooses no address of another
// site for the link in an email.
func TestFormCallsRedirectNowhere(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		b := s.signUp(t, ann)
		s.mails(t)
		for _, one := range []struct{ page, call, field string }{
			{shared.PageForgotPassword, shared.RequestPasswordReset.Path, "redirectTo"},
			{shared.PageProfile, shared.SendVerificationEmail.Path, "callbackURL"},
			{shared.PageProfile, shared.ChangeEmail.Path, "callbackURL"},
			{shared.PageSignUp, shared.SignUp.Path, "callbackURL"},
		} {
			for _, target := range []string{"https://evil.test/", "//evil.test/", `/\evil.test`, "javascript:x"} {
				if a := b.call(one.page, one.call, "email="+ann, "newEmail=new@example.test", one.field+"="+target); a.Status != 403 {
					t.Errorf("%s: %v", one.call, a)
				}
			}
		}
		if sent := s.mails(t); len(sent) > 0 {
			t.Errorf("%d emails", len(sent))
		}
	})
}

// TestRotatedCookieStays tests that a form with a token that a newer one has replaced leaves the cookie
// alone: of two clicks, the browser may show the response to the second, and then has the cookie of the
// first.
func TestRotatedCookieStays(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		old := b.Cookie("latchkey.session_token")
		change := []string{"currentPassword=" + testkit.Password, "newPassword=another secret 47"}
		b.wantDone(b.call(shared.PagePassword, shared.ChangePassword.Path, change...), shared.PagePassword, message.DonePasswordChangedAlone)
		second := s.browser(t)
		second.SetCookie("latchkey.session_token", old)
		a := second.call(shared.PagePassword, shared.ChangePassword.Path, change...)
		wantSeeOther(t, a, "/sign-in?next="+url.QueryEscape(shared.PagePassword))
		if set := strings.Join(a.Header["Set-Cookie"], "\n"); strings.Contains(set, "session_token") {
			t.Errorf("the response sets %s", set)
		}
	})
}

// TestFormCallsOfOtherPages tests that a page makes no call whose response only another page shows.
func TestFormCallsOfOtherPages(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		for _, page := range []string{shared.PageSettings, shared.PageProfile, shared.PageSignIn, shared.PageForgotPassword, shared.PageEmail} {
			if a := b.call(page, shared.EnableTwoFactor.Path, "password="+testkit.Password); a.Status != 400 && a.Status != 404 {
				t.Errorf("%s: %v", page, a)
			}
			if a := b.call(page, shared.SignUp.Path, "email=bob@example.test"); a.Status != 400 && a.Status != 404 {
				t.Errorf("%s: %v", page, a)
			}
		}
		wantStatus(t, b, shared.TwoFactor{})
		for _, call := range []string{shared.UpdateUser.Path, shared.RequestPasswordReset.Path} {
			if a := b.call(shared.PageEmail, call, "name=Other", "email="+ann); a.Status < 400 || a.Status > 499 {
				t.Errorf("%s: %v", call, a)
			}
		}
	})
}

// TestUnreadableCallsAreLimited tests that forms whose call cannot be read have the limit of other
// unknown forms.
func TestUnreadableCallsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b := s.signUp(t, ann)
		last := 0
		for range 101 {
			last = b.sendRaw(shared.PageSessions, "call="+url.QueryEscape(shared.RevokeSession.Path+"?token=%zz")).Status
		}
		if last != 429 {
			t.Errorf("the last of 101 forms has status %d", last)
		}
	})
}
