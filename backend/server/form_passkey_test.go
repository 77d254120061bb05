package server_test

import (
	"slices"
	"strings"
	"testing"

	"latchkey/shared"
	"latchkey/shared/message"
)

// TestPasskeyByForm tests that a user renames and deletes a passkey without the app.
func TestPasskeyByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b, _ := s.signUpWithPasskey(t, ann)
		const path = shared.PagePasskeys
		address, page := b.openTask(path, message.RenameItem, message.RenamePasskey)
		wantFocus(t, page, "name")
		for name, wrong := range map[string]message.ID{
			" ": message.ErrEnterName, strings.Repeat("x", 300): message.ErrNameTooLong, "a\u0007b": message.ErrNameControlCharacters,
		} {
			a := b.submit(address, page, "name="+name)
			if a.Status != 400 {
				t.Errorf("%q: %v", name, a)
			}
			page = b.task(a, message.RenamePasskey)
			wantErrorAt(t, page, "name", wrong)
			if got := attribute(page.All("input", "name=name")[0], "value"); got != name {
				t.Errorf("the field has %q; want %q", got, name)
			}
		}
		b.wantDone(b.submit(address, page, `name=Ann's "phone" <b>`), path, message.DonePasskeyRenamed)
		if got := *b.passkeys()[0].Name; got != `Ann's "phone" <b>` {
			t.Errorf("the passkey is called %q", got)
		}
		_, drawn := b.drawn(path)
		if got := drawn.In(t, "div", "class=without-app").Texts("p"); !slices.Contains(got, en.T(message.AddingPasskeyNeedsApp)) {
			t.Errorf("without the app, the page says %q", got)
		}

		address, page = b.openTask(path, message.DeleteItem, message.ConfirmDeletePasskey)
		if len(b.passkeys()) != 1 {
			t.Fatal("the question deletes")
		}
		bob := s.signUp(t, "bob@example.test")
		if a := bob.submit(address, page); a.Status != 409 || len(b.passkeys()) != 1 {
			t.Errorf("another user: %v", a)
		}
		b.wantDone(b.submit(address, page), path, message.DonePasskeyGone)
		if len(b.passkeys()) > 0 {
			t.Error("the passkey is still there")
		}
		page = b.task(b.page(address), message.ConfirmDeletePasskey)
		if got := page.Texts("p"); !slices.Contains(got, en.T(message.DonePasskeyGone)) {
			t.Errorf("the page of the deleted passkey says %q", got)
		}
	})
}

// TestLastPasskeyByForm tests that the page of a task says why the last passkey stays.
func TestLastPasskeyByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		_, device := s.signUpWithPasskey(t, ann)
		s.accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=0s")
		b := s.browser(t)
		want(t, b.authenticate(device), 200, "")
		address, page := b.openTask(shared.PagePasskeys, message.DeleteItem, message.ConfirmDeletePasskey)
		a := b.submit(address, page)
		page = b.task(a, message.ConfirmDeletePasskey)
		if got := page.Texts("p", "id=task-error"); a.Status >= 500 || !slices.Equal(got, []string{en.T(message.ErrLastRequiredPasskey)}) {
			t.Errorf("%d: the page says %q", a.Status, got)
		}
		if len(b.passkeys()) != 1 {
			t.Error("the passkey is gone")
		}
	})
}
