package server_test

import (
	"strings"
	"testing"
	"time"

	"latchkey/backend/testkit"
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
			{body{"image": strings.Repeat("i", 2049)}, "VALIDATION_ERROR"},
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
		wantAbsent(t, s.dump(t), "gone@example.test", "Unforgettable")
	})
}
