package betterauth_test

import (
	"slices"
	"strings"
	"testing"

	"latchkey/backend/store/storetest"
)

// TestRows tests single values: those that can be read, and those that make a row one that
// cannot be used.
func TestRows(t *testing.T) {
	t.Parallel()
	v := builtIn("sqlite:") // which stores any value in any column
	id1, _ := v.ids()
	for _, test := range []struct {
		change string
		says   string // empty if the row can be used
	}{
		{`"user" SET "createdAt" = 'yesterday'`, "its createdAt is not a date"},
		{`"user" SET "createdAt" = NULL`, "its createdAt is missing"},
		{`"user" SET "createdAt" = 1e300`, "its createdAt is not a date"},
		{`"user" SET "createdAt" = 1795785468513.0`, ""},
		{`"user" SET "createdAt" = '2026-11-27 13:18:42'`, ""},
		{`"user" SET "updatedAt" = NULL`, ""},
		{`"user" SET "updatedAt" = ''`, "its updatedAt is not a date"},
		{`"user" SET email = NULL`, "its email is missing"},
		{`"user" SET email = ''`, "its email is missing"},
		{`"user" SET email = CAST(x'61ff' AS TEXT)`, "its email is not valid text"},
		{`"user" SET name = CAST(x'61ff' AS TEXT)`, ""},
		{`"user" SET banned = 2`, "its banned is not a boolean"},
		{`"user" SET banned = 'true'`, ""},
		{`"user" SET "emailVerified" = NULL`, ""},
		{`account SET password = x'ff'`, "its password is not valid text"},
		{`account SET "providerId" = NULL`, "its providerId is missing"},
		{`"twoFactor" SET secret = ''`, "its secret is missing"},
		{`passkey SET "publicKey" = '!'`, "its publicKey is not base64"},
		{`passkey SET "publicKey" = ''`, "its publicKey is missing"},
		{`passkey SET "credentialID" = NULL`, "its credentialID is missing"},
		{`passkey SET "credentialID" = 'A'`, "its credentialID is not base64"},
		{`passkey SET "credentialID" = 'QUJD' || char(10) || 'REVG'`, "its credentialID is not base64"},
		{`passkey SET "credentialID" = '++//++8='`, ""},
		{`passkey SET counter = -1`, "its counter is not a counter"},
		{`passkey SET counter = NULL`, "its counter is not a counter"},
		{`passkey SET counter = 4294967296`, "its counter is not a counter"},
		{`passkey SET counter = 4294967295`, ""},
		{`passkey SET "deviceType" = 'cross-platform'`, "its deviceType is unknown"},
		{`passkey SET transports = ' usb,, nfc '`, ""},
		{`passkey SET "backedUp" = NULL`, ""},
		{`session SET "expiresAt" = NULL`, "its expiresAt is missing"},
		{`session SET token = NULL`, "its token is missing"},
		{`session SET "userAgent" = x'ff00fe'`, ""},
		{`verification SET "expiresAt" = 'never'`, "its expiresAt is not a date"},
		{`verification SET value = ''`, ""},
	} {
		url := storetest.SQLite(t)
		execute(t, url, v.statements()...)
		execute(t, url, "UPDATE "+test.change+" WHERE id = '"+id1+"'")
		var got []string
		for id, err := range readAll(t, open(t, url)).errors() {
			if err != nil && !strings.HasSuffix(id, id1) {
				t.Errorf("%s: %s: %v", test.change, id, err)
			} else if err != nil {
				got = append(got, err.Error())
			}
		}
		if strings.Join(got, ", ") != test.says {
			t.Errorf("%s: got %q; want %q", test.change, got, test.says)
		}
	}
}

// errors returns why a row cannot be used, by its table and id.
func (c content) errors() map[string]error {
	errs := make(map[string]error)
	for _, u := range c.Users {
		errs["user "+u.ID] = u.Err
	}
	for _, a := range c.Accounts {
		errs["account "+a.ID] = a.Err
	}
	for _, f := range c.TwoFactors {
		errs["twoFactor "+f.ID] = f.Err
	}
	for _, p := range c.Passkeys {
		errs["passkey "+p.ID] = p.Err
	}
	for _, s := range c.Sessions {
		errs["session "+s.ID] = s.Err
	}
	for _, v := range c.Verifications {
		errs["verification "+v.ID] = v.Err
	}
	return errs
}

// TestValues tests values that are read in more than one form.
func TestValues(t *testing.T) {
	t.Parallel()
	v := builtIn("sqlite:")
	id1, _ := v.ids()
	change := func(set string) content {
		t.Helper()
		url := storetest.SQLite(t)
		execute(t, url, v.statements()...)
		execute(t, url, "UPDATE "+set+" WHERE id = '"+id1+"'")
		return readAll(t, open(t, url))
	}
	for value, want := range map[string]string{
		"1795785468513":                   "2026-11-27T13:17:48.513Z",
		"1795785468513.0":                 "2026-11-27T13:17:48.513Z",
		"1795785468":                      "2026-11-27T13:17:48Z",
		"99999999999":                     "5138-11-16T09:46:39Z", // seconds
		"100000000000":                    "1973-03-03T09:46:40Z", // milliseconds
		"0":                               "1970-01-01T00:00:00Z",
		"-1000":                           "1969-12-31T23:43:20Z",
		"'2026-11-27T13:17:48.513Z'":      "2026-11-27T13:17:48.513Z",
		"'2026-11-27T14:17:48.513+01:00'": "2026-11-27T13:17:48.513Z",
		"'2026-11-27T13:17:48.513'":       "2026-11-27T13:17:48.513Z",
		"'2026-11-27 13:17:48'":           "2026-11-27T13:17:48Z",
		"'2026-11-27 13:17:48.5132+00'":   "2026-11-27T13:17:48.5132Z",
		"'2026-11-27 15:17:48+02:00'":     "2026-11-27T13:17:48Z",
		"'2026-11-27'":                    "2026-11-27T00:00:00Z",
	} {
		for _, s := range change("session SET \"expiresAt\" = " + value).Sessions {
			if s.ID == id1 && (!s.ExpiresAt.Equal(at(want)) || s.Err != nil) {
				t.Errorf("%s: got %v, %v; want %s", value, s.ExpiresAt, s.Err, want)
			}
		}
	}
	for _, p := range change(`passkey SET transports = ' usb,, nfc ', "credentialID" = '-_--_w'`).Passkeys {
		if p.ID == id1 && (!slices.Equal(p.Transports, []string{"usb", "nfc"}) || string(p.CredentialID) != "\xfb\xff\xbe\xff") {
			t.Errorf("got %+v", p)
		}
	}
	if got := change(`"user" SET name = CAST(x'61ff0062' AS TEXT)`).Users[0].Name; got != "a\uFFFDb" {
		t.Errorf("got %q", got)
	}
	if u := change(`"user" SET "updatedAt" = NULL`).Users[0]; !u.UpdatedAt.Equal(u.CreatedAt) {
		t.Errorf("got %+v", u)
	}
}

// TestInfinite tests a date that Postgres has and Go does not.
func TestInfinite(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	execute(t, url, builtIn(url).statements()...)
	execute(t, url, `UPDATE "user" SET "banExpires" = 'infinity'`, `UPDATE session SET "expiresAt" = 'infinity'`)
	got := readAll(t, open(t, url))
	if u := got.Users[0]; u.BanExpires != nil || !u.Banned || u.Err != nil {
		t.Errorf("got %+v", u)
	}
	if s := got.Sessions[0]; s.Err == nil {
		t.Errorf("got %+v", s)
	}
}

// TestZone tests that dates do not depend on the zone of the server.
func TestZone(t *testing.T) {
	t.Parallel()
	for _, v := range variants {
		if v.database != "postgres" || v.name != "Kysely" && v.name != "KyselyBefore" {
			continue
		}
		url := v.url(t)
		execute(t, url, v.statements()...)
		for _, setting := range []string{"timezone TO ''America/St_Johns''", "datestyle TO ''SQL, DMY''"} {
			execute(t, url, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET `+setting+`', current_database()); END $$`)
		}
		if got := readAll(t, open(t, url)); !got.Users[0].CreatedAt.Equal(at(early)) || got.Users[0].Err != nil {
			t.Errorf("%s: got %+v", v.name, got.Users[0])
		}
	}
}
