package server_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestPasswordByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		const page = shared.PagePassword
		b := s.signUp(t, ann)
		change := func(current, next string) testkit.Answer {
			t.Helper()
			return b.pressOn(page, message.ChangePassword, "currentPassword="+current, "newPassword="+next, "username="+ann)
		}
		fill := en.T(message.ErrFieldRequired)
		wantWrong(t, change("", nextPassword), 400, "password-currentPassword", fill)
		wantWrong(t, change(testkit.Password, ""), 400, "password-newPassword", fill)
		wantWrong(t, change("wrong password", nextPassword), 400, "password-currentPassword", en.T(message.ErrWrongCurrentPassword))
		wantWrong(t, change(testkit.Password, "short"), 400, "password-newPassword", en.T(message.ErrPasswordTooShort))
		wantWrong(t, change(testkit.Password, testkit.Password), 400, "password-newPassword", en.T(message.ErrSamePassword))
		if n := s.events(t, shared.EventPasswordFailed); n != 1 {
			t.Errorf("%d wrong passwords are in the log; want 1", n)
		}
		token := b.token()
		b.wantDone(change(testkit.Password, nextPassword), page, message.DonePasswordChangedAlone)
		if b.token() == token || !b.SignedIn(t) {
			t.Error("the session has the same token, or has ended")
		}
		other := s.browser(t)
		wantSeeOther(t, other.send("/sign-in", "email="+ann, "password="+nextPassword), shared.PageSettings)
		b.wantDone(change(nextPassword, testkit.Password), page, message.DonePasswordChanged)
		wantAlive(t, other, false, "the other session")
	})
}

// TestPasswordLimitByForm tests that the page of a task tells the user to wait after too many wrong
// passwords.
func TestPasswordLimitByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		task, deletion := b.openTask(shared.PageProfile, message.DeleteAccount, message.ConfirmDeleteAccount)
		typed := strings.ToUpper(ann)
		for range 30 {
			a := b.submit(task, deletion, "email="+typed, "password=wrong password")
			if a.Status == 429 {
				texts := b.task(a, message.ConfirmDeleteAccount).Texts("p", "id=task-error")
				if len(texts) != 1 || !strings.HasPrefix(texts[0], en.T(message.ErrTooManyTries)) || !strings.Contains(a.Body, typed) {
					t.Errorf("the page says %q, or has lost what was typed", texts)
				}
				return
			}
			wantWrong(t, a, 400, "task-password", en.T(message.ErrWrongCurrentPassword), typed)
		}
		t.Error("no limit applies")
	})
}

// TestPasswordLinkByForm tests the link to choose a password, for accounts with and without one.
func TestPasswordLinkByForm(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		const page = shared.PagePassword
		b := s.signUp(t, ann)
		for _, button := range []message.ID{message.ForgotIt, message.SetAPassword} {
			a := b.pressOn(page, button)
			sent := b.task(a, message.CheckYourEmail)
			if texts := sent.Texts("p"); a.Status != 200 || texts[0] != en.T(message.DoneOwnResetLinkSent, ann) {
				t.Errorf("%v says %q", a, texts)
			}
			if back := sent.All("a", "href="+page); len(back) != 1 {
				t.Error("no link leads back")
			}
			s.link(t, ann, en.T(message.ChooseNewPassword))
			s.exec(t, "UPDATE passwords SET void = TRUE")
		}
	})
}

func TestDeleteAccountByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		other := s.signIn(t, ann)
		task, page := b.openTask(shared.PageProfile, message.DeleteAccount, message.ConfirmDeleteAccount)
		if texts := page.Texts("p"); texts[0] != en.T(message.DeleteAccountExplanation, ann) {
			t.Errorf("the page says %q", texts)
		}
		wantWrong(t, b.submit(task, page, "email=bob@example.test", "password="+testkit.Password),
			400, "task-email", en.T(message.ErrTypeYourAddress, ann), "bob@example.test")
		wantWrong(t, b.submit(task, page, "password="+testkit.Password), 400, "task-email", en.T(message.ErrTypeYourAddress, ann))
		typed := strings.ToUpper(ann)
		wantWrong(t, b.submit(task, page, "email="+typed, "password="), 400, "task-password", en.T(message.ErrEnterPassword), typed)
		wantWrong(t, b.submit(task, page, "email="+typed, "password=wrong password"),
			400, "task-password", en.T(message.ErrWrongCurrentPassword), typed)
		wantAlive(t, other, true, "the account after what was refused")

		a := b.submit(task, page, "email= "+typed, "password="+testkit.Password)
		b.wantDone(a, shared.PageSignIn, message.DoneAccountDeleted)
		if b.token() != "" || a.Header.Get("Clear-Site-Data") == "" {
			t.Error("the browser keeps the session's cookie, or data")
		}
		wantAlive(t, other, false, "the account after its deletion")
		want(t, s.browser(t).SignIn(ann), 401, "INVALID_EMAIL_OR_PASSWORD")
	})
}

// TestDeleteAccountWithoutPassword tests that the deletion of an account without a password needs a
// link in an email, or else the app.
func TestDeleteAccountWithoutPassword(t *testing.T) {
	for _, delivers := range []bool{false, true} {
		name, keys := "NoEmail", []string(nil)
		if delivers {
			name, keys = "Email", []string{"VERIFY_EMAIL=required"}
		}
		t.Run(name, func(t *testing.T) {
			eachMailing(t, keys, func(t *testing.T, s mailing) {
				b := s.browser(t)
				b.SignUp(ann)
				if delivers {
					b.follow(s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
					want(t, b.Elsewhere().SignIn(ann), 200, "")
				}
				s.exec(t, "DELETE FROM passwords")
				task, page := b.openTask(shared.PageProfile, message.DeleteAccount, message.ConfirmDeleteAccount)
				if !delivers {
					if texts := page.Texts("p"); len(page.All("form")) > 0 || texts[0] != en.T(message.ProofNeedsApp) {
						t.Errorf("the page says %q", texts)
					}
					return
				}
				wantWrong(t, b.submit(task, page, "email=x"), 400, "task-email", en.T(message.ErrTypeYourAddress, ann), "x")
				b.wantDone(b.submit(task, page, "email="+ann), shared.PageProfile, message.DoneVerificationSent)
				b.follow(s.link(t, ann, en.T(message.MailDeleteAccountSubject)))
				wantAlive(t, b, false, "the account")
			})
		})
	}
}

// TestDeleteLastAdministratorByForm tests that the page says why the account stays.
func TestDeleteLastAdministratorByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.admin(t, ann)
		_, page := b.openTask(shared.PageProfile, message.DeleteAccount, message.ConfirmDeleteAccount)
		if texts := page.Texts("p"); len(page.All("form")) > 0 || texts[0] != en.T(message.ErrLastAdministrator) {
			t.Errorf("the page says %q", texts)
		}
	})
}

func TestProfileByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		const page = shared.PageProfile
		b := s.signUp(t, ann)
		want(t, b.Post("/update-user", body{"image": "https://example.test/ann.png"}), 200, "")
		name := func(typed string) testkit.Answer {
			t.Helper()
			button := b.form(page).All("button", "id=profile-submit")[0]
			return b.call(page, attribute(button, "value"), "name="+typed)
		}
		b.wantDone(name("Ann Byron"), page, message.DoneProfileSaved)
		for _, empty := range []string{"", " ", "\u200d"} {
			a := name(empty)
			wantWrong(t, a, 400, "profile-name", en.T(message.ErrFieldRequired))
			if field := testkit.ParseHTML(t, a.Body).All("input", "id=profile-name")[0]; attribute(field, "value") != empty {
				t.Errorf("the field has %q again; want %q", attribute(field, "value"), empty)
			}
		}
		long := strings.Repeat("x", shared.MaxName+1)
		wantWrong(t, name(long), 400, "profile-name", en.T(message.ErrNameTooLong), long)
		b.wantDone(b.pressOn(page, message.RemovePicture), page, message.DonePictureRemoved)
		if user := b.Session(); user.Get("user.name") != "Ann Byron" || user.Get("user.image") != nil {
			t.Errorf("the user is %v", user)
		}
	})
}

// TestLanguageByForm tests that the page after the choice of a language is in that language, and so
// are the pages after a sign-out.
func TestLanguageByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		const page = shared.PageProfile
		b := s.signUp(t, ann)
		choose := func(language string) (lang, toast string) {
			t.Helper()
			form := b.form(page).In(t, "div", "class=choices").In(t, "form")
			if len(form.All("option", "value="+language)) != 1 {
				t.Fatalf("the page does not offer %s", language)
			}
			buttons := form.All("button", "type=submit")
			wantSeeOther(t, b.call(page, attribute(buttons[0], "value"), "language="+language), page)
			_, next := b.drawn(page)
			return attribute(next.All("html")[0], "lang"), next.In(t, "div", "class=toasts").Texts("p")[0]
		}
		if lang, toast := choose("de"); lang != "de" || toast != de.T(message.DoneLanguageSaved) {
			t.Errorf("the page is in %s and says %q", lang, toast)
		}
		if b.Session().Get("language") != "de" || b.Cookie(shared.LanguageCookie) != "de" {
			t.Errorf("saved: %v, cookie %q", b.Session(), b.Cookie(shared.LanguageCookie))
		}
		if lang, toast := choose("browser"); lang != "en" || toast != en.T(message.DoneLanguageSaved) {
			t.Errorf("the page is in %s and says %q", lang, toast)
		}
		if b.Session().Get("language") != nil || b.Cookie(shared.LanguageCookie) != "" {
			t.Errorf("saved: %v, cookie %q", b.Session(), b.Cookie(shared.LanguageCookie))
		}
		form := b.form(page).In(t, "div", "class=choices").In(t, "form")
		a := b.call(page, attribute(form.All("button")[0], "value"), "language=xx")
		wantToast(t, a, 400, en.T(message.ErrInvalidInput))
	})
}

func TestEmailChangeByForm(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		const page, next = shared.PageProfile, "next@example.test"
		b := s.signUp(t, ann)
		b.wantDone(b.pressOn(page, message.SendVerificationEmailAgain), page, message.DoneVerificationSent)
		b.visit(s.link(t, ann, en.T(message.MailVerifyEmailSubject)))

		task, form := b.openTask(page, message.ChangeEmailAddress, message.ChangeEmailAddress)
		wantFocus(t, form, "newEmail")
		wantWrong(t, b.submit(task, form, "newEmail=next"), 400, "task-newEmail", en.T(message.ErrInvalidEmail), "next")
		wantWrong(t, b.submit(task, form, "newEmail="+ann), 400, "task-newEmail", en.T(message.ErrEmailUnchanged), ann)
		s.stale()
		a := b.submit(task, form, "newEmail="+next)
		proof := b.task(a, message.ConfirmIdentity)
		if strings.Contains(a.Body, next) || b.pending() != "" {
			t.Error("the form does not wait, or is in the page")
		}
		b.wantDone(b.submit(task, proof, "password="+testkit.Password), page, message.DoneVerificationSent)
		if got := b.pending(); got != next+", "+ann {
			t.Errorf("pending: %q", got)
		}
		s.mails(t)
		b.wantDone(b.pressOn(page, message.ResendLink), page, message.DoneVerificationSent)
		s.link(t, ann, en.T(message.MailAgreeEmailChangeSubject))
		cancel := attribute(control(t, b.form(page), message.CancelAction), "value")
		b.wantDone(b.call(page, cancel), page, message.DoneEmailChangeCanceled)
		wantToast(t, b.call(page, cancel), 400, en.T(message.ErrNoEmailChange))
		if got := b.pending(); got != "" {
			t.Errorf("pending after it was canceled: %q", got)
		}
	})
}

// TestHomeByForm tests the buttons of the home.
func TestHomeByForm(t *testing.T) {
	eachMailing(t, []string{"VERIFY_EMAIL=off", "RESEND_API_KEY=re_x"}, func(t *testing.T, s mailing) {
		const page = shared.PageSettings
		b := s.signUp(t, ann)
		s.mails(t)
		other := s.signIn(t, ann)
		b.wantDone(b.pressOn(page, message.VerifyEmailAddress), page, message.DoneVerificationSent)
		s.link(t, ann, en.T(message.MailVerifyEmailSubject))

		b.wantDone(b.pressOn(page, message.YesItWasMe), page, message.DoneSignInConfirmed)
		if got := b.question(); got != "" {
			t.Errorf("the page still asks about %s", got)
		}
		button := b.form(page).All("button", "id=revoke-"+other.sessionID())[0]
		task := askFor(attribute(button, "formaction"), attribute(button, "value"))
		revoke := b.task(b.page(task), message.ConfirmRevokeSession)
		b.wantDone(b.submit(task, revoke), shared.PageSessions, message.DoneSessionRevoked)
		wantAlive(t, other, false, "the revoked session")

		if to := attribute(control(t, b.form(page), message.EnableTwoFactor), "formaction"); to != shared.PageTwoFactorSettings {
			t.Errorf("the button to turn on two-factor authentication leads to %q", to)
		}
	})
}

// TestReportSignInByForm tests the report that a sign-in was not the user's, on each page that asks.
// It leads to a new password, and no log has the token for that.
func TestReportSignInByForm(t *testing.T) {
	for name, page := range map[string]string{"Home": shared.PageSettings, "Sessions": shared.PageSessions} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *testServer) {
				b := s.signUp(t, ann)
				s.stale()
				intruder := s.signIn(t, ann)
				task, question := b.openTask(page, message.NoSecureAccount, message.ConfirmSecureAccount)
				wantAlive(t, intruder, true, "the session that the page asks about")
				proof := b.task(b.submit(task, question), message.ConfirmIdentity)
				wantAlive(t, intruder, true, "the session before the user has confirmed")
				a := b.submit(task, proof, "password="+testkit.Password)
				to, err := url.Parse(a.Header.Get("Location"))
				if err != nil || to.Path != shared.PageResetPassword || to.Query().Get("token") == "" {
					t.Fatalf("%v to %s", a, a.Header.Get("Location"))
				}
				wantAlive(t, intruder, false, "the reported session")
				if b.token() != "" {
					t.Error("the browser keeps the cookie of its session")
				}
				_, reset := b.drawn(to.String())
				if toasts := reset.In(t, "div", "class=toasts").Texts("p"); len(toasts) != 1 || toasts[0] != en.T(message.DoneAccountSecured) {
					t.Errorf("the page says %q", toasts)
				}
				wantSeeOther(t, b.submit(to.String(), reset.In(t, "main"), "newPassword="+nextPassword), shared.PageSignIn)
				wantSeeOther(t, b.send("/sign-in", "email="+ann, "password="+nextPassword), shared.PageSettings)
				if strings.Contains(s.log.String(), to.Query().Get("token")) {
					t.Error("the log has the token")
				}
			})
		})
	}
}

// TestReportEndedSignIn tests that a report comes too late for a session that has ended.
func TestReportEndedSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		other := s.signIn(t, ann)
		task, question := b.openTask(shared.PageSettings, message.NoSecureAccount, message.ConfirmSecureAccount)
		want(t, other.Post("/sign-out", body{}), 200, "")
		a := b.submit(task, question)
		page := b.task(a, message.ConfirmSecureAccount)
		if texts := page.Texts("p", "id=task-error"); len(texts) != 1 || texts[0] != en.T(message.ErrReportedSessionEnded) || !b.SignedIn(t) {
			t.Errorf("%v says %q", a, texts)
		}
	})
}

// TestVerificationByForm tests the button for another email below the error of a sign-in.
func TestVerificationByForm(t *testing.T) {
	eachMailing(t, required, func(t *testing.T, s mailing) {
		b := s.browser(t)
		b.SignUp(ann)
		a := b.send(shared.PageSignIn, "email="+ann, "password="+testkit.Password)
		again := control(t, testkit.ParseHTML(t, a.Body).In(t, "main"), message.SendEmailAgain)
		s.mails(t)
		b.wantDone(b.call(shared.PageSignIn, attribute(again, "value")), shared.PageSignIn, message.DoneVerificationSent)
		b.follow(s.link(t, ann, en.T(message.MailVerifyEmailSubject)))
		wantSeeOther(t, b.send(shared.PageSignIn, "email="+ann, "password="+testkit.Password), shared.PageSettings)
	})
}
