package server_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestSignUpByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.browser(t)
		page := b.form(shared.PageSignUp)
		wantWrong(t, b.submit(shared.PageSignUp, page, "name=Ann", "email="+ann, "password="),
			400, "sign-up-password", en.T(message.ErrFieldRequired), "Ann", ann)
		wantWrong(t, b.submit(shared.PageSignUp, page, "name=Ann", "email=", "password="+testkit.Password),
			400, "sign-up-email", en.T(message.ErrFieldRequired), "Ann")
		wantWrong(t, b.submit(shared.PageSignUp, page, "name=Ann", "email="+ann, "password=short"),
			400, "sign-up-password", en.T(message.ErrPasswordTooShort), "Ann", ann)
		wantSeeOther(t, b.submit(shared.PageSignUp, page, "name=Ann", "email="+ann, "password="+testkit.Password), shared.PageSettings)
		if user := b.Session(); user.Get("user.email") != ann || user.Get("user.name") != "Ann" || user.Get("remember") != true {
			t.Errorf("the session is %v", user)
		}
		wantWrong(t, s.browser(t).submit(shared.PageSignUp, page, "name=Ann", "email="+ann, "password="+testkit.Password),
			422, "sign-up-email", en.T(message.ErrAccountExists), "Ann", ann)
	})
}

func TestSignUpUnverifiedByForm(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		b := s.browser(t)
		a := b.submit(shared.PageSignUp, b.form(shared.PageSignUp), "name=Ann", "email="+ann, "password="+testkit.Password)
		page := b.task(a, message.CheckYourEmail)
		if a.Status != 200 || !strings.Contains(strings.Join(page.Texts("p"), "\n"), ann) || b.SignedIn(t) {
			t.Errorf("after the sign-up: %v", a)
		}
		s.link(t, ann, en.T(message.MailVerifyEmailSubject))
		b.wantDone(b.submit(shared.PageSignUp, page), shared.PageSignUp, message.DoneVerificationSent)
		s.link(t, ann, en.T(message.MailVerifyEmailSubject))
	})
}

// TestResetByForm tests the way back in with the link in an email, and the page of a link that does
// not work.
func TestResetByForm(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		held := s.signUp(t, ann)
		b := s.browser(t)
		page := b.form(shared.PageForgotPassword)
		wantWrong(t, b.submit(shared.PageForgotPassword, page, "email=nobody"), 400, "forgot-email", en.T(message.ErrInvalidEmail), "nobody")
		for _, email := range []string{"nobody@example.test", ann} {
			a := b.submit(shared.PageForgotPassword, page, "email="+email)
			sent := b.task(a, message.CheckYourEmail)
			if a.Status != 200 || sent.Texts("p")[0] != en.T(message.DoneResetLinkSent, email) {
				t.Errorf("%s: %v", email, a)
			}
		}
		link := s.link(t, ann, en.T(message.ChooseNewPassword))
		b.page(link) // a scanner
		page = b.form(link)
		if len(page.All("input", "name=username", "value="+ann)) != 1 {
			t.Error("the form has no address for password managers")
		}
		wantWrong(t, b.submit(link, page, "newPassword=short"), 400, "reset-newPassword", en.T(message.ErrPasswordTooShort))
		b.wantDone(b.submit(link, page, "newPassword="+nextPassword), shared.PageSignIn, message.DonePasswordReset)
		if held.SignedIn(t) {
			t.Error("a session goes on")
		}
		for _, a := range []testkit.Answer{b.page(link), b.submit(link, page, "newPassword="+nextPassword), b.page("/reset-password?token=x")} {
			dead := testkit.ParseHTML(t, a.Body)
			title, fields := dead.Texts("title")[0], dead.All("input", "name=newPassword")
			if !strings.HasPrefix(title, en.T(message.ErrLinkNoLongerWorks)) || len(fields) > 0 {
				t.Errorf("a link that was used: %s: %v", title, a)
			}
		}
		wantSeeOther(t, b.send("/sign-in", "email="+ann, "password="+nextPassword), shared.PageSettings)
	})
}

// TestNotMeByForm tests the report that a change was not the user's, which leads to a new password.
func TestNotMeByForm(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		want(t, owner.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		link := s.link(t, ann, en.T(message.MailPasswordChangedSubject))
		b := s.browser(t)
		page := b.form(link)
		if !owner.SignedIn(t) {
			t.Fatal("opening the link reports")
		}
		a := b.submit(link, page)
		to := a.Header.Get("Location")
		if u, err := url.Parse(to); err != nil || u.Path != shared.PageResetPassword || u.Query().Get("token") == "" {
			t.Fatalf("%v to %s", a, to)
		}
		if owner.SignedIn(t) {
			t.Error("a session goes on")
		}
		_, next := b.drawn(to)
		if toasts := next.In(t, "div", "class=toasts").Texts("p"); len(toasts) != 1 || toasts[0] != en.T(message.DoneAccountSecured) {
			t.Errorf("the page says %q", toasts)
		}
		wantSeeOther(t, b.submit(to, next.In(t, "main"), "newPassword=a third good password"), shared.PageSignIn)
	})
}
