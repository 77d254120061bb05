package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestUpdateUser(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, "ann@example.test")
		name := `Robert'); DROP TABLE users;-- <b>"ä"</b>`
		want(t, b.Post("/update-user", body{"name": name, "image": "https://example.test/a.png"}), 200, "")
		a := b.Session()
		if a.Get("user.name") != name || a.Get("user.image") != "https://example.test/a.png" {
			t.Errorf("after an update: %v", a)
		}
		const header = "data:image/png;base64,"
		picture := header + strings.Repeat("A", 4096-len(header))
		want(t, b.Post("/update-user", body{"image": picture}), 200, "")
		if a := b.Session(); a.Get("user.image") != picture {
			t.Errorf("after a data URL of 4,096 bytes: %v", a)
		}
		if a := b.page(shared.PageProfile); a.Status != 200 || !strings.Contains(a.Body, en.T(message.RemovePicture)) {
			t.Errorf("the profile with a data URL: %v", a)
		}
		fields := body{"email": bob, "name": "Bob", "password": testkit.Password, "image": picture}
		other := s.browser(t)
		if a := other.Post("/sign-up/email", fields); a.Status != 200 || a.Get("user.image") != picture {
			t.Errorf("a sign-up with a data URL of 4,096 bytes: %v", a)
		}
		want(t, b.Post("/update-user", body{"image": nil}), 200, "")
		if a := b.Session(); a.Get("user.image") != nil || a.Get("user.name") != name {
			t.Errorf("after the image was removed: %v", a)
		}
		for _, test := range []struct {
			in   any
			code string
		}{
			{body{}, "NO_FIELDS_TO_UPDATE"},
			{body{"role": "admin"}, "NO_FIELDS_TO_UPDATE"},
			{body{"email": "other@example.test"}, "EMAIL_CAN_NOT_BE_UPDATED"},
			{body{"name": "x", "twoFactorEnabled": true}, "FIELD_NOT_ALLOWED"},
			{body{"name": 5}, "VALIDATION_ERROR"},
			{body{"name": nil}, "VALIDATION_ERROR"},
			{body{"image": picture + "A"}, "VALIDATION_ERROR"},
			{body{"language": "fr"}, "VALIDATION_ERROR"},
			{body{"language": "de-AT"}, "VALIDATION_ERROR"},
			{body{"language": 1}, "VALIDATION_ERROR"},
			{body{"language": nil}, "VALIDATION_ERROR"},
			{body{"image": "javascript:alert(1)"}, "VALIDATION_ERROR"},
			{[]string{"name"}, "VALIDATION_ERROR"},
			{body{"name": strings.Repeat("n", 101)}, "VALIDATION_ERROR"},
		} {
			want(t, b.Post("/update-user", test.in), 400, test.code)
		}
	})
}

// TestListAccounts tests that the list has the password in Better Auth's form, and nothing
// without a password that works.
func TestListAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		created := b.Session().Get("user.createdAt").(string)
		s.clock.Advance(time.Minute)
		want(t, b.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		id := b.id()
		changed := b.Get("/overview").Get("password.changedAt").(string)
		if changed == created {
			t.Fatal("the password has not changed since the sign-up")
		}
		all := `[{"id":"` + id + `","providerId":"credential","accountId":"` + id + `","userId":"` + id +
			`","createdAt":"` + created + `","updatedAt":"` + changed + `","scopes":[]}]`
		if a := b.Get("/list-accounts"); a.Status != 200 || a.Body != all {
			t.Errorf("with a password: %v; want %s", a, all)
		}
		for _, statement := range []string{"UPDATE passwords SET void = TRUE", "DELETE FROM passwords"} {
			s.exec(t, statement)
			if a := b.Get("/list-accounts"); a.Status != 200 || a.Body != "[]" {
				t.Errorf("after %s: %v; want []", statement, a)
			}
		}
	})
}

// TestLanguage tests that a user's language is stored in the account, and so is the same
// in every browser.
func TestLanguage(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, "ann@example.test")
		chosen := func(b *browser, want any) {
			t.Helper()
			a := b.Session()
			if got := a.Get("language"); got != want {
				t.Errorf("the language is %v; want %v", got, want)
			}
			if a.Get("user.language") != nil {
				t.Error("the language is in Better Auth's user")
			}
		}
		chosen(b, nil)
		want(t, b.Post("/update-user", body{"language": "de"}), 200, "")
		chosen(b, "de")
		want(t, b.Post("/update-user", body{"name": "Ann"}), 200, "")
		want(t, b.Post("/update-user", body{"language": "fr", "name": "Eve"}), 400, "VALIDATION_ERROR")
		chosen(b, "de")
		if a := b.Session(); a.Get("user.name") != "Ann" {
			t.Errorf("a refused language changed the name: %v", a)
		}
		other := s.browser(t)
		want(t, other.SignIn("ann@example.test"), 200, "")
		chosen(other, "de")
		want(t, other.Post("/update-user", body{"language": ""}), 200, "")
		chosen(b, nil)
		chosen(s.signUp(t, "bob@example.test"), nil)
	})
}

// TestDeleteUser tests that users can delete their account with the password. The
// deletion must revoke all sessions, and leave none of the user's data in the database.
func TestDeleteUser(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b, other := s.signUp(t, "gone@example.test"), s.signIn(t, "gone@example.test")
		want(t, b.Post("/update-user", body{"name": "Unforgettable"}), 200, "")
		want(t, b.Post("/delete-user", body{"password": "wrong password"}), 400, "INVALID_PASSWORD")
		want(t, b.Post("/delete-user", body{"token": "of no email"}), 404, "INVALID_TOKEN")
		wantAlive(t, other, true, "the other session after a deletion that failed")
		copied := s.holding(t, "latchkey.session_token", b.token())
		s.clock.Advance(time.Hour) // the session need not be fresh, because the request has the password
		a := b.Post("/delete-user", body{"password": testkit.Password})
		want(t, a, 200, "")
		if a.Body != `{"success":true,"message":"User deleted"}` {
			t.Errorf("delete-user: %v", a)
		}
		for _, b := range []*browser{b, other, copied} {
			wantAlive(t, b, false, "a session of a deleted user")
		}
		want(t, s.browser(t).SignIn("gone@example.test"), 401, "INVALID_EMAIL_OR_PASSWORD")
		wantAbsent(t, s.dump(t), "Unforgettable")
		wantMails(t, s.accounts, "gone@example.test", en.T(message.MailAccountDeletedSubject))
		wantAbsent(t, s.dump(t), "gone@example.test")
	})
}

// TestDeletionIsConfirmed tests that the call for a deletion has to have the password, a
// passkey or the token of a link, even in a fresh session.
func TestDeletionIsConfirmed(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b, device := s.signUpWithPasskey(t, ann)
		stranger, another := s.signUpWithPasskey(t, bob)
		s.mails(t)
		deletion := func(b *browser, in body) testkit.Answer { return b.Elsewhere().Post("/delete-user", in) }
		byPasskey := func(options testkit.Answer, changes ...alteration) body {
			return body{"passkey": getResponse(t, device, options, changes...)}
		}

		want(t, deletion(b, body{}), 403, "CONFIRMATION_REQUIRED")
		want(t, deletion(b, body{"callbackURL": "/"}), 403, "CONFIRMATION_REQUIRED")
		s.clock.Advance(time.Hour) // neither the errors nor a deletion depend on a fresh session, except for the first
		want(t, deletion(b, body{}), 403, "SESSION_NOT_FRESH")
		want(t, deletion(b, body{"password": "wrong password"}), 400, "INVALID_PASSWORD")
		want(t, deletion(b, body{"passkey": body{}}), 400, "CHALLENGE_NOT_FOUND")
		// The options are for this session: neither for a sign-in nor for another account.
		signIn := s.browser(t)
		options := signIn.authenticateOptions()
		b.SetCookie("latchkey.passkey", signIn.Cookie("latchkey.passkey"))
		want(t, deletion(b, byPasskey(options)), 400, "CHALLENGE_NOT_FOUND")
		want(t, deletion(stranger, byPasskey(options)), 400, "CHALLENGE_NOT_FOUND")
		want(t, deletion(b, body{"passkey": getResponse(t, another, unrestricted(t, b.authenticateOptions()))}), 400, "AUTHENTICATION_FAILED")
		s.accounts.Settings = set(t, "PASSKEY_USER_VERIFICATION=preferred") // a step-up needs it in any case
		unverified := func(s *authenticator.Statement) { s.Flags &^= authenticator.UserVerified }
		want(t, deletion(b, byPasskey(b.authenticateOptions(), unverified)), 400, "AUTHENTICATION_FAILED")
		wantAlive(t, b, true, "the user after deletions that were not confirmed")

		response := byPasskey(b.authenticateOptions())
		a := deletion(b, response)
		if a.String() != `200 {"success":true,"message":"User deleted"}` || a.Header.Get("Clear-Site-Data") == "" {
			t.Errorf("delete-user: %v %v", a, a.Header)
		}
		wantAlive(t, b, false, "the user")
		want(t, s.browser(t).SignIn(ann), 401, "INVALID_EMAIL_OR_PASSWORD")
		want(t, deletion(stranger, response), 400, "CHALLENGE_NOT_FOUND") // each response works once
		wantAlive(t, stranger, true, "another account")
		mails := wantMails(t, s.accounts, ann, en.T(message.MailAccountDeletedSubject))
		if len(mails) == 1 && strings.Contains(mails[0].Text, "token=") {
			t.Errorf("the email has a link: %s", mails[0].Text)
		}
	})
}

// unrestricted returns options for the use of a passkey that allow every passkey.
func unrestricted(t *testing.T, options testkit.Answer) testkit.Answer {
	t.Helper()
	members := map[string]any{}
	options.Into(t, &members)
	delete(members, "allowCredentials")
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	options.Body = string(text)
	return options
}

// TestLastAdministrator tests that the last enabled account with a permission to manage the
// server cannot delete itself in any way, and that others can.
func TestLastAdministrator(t *testing.T) {
	eachMailing(t, nil, func(t *testing.T, s mailing) {
		password := body{"password": testkit.Password}
		deletion := func(b *browser) testkit.Answer { return b.Elsewhere().Post("/delete-user", password) }
		root := s.signUp(t, ann).grant(account.Permissions...)
		user := s.signUp(t, bob)
		if !root.overview().Last || user.overview().Last {
			t.Error("the overviews do not say who is the last administrator")
		}
		want(t, deletion(user), 200, "")
		want(t, deletion(s.signUp(t, bob).grant(account.PermissionAudit)), 200, "")
		a := deletion(root)
		want(t, a, 409, "LAST_ADMINISTRATOR")
		if a.Get("message") != shared.ErrLastAdministrator.Message || root.token() == "" {
			t.Errorf("the last administrator: %v", a)
		}
		// Each of the two permissions needs a holder.
		keeper := s.signUp(t, "cid@example.test").grant(account.PermissionSettings)
		want(t, deletion(root), 409, "LAST_ADMINISTRATOR")
		want(t, deletion(keeper), 200, "")
		want(t, deletion(s.signUp(t, bob).grant(account.PermissionUsers)), 200, "")
		helper := s.signUp(t, bob).grant(account.PermissionUsers)
		want(t, deletion(root), 409, "LAST_ADMINISTRATOR")
		// A disabled account is no holder.
		helper.grant(account.Permissions...)
		helperID := helper.id()
		want(t, root.manage(helperID, "disable"), 200, "")
		want(t, deletion(root), 409, "LAST_ADMINISTRATOR")
		want(t, root.manage(helperID, "enable"), 200, "")
		s.mails(t)

		// Where emails are delivered, no link is sent that would not work. A link that was sent
		// before does not work either.
		s.accounts.Settings = set(t, required...)
		s.exec(t, "UPDATE users SET email_verified = TRUE")
		want(t, root.Elsewhere().Post("/delete-user", body{}), 200, "")
		link := s.link(t, ann, en.T(message.MailDeleteAccountSubject))
		helper = s.signIn(t, bob)
		want(t, deletion(helper), 200, "")
		want(t, root.Elsewhere().Post("/delete-user", body{}), 409, "LAST_ADMINISTRATOR")
		for _, m := range s.mails(t) {
			if m.Recipient == ann {
				t.Errorf("an email: %s", m.Text)
			}
		}
		wantLinkPage(t, root.follow(link), 409, en.T(message.ErrLastAdministrator))
		wantAlive(t, root, true, "the last administrator")

		another := s.signUpVerified(t, bob).grant(account.PermissionUsers, account.PermissionSettings)
		s.mails(t)
		want(t, root.Elsewhere().Post("/delete-user", body{}), 200, "")
		link = s.link(t, ann, en.T(message.MailDeleteAccountSubject))
		a = root.open("/api/auth/delete-user/callback?token=" + tokenOf(t, link))
		want(t, a, 200, "")
		want(t, deletion(another), 409, "LAST_ADMINISTRATOR")
	})
}

// signUpVerified creates an account whose address is verified, and signs in to it.
func (s mailing) signUpVerified(t *testing.T, email string) *browser {
	t.Helper()
	want(t, s.browser(t).SignUp(email), 200, "")
	s.exec(t, "UPDATE users SET email_verified = TRUE")
	return s.signIn(t, email)
}

// TestLastAdministratorsAtOnce tests that of administrators who delete their accounts at
// once, one stays.
func TestLastAdministratorsAtOnce(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.Accounts.Unlimited = true }, func(t *testing.T, s *testServer, accounts *account.Service) {
		const n = 6
		admins := make([]*browser, n)
		for i := range admins {
			admins[i] = s.signUp(t, fmt.Sprint("admin", i, "@example.test")).grant(account.PermissionUsers, account.PermissionSettings)
		}
		deleted := 0
		for _, a := range testkit.AtOnce(n, func(i int) testkit.Answer {
			return admins[i].Post("/delete-user", body{"password": testkit.Password})
		}) {
			if a.Status == 200 {
				deleted++
			} else {
				want(t, a, 409, "LAST_ADMINISTRATOR")
			}
		}
		if deleted != n-1 {
			t.Errorf("%d of %d administrators were deleted; want all but one", deleted, n)
		}
		if told := sendMails(t, accounts); len(told) != deleted {
			t.Errorf("%d emails about %d deletions", len(told), deleted)
		}
	})
}
