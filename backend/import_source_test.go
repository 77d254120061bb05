package main_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"latchkey/backend/betterauth/betterauthtest"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
)

const (
	oldSecret = "QN+yg8BzPvB6tE9T3EEH7v0utOPvFRSmIaL+JmC0SY8="
	// The password of Better Auth 1.7.25 for oldHash.
	oldPassword = "Correct horse; battery staple 1"
	oldHash     = "217e580fa9dee264570e715cfc7197a6:d50aee7ab9bf93c278c261386bb0be13ede44597e58897be312a3c1579737119" +
		"a2e996dccd48d1390b9c593608569f6c8eb9ac3181f860100d14a7e3e4989487"
)

// An oldApp is the database of an application that uses Better Auth, written by hand. A real
// one fills it in TestMoveIn; here are the cases that are rare there.
type oldApp struct {
	url     string
	exec    func(query string, args ...any)
	tokens  map[string]string // of the sessions, by ID
	keys    map[string][]byte // of the authenticators, by user
	devices map[string]*authenticator.Key
}

// isoTime formats a time as Better Auth does.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// newOldApp creates the tables, in the schema of Better Auth's own adapter.
func newOldApp(t *testing.T, database string) *oldApp {
	t.Helper()
	date := "timestamptz"
	if strings.HasPrefix(database, "sqlite:") {
		date = "date"
	}
	app := &oldApp{
		url: database, exec: statements(t, database),
		tokens: make(map[string]string), keys: make(map[string][]byte), devices: make(map[string]*authenticator.Key),
	}
	for _, table := range []string{
		`"user" (id text PRIMARY KEY, name text, email text, "emailVerified" boolean, image text, "createdAt" DATE, "updatedAt" DATE,
			"twoFactorEnabled" boolean, role text, banned boolean, "banReason" text, "banExpires" DATE, "lastOrder" integer)`,
		`session (id text PRIMARY KEY, "expiresAt" DATE, token text UNIQUE, "createdAt" DATE, "updatedAt" DATE, "ipAddress" text,
			"userAgent" text, "userId" text, "impersonatedBy" text)`,
		`account (id text PRIMARY KEY, "accountId" text, "providerId" text, "userId" text, password text, "createdAt" DATE, "updatedAt" DATE)`,
		`verification (id text PRIMARY KEY, identifier text, value text, "expiresAt" DATE, "createdAt" DATE, "updatedAt" DATE)`,
		`"twoFactor" (id text PRIMARY KEY, secret text, "backupCodes" text, "userId" text, verified boolean)`,
		`passkey (id text PRIMARY KEY, name text, "publicKey" text, "userId" text, "credentialID" text, counter integer,
			"deviceType" text, "backedUp" boolean, transports text, "createdAt" DATE, aaguid text)`,
		`"rateLimit" (id text PRIMARY KEY, key text)`,
	} {
		app.exec("CREATE TABLE " + strings.ReplaceAll(table, "DATE", date))
	}
	return app
}

// user adds a user whose ID is the local part of the email.
func (app *oldApp) user(email string, columns ...any) {
	id, _, _ := strings.Cut(email, "@")
	app.userWithID(id, email, columns...)
}

// userWithID adds a user with other values of the given columns: a name, a value, and so on.
func (app *oldApp) userWithID(id, email string, columns ...any) {
	now := isoTime(time.Now().Add(-100 * 24 * time.Hour))
	app.exec(`INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt", "twoFactorEnabled", banned)
		VALUES (?, ?, ?, TRUE, ?, ?, FALSE, FALSE)`, id, "Ada "+id, email, now, now)
	for i := 0; i < len(columns); i += 2 {
		app.exec(fmt.Sprintf(`UPDATE "user" SET %q = ? WHERE id = ?`, columns[i]), columns[i+1], id)
	}
}

func (app *oldApp) account(user, provider, password string) {
	now := isoTime(time.Now())
	app.exec(`INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?)`, rand.Text(), user, provider, user, password, now, now)
}

// session adds a session that began some time ago and ends in some time.
func (app *oldApp) session(id, user string, ago, left time.Duration, impersonator any) {
	token := strings.Repeat("x", 6) + rand.Text()
	app.tokens[id] = token
	now := time.Now()
	app.exec(`INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, isoTime(now.Add(left)), token, isoTime(now.Add(-ago)),
		isoTime(now.Add(-ago)), "192.0.2.7", testkit.Firefox, user, impersonator)
}

// factor adds an authenticator with backup codes.
func (app *oldApp) factor(user, secret string, verified any, codes ...string) {
	key := rand.Text() + "_-123-" // 32 characters, of which Better Auth uses these, too
	app.keys[user] = []byte(key)
	list, err := json.Marshal(codes)
	if err != nil {
		panic(err)
	}
	app.exec(`INSERT INTO "twoFactor" VALUES (?, ?, ?, ?, ?)`,
		rand.Text(), betterauthtest.Encrypt(secret, key), betterauthtest.Encrypt(secret, string(list)), user, verified)
}

// passkey adds a passkey of an authenticator that answers a user handle of Better Auth.
func (app *oldApp) passkey(t *testing.T, user string, id []byte, daysAgo int) {
	t.Helper()
	key := authenticator.NewKey(id, "localhost", []byte("4388tai7a3fxrwmglzduf9hq7z56slh5"), authenticator.ES256)
	app.devices[user] = key
	public, err := webauthncbor.Marshal(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	app.exec(`INSERT INTO passkey VALUES (?, ?, ?, ?, ?, 0, 'multiDevice', TRUE, 'internal,hybrid', ?, NULL)`, rand.Text(), "Key 🔑",
		base64.StdEncoding.EncodeToString(public), user, base64.RawURLEncoding.EncodeToString(id),
		isoTime(time.Now().Add(-time.Duration(daysAgo)*24*time.Hour)))
}

func (app *oldApp) verification(identifier, value string, left time.Duration) {
	now := time.Now()
	app.exec(`INSERT INTO verification VALUES (?, ?, ?, ?, ?, ?)`,
		rand.Text(), identifier, value, isoTime(now.Add(left)), isoTime(now), isoTime(now))
}

// fill adds one of each case.
func (app *oldApp) fill(t *testing.T) {
	t.Helper()
	const day = 24 * time.Hour
	app.userWithID("Capital", "Twin@Example.test")
	app.user("twin@example.test")
	app.userWithID("alone", "Alone@Example.test", "name", "Ada \u202e Lovelace"+strings.Repeat("é", 200), "image", "javascript:alert(1)")
	app.userWithID("invalid", "not an address")
	app.user("banned@example.test", "banned", true)
	app.user("served@example.test", "banned", true, "banExpires", isoTime(time.Now().Add(-day)))
	app.user("admin@example.test", "role", "user,admin")
	app.user("two@example.test", "twoFactorEnabled", true)
	app.user("off@example.test")
	app.user("begun@example.test")
	app.user("mailed@example.test", "twoFactorEnabled", true)
	app.user("keys@example.test")
	app.user("google@example.test")
	app.user("foreign@example.test")

	for _, user := range []string{"twin", "alone", "banned", "served", "admin", "two", "off", "begun", "mailed", "invalid"} {
		app.account(user, "credential", oldHash)
	}
	app.account("google", "google", "")
	app.account("foreign", "credential", "$pbkdf2-sha256$i=600000$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")

	app.factor("two", oldSecret, true, "qPB9E-7n4Ln", "vAEUM-j6KVO")
	app.factor("off", oldSecret, nil)
	app.factor("begun", oldSecret, false)

	app.passkey(t, "keys", []byte("credential one, of the user keys"), 10)
	app.passkey(t, "google", []byte("credential one, of the user keys"), 5) // copied by an attacker
	app.exec(`INSERT INTO passkey (id, "publicKey", "userId", "credentialID", counter, "deviceType", "backedUp")
		VALUES ('broken', 'AAAA', 'twin', 'AAAA', 0, 'singleDevice', FALSE)`)

	app.session("fresh", "twin", time.Minute, 7*day, nil)
	app.session("week-old", "twin", 6*day, 6*day, nil)
	app.session("brief", "twin", time.Hour, 23*time.Hour, nil)
	app.session("expired", "twin", 8*day, -day, nil)
	app.session("old", "twin", 40*day, 6*day, nil)
	app.session("of-banned", "banned", day, 6*day, nil)
	app.session("impersonated", "two", time.Minute, time.Hour, "admin")
	app.session("orphan", "nobody", day, 6*day, nil)
	app.session("admin", "admin", day, 6*day, nil)
	for i := range 60 {
		app.session(fmt.Sprint("many-", i), "served", time.Duration(i+1)*time.Hour, 5*day, nil)
	}

	app.verification("trust-device-YRp1iOewYsYHtQjH0voCQT5TJWiOkh6i", "two", 20*day)
	app.verification("trust-device-expired", "two", -day)
	app.verification("reset-password:aBcDeFgHiJkLmNoPqRsTuVwX", "twin", 30*time.Minute)
	app.verification("2fa-attempts-2fa--Wfo8VsGxKWA3KtPSYVb", "0", 5*time.Minute)
}

// statements returns a function that runs a statement with a "?" for each argument.
func statements(t *testing.T, database string) func(query string, args ...any) {
	t.Helper()
	pool := storetest.OpenSQL(t, database)
	return func(query string, args ...any) {
		t.Helper()
		if strings.HasPrefix(database, "postgres:") {
			for i := range args {
				query = strings.Replace(query, "?", fmt.Sprint("$", i+1), 1)
			}
		}
		if _, err := pool.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
}

// hasTables reports whether a database exists and has a table.
func hasTables(t *testing.T, database string) bool {
	t.Helper()
	query := "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return false
		}
		query = "SELECT COUNT(*) FROM sqlite_master"
	}
	var n int
	if err := storetest.OpenSQL(t, database).QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n > 0
}
