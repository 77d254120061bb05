package server_test

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// TestUserSearchByForm tests that an administrator finds users without the app.
func TestUserSearchByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.signUp(t, ann).grant(account.PermissionUsers)
		s.signUp(t, bob)
		now := account.Now()
		for i := range 60 {
			err := s.db.AddUser(t.Context(), account.User{
				ID: fmt.Sprint("many", i), Email: fmt.Sprintf("many%02d@example.test", i), Handle: []byte(fmt.Sprint(i)),
				CreatedAt: now, UpdatedAt: now,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		page := admin.openPage(shared.PageSystem)
		many := page.press(page.button(en.T(message.SearchUsers)), "search=many")
		if n := len(many.All("li", "class=session user")); n != 50 || len(many.All("input", "type=search", "value=many")) != 1 {
			t.Errorf("%s shows %d users", many.address, n)
		}
		last := many.press(many.button(en.T(message.ShowMore)))
		if n := len(last.All("li", "class=session user")); n != 10 || mustParse(t, last.address).Query().Get("search") != "many" {
			t.Errorf("%s shows %d users", last.address, n)
		}
		found := last.press(last.button(en.T(message.SearchUsers)), "search=bob")
		if n := len(found.All("li", "class=session user")); n != 1 || found.address != shared.PageSystem+"?search=bob" {
			t.Errorf("%s shows %d users", found.address, n)
		}
	})
}

// TestUsersByForm tests that an administrator manages users without the app.
func TestUsersByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.signUp(t, ann).grant(account.PermissionUsers)
		other := s.signUp(t, bob)
		act := func(button, question, done message.ID) {
			t.Helper()
			found := admin.openPage(shared.PageSystem + "?search=bob")
			task := found.press(found.button(en.T(button))).wantTask(button)
			if !strings.Contains(task.answer.Body, en.T(question, bob)) {
				t.Errorf("the page does not ask %q: %s", en.T(question, bob), task.answer.Body)
			}
			if n := len(task.In(t, "main").All("a", "href="+found.address+"#users")); n != 1 {
				t.Errorf("%d links lead back to the search", n)
			}
			task.press(task.button(en.T(button))).wantBack(done)
		}
		act(message.DisableAccount, message.ConfirmDisableAccount, message.DoneDisabled)
		if other.SignedIn(t) {
			t.Error("the session of a disabled account goes on")
		}
		want(t, s.browser(t).SignIn(bob), 403, "ACCOUNT_DISABLED")
		act(message.EnableAccount, message.ConfirmEnableAccount, message.DoneEnabled)
		other = s.signIn(t, bob)
		act(message.RevokeSessions, message.ConfirmRevokeSessions, message.DoneSessionsGone)
		if other.SignedIn(t) {
			t.Error("the session goes on")
		}
		other = s.signIn(t, bob)
		_, codes := other.enroll()
		s.stale()
		found := admin.openPage(shared.PageSystem + "?search=bob")
		task := found.press(found.button(en.T(message.ResetFactors)))
		proof := task.press(task.button(en.T(message.ResetFactors))).wantTask(message.ConfirmIdentity)
		proof.press(proof.button(en.T(message.ContinueAction)), "password="+testkit.Password).wantBack(message.DoneFactorsGone)
		if len(codes) == 0 || !s.signIn(t, bob).SignedIn(t) {
			t.Error("the account still has a second factor")
		}

		// The question about an account that has gone, and about one's own.
		gone := admin.openPage(askFor(shared.PageSystem, "/api/users/nobody/disable")).wantTask(message.DisableAccount)
		if !strings.Contains(gone.answer.Body, en.T(message.ErrNoSuchUser)) || len(gone.In(t, "main").All("button")) > 0 {
			t.Errorf("the page is %s", gone.answer.Body)
		}
		own := admin.call(shared.PageSystem, "/api/users/"+admin.id()+"/disable")
		if own.Status != 409 || !strings.Contains(own.Body, en.T(message.ErrOwnAccount)) {
			t.Errorf("to oneself: %v", own)
		}
	})
}

// TestSystemFormsNeedPermission tests that users without a permission get neither the pages of tasks
// nor their effect.
func TestSystemFormsNeedPermission(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.signUp(t, ann).grant(account.PermissionUsers, account.PermissionSettings)
		settings := s.signUp(t, bob).grant(account.PermissionSettings)
		stranger := s.signUp(t, "eve@example.test")
		user := "/api/users/" + admin.id() + "/"
		for _, tt := range []struct {
			b    *browser
			call string
		}{
			{settings, user + "disable"}, {settings, user + "reset-factors"}, {settings, user + "end-sessions"}, {settings, user + "enable"},
			{stranger, user + "disable"}, {stranger, shared.PutSetting.Path + "?key=APP_NAME"},
		} {
			page := tt.b.openPage(askFor(shared.PageSystem, tt.call)).wantTask(message.NothingForYou)
			if strings.Contains(page.answer.Body, ann) || len(page.In(t, "main").All("button")) > 0 {
				t.Errorf("%s: the page shows too much: %s", tt.call, page.answer.Body)
			}
			if a := tt.b.call(shared.PageSystem, tt.call, "value=x"); a.Status != 403 {
				t.Errorf("%s: %v", tt.call, a)
			}
		}
		a := stranger.call(shared.PageSystem, shared.SendTestMail.Path)
		if a.Status != 403 || !strings.Contains(a.Body, en.T(message.ErrNoPagePermission)) {
			t.Errorf("a test email: %v", a)
		}
		if !admin.SignedIn(t) || value(admin.setting("APP_NAME")) != "Latchkey" {
			t.Error("a refused form has an effect")
		}
	})
}
