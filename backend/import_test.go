package main_test

import (
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/betterauth"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
)

// importInto runs the import into a database, and returns its output.
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
	reasons := make(map[string]string)
	for _, s := range r.Skipped {
		reasons[s.What+": "+s.Reason] = fmt.Sprint(s.Count, " ", strings.Join(s.Users, " "))
	}
	if want := map[string]string{
		"users: " + string(account.RefusedTwin):               "1 Capital",
		"users: " + string(account.RefusedAddress):            "1 invalid",
		"accounts: " + string(account.RefusedNoUser):          "1 invalid",
		"accounts: " + string(account.RefusedHash):            "1 foreign",
		`accounts: signing in with "google" is not supported`: "1 google",
		"totps: the user has turned it off":                   "1 off",
		"totps: the user has never finished setting it up":    "1 begun",
		"emailCodes: codes by email alone are no second factor here; " +
			"the user signs in with the password": "1 mailed",
		"passkeys: " + string(account.RefusedCredential):       "1 google",
		"passkeys: " + string(account.RefusedKey):              "1 twin",
		"sessions: " + string(account.RefusedExpired):          "1 twin",
		"sessions: " + string(account.RefusedTooOld):           "1 twin",
		"sessions: " + string(account.RefusedDisabled):         "1 banned",
		"sessions: " + string(account.RefusedNoUser):           "1 nobody",
		"sessions: " + string(account.RefusedTooMany):          "10 served",
		"sessions: an administrator had opened it as the user": "1 two",
	}; !maps.Equal(reasons, want) {
		t.Errorf("the reasons are %q; want %q", reasons, want)
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
	switched := app.browser(p, "many-1")
	signIn(switched, "off@example.test", oldPassword).Want(t, 200, "")
	if switched.Cookie("better-auth.session_token") != "" {
		t.Error("the cookie of an earlier session outlives a sign-in")
	}
	old = signedCookie(app.tokens["many-1"])
	switched.SetCookie("better-auth.session_token", old) // as one for all hosts of the domain, which cannot be cleared
	switched.Post("/sign-out", nil).Want(t, 200, "")
	switched.SetCookie("better-auth.session_token", old)
	if switched.SignedIn(t) {
		t.Error("after the sign-out, an earlier session is back")
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
	a := again.Post("/two-factor/verify-backup-code", body{"code": "qPB9E7n4Ln"})
	if a.Status != 401 || !strings.Contains(a.Body, "already been used") {
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
	a := post(c, "/passkey/verify-authentication", use(t, stolen, beginCeremony(t, c, "authenticate")))
	if a.Status == 200 || a.Status >= 500 {
		t.Errorf("the second passkey with the same credential ID: %s", a)
	}
}

// checkResetLink checks that a link in an email from before sets a new password, once.
func (app *oldApp) checkResetLink(t *testing.T, p *testkit.Program) {
	link := body{"token": "aBcDeFgHiJkLmNoPqRsTuVwX", "newPassword": "a new password of the user"}
	wrong := body{"token": "aBcDeFgHiJkLmNoPqRsTuVwY", "newPassword": "a new password"}
	p.Client().Post("/reset-password", wrong).Want(t, 400, "INVALID_TOKEN")
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
			"same":         {[]string{"-database", source}, "must be different databases"},
			"no server":    {[]string{"-database", "postgres://u@127.0.0.1:1/x"}, "open the database: dial tcp 127.0.0.1:1: "},
			"other scheme": {[]string{"-database", "mysql:x"}, `must begin with sqlite: or postgres://, not "mysql:"`},
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
		out, err := app.importInto(t, "sqlite:"+filepath.Join(used.Data, "latchkey.db"), used.Data)
		if err == nil || !strings.Contains(out, "has accounts already") {
			t.Errorf("into a database with accounts: %v, %s", err, out)
		}

		app.user("broken@example.test", "twoFactorEnabled", true)
		app.factor("broken", oldSecret, true)
		app.exec(`UPDATE "twoFactor" SET "backupCodes" = NULL WHERE "userId" = 'broken'`)
		broken := target()
		if out, err := app.importInto(t, broken, t.TempDir()); err == nil || !strings.Contains(out, "(broken)") || hasTables(t, broken) {
			t.Errorf("an authenticator that cannot be read: %v, %s; want an error that names its user", err, out)
		}
		app.exec(`UPDATE "user" SET "twoFactorEnabled" = FALSE WHERE id = 'broken'`)

		app.user("other@example.test", "twoFactorEnabled", true)
		app.factor("other", "another secret", true)
		database := target()
		if out, err := app.importInto(t, database, t.TempDir()); err == nil || !strings.Contains(out, "(other)") || hasTables(t, database) {
			t.Errorf("an authenticator that cannot be decrypted: %v, %s; want an error that names its user", err, out)
		}
	})
}

// TestImportsAtOnce tests that of several imports at the same time, one writes, and that the others
// report what it has written.
func TestImportsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		app := newOldApp(t, storetest.SQLite(t))
		now := isoTime(time.Now())
		app.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
			INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
			SELECT 'user-' || i, 'Ada', 'user' || i || '@example.test', TRUE, ?, ? FROM n`, now, now)
		data := t.TempDir()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if out, err := app.importInto(t, database, data, "-json"); err != nil || !strings.Contains(out, `"users":3000,`) {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		all.Wait()
		if n := countRows(t, database, "users"); n != 3000 {
			t.Errorf("there are %d users", n)
		}
	})
}

// TestImportWaits tests that an import waits while another one writes, although that takes longer
// than the statements of a server may.
func TestImportWaits(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		app, data := newOldApp(t, storetest.SQLite(t)), t.TempDir()
		app.fill(t)
		if out, err := testkit.Run(t, "migrate", "-database", database, "-data", data); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		begin := []string{"BEGIN", "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"}
		if strings.HasPrefix(database, "sqlite:") {
			begin = []string{"BEGIN IMMEDIATE"}
		}
		other, err := storetest.OpenSQL(t, database).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		exec := func(statement string) {
			t.Helper()
			if _, err := other.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for _, statement := range begin {
			exec(statement)
		}
		ended := make(chan error, 1)
		go func() {
			out, err := app.importInto(t, database, data)
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, out)
			}
			ended <- err
		}()
		select {
		case err := <-ended:
			t.Fatalf("the import does not wait: %v", err)
		case <-time.After(store.Timeout + time.Second):
		}
		exec("ROLLBACK")
		if err := <-ended; err != nil {
			t.Errorf("an import that has waited: %v", err)
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
