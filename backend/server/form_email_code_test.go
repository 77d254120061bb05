package server_test

import (
	"slices"
	"testing"
	"time"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// sendCode presses the button of the second-factor page that sends a code by email.
func (b *browser) sendCode(page string) testkit.Answer {
	b.t.Helper()
	_, drawn := b.drawn(page)
	buttons := drawn.All("button", "type=submit", "form=calls", "name="+shared.FormCall)
	if len(buttons) != 1 {
		b.t.Fatalf("%s has %d buttons that make a call", page, len(buttons))
	}
	return b.call(page, attribute(buttons[0], "value"))
}

// wantCodeField fails the test unless a page asks for a code from an email, in a form without a call.
func wantCodeField(t *testing.T, page testkit.Document) {
	t.Helper()
	main := page.In(t, "main")
	if got := main.Texts("label", "for=second-factor-code"); !slices.Equal(got, []string{en.T(message.CodeFromEmail)}) {
		t.Errorf("the page asks for %q", got)
	}
	if len(main.All("button", "id=second-factor-submit", "name")) > 0 {
		t.Error("the form makes a call")
	}
}

// TestEmailCodeByForm tests that a user signs in with a code from an email without the app.
func TestEmailCodeByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann).enroll()
		b := s.pendingSignIn(t, ann)
		const page = "/two-factor?next=%2Fdashboard%2Fsettings%2Fsessions"
		const asks = "/two-factor?by=email&next=%2Fdashboard%2Fsettings%2Fsessions"
		b.wantDone(b.sendCode(page), asks, message.DoneCodeEmailed)
		code := s.mailedCode(t)
		_, drawn := b.drawn(asks)
		wantCodeField(t, drawn)
		if got := linkOf(t, drawn, message.UseAuthenticatorApp); got != page {
			t.Errorf("the page leads back to %s", got)
		}
		for typed, wrong := range map[string]message.ID{"": message.ErrEnterSixDigits, otherCode(code): message.ErrInvalidCode} {
			a := b.send(asks, "code="+typed)
			wantRedisplayed(t, a, a.Status, "code", en.T(wrong))
			wantCodeField(t, testkit.ParseHTML(t, a.Body))
		}
		wantSeeOther(t, b.send(asks, "code="+code, "trustDevice=on"), "/dashboard/settings/sessions")
		if method := b.method(); method != "password+email-code" {
			t.Errorf("method: %v", method)
		}
		if !b.signsInUnasked(t, ann) {
			t.Error("the browser is not trusted")
		}
	})
}

// otherCode returns a code that differs from another one.
func otherCode(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

// TestEmailCodeRefusedByForm tests that the second-factor page says why it has sent no email, and
// why no code of the last email works.
func TestEmailCodeRefusedByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann).enroll()
		b := s.pendingSignIn(t, ann)
		const asks = "/two-factor?by=email"
		wantSeeOther(t, b.sendCode("/two-factor"), asks)
		code := s.mailedCode(t)
		var a testkit.Answer
		for range 6 {
			a = b.send(asks, "code="+otherCode(code))
		}
		drawn := testkit.ParseHTML(t, a.Body)
		wantCodeField(t, drawn)
		if got := drawn.Texts("p", "id=second-factor-error"); !slices.Equal(got, []string{en.T(message.ErrWrongCodesSendNew)}) {
			t.Errorf("%d: after too many codes, the page says %q", a.Status, got)
		}
		for range 10 {
			if a = b.sendCode(asks); a.Status != 303 {
				break
			}
		}
		drawn = testkit.ParseHTML(t, a.Body)
		if got := drawn.Texts("p", "id=second-factor-error"); a.Status != 429 || len(got) != 1 {
			t.Errorf("after too many emails: %d, %q", a.Status, got)
		}
		if got := drawn.Texts("p", "class=whose"); !slices.Equal(got, []string{en.T(message.SigningInAs, ann)}) {
			t.Errorf("after too many emails, the page is that of %q", got)
		}

		_, page := b.drawn(asks)
		call := attribute(page.All("button", "form=calls")[0], "value")
		s.clock.Advance(time.Hour)
		drawn = testkit.ParseHTML(t, b.call(asks, call).Body)
		if got := drawn.Texts("p", "id=over"); !slices.Equal(got, []string{en.T(message.ErrSignInExpired)}) {
			t.Errorf("after the sign-in has expired, the page says %q", got)
		}
	})
}
