package server_test

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// pending returns the pending change of the address of a browser's user as "new, sent to",
// or "" if there is none.
func (b *browser) pending() string {
	b.t.Helper()
	p := b.overview().Email
	if p.Address == "" {
		return ""
	}
	return p.Address + ", " + p.SentTo
}

// TestPendingEmailChange tests that a change of address is pending from its request until
// its last link is opened, that it can be resent and canceled, and that a link that was
// revoked says why.
func TestPendingEmailChange(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		s.verify(t, owner, ann)
		next := "ann.new@example.test"
		ask := func(path string, in body) {
			t.Helper()
			s.clock.Advance(time.Minute)
			want(t, owner.Elsewhere().Post(path, in), 200, "")
		}
		is := func(want string) {
			t.Helper()
			if got := owner.pending(); got != want {
				t.Errorf("pending: %q; want %q", got, want)
			}
		}
		dead := func(link string, why message.ID) {
			t.Helper()
			for _, b := range []*browser{owner, s.browser(t)} {
				wantLinkPage(t, b.visit(link), 410, en.T(why))
			}
			want(t, s.browser(t).Get("/verify-email?token="+tokenOf(t, link)), 401, "INVALID_TOKEN")
		}
		agree, verify := en.T(message.MailAgreeEmailChangeSubject), en.T(message.MailVerifyNewEmailSubject)

		is("")
		for _, path := range []string{"/resend-email-change", "/cancel-email-change"} {
			want(t, owner.Elsewhere().Post(path, body{}), 400, "NO_EMAIL_CHANGE_PENDING")
		}
		ask("/change-email", body{"newEmail": next, "callbackURL": "/x"})
		is(next + ", " + ann) // before the email is composed
		first := s.link(t, ann, agree)
		ask("/resend-email-change", body{})
		second := s.link(t, ann, agree)
		dead(first, message.ErrLinkReplaced)
		wantLinkPage(t, owner.visit(second), 200, en.T(message.DoneNewEmailLinkSent))
		is(next + ", " + next)
		third := s.link(t, next, verify)
		ask("/resend-email-change", body{})
		fourth := s.link(t, next, verify)
		if !strings.HasSuffix(fourth, "callbackURL=%2Fx") {
			t.Errorf("the resent link has lost its callback: %s", fourth)
		}
		dead(third, message.ErrLinkReplaced)

		ask("/cancel-email-change", body{})
		is("")
		dead(fourth, message.ErrLinkCanceled)
		want(t, owner.Elsewhere().Post("/cancel-email-change", body{}), 400, "NO_EMAIL_CHANGE_PENDING")

		// Canceling also stops an email that is still queued.
		ask("/change-email", body{"newEmail": next})
		ask("/cancel-email-change", body{})
		if mails := s.mails(t); len(mails) != 0 {
			t.Errorf("emails after it was canceled: %+v", mails)
		}

		// So does a change of the sign-in methods, which also revokes the link.
		s.clock.Advance(time.Hour)
		want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		ask("/change-email", body{"newEmail": next})
		link := s.link(t, ann, agree)
		ask("/change-email", body{"newEmail": "other@example.test"})
		dead(link, message.ErrLinkReplaced)
		owner.enroll()
		is("")
		for _, m := range s.mails(t) {
			if m.Subject == agree {
				t.Error("an email from before the second factor was sent")
			}
		}
		ask("/change-email", body{"newEmail": next})
		link = s.link(t, ann, agree)
		ask("/two-factor/generate-backup-codes", body{"password": testkit.Password})
		dead(link, message.ErrLinkSuperseded)
		is("")
		if got := owner.Session().Get("user.email"); got != ann {
			t.Errorf("the address is %v", got)
		}
		asked, canceled := s.events(t, shared.EventEmailChangeRequested), s.events(t, shared.EventEmailChangeCanceled)
		if asked != 7 || canceled != 2 {
			t.Errorf("the log has %d requests and %d cancellations; want 7 and 2", asked, canceled)
		}
	})
}

// TestPendingEmailChangeRevealsNothing tests that a change to a taken address is pending in
// the same way as one to a free address.
func TestPendingEmailChangeRevealsNothing(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		s.signUp(t, bob)
		owner := s.signUp(t, ann)
		for _, address := range []string{bob, "free@example.test"} {
			want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": address}), 200, "")
			for range 2 {
				if mails := s.mails(t); len(mails) != 1 || mails[0].Recipient != address {
					t.Errorf("emails: %+v; want one to %s", mails, address)
				}
				if got := owner.pending(); got != address+", "+address {
					t.Errorf("pending: %q", got)
				}
				want(t, owner.Elsewhere().Post("/resend-email-change", body{}), 200, "")
			}
			s.mails(t)
			want(t, owner.Elsewhere().Post("/cancel-email-change", body{}), 200, "")
		}
	})
}

// TestEmailChangeOfOlderServer tests that a change of address survives an upgrade: older and newer
// servers deliver the emails that the other ones have queued. Older ones issue the token at
// delivery, and need the former address and the session for that.
func TestEmailChangeOfOlderServer(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		const next = "next@example.test"
		owner := s.signUp(t, ann)
		id, session, now := owner.id(), owner.sessionID(), s.clock.Now()
		s.mails(t)
		queued := mail.Mail{ID: "queued", CreatedAt: now, LeasedUntil: now}
		request, err := json.Marshal(body{"Purpose": "change email", "Email": next, "User": id, "Old": ann, "Session": session, "At": now})
		if err != nil {
			t.Fatal(err)
		}
		queued.Request = testKeys.Seal(string(request), queued.AAD("asked"))
		if err := s.db.AddMail(t.Context(), queued); err != nil {
			t.Fatal(err)
		}
		wantRedirect(t, owner.open(s.link(t, next, en.T(message.MailVerifyNewEmailSubject))), "/")
		if got := owner.Session().Get("user.email"); got != next {
			t.Errorf("the address is %v; want %s", got, next)
		}
		s.mails(t)

		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": ann}), 200, "")
		all, err := s.db.MailsAfter(t.Context(), "", 2)
		if err != nil || len(all) != 1 {
			t.Fatalf("queued: %+v, %v; want one", all, err)
		}
		text, err := testKeys.Unseal(all[0].Request, all[0].AAD("asked"))
		if err != nil || !strings.Contains(text, `"Old":"`+next+`"`) || !strings.Contains(text, `"Session":"`+session+`"`) {
			t.Errorf("the request lacks what older servers need: %s, %v", text, err)
		}
	})
}

// TestResendLimit tests that resending counts for the limit of the new address, and that it
// requires a fresh identity.
func TestResendLimit(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": bob}), 200, "")
		for range account.VerificationLimit.Max - 1 {
			want(t, owner.Elsewhere().Post("/resend-email-change", body{}), 200, "")
		}
		want(t, owner.Elsewhere().Post("/resend-email-change", body{}), 429, "TOO_MANY_REQUESTS")
		s.clock.Advance(15 * time.Minute)
		want(t, owner.Elsewhere().Post("/resend-email-change", body{}), 403, "SESSION_NOT_FRESH")
		want(t, owner.Elsewhere().Post("/cancel-email-change", body{}), 200, "")
	})
}

// TestCancelAtOnce tests that a change is either canceled or made, if both are attempted
// at once, and that both responses say so.
func TestCancelAtOnce(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		for round := range 6 {
			s.clock.Advance(time.Hour)
			want(t, owner.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
			before := owner.Session().Get("user.email")
			next := string(rune('a'+round)) + "@example.test"
			want(t, owner.Elsewhere().Post("/change-email", body{"newEmail": next}), 200, "")
			mails := s.mails(t)
			token := tokenOf(t, linkForm.FindString(mails[len(mails)-1].Text))
			if owner.Session().Get("user.emailVerified") == true {
				want(t, s.browser(t).Get("/verify-email?token="+token), 200, "")
				mails = s.mails(t)
				token = tokenOf(t, linkForm.FindString(mails[len(mails)-1].Text))
			}
			var changed, canceled atomic.Int32
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					switch a := s.browser(t).Get("/verify-email?token=" + token); {
					case a.Status == 200:
						changed.Add(1)
					case a.Code() != "INVALID_TOKEN":
						t.Errorf("changing: %v", a)
					}
				})
				wg.Go(func() {
					switch a := owner.Elsewhere().Post("/cancel-email-change", body{}); {
					case a.Status == 200:
						canceled.Add(1)
					case a.Code() != "NO_EMAIL_CHANGE_PENDING":
						t.Errorf("canceling: %v", a)
					}
				})
			}
			wg.Wait()
			got := owner.Session().Get("user.email")
			if changed.Load()+canceled.Load() != 1 || (got == next) != (changed.Load() == 1) || got != next && got != before {
				t.Errorf("%d changed and %d canceled, and the address is %v; want one of them", changed.Load(), canceled.Load(), got)
			}
		}
	})
}

// TestSamePassword tests that the password that an account has is refused as its new one,
// even if it is void, and that a refused reset keeps its link.
func TestSamePassword(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		a := owner.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": testkit.Password})
		want(t, a, 400, "PASSWORD_IS_THE_SAME")
		if a.Get("field") != "newPassword" {
			t.Errorf("the field is %v", a.Get("field"))
		}
		// Without the current password, the response does not tell.
		a = owner.Elsewhere().Post("/change-password", body{"currentPassword": nextPassword, "newPassword": nextPassword})
		want(t, a, 400, "INVALID_PASSWORD")
		a = owner.Elsewhere().Post("/change-password", body{"currentPassword": "wrong password", "newPassword": testkit.Password})
		want(t, a, 400, "INVALID_PASSWORD")
		if n := s.events(t, shared.EventPasswordChanged); n != 0 {
			t.Errorf("the log has %d new passwords; want none", n)
		}

		for _, void := range []string{"FALSE", "TRUE"} {
			s.clock.Advance(time.Hour)
			s.mails(t)
			s.exec(t, "UPDATE passwords SET void = "+void)
			token := tokenOf(t, s.askReset(t, ann))
			reset := func(token, password string) testkit.Answer {
				return s.browser(t).Post("/reset-password", body{"newPassword": password, "token": token})
			}
			want(t, reset("x", testkit.Password), 400, "INVALID_TOKEN")
			a = reset(token, testkit.Password)
			want(t, a, 400, "PASSWORD_IS_THE_SAME")
			if a.Get("field") != "newPassword" {
				t.Errorf("the field is %v", a.Get("field"))
			}
			s.resetPassword(t, token)
		}
	})
}

// TestRevokedLinks tests what check-link says of reset links that were revoked.
func TestRevokedLinks(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		owner := s.signUp(t, ann)
		check := func(token string, why *shared.Error) {
			t.Helper()
			a := s.browser(t).Post("/check-link", body{"token": token, "purpose": "reset"})
			want(t, a, 400, "TOKEN_SUPERSEDED")
			if a.Get("message") != why.Message {
				t.Errorf("the reason is %v; want %s", a.Get("message"), why.Message)
			}
		}
		first := tokenOf(t, s.askReset(t, ann))
		second := tokenOf(t, s.askReset(t, ann))
		check(first, shared.ErrTokenReplaced)
		want(t, owner.Elsewhere().Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		check(second, shared.ErrTokenSuperseded)
		want(t, s.browser(t).Post("/reset-password", body{"newPassword": testkit.Password, "token": second}), 400, "INVALID_TOKEN")
	})
}
