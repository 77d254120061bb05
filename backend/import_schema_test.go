package main_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"latchkey/backend/betterauth/betterauthtest"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// The columns of an oldApp whose names or types a generator changes.
var generatedColumns = map[string]string{
	"user":         "createdAt updatedAt banExpires emailVerified twoFactorEnabled banReason",
	"session":      "createdAt updatedAt expiresAt ipAddress userAgent userId impersonatedBy",
	"account":      "createdAt updatedAt accountId providerId userId",
	"verification": "createdAt updatedAt expiresAt",
	"twoFactor":    "backupCodes userId",
	"passkey":      "createdAt publicKey userId credentialID deviceType backedUp",
}

// regenerate gives the tables and columns other names, and dates the type of both generators: no
// zone on Postgres, and milliseconds on SQLite.
func (app *oldApp) regenerate(table, column func(string) string) {
	for name, columns := range generatedColumns {
		for _, c := range strings.Fields(columns) {
			isDate := strings.HasSuffix(c, "At") || c == "banExpires"
			if isDate && strings.HasPrefix(app.url, "sqlite:") {
				app.exec(fmt.Sprintf(`UPDATE %q SET %q = CAST(round(unixepoch(%q, 'subsec') * 1000) AS INTEGER)`, name, c, c))
			} else if isDate {
				app.exec(fmt.Sprintf(`ALTER TABLE %q ALTER COLUMN %q TYPE timestamp(3) USING %q AT TIME ZONE 'UTC'`, name, c, c))
			}
			if column(c) != c {
				app.exec(fmt.Sprintf(`ALTER TABLE %q RENAME COLUMN %q TO %q`, name, c, column(c)))
			}
		}
		app.exec(fmt.Sprintf(`ALTER TABLE %q RENAME TO renamed`, name)) // SQLite does not change the case of a name
		app.exec(fmt.Sprintf(`ALTER TABLE renamed RENAME TO %q`, table(name)))
	}
}

// TestImportGenerated tests that nothing gets lost if the names and types are those of a generator.
func TestImportGenerated(t *testing.T) {
	t.Parallel()
	for generator, names := range map[string]struct{ table, column func(string) string }{
		"Drizzle": {func(s string) string { return betterauthtest.SnakeCase(s) + "s" }, betterauthtest.SnakeCase},
		"Prisma":  {func(s string) string { return strings.ToUpper(s[:1]) + s[1:] }, func(s string) string { return s }},
	} {
		t.Run(generator, func(t *testing.T) {
			t.Parallel()
			storetest.EachURL(t, func(t *testing.T, source string) {
				app := newOldApp(t, source)
				app.fill(t)
				app.regenerate(names.table, names.column)
				database, data := storetest.SQLite(t), t.TempDir()
				out, err := app.importInto(t, database, data, "-json")
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				app.checkReport(t, parseImported(t, out))
				p := testkit.Start(t, "-database", database, "-data", data, "-rate-limits", "off")
				for session, live := range map[string]bool{"fresh": true, "week-old": true, "expired": false, "old": false} {
					if app.browser(p, session).SignedIn(t) != live {
						t.Errorf("the session %s: signed in is not %t", session, live)
					}
				}
				signIn(p.Client(), "two@example.test", oldPassword).Want(t, 403, "TWO_FACTOR_REQUIRED")
			})
		})
	}
}

// TestImportSourceStops tests that a source which stops while the import writes leaves the target
// empty, and that another import is complete.
func TestImportSourceStops(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		app := newOldApp(t, storetest.Postgres(t))
		app.fill(t)
		u, err := url.Parse(app.url)
		if err != nil {
			t.Fatal(err)
		}
		relay := testkit.StartRelay(t, u.Host)
		u.Host = relay.Address
		app.url = u.String()
		var mu sync.Mutex
		reads := 0
		relay.SetFault(func(fromClient bool, data string) testkit.Fault {
			mu.Lock()
			defer mu.Unlock()
			if !fromClient || !strings.Contains(data, `FROM "session" ORDER BY`) {
				return testkit.Pass
			}
			if reads++; reads == 2 { // the first time, the import only checks
				return testkit.Cut
			}
			return testkit.Pass
		})
		data := t.TempDir()
		out, err := app.importInto(t, database, data)
		if err == nil || !strings.Contains(out, `reading the table "session"`) || !hasTables(t, database) {
			t.Fatalf("%v, %s; want an error about the table, after the target was opened", err, out)
		}
		for _, table := range []string{"users", "passwords", "imports", "events"} {
			if n := countRows(t, database, table); n > 0 {
				t.Errorf("the table %s has %d rows", table, n)
			}
		}
		if out, err := app.importInto(t, database, data); err != nil || countRows(t, database, "users") != 12 {
			t.Errorf("another import: %v, %s", err, out)
		}
	})
}

// TestImportVersions tests an application that has changed its secret, with BETTER_AUTH_SECRETS.
func TestImportVersions(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, source string) {
		app := newOldApp(t, source)
		app.fill(t)
		app.exec(`UPDATE "twoFactor" SET secret = '$ba$2$' || secret, "backupCodes" = '$ba$2$' || "backupCodes"`)
		database, data := storetest.SQLite(t), t.TempDir()
		line := []string{"import", "better-auth", "-json", "-from", source, "-database", database, "-data", data}
		for env, want := range map[string]string{
			"BETTER_AUTH_SECRET=of another version": "version 2. Set BETTER_AUTH_SECRETS in the environment",
			"BETTER_AUTH_SECRETS=3:" + oldSecret:    "it has no version 2. Set BETTER_AUTH_SECRETS in the environment",
			"BETTER_AUTH_SECRETS=2:wrong,1:older":   "Give the secret that the application uses",
			"BETTER_AUTH_SECRETS=" + oldSecret:      "entry 1 of BETTER_AUTH_SECRETS must be",
		} {
			out, err := testkit.Run(t, append([]string{env}, line...)...)
			if err == nil || !strings.Contains(out, want) || strings.Contains(out, oldSecret) || hasTables(t, database) {
				t.Errorf("with %s: %v, %s; want an error with %q", env, err, out, want)
			}
		}
		out, err := testkit.Run(t, append([]string{"BETTER_AUTH_SECRETS=2:" + oldSecret + ",1:older"}, line...)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		app.checkReport(t, parseImported(t, out))
		p := testkit.Start(t, "-database", database, "-data", data)
		if !app.browser(p, "fresh").SignedIn(t) {
			t.Error("the first secret does not sign the cookies")
		}
	})
}
