package server_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/mail"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// TestSettingByForm tests that an administrator changes the settings without the app.
func TestSettingByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.admin(t, ann)
		save := func(p openedPage, key, value string) openedPage {
			t.Helper()
			spec, _ := setting.Find(key)
			return p.press(p.button(en.T(message.SaveNamedValue, en.T(spec.Title))), "value="+value)
		}
		for _, one := range []struct{ key, value string }{
			{"APP_NAME", "Accounts & more"}, {"SESSIONS_PER_USER", "7"}, {"FRESH_WINDOW", "30m"}, {"VERIFY_EMAIL", "off"}, {"MAIL_FROM", ""},
		} {
			save(b.openPage(shared.PageSystem), one.key, one.value).wantBack(message.DoneSettingChanged)
			if got := b.setting(one.key); value(got) != one.value || got.Revision != 1 {
				t.Errorf("%s is %+v", one.key, got)
			}
		}
		// A switch names the value that it sets, so pressing it twice in one page changes nothing more.
		page := b.openPage(shared.PageSystem)
		toggle := page.All("button", "role=switch", "id=setting-SIGN_UP_ENABLED-value")[0]
		page.press(toggle).wantBack(message.DoneSettingChanged)
		if got := value(b.setting("SIGN_UP_ENABLED")); got != "false" || attribute(toggle, "aria-checked") != "true" {
			t.Errorf("SIGN_UP_ENABLED is %s", got)
		}
		again := page.press(toggle)
		if again.wantTask(message.SystemSettings); again.answer.Status != 409 {
			t.Errorf("again: %v", again.answer)
		}

		// An error is at the field, with what was typed.
		for key, wrong := range map[string]string{"FRESH_WINDOW": "a while", "SESSIONS_PER_USER": "ten", "MAIL_FROM": `nobody "<b>`} {
			refused := save(b.openPage(shared.PageSystem), key, wrong).wantTask(message.SystemSettings)
			input := refused.All("input", "name=value")[0]
			if refused.answer.Status != 400 || attribute(input, "value") != wrong || attribute(input, "aria-invalid") != "true" {
				t.Errorf("%s: %v, %v", key, refused.answer, input.Attr)
			}
			if _, focused := testkit.Attribute(input, "autofocus"); !focused || len(refused.Texts("p", "id=task-value-wrong")) != 1 {
				t.Errorf("%s: the error is not at the field: %s", key, refused.answer.Body)
			}
			if key == "FRESH_WINDOW" {
				refused.press(refused.button(en.T(message.SaveChanges)), "value=20m").wantBack(message.DoneSettingChanged)
			}
		}
		if got := value(b.setting("FRESH_WINDOW")); got != "20m" {
			t.Errorf("FRESH_WINDOW is %s", got)
		}

		// Another administrator has been faster.
		page = b.openPage(shared.PageSystem)
		want(t, b.put(body{"key": "APP_NAME", "value": "Theirs"}), 200, "")
		refused := save(page, "APP_NAME", "Mine").wantTask(message.SystemSettings)
		input := refused.All("input", "name=value")[0]
		if refused.answer.Status != 409 || attribute(input, "value") != "Mine" || !slices.Contains(refused.Texts("dd"), "Theirs") {
			t.Errorf("%v: %s", refused.answer, refused.answer.Body)
		}
		if texts := refused.Texts("p", "id=task-value-wrong"); !slices.Equal(texts, []string{en.T(message.ErrSettingConflict)}) {
			t.Errorf("the error at the field is %q", texts)
		}
		if got := value(b.setting("APP_NAME")); got != "Theirs" {
			t.Errorf("APP_NAME is %s", got)
		}
		refused.press(refused.button(en.T(message.SaveChanges)), "value=Ours").wantBack(message.DoneSettingChanged)
		if got := value(b.setting("APP_NAME")); got != "Ours" {
			t.Errorf("APP_NAME is %s", got)
		}
	})
}

// TestSecretSettingByForm tests that an administrator sets, replaces and removes a secret without the
// app, and that no page has it.
func TestSecretSettingByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.admin(t, ann)
		spec, _ := setting.Find("RESEND_API_KEY")
		title := en.T(spec.Title)
		open := func(button string) openedPage {
			t.Helper()
			page := b.openPage(shared.PageSystem)
			return page.press(page.button(button)).wantTask(message.SystemSettings)
		}
		task := open(en.T(message.SetNamedValue, title))
		if !strings.Contains(task.answer.Body, en.T(message.MailKeyConsequenceOne)) {
			t.Errorf("the page does not say what the first key changes: %s", task.answer.Body)
		}
		empty := task.press(task.button(en.T(message.SaveChanges)), "value=").wantTask(message.SystemSettings)
		texts := empty.Texts("p", "id=task-value-wrong")
		if empty.answer.Status != 400 || !slices.Equal(texts, []string{en.T(message.ErrNewValueRequired)}) {
			t.Errorf("%v: %q", empty.answer, texts)
		}
		wrong := task.press(task.button(en.T(message.SaveChanges)), "value=re with space").wantTask(message.SystemSettings)
		if wrong.answer.Status != 400 || strings.Contains(wrong.answer.Body, "re with space") {
			t.Errorf("the page has the secret: %v", wrong.answer)
		}
		wrong.press(wrong.button(en.T(message.SaveChanges)), "value=re_123456789").wantBack(message.DoneSettingChanged)
		if got := b.setting("RESEND_API_KEY"); !got.IsSet || got.Revision != 1 {
			t.Errorf("the key is %+v", got)
		}

		// The page of the first key is outdated.
		late := task.press(task.button(en.T(message.SaveChanges)), "value=re_late").wantTask(message.SystemSettings)
		if late.answer.Status != 409 || strings.Contains(late.answer.Body, "re_") {
			t.Errorf("%v: the page has a secret: %s", late.answer, late.answer.Body)
		}
		replace := open(en.T(message.ReplaceNamedValue, title))
		s.stale()
		proof := replace.press(replace.button(en.T(message.SaveChanges)), "value=re_987654321").wantTask(message.ConfirmIdentity)
		if strings.Contains(proof.answer.Body, "re_") {
			t.Errorf("the page has the secret: %s", proof.answer.Body)
		}
		proof.press(proof.button(en.T(message.ContinueAction)), "password="+testkit.Password).wantBack(message.DoneSettingChanged)
		if got := b.setting("RESEND_API_KEY"); got.Revision != 2 {
			t.Errorf("the key is %+v", got)
		}
		remove := open(en.T(message.RemoveNamedValue, title))
		if got := b.setting("RESEND_API_KEY"); !got.IsSet {
			t.Error("the question removes the key")
		}
		remove.press(remove.button(en.T(message.RemoveValue))).wantBack(message.DoneSettingChanged)
		if got := b.setting("RESEND_API_KEY"); got.IsSet {
			t.Error("the key is still set")
		}
	})
}

// TestSettingCalls tests that a link cannot choose the value of a setting, and that a revision is an
// integer in its only form.
func TestSettingCalls(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.admin(t, ann)
		for _, call := range []string{"?key=APP_NAME&value=Evil", "?key=NONE", "?key=RESEND_API_KEY&value=evil", "?key=%zz", ""} {
			page := b.openPage(askFor(shared.PageSystem, shared.PutSetting.Path+call)).wantTask(message.SystemSettings)
			if n := len(page.In(t, "main").All("button")); n != 0 {
				t.Errorf("a link with the call %s has %d buttons", call, n)
			}
		}
		for _, revision := range []string{"01", "+1", "1.0", "1e0", "", " 1", "x", "9223372036854775808", "null"} {
			call := shared.PutSetting.Path + "?key=APP_NAME&value=x&" + url.Values{"revision": {revision}}.Encode()
			if a := b.call(shared.PageSystem, url.QueryEscape(call)); a.Status != 400 {
				t.Errorf("revision %q: %v", revision, a)
			}
			if a := b.call(shared.PageSystem, call); a.Status != 400 {
				t.Errorf("revision %q: %v", revision, a)
			}
		}
		if got := b.setting("APP_NAME"); got.Revision != 0 {
			t.Errorf("APP_NAME is %+v", got)
		}
	})
}

// TestTestMailByForm tests that an administrator sends a test email without the app, and reads the
// answer of the provider.
func TestTestMailByForm(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, address string) {
		var refusal error
		sent := 0
		s := open(t, storetest.Open(t, address), func(c *server.Config) {
			c.DeliverMail = func(ctx context.Context, _ mail.Mail) error {
				sent++
				if end, ok := ctx.Deadline(); !ok || time.Until(end) < 10*time.Second {
					t.Errorf("the email server has until %v, %t", end, ok)
				}
				return refusal
			}
		})
		b := s.admin(t, ann)
		page := b.openPage(shared.PageSystem)
		page.press(page.button(en.T(message.SendTestEmail))).wantBack(message.DoneEmailWrittenToFile)
		for _, change := range []body{
			{"key": "SMTP_URL", "value": "smtps://me:word@mail.example.com"}, {"key": "RESEND_API_KEY", "value": "re_123456789"},
			{"key": "SMTP_URL", "value": ""},
		} {
			want(t, b.put(change), 200, "")
			page = b.openPage(shared.PageSystem)
			page.press(page.button(en.T(message.SendTestEmail))).wantBack(message.DoneTestEmailAccepted)
		}
		refusal = &mail.RefusedError{Reason: "The email provider says: <no>."}
		refused := page.press(page.button(en.T(message.SendTestEmail)))
		if refused.answer.Status != 424 || !slices.Contains(refused.Texts("p", "role=status"), "The email provider says: <no>.") {
			t.Errorf("%v: %s", refused.answer, refused.answer.Body)
		}
		focused := refused.In(t, "main").All("", "autofocus")
		if len(focused) != 1 || attribute(focused[0], "id") != "test-mail-submit" {
			t.Errorf("%d elements have the focus", len(focused))
		}
		if len(refused.In(t, "div", "class=toasts").Texts("p")) > 0 {
			t.Error("the error is also a toast")
		}
		if sent != 5 {
			t.Errorf("%d emails", sent)
		}
	})
}
