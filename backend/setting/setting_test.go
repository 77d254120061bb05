package setting

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"latchkey/backend/keyring"
	"latchkey/shared"
)

// spec returns the setting with the name.
func spec(t *testing.T, name string) Spec {
	t.Helper()
	s, ok := Find(name)
	if !ok {
		t.Fatalf("there is no setting %s", name)
	}
	return s
}

// TestRegistry checks that each setting has a unique name and sets its own field.
func TestRegistry(t *testing.T) {
	samples := map[string]string{"secret": "re_1", "bool": "true"}
	fields, names := make(map[string]string), make(map[string]bool)
	for _, s := range registry {
		if names[s.Name] {
			t.Errorf("two settings have the name %s", s.Name)
		}
		names[s.Name] = true
		value := s.Default
		if s.Name == smtpServer {
			value = "smtps://me:word@mail.example.test"
		} else if sample, ok := samples[s.Type]; ok {
			value = sample
		} else if value == "" {
			value = "ann@example.test"
		}
		var settings Settings
		if _, err := s.set(&settings, value); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		v := reflect.ValueOf(settings)
		var changed []string
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				changed = append(changed, v.Type().Field(i).Name)
			}
		}
		if len(changed) != 1 {
			t.Errorf("%s sets the fields %v", s.Name, changed)
			continue
		}
		if other, ok := fields[changed[0]]; ok {
			t.Errorf("%s and %s set the field %s", other, s.Name, changed[0])
		}
		fields[changed[0]] = s.Name
	}
}

// TestParse checks the canonical forms of valid values, and that Parse refuses invalid
// values with an error that does not contain them.
func TestParse(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"APP_NAME", "  Accounts ", "Accounts"},
		{"APP_NAME", "Acme: Accounts", "Acme: Accounts"},
		{"APP_NAME", strings.Repeat("ü", 60), strings.Repeat("ü", 60)},
		{"SIGN_UP_ENABLED", "on", "true"},
		{"SIGN_UP_ENABLED", "off", "false"},
		{"RESEND_API_KEY", "", ""},
		{"RESEND_API_KEY", "re_A1b2", "re_A1b2"},
		{"RESEND_API_KEY", strings.Repeat("k", 200), strings.Repeat("k", 200)},
		{"SMTP_URL", " smtp://mailpit:1025?tls=none\n", "smtp://mailpit:1025?tls=none"},
		{"SMTP_URL", "smtps://me:p%40ss*word@mail.example.com", "smtps://me:p%40ss*word@mail.example.com"},
		{"SMTP_URL", " ", ""},
		{"VERIFY_EMAIL", "required", "required"},
		{"MAIL_FROM", " ", ""},
		{"MAIL_FROM", "Accounts<Accounts@Example.com>", "Accounts <accounts@example.com>"},
		{"REQUIRE_TWO_FACTOR", "admins", "admins"},
		{"REQUIRE_TWO_FACTOR_GRACE", "0s", "0s"},
		{"REQUIRE_TWO_FACTOR_GRACE", "48h", "2d"},
		{"REQUIRE_TWO_FACTOR_GRACE", "25h", "25h"},
		{"REQUIRE_TWO_FACTOR_GRACE", "90d", "90d"},
		{"FRESH_WINDOW", "90m", "1h30m"},
		{"FRESH_WINDOW", "61s", "1m1s"},
		{"FRESH_WINDOW", "3601s", "1h0m1s"},
		{"SESSIONS_PER_USER", "007", "7"},
	} {
		got, err := spec(t, test.name).Parse(test.value)
		if err != nil || got != test.want {
			t.Errorf("%s: %q is read as %q, %v; want %q", test.name, test.value, got, err, test.want)
		}
	}
	for name, values := range map[string][]string{
		"APP_NAME": {
			"", "  ", strings.Repeat("x", 61), "two\nlines", "\u202egnihtemos", "two\u2028lines", "\u200b", "\xff",
			":", ": :", "::\u200f", ":\u3164",
		},
		"SIGN_UP_ENABLED":    {"", "yes", "TRUE", "1"},
		"VERIFY_EMAIL":       {"", "on", "Required", "required "},
		"REQUIRE_TWO_FACTOR": {"", "everyone"},
		"RESEND_API_KEY":     {"with space", "••••••••", "********", "xxxx", "....", "re_\n", strings.Repeat("k", 201)},
		"SMTP_URL": {"mail.example.com", "https://mail.example.com", "smtp://me:secret@mail.example.com/x", "smtp://me:****@mail.example.com",
			"smtps://me:secret@mail.example.com?tls=none", "smtp://me:se cret@mail.example.com", "smtp://me:secret@mail.example.com:port"},
		"MAIL_FROM": {"nobody", "a@b", "A <a@example.test>\r\nBcc: b@example.test",
			strings.Repeat("n", 250) + " <a@example.test>"},
		"REQUIRE_TWO_FACTOR_GRACE": {"", "-1h", "-0.5s", "91d", "7 days", "1ms", "1.5d", "70000d"},
		"FRESH_WINDOW":             {"0s", "59s", "25h", "2d", "", "15"},
		"SESSIONS_PER_USER":        {"", "0", "1001", "1.5", "ten", "99999999999999999999"},
	} {
		for _, value := range values {
			got, err := spec(t, name).Parse(value)
			_, ok := errors.AsType[*ValueError](err)
			if !ok || !errors.Is(err, shared.ErrInvalidSetting) || got != "" {
				t.Errorf("%s: %q is read as %q, %v; want a ValueError", name, value, got, err)
				continue
			}
			repeated := len(value) > 3 && strings.Contains(err.Error(), value)
			if repeated || strings.Contains(err.Error(), "%!") {
				t.Errorf("%s: the error of %q is %q", name, value, err)
			}
		}
	}
}

// FuzzParse checks that parsing the canonical form of a value returns the same value,
// because stored values are parsed again.
func FuzzParse(f *testing.F) {
	for i, s := range registry {
		f.Add(uint8(i), s.Default)
	}
	f.Add(uint8(0), " a: b ")
	f.Add(uint8(4), `"A, B" <a..b@bücher.example>`)
	f.Add(uint8(7), "1h60m")
	f.Fuzz(func(t *testing.T, i uint8, value string) {
		s := registry[int(i)%len(registry)]
		var first, second Settings
		canonical, err := s.set(&first, value)
		if err != nil {
			return
		}
		if again, err := s.set(&second, canonical); err != nil || again != canonical || first != second {
			t.Errorf("%s: %q is read as %q, and that as %q, %v", s.Name, value, canonical, again, err)
		}
	})
}

// TestSecretRow checks that the stored row of a secret is sealed, and that its value can be
// unsealed only in the row for which it was sealed.
func TestSecretRow(t *testing.T) {
	const value = "re_12345678"
	keys, s := keyring.New(), spec(t, "RESEND_API_KEY")
	row := s.Row(value, keys)
	row.Revision = 1
	if strings.Contains(row.Value, value) || row.Key != s.Name {
		t.Errorf("the row is %+v", row)
	}
	if state, err := s.Stored([]Setting{row}, keys); err != nil || state.Value != value || state.Source != FromDatabase {
		t.Errorf("the row is read as %+v, %v", state, err)
	}
	if _, err := s.Stored([]Setting{row}, keyring.New()); err == nil {
		t.Error("another server's keys open the row")
	}
	if _, err := keys.Unseal(row.Value, Setting{Key: "OTHER"}.AAD()); err == nil {
		t.Error("the value opens in another row")
	}
}
