package server_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// admin creates an account that may change settings.
func (s *testServer) admin(t *testing.T, email string) *browser {
	t.Helper()
	return s.signUp(t, email).grant(account.PermissionSettings)
}

// put changes a setting.
func (b *browser) put(change body, headers ...string) testkit.Answer {
	return b.Call("PUT", "/api/settings", change, headers...)
}

// setting returns a setting from the API's list.
func (b *browser) setting(key string) shared.Setting {
	b.t.Helper()
	var all shared.Settings
	b.Do("GET", "/api/settings", "").Into(b.t, &all)
	i := slices.IndexFunc(all.Settings, func(s shared.Setting) bool { return s.Key == key })
	if i < 0 {
		b.t.Fatalf("%s is not listed", key)
	}
	return all.Settings[i]
}

func value(s shared.Setting) string {
	if s.Value == nil {
		return "null"
	}
	return *s.Value
}

// TestSettingsAreForAdministrators tests that only callers with the permission can
// read settings. A change must also require a fresh session and a page of our own.
// A caller who loses the permission must lose both at once.
func TestSettingsAreForAdministrators(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		stranger, ann, bob := s.browser(t), s.admin(t, "ann@example.test"), s.signUp(t, "bob@example.test")
		change := body{"key": "APP_NAME", "value": "Stolen"}
		for _, b := range []struct {
			who    *browser
			status int
			code   string
		}{{stranger, 401, "UNAUTHORIZED"}, {bob, 403, "FORBIDDEN"}} {
			a := b.who.Do("GET", "/api/settings", "")
			want(t, a, b.status, b.code)
			wantAbsent(t, a.Body, "APP_NAME")
			want(t, b.who.put(change), b.status, b.code)
		}
		want(t, ann.put(change, "Origin: https://evil.test"), 403, "INVALID_ORIGIN")
		want(t, ann.put(change, "Origin: null", "Sec-Fetch-Site: cross-site"), 403, "MISSING_OR_NULL_ORIGIN")
		want(t, ann.put(change, "Content-Type: text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
		s.clock.Advance(setting.FreshWindow)
		want(t, ann.put(change), 403, "SESSION_NOT_FRESH")
		if got := value(ann.setting("APP_NAME")); got != "Latchkey" {
			t.Errorf("APP_NAME is %s", got)
		}
		want(t, ann.Post("/step-up", body{"password": testkit.Password}), 200, "")
		want(t, ann.put(change), 200, "")

		user, _, err := s.db.UserByEmail(t.Context(), "ann@example.test")
		if err == nil {
			err = s.db.Revoke(t.Context(), user.ID, account.PermissionSettings)
		}
		if err != nil {
			t.Fatal(err)
		}
		want(t, ann.put(change), 403, "FORBIDDEN")
		want(t, ann.Do("GET", "/api/settings", ""), 403, "FORBIDDEN")
	})
}

// TestSetting tests that the server refuses a change that is malformed, names an
// unknown setting, or has an invalid value. It must store a valid one.
func TestSetting(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		ann := s.admin(t, "ann@example.test")
		for _, change := range []string{
			`{}`, `[]`, `{"key":"APP_NAME"}`, `{"value":"x"}`, `{"key":"APP_NAME","value":null}`, `{"key":"APP_NAME","value":5}`,
			`{"key":"APP_NAME","value":["x"]}`, `{"key":"APP_NAME","value":{}}`, `{"key":"APP_NAME","value":true}`,
			`{"key":5,"value":"x"}`, `{"key":"APP_NAME","value":"x","revision":"1"}`, `{"key":"APP_NAME","value":"x","revision":0.5}`,
			`{"settings":[{"key":"APP_NAME","value":"x"},{"key":"NONE","value":"x"}]}`,
			`[{"key":"APP_NAME","value":"x"},{"key":"NONE","value":"x"}]`,
			`{"key":"APP_NAME","value":"x","Value":"y"}`, `{"key":"APP_NAME","value":"x","Revision":7}`,
			`{"key":"APP_NAME","value":"x","FRESH_WINDOW":"no"}`,
		} {
			want(t, ann.Do("PUT", "/api/settings", change), 400, "VALIDATION_ERROR")
		}
		for _, key := range []string{"NONE", "app_name", "", " APP_NAME", "APP_NAME\t"} {
			want(t, ann.put(body{"key": key, "value": "x"}), 400, "UNKNOWN_SETTING")
		}
		for key, wrong := range map[string][]string{
			"APP_NAME":                 {"", "  ", strings.Repeat("x", 61), "two\nlines", "\u202egnihtemos", "two\u2028lines", "\u200b"},
			"SIGN_UP_ENABLED":          {"", "yes", "TRUE"},
			"VERIFY_EMAIL":             {"", "on", "Required"},
			"RESEND_API_KEY":           {"with space", "••••••••", "********", "xxxx", strings.Repeat("k", 201)},
			"SMTP_URL":                 {"mail.example.com", "smtp://me:secret@mail.example.com/x", "smtp://me:****@mail.example.com"},
			"MAIL_FROM":                {"nobody", "a@b", "A <a@example.test>\r\nBcc: b@example.test"},
			"REQUIRE_TWO_FACTOR_GRACE": {"-1h", "91d", "7 days", "1ms"},
			"FRESH_WINDOW":             {"0s", "25h", "", "15"},
			"SESSIONS_PER_USER":        {"0", "1001", "1.5", "ten"},
		} {
			for _, v := range wrong {
				a := ann.put(body{"key": key, "value": v})
				want(t, a, 400, "INVALID_SETTING")
				if a.Get("field") != "value" || !strings.HasSuffix(a.Get("message").(string), ".") {
					t.Errorf("%s: %v", key, a)
				}
			}
		}
		if set := ann.setting("APP_NAME"); value(set) != "Latchkey" || set.Source != "default" || set.IsSet || set.Revision != 0 ||
			set.UpdatedAt != nil || set.UpdatedBy != nil {
			t.Errorf("after refused changes: %+v", set)
		}

		for _, change := range []struct{ key, value, shown string }{
			{"APP_NAME", "  Accounts ", "Accounts"}, {"SIGN_UP_ENABLED", "off", "false"}, {"VERIFY_EMAIL", "required", "required"},
			{"MAIL_FROM", "Accounts <accounts@example.com>", "Accounts <accounts@example.com>"}, {"MAIL_FROM", "", ""},
			{"REQUIRE_TWO_FACTOR_GRACE", "48h", "2d"}, {"REQUIRE_TWO_FACTOR_GRACE", "0s", "0s"},
			{"FRESH_WINDOW", "90m", "1h30m"}, {"SESSIONS_PER_USER", "007", "7"},
		} {
			a := ann.put(body{"key": change.key, "value": change.value})
			want(t, a, 200, "")
			if got := a.Get("value"); got != change.shown || a.Get("source") != "database" || a.Get("updatedBy") != "ann@example.test" {
				t.Errorf("%s: %v", change.key, a)
			}
		}
		if a := s.browser(t).Do("GET", "/api/about", ""); a.Get("name") != "Accounts" || a.Get("signUp") != false {
			t.Errorf("about: %v", a)
		}
	})
}

// TestSecretSetting tests that the server never returns a secret setting, and that
// neither the database nor the log contains it in plaintext. All administrators
// must get an email about a change.
func TestSecretSetting(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		const key = "re_A1b2C3d4_secretOfTheMailProvider"
		ann := s.admin(t, "ann@example.test")
		s.admin(t, "bob@example.test")
		s.signUp(t, "eve@example.test")
		if got, want := ann.setting("RESEND_API_KEY").Consequence, en.T(message.MailKeyConsequenceMany, 3); got != want {
			t.Errorf("the consequence of a first key is %q; want %q", got, want)
		}
		a := ann.put(body{"key": "RESEND_API_KEY", "value": key})
		want(t, a, 200, "")
		set := ann.setting("RESEND_API_KEY")
		if set.Consequence != "" || set.Title != en.T(message.SettingResendAPIKeyTitle) {
			t.Errorf("%+v", set)
		}
		if set.Value != nil || !set.IsSet || !set.Secret || set.Source != "database" {
			t.Errorf("%+v", set)
		}
		wantAbsent(t, a.Body+ann.Do("GET", "/api/settings", "").Body+s.dump(t)+s.log.String(), key, key[3:])
		if got := value(ann.setting("VERIFY_EMAIL")); got != "required" {
			t.Errorf("VERIFY_EMAIL is %s once the server can send emails", got)
		}

		want(t, ann.Do("PUT", "/api/settings", `{"key":"RESEND_API_KEY","value":null}`), 400, "VALIDATION_ERROR")
		want(t, ann.put(body{"key": "RESEND_API_KEY", "value": "••••••••"}), 400, "INVALID_SETTING")
		if now := ann.setting("RESEND_API_KEY"); now.Revision != 1 || !now.IsSet {
			t.Errorf("the mask has changed it: %+v", now)
		}
		dump := s.dump(t)
		for _, who := range []string{"ann@example.test", "bob@example.test"} {
			if !strings.Contains(dump, en.T(message.MailSecretSettingChangedSubject)) || strings.Count(dump, who) < 2 {
				t.Errorf("no email to %s", who)
			}
		}

		want(t, ann.put(body{"key": "RESEND_API_KEY", "value": "", "revision": 1}), 200, "")
		if now := ann.setting("RESEND_API_KEY"); now.IsSet {
			t.Errorf("it is still set: %+v", now)
		}
		if got := value(ann.setting("VERIFY_EMAIL")); got != "off" {
			t.Errorf("VERIFY_EMAIL is %s once the server can no longer send emails", got)
		}
	})
}

// TestSettingAtOnce tests that of several parallel changes of the same revision of
// a setting one succeeds, and that the others get the current value.
func TestSettingAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		ann := s.admin(t, "ann@example.test")
		for revision := range 3 {
			var changed, stale atomic.Int32
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					name := "Name " + strconv.Itoa(10*revision+i)
					switch a := ann.Elsewhere().put(body{"key": "APP_NAME", "value": name, "revision": revision}); {
					case a.Status == 200 && a.Get("value") == name && a.Get("revision") == float64(revision+1):
						changed.Add(1)
					case a.Is(409, "STALE_REVISION") && a.Get("current.revision") == float64(revision+1) && a.Get("current.key") == "APP_NAME":
						stale.Add(1)
					default:
						t.Errorf("%v", a)
					}
				})
			}
			all.Wait()
			if changed.Load() != 1 || stale.Load() != 7 {
				t.Errorf("revision %d: %d have changed it, %d were too late", revision, changed.Load(), stale.Load())
			}
		}
		want(t, ann.Elsewhere().put(body{"key": "APP_NAME", "value": "Whatever it was"}), 200, "")
		if set := ann.setting("APP_NAME"); set.Revision != 4 || value(set) != "Whatever it was" {
			t.Errorf("%+v", set)
		}
	})
}

func TestReadOnlySetting(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		ann := open(t, db, nil).admin(t, "ann@example.test")
		want(t, ann.put(body{"key": "APP_NAME", "value": "Of the database"}), 200, "")

		s := open(t, db, func(c *server.Config) { c.Accounts.Settings = set(t, "APP_NAME=Of the environment") })
		again := s.signIn(t, "ann@example.test")
		if set := again.setting("APP_NAME"); value(set) != "Of the environment" || set.Source != "env" || !set.ReadOnly {
			t.Errorf("%+v", set)
		}
		want(t, again.put(body{"key": "APP_NAME", "value": "Else"}), 409, "SETTING_LOCKED")
	})
}

// TestSettingsTakeEffect tests that a change on one server takes effect on another
// once that has reloaded the settings.
func TestSettingsTakeEffect(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		one := open(t, db, nil)
		var other *account.Service
		two := open(t, db, func(c *server.Config) { other = c.Accounts })
		ann := one.admin(t, "ann@example.test")
		want(t, ann.put(body{"key": "SESSIONS_PER_USER", "value": "2"}), 200, "")
		if err := other.RefreshSettings(context.Background()); err != nil {
			t.Fatal(err)
		}
		two.signIn(t, "ann@example.test")
		b := two.signIn(t, "ann@example.test")
		var list []shared.Session
		if a := b.Get("/list-sessions"); json.Unmarshal([]byte(a.Body), &list) != nil || len(list) != 2 {
			t.Error(a)
		}
	})
}

// TestSettingsAreLogged tests that the log contains the user, the setting and the
// values before and after a change, but no secret value.
func TestSettingsAreLogged(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		ann := s.admin(t, "ann@example.test")
		want(t, ann.put(body{"key": "APP_NAME", "value": "Accounts"}), 200, "")
		want(t, ann.put(body{"key": "APP_NAME", "value": "Accounts"}), 200, "") // no change
		want(t, ann.put(body{"key": "RESEND_API_KEY", "value": "re_12345678"}), 200, "")
		events, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{shared.EventSettingChanged}, Limit: 10})
		if err != nil || len(events) != 2 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		user, _, err := s.db.UserByEmail(t.Context(), "ann@example.test")
		if err != nil {
			t.Fatal(err)
		}
		if e := events[1]; e.ActorID != user.ID || e.Subject != "APP_NAME" || e.Detail != `{"after":"Accounts","before":"Latchkey"}` {
			t.Errorf("%+v", e)
		}
		if e := events[0]; e.Subject != "RESEND_API_KEY" || e.Detail != `{"after":"changed"}` {
			t.Errorf("%+v", e)
		}
	})
}
