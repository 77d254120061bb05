package main_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"golang.org/x/crypto/chacha20poly1305"

	"latchkey/backend/betterauth"
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

// encrypt encrypts a value as Better Auth does.
func encrypt(secret, plain string) string {
	key := sha256.Sum256([]byte(secret))
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(err)
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return hex.EncodeToString(aead.Seal(nonce, nonce, []byte(plain), nil))
}

// factor adds an authenticator with backup codes.
func (app *oldApp) factor(user, secret string, verified any, codes ...string) {
	key := rand.Text() + "_-123-" // 32 characters, of which Better Auth uses these, too
	app.keys[user] = []byte(key)
	list, err := json.Marshal(codes)
	if err != nil {
		panic(err)
	}
	app.exec(`INSERT INTO "twoFactor" VALUES (?, ?, ?, ?, ?)`, rand.Text(), encrypt(secret, key), encrypt(secret, string(list)), user, verified)
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
	app.exec(`INSERT INTO verification VALUES (?, ?, ?, ?, ?, ?)`, rand.Text(), identifier, value, isoTime(now.Add(left)), isoTime(now), isoTime(now))
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

// import runs the import into a database, and returns its output.
func (app *oldApp) importInto(t *testing.T, database, data string, flags ...string) (output string, err error) {
	t.Helper()
	line := []string{"BETTER_AUTH_SECRET=" + oldSecret, "import", "better-auth", "-from", app.url, "-database", database, "-data", data}
	return testkit.Run(t, append(line, flags...)...)
}

// imported is the part of the report that the tests look at.
type imported struct {
	DryRun                                                                               bool
	Users, Passwords, TOTPs, BackupCodes, Passkeys, Sessions, TrustedDevices, ResetLinks int
	Skipped                                                                              []struct {
		What, Reason string
		Count        int
		Users        []string
	}
	Notes []string
}

func (r imported) skipped(what string) (n int) {
	for _, s := range r.Skipped {
		if s.What == what {
			n += s.Count
		}
	}
	return n
}

func parseImported(t *testing.T, output string) (r imported) {
	t.Helper()
	line := output[strings.Index(output, "{"):]
	if err := json.Unmarshal([]byte(line[:strings.Index(line, "\n")]), &r); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return r
}

// TestImport tests what an import takes over, and what it does not, on a database that was
// written by hand.
func TestImport(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, source string) {
		app := newOldApp(t, source)
		app.fill(t)
		database, data := storetest.SQLite(t), t.TempDir()
		if strings.HasPrefix(source, "postgres:") {
			database = storetest.Postgres(t)
		}
		before := storetest.Dump(t, source)
		out, err := app.importInto(t, database, data, "-dry-run", "-json")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		dry := parseImported(t, out)
		if files, _ := os.ReadDir(data); len(files) > 0 || hasTables(t, database) {
			t.Error("the dry run has written something")
		}
		out, err = app.importInto(t, database, data, "-json")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		r := parseImported(t, out)
		if dry.DryRun = false; fmt.Sprint(dry) != fmt.Sprint(r) {
			t.Errorf("the dry run reported %+v, and the import %+v", dry, r)
		}
		app.checkReport(t, r)
		app.checkSecrecy(t, out, database)
		if storetest.Dump(t, source) != before {
			t.Error("the import has changed its source")
		}

		// The cookies of before must work with another key, too.
		if out, err := testkit.Run(t, "rotate-key", "-database", database, "-data", data); err != nil {
			t.Fatalf("rotate-key: %v\n%s", err, out)
		}
		p := testkit.Start(t, "-database", database, "-data", data, "-rate-limits", "off", "-cookie-prefix", "acme")
		t.Run("Sessions", func(t *testing.T) { app.checkSessions(t, p) })
		t.Run("Forged", func(t *testing.T) { app.checkForged(t, p) })
		t.Run("SignIns", func(t *testing.T) { app.checkSignIns(t, p) })
		t.Run("Passkeys", func(t *testing.T) { app.checkPasskeys(t, p) })
		t.Run("ResetLink", func(t *testing.T) { app.checkResetLink(t, p) })

		p.Stop()
		after := storetest.Dump(t, database)
		out, err = app.importInto(t, database, data, "-json")
		if err != nil {
			t.Fatalf("a second import: %v\n%s", err, out)
		}
		if again := parseImported(t, out); again.Users != r.Users || storetest.Dump(t, database) != after {
			t.Error("a second import has changed something")
		}
	})
}

// checkReport checks that nothing got lost, and that each reason is there.
func (app *oldApp) checkReport(t *testing.T, r imported) {
	t.Helper()
	for _, c := range []struct {
		what       string
		taken, all int
		skipped    int
	}{
		{"users", r.Users, 14, 2}, {"accounts", r.Passwords, 12, 3}, {"totps", r.TOTPs, 3, 2}, {"passkeys", r.Passkeys, 3, 2},
		{"sessions", r.Sessions, 69, 15}, {"trustedDevices", r.TrustedDevices, 1, 0},
	} {
		if skipped := r.skipped(c.what); c.taken+skipped != c.all || skipped != c.skipped {
			t.Errorf("%s: %d taken over and %d skipped; want %d of %d skipped", c.what, c.taken, skipped, c.skipped, c.all)
		}
	}
	if r.BackupCodes != 2 || r.ResetLinks != 1 || r.skipped("emailCodes") != 1 {
		t.Errorf("%d backup codes, %d reset links, %d factors by email", r.BackupCodes, r.ResetLinks, r.skipped("emailCodes"))
	}
	if !slices.ContainsFunc(r.Notes, func(note string) bool { return strings.Contains(note, "1 administrator") }) {
		t.Errorf("the notes do not say that there was an administrator: %q", r.Notes)
	}
	for _, s := range r.Skipped {
		if s.What == "users" && (len(s.Users) != 1 || s.Users[0] != "Capital" && s.Users[0] != "invalid") {
			t.Errorf("the wrong users were skipped: %+v", s)
		}
	}
}

// checkSecrecy checks that no secret is in the output, or in the database as it was before.
func (app *oldApp) checkSecrecy(t *testing.T, output, database string) {
	t.Helper()
	dump := storetest.Dump(t, database)
	secrets := []string{oldSecret, "qPB9E-7n4Ln", "qPB9E7n4Ln", "aBcDeFgHiJkLmNoPqRsTuVwX", "YRp1iOewYsYHtQjH0voCQT5TJWiOkh6i"}
	for _, token := range app.tokens {
		secrets = append(secrets, token)
	}
	for _, key := range app.keys {
		secrets = append(secrets, string(key), hex.EncodeToString(key), base32.StdEncoding.EncodeToString(key)[:50])
	}
	for _, secret := range secrets {
		if strings.Contains(output, secret) || strings.Contains(dump, secret) || strings.Contains(dump, hex.EncodeToString([]byte(secret))) {
			t.Errorf("%q is in the output or in the database", secret)
		}
	}
	if strings.Contains(output, oldHash) {
		t.Error("a hash is in the output")
	}
}

// signedCookie returns a cookie's value as browsers send it.
func signedCookie(value string) string { return url.QueryEscape(betterauth.Sign(oldSecret, value)) }

// browser returns a client that has the cookie of a session of the application.
func (app *oldApp) browser(p *testkit.Program, session string) *testkit.Client {
	c := p.Client()
	c.SetCookie("better-auth.session_token", signedCookie(app.tokens[session]))
	return c
}

// checkSessions checks that browsers stay signed in.
func (app *oldApp) checkSessions(t *testing.T, p *testkit.Program) {
	for session, live := range map[string]bool{
		"fresh": true, "week-old": true, "brief": true, "admin": true, "many-0": true,
		"expired": false, "old": false, "of-banned": false, "impersonated": false, "orphan": false, "many-55": false,
	} {
		if app.browser(p, session).SignedIn(t) != live {
			t.Errorf("the session %s: signed in is not %t", session, live)
		}
	}
	c := app.browser(p, "week-old")
	a := c.Get("/list-sessions")
	if len(a.Strings("")) > 0 || a.Status != 200 {
		t.Errorf("list-sessions: %s", a)
	}
	old := c.Cookie("better-auth.session_token")
	if c.Cookie("acme.session_token") != "" || old == "" {
		t.Error("a call that reads has replaced the cookie")
	}
	c.Post("/change-email", body{"newEmail": "other@example.test"}).Want(t, 403, "SESSION_NOT_FRESH")
	if c.Cookie("acme.session_token") == "" || c.Cookie("better-auth.session_token") != "" {
		t.Errorf("a call that writes has not replaced the cookie: %v", c.Cookies())
	}
	if !c.SignedIn(t) {
		t.Error("the session has ended when it got another cookie")
	}
	late := p.Client()
	late.SetCookie("better-auth.session_token", old)
	if !late.SignedIn(t) {
		t.Error("a call on its way with the old cookie was refused")
	}
	late.Post("/update-user", body{"name": "Late"}).Want(t, 200, "")
	if late.Cookie("acme.session_token") != "" {
		t.Error("the old cookie was replaced twice")
	}
	fresh := app.browser(p, "fresh")
	fresh.Post("/revoke-other-sessions", nil).Want(t, 200, "")
	if !fresh.SignedIn(t) || c.SignedIn(t) || app.browser(p, "brief").SignedIn(t) {
		t.Error("revoke-other-sessions ended the wrong sessions")
	}
	fresh.Post("/sign-out", nil).Want(t, 200, "")
	if fresh.SignedIn(t) || app.browser(p, "fresh").SignedIn(t) {
		t.Error("the session is there after the sign-out")
	}
}

// checkForged checks that nothing but the signed token of a session opens it.
func (app *oldApp) checkForged(t *testing.T, p *testkit.Program) {
	token := app.tokens["admin"]
	right := betterauth.Sign(oldSecret, token)
	_, signature, _ := strings.Cut(right, ".")
	for _, value := range []string{
		token, token + ".", "." + signature, token + "." + signature[:43], token + "." + strings.ToLower(signature),
		betterauth.Sign(oldSecret+" ", token), betterauth.Sign("", token), betterauth.Sign(oldSecret, "admin"),
		betterauth.Sign(oldSecret, "true"), betterauth.Sign(oldSecret, right), right + "." + signature,
		betterauth.Sign(oldSecret, app.tokens["expired"]), betterauth.Sign(oldSecret, app.tokens["impersonated"]),
	} {
		for _, name := range []string{"better-auth.session_token", "acme.session_token"} {
			c := p.Client()
			c.SetCookie(name, url.QueryEscape(value))
			if c.SignedIn(t) {
				t.Errorf("%s=%s is signed in", name, value)
			}
		}
	}
	c := p.Client()
	c.SetCookie("__Secure-better-auth.session_token", url.QueryEscape(right))
	if c.SignedIn(t) {
		t.Error("the name of a cookie for https works without https")
	}
	if !app.browser(p, "admin").SignedIn(t) {
		t.Error("the right cookie does not work")
	}
}

// checkSignIns checks signing in by password, and the second factor.
func (app *oldApp) checkSignIns(t *testing.T, p *testkit.Program) {
	for email, code := range map[string]string{
		"twin@example.test": "", "TWIN@example.test": "", "alone@example.test": "", "served@example.test": "", "off@example.test": "",
		"begun@example.test": "", "mailed@example.test": "", "banned@example.test": "ACCOUNT_DISABLED",
	} {
		status := 200
		if code != "" {
			status = 403
		}
		for range 2 { // the hash is new after the first time
			signIn(p.Client(), email, oldPassword).Want(t, status, code)
		}
		if a := signIn(p.Client(), email, oldPassword+"!"); a.Status != 401 {
			t.Errorf("%s with a wrong password: %s", email, a)
		}
	}
	key := testkit.TypeKey(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(app.keys["two"]))
	byCode, byBackup, again := p.Client(), p.Client(), p.Client()
	for _, c := range []*testkit.Client{byCode, byBackup, again} {
		signIn(c, "two@example.test", oldPassword).Must(t, 403, "TWO_FACTOR_REQUIRED")
	}
	byCode.Post("/two-factor/verify-totp", body{"code": key.Next()}).Want(t, 200, "")
	byBackup.Post("/two-factor/verify-backup-code", body{"code": "qpb9e-7n4ln"}).Want(t, 401, "INVALID_BACKUP_CODE")
	byBackup.Post("/two-factor/verify-backup-code", body{"code": "qPB9E-7n4Ln"}).Want(t, 200, "")
	if a := again.Post("/two-factor/verify-backup-code", body{"code": "qPB9E7n4Ln"}); a.Status != 401 || !strings.Contains(a.Body, "already been used") {
		t.Errorf("a used backup code: %s", a)
	}

	trusted := p.Client()
	trusted.SetCookie("better-auth.trust_device",
		url.QueryEscape(betterauth.TrustCookie(oldSecret, "trust-device-YRp1iOewYsYHtQjH0voCQT5TJWiOkh6i", "two")))
	copied := trusted.Copy()
	signIn(trusted, "two@example.test", oldPassword).Want(t, 200, "")
	if trusted.Cookie("acme.trust_device") == "" || trusted.Cookie("better-auth.trust_device") != "" {
		t.Errorf("the cookie of the trusted device was not replaced: %v", trusted.Cookies())
	}
	signIn(trusted, "two@example.test", oldPassword).Want(t, 200, "")
	signIn(copied, "two@example.test", oldPassword).Want(t, 403, "TWO_FACTOR_REQUIRED")
	other := p.Client()
	other.SetCookie("better-auth.trust_device", url.QueryEscape(betterauth.Sign(oldSecret, "trust-device-YRp1iOewYsYHtQjH0voCQT5TJWiOkh6i")))
	signIn(other, "two@example.test", oldPassword).Want(t, 403, "TWO_FACTOR_REQUIRED")
}

// checkPasskeys checks that a passkey signs in though its user handle is unknown, and that the
// first handle stays.
func (app *oldApp) checkPasskeys(t *testing.T, p *testkit.Program) {
	device := authenticator.New(p.Origin)
	key := app.devices["keys"]
	device.Keys = []*authenticator.Key{key}
	for range 2 {
		c := p.Client()
		post(c, "/passkey/verify-authentication", use(t, device, beginCeremony(t, c, "authenticate"))).Want(t, 200, "")
		if !c.SignedIn(t) || c.Session().Get("user.id") != "keys" {
			t.Errorf("a passkey has signed in as %v", c.Session())
		}
	}
	key.UserHandle = []byte("another handle")
	c := p.Client()
	post(c, "/passkey/verify-authentication", use(t, device, beginCeremony(t, c, "authenticate"))).Want(t, 400, "AUTHENTICATION_FAILED")

	stolen := authenticator.New(p.Origin)
	stolen.Keys = []*authenticator.Key{app.devices["google"]}
	c = p.Client()
	if a := post(c, "/passkey/verify-authentication", use(t, stolen, beginCeremony(t, c, "authenticate"))); a.Status == 200 || a.Status >= 500 {
		t.Errorf("the second passkey with the same credential ID: %s", a)
	}
}

// checkResetLink checks that a link in an email from before sets a new password, once.
func (app *oldApp) checkResetLink(t *testing.T, p *testkit.Program) {
	link := body{"token": "aBcDeFgHiJkLmNoPqRsTuVwX", "newPassword": "a new password of the user"}
	p.Client().Post("/reset-password", body{"token": "aBcDeFgHiJkLmNoPqRsTuVwY", "newPassword": "a new password"}).Want(t, 400, "INVALID_TOKEN")
	p.Client().Post("/reset-password", link).Want(t, 200, "")
	p.Client().Post("/reset-password", link).Want(t, 400, "INVALID_TOKEN")
	signIn(p.Client(), "twin@example.test", "a new password of the user").Want(t, 200, "")
}

// TestImportRefused tests imports that must change nothing.
func TestImportRefused(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, source string) {
		app := newOldApp(t, source)
		app.fill(t)
		target := func() string { return "sqlite:" + filepath.Join(t.TempDir(), "target.db") }
		for name, c := range map[string]struct {
			line []string
			want string
		}{
			"no secret":    {[]string{"BETTER_AUTH_SECRET="}, "give the application's secret"},
			"wrong secret": {[]string{"BETTER_AUTH_SECRET=wrong"}, "decrypts no authenticator"},
			"other file":   {[]string{"BETTER_AUTH_SECRET=", "-secret-file", "/nowhere"}, "-secret-file"},
		} {
			database := target()
			data := t.TempDir()
			env, flags := splitEnv(c.line)
			line := append(append(env, "import", "better-auth", "-from", source, "-database", database, "-data", data), flags...)
			out, err := testkit.Run(t, line...)
			if err == nil || !strings.Contains(out, c.want) || strings.Contains(out, "wrong\n") {
				t.Errorf("%s: %v, %s; want an error with %q", name, err, out, c.want)
			}
			if files, _ := os.ReadDir(data); len(files) > 0 || hasTables(t, database) {
				t.Errorf("%s: something was written", name)
			}
		}

		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(oldSecret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := testkit.Run(t, "import", "better-auth", "-from", source, "-database", target(), "-data", t.TempDir(),
			"-secret-file", file, "-dry-run"); err != nil || !strings.Contains(out, "12  users") {
			t.Errorf("with the secret in a file: %v, %s", err, out)
		}

		used := testkit.Start(t)
		used.Client().SignUp("first@example.test").Must(t, 200, "")
		if out, err := app.importInto(t, "sqlite:"+filepath.Join(used.Data, "latchkey.db"), used.Data); err == nil || !strings.Contains(out, "has accounts already") {
			t.Errorf("into a database with accounts: %v, %s", err, out)
		}

		app.user("other@example.test", "twoFactorEnabled", true)
		app.factor("other", "another secret", true)
		database := target()
		if out, err := app.importInto(t, database, t.TempDir()); err == nil || !strings.Contains(out, "(other)") || hasTables(t, database) {
			t.Errorf("an authenticator that cannot be decrypted: %v, %s; want an error that names its user", err, out)
		}
	})
}

// splitEnv separates environment variables from flags.
func splitEnv(line []string) (env, flags []string) {
	n := slices.IndexFunc(line, func(word string) bool { return strings.HasPrefix(word, "-") })
	if n < 0 {
		return slices.Clone(line), nil
	}
	return slices.Clone(line[:n]), line[n:]
}

// statements returns a function that runs a statement with a "?" for each argument.
func statements(t *testing.T, database string) func(query string, args ...any) {
	t.Helper()
	pool := openSQL(t, database)
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
	if err := openSQL(t, database).QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// TestImportKilled kills the import at random moments. After that, the database must be as
// empty as before or have everything, and another import must complete it.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	times := 1
	if os.Getenv("LATCHKEY_TEST_THOROUGH") == "on" {
		times = 10
	}
	const users, sessions = 1000, 20_000
	storetest.EachURL(t, func(t *testing.T, source string) {
		app := newOldApp(t, source)
		now := time.Now()
		const count = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) `
		app.exec(fmt.Sprintf(strings.Replace(count, "?", "%d", 1)+`INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
			SELECT 'user-' || i, 'Ada', 'user' || i || '@example.test', TRUE, '%s', '%s' FROM n`, users, isoTime(now), isoTime(now)))
		app.exec(fmt.Sprintf(strings.Replace(count, "?", "%d", 1)+`INSERT INTO session (id, token, "userId", "createdAt", "updatedAt", "expiresAt")
			SELECT 'session-' || i, 'token' || i, 'user-' || (i %% %d + 1), '%s', '%s', '%s' FROM n`,
			sessions, users, isoTime(now), isoTime(now), isoTime(now.Add(7*24*time.Hour))))

		began := time.Now()
		if out, err := app.importInto(t, "sqlite:"+filepath.Join(t.TempDir(), "whole.db"), t.TempDir()); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		whole := time.Since(began)
		for range times {
			database, data := storetest.SQLite(t), t.TempDir()
			if strings.HasPrefix(source, "postgres:") {
				database = storetest.Postgres(t)
			}
			wait := time.Duration(mathrand.Int64N(int64(whole)))
			cmd := exec.CommandContext(t.Context(), testkit.Binary(t), "import", "better-auth", "-from", source, "-database", database, "-data", data)
			cmd.Env = append(os.Environ(), "BETTER_AUTH_SECRET="+oldSecret)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait)
			cmd.Process.Kill()
			killed := cmd.Wait() != nil
			if n := countRows(t, database, "sessions"); n != 0 && n != sessions {
				t.Errorf("killed after %v, there are %d sessions", wait, n)
			}
			if out, err := app.importInto(t, database, data); err != nil || countRows(t, database, "sessions") != sessions {
				t.Errorf("killed (%t) after %v, and imported again: %v, %s", killed, wait, err, out)
			}
		}
	})
}

// countRows returns how many rows a table has; 0 if it does not exist.
func countRows(t *testing.T, database, table string) (n int) {
	t.Helper()
	if !hasTables(t, database) {
		return 0
	}
	_ = openSQL(t, database).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n) // n stays 0 without the table
	return n
}

// TestImportUsers imports the file of the documentation.
func TestImportUsers(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		dir := shellDir(t)
		file := filepath.Join(dir, "users.jsonl")
		lines := testkit.Fence(t, betterAuth, "json", "grace@example.com")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		env := []string{"LATCHKEY_DATABASE=" + database}
		command := testkit.Fence(t, betterAuth, "sh", "import users")
		write(lines)
		p := testkit.Start(t, "-database", database, "-data", filepath.Join(dir, "data"), "-rate-limits", "off")
		p.Client().SignUp("first@example.com").Must(t, 200, "")

		for _, c := range []struct{ add, want string }{
			{`{"email": "x@example.com", "passwordHsh": ""}`, `line 3: unknown member "passwordHsh"`},
			{`{"email": 7}`, `line 3: the member "email" has the wrong type`},
			{`{"email": "x@example.com"} {}`, "line 3: there must be one object"},
			{`{"email": "x@example.com", "totpSecret": "1"}`, "line 3: totpSecret is not base32"},
			{`{"email": "x@example.com", "backupCodes": ["1"]}`, "line 3: backupCodes need"},
			{`nonsense`, "line 3: it is not a valid JSON object"},
			{strings.Repeat("x", 100_000), "line 3 is longer"},
		} {
			write(lines + c.add)
			if out, err := testkit.Run(t, "import", "users", "-database", database, "-data", filepath.Join(dir, "data"), file); err == nil ||
				!strings.Contains(out, c.want) {
				t.Errorf("%.60s: %v, %s; want %q", c.add, err, out, c.want)
			}
		}
		write(lines)
		runShell(t, dir, env, mustReplace(t, command, "import users", "import users -dry-run"))
		signIn(p.Client(), "grace@example.com", "rasmuslerdorf").Want(t, 401, "INVALID_EMAIL_OR_PASSWORD")

		write(lines + `{"email": "FIRST@example.com"}` + "\n" + `{"email": "other@example.com", "passwordHash": "md5"}`)
		out := runShell(t, dir, env, command)
		for _, want := range []string{"3  users", "1  passwords", "1  authenticators", "2  backup codes", "1  users: another user", "1  passwords: the form"} {
			if !strings.Contains(out, want) {
				t.Errorf("the report lacks %q:\n%s", want, out)
			}
		}
		if again := runShell(t, dir, env, command); !strings.Contains(again, "0  users\n") || !strings.Contains(again, "4  users: another user") {
			t.Errorf("the second time: %s", again)
		}
		for range 2 { // the hash is new after the first time
			signIn(p.Client(), "grace@example.com", "rasmuslerdorf").Want(t, 200, "")
		}
	})
}
