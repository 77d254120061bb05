package setting

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/keyring"
	"latchkey/shared"
)

// getenv returns a function that looks up the variables of env.
func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// stateOf returns the state of the setting with the name.
func stateOf(t *testing.T, states []State, name string) State {
	t.Helper()
	i := slices.IndexFunc(states, func(s State) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no state of %s", name)
	}
	return states[i]
}

// TestDerive checks that a server that can send emails verifies addresses unless
// VERIFY_EMAIL is set, regardless of the order of the two settings in the registry.
func TestDerive(t *testing.T) {
	reversed := slices.Clone(registry)
	slices.Reverse(reversed)
	keys := keyring.New()
	stored := spec(t, "RESEND_API_KEY").Row("re_12345678", keys)
	stored.Revision = 1
	removed := spec(t, "RESEND_API_KEY").Row("", keys)
	removed.Revision = 2
	for name, test := range map[string]struct {
		env          map[string]string
		rows         []Setting
		want, source string
	}{
		"no key":                  {nil, nil, Off, FromDefault},
		"email server":            {map[string]string{"SMTP_URL": "smtps://mail.example.com"}, nil, Required, FromDefault},
		"environment":             {map[string]string{"RESEND_API_KEY": "re_1"}, nil, Required, FromDefault},
		"database":                {nil, []Setting{stored}, Required, FromDefault},
		"removed key":             {nil, []Setting{removed}, Off, FromDefault},
		"off in the environment":  {map[string]string{"RESEND_API_KEY": "re_1", verifyEmail: Off}, nil, Off, FromEnvironment},
		"off in the database":     {nil, []Setting{stored, {Key: verifyEmail, Value: Off, Revision: 1}}, Off, FromDatabase},
		"invalid in the database": {nil, []Setting{stored, {Key: verifyEmail, Value: "old", Revision: 1}}, Required, FromDefault},
		"required without a key":  {map[string]string{verifyEmail: Required}, nil, Required, FromEnvironment},
	} {
		for order, specs := range map[string][]Spec{"in order": registry, "reversed": reversed} {
			now, states, err := resolve(specs, test.env, test.rows, keys)
			if err != nil {
				t.Fatal(err)
			}
			state := stateOf(t, states, verifyEmail)
			if now.VerifyEmail != test.want || state.Value != test.want || state.Source != test.source {
				t.Errorf("%s, %s: VERIFY_EMAIL is %s, listed as %s from %s; want %s from %s",
					name, order, now.VerifyEmail, state.Value, state.Source, test.want, test.source)
			}
		}
	}
}

// TestImpliesVerification checks when a first API key for emails makes VERIFY_EMAIL required.
func TestImpliesVerification(t *testing.T) {
	keys := keyring.New()
	stored := spec(t, mailAPIKey).Row("re_12345678", keys)
	stored.Revision = 1
	for name, test := range map[string]struct {
		env  map[string]string
		rows []Setting
		want bool
	}{
		"no key":                  {nil, nil, true},
		"key in the database":     {nil, []Setting{stored}, false},
		"key in the environment":  {map[string]string{mailAPIKey: "re_1"}, nil, false},
		"email server":            {map[string]string{smtpServer: "smtps://mail.example.com"}, nil, false},
		"VERIFY_EMAIL is set":     {nil, []Setting{{Key: verifyEmail, Value: Off, Revision: 1}}, false},
		"VERIFY_EMAIL in the env": {map[string]string{verifyEmail: Required}, nil, false},
	} {
		_, states, err := resolve(registry, test.env, test.rows, keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range []string{mailAPIKey, smtpServer} {
			if got := ImpliesVerification(stateOf(t, states, one), states); got != test.want {
				t.Errorf("%s: of %s: %t; want %t", name, one, got, test.want)
			}
		}
		if ImpliesVerification(stateOf(t, states, "APP_NAME"), states) {
			t.Errorf("%s: APP_NAME implies verification", name)
		}
	}
}

// TestRequiredSince checks since when REQUIRE_TWO_FACTOR counts as set.
func TestRequiredSince(t *testing.T) {
	set, recorded := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	row := Setting{Key: requireTwoFactor, Value: All, Revision: 1, UpdatedAt: set}
	invalid := Setting{Key: requireTwoFactor, Value: "some", Revision: 1, UpdatedAt: set}
	env := map[string]string{requireTwoFactor: All}
	for name, test := range map[string]struct {
		env  map[string]string
		rows []Setting
		want time.Time
	}{
		"default":                          {nil, nil, time.Time{}},
		"database":                         {nil, []Setting{row}, set},
		"invalid in the database":          {nil, []Setting{invalid}, time.Time{}},
		"environment, not recorded":        {env, []Setting{row}, time.Time{}},
		"environment, recorded":            {env, []Setting{row, {Key: environmentKey, Value: All, UpdatedAt: recorded}}, recorded},
		"environment, another value known": {env, []Setting{{Key: environmentKey, Value: Admins, UpdatedAt: recorded}}, time.Time{}},
	} {
		now, _, err := resolve(registry, test.env, test.rows, keyring.Keys{})
		if err != nil || !now.RequiredSince.Equal(test.want) {
			t.Errorf("%s: required since %v, %v; want %v", name, now.RequiredSince, err, test.want)
		}
	}
}

// TestEnvironmentRow checks that a change of REQUIRE_TWO_FACTOR in the environment, or its
// removal, must be stored once.
func TestEnvironmentRow(t *testing.T) {
	first, second := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	var rows []Setting
	for i, step := range []struct {
		value   string
		now     time.Time
		changed bool
		want    Setting
	}{
		{"", first, false, Setting{Key: environmentKey}},
		{All, first, true, Setting{Key: environmentKey, Value: All, Revision: 1, UpdatedAt: first}},
		{All, second, false, Setting{Key: environmentKey, Value: All, Revision: 1, UpdatedAt: first}},
		{"", second, true, Setting{Key: environmentKey, Revision: 2, UpdatedAt: second}},
	} {
		c, err := NewCache(getenv(map[string]string{requireTwoFactor: step.value}))
		if err != nil {
			t.Fatal(err)
		}
		row, changed := c.EnvironmentRow(rows, step.now)
		if row != step.want || changed != step.changed {
			t.Errorf("step %d: the row is %+v, %t; want %+v, %t", i, row, changed, step.want, step.changed)
		}
		if changed {
			rows = []Setting{row}
		}
	}
}

// TestNewCache checks that one error reports all invalid values of the environment, and
// that it does not contain a secret.
func TestNewCache(t *testing.T) {
	_, err := NewCache(getenv(map[string]string{"FRESH_WINDOW": "soon", "RESEND_API_KEY": "my secret key", "SESSIONS_PER_USER": "9"}))
	if err == nil || !strings.Contains(err.Error(), "FRESH_WINDOW") || !strings.Contains(err.Error(), "RESEND_API_KEY") ||
		strings.Contains(err.Error(), "my secret key") || strings.Contains(err.Error(), "SESSIONS_PER_USER") {
		t.Errorf("%v", err)
	}
}

// TestApply checks that the environment overrides a row, that a row overrides the default,
// and that a row with an invalid value is ignored.
func TestApply(t *testing.T) {
	c, err := NewCache(getenv(map[string]string{"APP_NAME": "Of the environment"}))
	if err != nil {
		t.Fatal(err)
	}
	now := c.Now()
	if now.AppName != "Of the environment" || now.SessionsPerUser != SessionsPerUser || now.SessionIdle != SessionIdle ||
		now.SessionLifetime != SessionLifetime || now.FreshWindow != FreshWindow || !now.SignUpEnabled || now.Version != 0 {
		t.Errorf("without rows, the settings are %+v", now)
	}
	states, err := c.Apply([]Setting{
		{Key: "APP_NAME", Value: "Of the database", Revision: 3},
		{Key: "SESSIONS_PER_USER", Value: "9", Revision: 2, UpdatedBy: "ann"},
		{Key: "FRESH_WINDOW", Value: "2d", Revision: 1, UpdatedBy: "bob"},
		{Key: "REMOVED_SETTING", Value: "x", Revision: 4},
	}, keyring.Keys{})
	if err != nil || len(states) != len(registry) {
		t.Fatalf("%d states, %v", len(states), err)
	}
	if now := c.Now(); now.AppName != "Of the environment" || now.SessionsPerUser != 9 || now.FreshWindow != FreshWindow || now.Version != 10 {
		t.Errorf("with rows, the settings are %+v", now)
	}
	for _, want := range []struct {
		name, value, source string
		revision            int64
		by                  string
		readOnly            bool
	}{
		{"APP_NAME", "Of the environment", FromEnvironment, 3, "", true},
		{"SESSIONS_PER_USER", "9", FromDatabase, 2, "ann", false},
		{"FRESH_WINDOW", "15m", FromDefault, 1, "bob", false},
		{"SESSION_IDLE", "7d", FromDefault, 0, "", false},
	} {
		got := stateOf(t, states, want.name)
		if got.Value != want.value || got.Source != want.source || got.Revision != want.revision || got.UpdatedBy != want.by ||
			got.ReadOnly() != want.readOnly || c.ReadOnly(want.name) != want.readOnly {
			t.Errorf("%s is %+v; want %+v", want.name, got, want)
		}
	}
}

// TestApplyFails checks that the cache keeps its settings if a secret cannot be unsealed.
func TestApplyFails(t *testing.T) {
	c, err := NewCache(getenv(nil))
	if err != nil {
		t.Fatal(err)
	}
	before, row := c.Now(), spec(t, "RESEND_API_KEY").Row("re_12345678", keyring.New())
	row.Revision = 1
	if states, err := c.Apply([]Setting{row}, keyring.New()); err == nil || states != nil || errors.Is(err, shared.ErrInvalidSetting) {
		t.Errorf("%v, %v", states, err)
	}
	if c.Now() != before {
		t.Error("the settings have changed")
	}
}
