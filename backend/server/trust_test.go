package server_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/testkit"
	"latchkey/shared"
)

// trust asks for the browser to be trusted after the sign-in.
func (b *browser) trust() testkit.Answer {
	b.t.Helper()
	return b.Elsewhere().Post("/two-factor/trust-device", body{})
}

// signsInUnasked reports whether a sign-in in the browser needs no code.
func (b *browser) signsInUnasked(t *testing.T, email string) bool {
	t.Helper()
	a := b.Elsewhere().SignIn(email)
	if a.Status != 200 {
		want(t, a, 403, "TWO_FACTOR_REQUIRED")
	}
	return a.Status == 200
}

// TestTrustAfterSignIn tests that a browser can be trusted after a sign-in with a second
// factor: in that session, once, and within five minutes.
func TestTrustAfterSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze() // the window ends at an exact second
		owner, device := s.signUpWithPasskey(t, ann)
		app, codes := owner.enroll()
		trusted := func(b *browser) {
			t.Helper()
			before := s.events(t, shared.EventDeviceTrusted)
			a := b.trust()
			want(t, a, 200, "")
			if got := s.events(t, shared.EventDeviceTrusted) - before; got != 1 {
				t.Errorf("%d events; want 1", got)
			}
			if cookies := strings.Join(a.Header.Values("Set-Cookie"), "\n"); !strings.Contains(cookies, "latchkey.trust_device=") {
				t.Errorf("cookies: %s", cookies)
			}
			if !b.signsInUnasked(t, ann) {
				t.Error("a trusted browser needs a code")
			}
		}
		verified := func() *browser {
			t.Helper()
			b := s.pendingSignIn(t, ann)
			want(t, b.verify(nextCode(app)), 200, "")
			return b
		}

		b := verified()
		s.clock.Advance(5*time.Minute - time.Second)
		trusted(b)

		// A trusted browser stays one device. Its session showed no factor.
		before := s.events(t, shared.EventDeviceTrusted)
		want(t, b.trust(), 200, "")
		if s.events(t, shared.EventDeviceTrusted) != before {
			t.Error("a trusted browser is trusted again")
		}
		b.SetCookie("latchkey.trust_device", "")
		wantFactor(t, b.trust())

		// Every second factor can be shown. One code makes one trusted device.
		for what, complete := range map[string]func(b *browser) testkit.Answer{
			"backup code": func(b *browser) testkit.Answer { return b.spend(codes[0]) },
			"passkey": func(b *browser) testkit.Answer {
				options := b.Elsewhere().Get("/passkey/generate-authenticate-options?secondFactor=true")
				return b.Elsewhere().sendAuthentication(getResponse(t, device, options))
			},
			"emailed code": func(b *browser) testkit.Answer {
				want(t, b.Elsewhere().Post("/two-factor/send-otp", body{}), 200, "")
				return b.Elsewhere().Post("/two-factor/verify-otp", body{"code": s.mailedCode(t)})
			},
		} {
			b := s.pendingSignIn(t, ann)
			want(t, complete(b), 200, "")
			want(t, b.trust(), 200, "")
			b.SetCookie("latchkey.trust_device", "") // as if the browser had lost it
			if a := b.trust(); a.Status != 403 || a.Get("need") != "second-factor" {
				t.Errorf("%s: trusted twice: %v", what, a)
			}
		}
		b = s.pendingSignIn(t, ann)
		want(t, b.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}), 200, "")
		b.SetCookie("latchkey.trust_device", "")
		wantFactor(t, b.trust())

		// A step-up with a second factor allows it again, and a password does not.
		want(t, b.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		wantFactor(t, b.trust())
		s.clock.Advance(time.Second)
		want(t, b.Elsewhere().Post("/step-up", body{"code": nextCode(app)}), 200, "")
		trusted(b)

		b = verified()
		s.clock.Advance(5 * time.Minute)
		wantFactor(t, b.trust())
		b = s.pendingSignIn(t, ann)
		want(t, b.trust(), 401, "UNAUTHORIZED") // the sign-in is not complete

		// Several calls at once make one trusted device.
		b = verified()
		list := owner.Get("/list-trusted-devices").Body
		answers := testkit.AtOnce(8, func(int) testkit.Answer { return b.trust() })
		if n := strings.Count(owner.Get("/list-trusted-devices").Body, `"id"`) - strings.Count(list, `"id"`); n != 1 {
			t.Errorf("%d trusted devices; want 1: %v", n, answers)
		}

		bob := s.signUp(t, "bob@example.test")
		want(t, bob.trust(), 400, "TWO_FACTOR_NOT_ENABLED")
	})
}

// TestPendingSignIn tests that the browser with a pending sign-in, and no other, learns whose
// it is and which factors can complete it.
func TestPendingSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, _ := s.signUpWithPasskey(t, ann)
		app, _ := owner.enroll()
		b := s.pendingSignIn(t, ann)
		a := b.Elsewhere().Get("/two-factor/pending")
		want(t, a, 200, "")
		if got := a.Strings("twoFactorMethods"); a.Get("email") != ann || !slices.Equal(got, []string{"totp", "otp", "passkey"}) {
			t.Errorf("pending: %v", a)
		}
		form := b.send("/two-factor", "code="+s.apps.Wrong())
		if !strings.Contains(form.Body, ann) {
			t.Error("the form does not say whose account it is")
		}
		want(t, s.browser(t).Get("/two-factor/pending"), 401, "INVALID_TWO_FACTOR_COOKIE")
		if a := owner.Get("/two-factor/pending"); a.Status != 200 || a.Body != "null" {
			t.Errorf("in a session: %v", a)
		}
		s.clock.Advance(account.PendingSignInLifetime)
		want(t, b.Elsewhere().Get("/two-factor/pending"), 401, "INVALID_TWO_FACTOR_COOKIE")

		bob := s.signUp(t, "bob@example.test")
		bob.enroll()
		a = s.pendingSignIn(t, "bob@example.test").Elsewhere().Get("/two-factor/pending")
		if got := a.Strings("twoFactorMethods"); !slices.Equal(got, []string{"totp", "otp"}) {
			t.Errorf("without a passkey: %v", a)
		}
		want(t, s.pendingSignIn(t, ann).verify(nextCode(app)), 200, "")
	})
}
