package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/betterauth/betterauthtest"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
)

// TestMoveIn lets a real Better Auth application get its users, moves it to this program on the
// same origin, and tests that the users notice nothing.
func TestMoveIn(t *testing.T) {
	t.Parallel()
	scripts := installClient(t)
	storetest.EachURL(t, func(t *testing.T, source string) {
		_, port, _ := strings.Cut(testkit.FreeAddress(t), ":")
		origin := "http://localhost:" + port
		old := betterauthtest.Start(t, source, oldSecret, origin)
		users := old.Fill()
		state := filepath.Join(t.TempDir(), "state.json")
		runScript(t, scripts, "moved.mjs", "before", origin, state)
		old.Kill() // on SQLite, what it wrote last is then in the write-ahead log alone

		p := moveIn(t, source, origin)
		t.Run("Client", func(t *testing.T) { runScript(t, scripts, "moved.mjs", "after", origin, state) })
		t.Run("Sessions", func(t *testing.T) { checkMovedSessions(t, users) })
		t.Run("Passwords", func(t *testing.T) { checkMovedPasswords(t, p, users) })
		t.Run("TwoFactor", func(t *testing.T) { checkMovedFactor(t, p, users.TwoFactor) })
		t.Run("Passkeys", func(t *testing.T) { checkMovedPasskeys(t, p, users) })
		p.Stop()
		t.Run("WayBack", func(t *testing.T) { checkWayBack(t, old, users) })
	})
}

// moveIn follows the documentation, and returns the server at the origin of the application.
func moveIn(t *testing.T, source, origin string) *testkit.Program {
	t.Helper()
	dir, database := shellDir(t), storetest.SQLite(t)
	if strings.HasPrefix(source, "postgres:") {
		database = storetest.Postgres(t)
	}
	if err := os.WriteFile(filepath.Join(dir, "better-auth-secret"), []byte(oldSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"OLD_DATABASE=" + source, "LATCHKEY_DATABASE=" + database, postgresPath(t)}
	dry := runShell(t, dir, env, testkit.Fence(t, betterAuth, "sh", "-dry-run -from"))
	imported := testkit.Fence(t, betterAuth, "sh", "import better-auth -from")
	done := runShell(t, dir, env, imported)
	if _, counts, _ := strings.Cut(dry, "\n"); !strings.HasSuffix(done, counts) || !strings.Contains(counts, "users") {
		t.Errorf("the dry run says\n%s\nand the import\n%s", dry, done)
	}
	checkMoved(t, parseImported(t, runShell(t, dir, env, strings.TrimSpace(imported)+" -json")))

	start := strings.ReplaceAll(testkit.Fence(t, betterAuth, "sh", "TWO_FACTOR_SIGN_IN=redirect PASSKEY"), "\\\n", "")
	settings, _, _ := strings.Cut(start, "bin/latchkey")
	p := testkit.StartAt(t, origin, append(strings.Fields(settings), "-rp-id", "localhost", "-database", database,
		"-data", filepath.Join(dir, "data"), "-cookie-prefix", "better-auth", "-rate-limits", "off")...)
	grant := testkit.Fence(t, betterAuth, "sh", "bin/latchkey grant")
	runShell(t, dir, env, mustReplace(t, grant, "ann@example.com", "admin@example.com"))
	return p
}

// checkMoved checks the counts of the report. The client of the script is one more user.
func checkMoved(t *testing.T, r imported) {
	t.Helper()
	if r.Users != 13 || r.skipped("users") != 1 || r.Passwords != 11 || r.TOTPs != 2 || r.BackupCodes != 9+10 || r.Passkeys != 4 ||
		r.TrustedDevices != 2 || r.ResetLinks != 1 || r.skipped("totps") != 1 || r.skipped("emailCodes") != 1 {
		t.Errorf("the report is %+v", r)
	}
}

func checkMovedSessions(t *testing.T, users *betterauthtest.Users) {
	for name, c := range map[string]struct {
		browser *testkit.Client
		live    bool
	}{
		"plain": {users.Plain.Browser, true}, "brief": {users.Brief, true}, "old": {users.Old, true}, "out": {users.Out, false},
		"trusted": {users.TwoFactor.Trusted, true}, "banned": {users.Banned.Browser, false}, "pardoned": {users.Pardoned.Browser, true},
		"capitals": {users.Capitals.Browser, true}, "twin": {users.Twin.Browser, true}, "other twin": {users.TwinCaps.Browser, false},
		"social": {users.Social.Browser, true}, "only a passkey": {users.OnlyKey.Browser, true}, "impersonated": {users.Admins, false},
	} {
		if c.browser.SignedIn(t) != c.live {
			t.Errorf("%s: signed in is not %t", name, c.live)
		}
	}
	users.Old.Post("/change-email", body{"newEmail": "other@example.com"}).Want(t, 403, "SESSION_NOT_FRESH")
	users.Brief.Post("/update-user", body{"name": "Brief"}).Want(t, 200, "")
	a := users.Brief.Post("/update-session", body{})
	for _, line := range a.Header["Set-Cookie"] {
		if strings.Contains(line, "session_token") && strings.Contains(line, "Max-Age") {
			t.Errorf("the cookie of a brief session stays: %s", line)
		}
	}
	list := users.Plain.Browser.Get("/list-sessions")
	if n := strings.Count(list.Body, `"method":"imported"`); list.Status != 200 || n < 3 {
		t.Errorf("%d imported sessions in %s", n, list)
	}
}

// checkMovedBrowser tests that a browser that was signed in before is not new to the server.
func checkMovedBrowser(t *testing.T, u *betterauthtest.User) {
	t.Helper()
	u.Browser.Post("/update-user", body{"name": "Pardoned"}).Want(t, 200, "")
	for range 2 { // the first time, the hash of the password is upgraded
		u.Browser.Post("/sign-out", nil).Want(t, 200, "")
		signIn(u.Browser, u.Email, u.Password).Want(t, 200, "")
		if u.Browser.Get("/list-sessions").Get("0.isNew") != false {
			t.Error("the browser of before is new")
		}
	}
}

func checkMovedPasswords(t *testing.T, p *testkit.Program, users *betterauthtest.Users) {
	checkMovedBrowser(t, users.Pardoned)
	for _, u := range users.All() {
		switch u {
		case users.TwinCaps, users.Banned, users.TwoFactor:
			continue
		}
		if u.Password == "" {
			continue
		}
		signIn(p.Client(), u.Email, u.Password).Want(t, 200, "")
		if a := signIn(p.Client(), u.Email, u.Password+"!"); a.Status != 401 {
			t.Errorf("%s with a wrong password: %s", u.Email, a)
		}
	}
	signIn(p.Client(), users.Banned.Email, users.Banned.Password).Want(t, 403, "ACCOUNT_DISABLED")
	p.Client().Post("/reset-password", body{"token": users.ResetToken, "newPassword": "a new password of the user"}).Want(t, 200, "")
	signIn(p.Client(), users.Plain.Email, "a new password of the user").Want(t, 200, "")
}

func checkMovedFactor(t *testing.T, p *testkit.Program, u *betterauthtest.User) {
	begin := func() *testkit.Client {
		c := p.Client()
		if a := signIn(c, u.Email, u.Password); a.Get("twoFactorRedirect") != true {
			t.Errorf("the second factor is not asked for: %s", a)
		}
		return c
	}
	begin().Post("/two-factor/verify-totp", body{"code": u.App.Next()}).Want(t, 200, "")
	begin().Post("/two-factor/verify-totp", body{"code": testkit.Wrong(u.App)}).Want(t, 401, "INVALID_CODE")
	begin().Post("/two-factor/verify-backup-code", body{"code": u.UsedCode}).Want(t, 401, "INVALID_BACKUP_CODE")
	begin().Post("/two-factor/verify-backup-code", body{"code": u.Codes[0]}).Want(t, 200, "")
	begin().Post("/two-factor/verify-backup-code", body{"code": u.Codes[0]}).Want(t, 401, "INVALID_BACKUP_CODE")

	a := signIn(u.TrustedOut, u.Email, u.Password)
	if a.Status != 200 || a.Get("user.id") != u.ID {
		t.Errorf("a trusted device: %s", a)
	}
	if u.TrustedOut.Post("/sign-out", nil).Want(t, 200, ""); u.TrustedOut.SignedIn(t) {
		t.Error("signed in after a sign-out")
	}
	signIn(u.TrustedOut, u.Email, u.Password).Want(t, 200, "")
}

func checkMovedPasskeys(t *testing.T, p *testkit.Program, users *betterauthtest.Users) {
	for _, u := range []*betterauthtest.User{users.Passkeys, users.OnlyKey} {
		for i, device := range u.Devices {
			for range 2 { // the first time tells the user handle
				c := p.Client()
				a := post(c, "/passkey/verify-authentication", use(t, device, beginCeremony(t, c, "authenticate")))
				if a.Status != 200 || fmt.Sprint(c.Session().Get("user.id")) != u.ID {
					t.Errorf("passkey %d of %s: %s", i, u.Email, a)
				}
			}
		}
	}
	// A user can still add a passkey, and use it.
	c := users.OnlyKey.Browser
	post(c, "/passkey/verify-authentication", use(t, users.OnlyKey.Devices[0], beginCeremony(t, c, "authenticate"))).Want(t, 200, "")
	added := authenticator.New(p.Origin)
	post(c, "/passkey/verify-registration", create(t, added, beginCeremony(t, c, "register"))).Want(t, 200, "")
	other := p.Client()
	post(other, "/passkey/verify-authentication", use(t, added, beginCeremony(t, other, "authenticate"))).Want(t, 200, "")
}

// checkWayBack tests that the application can go on where it was.
func checkWayBack(t *testing.T, old *betterauthtest.Server, users *betterauthtest.Users) {
	kept := users.Twin.Browser // its cookie was only read
	old.Start()
	if !kept.SignedIn(t) {
		t.Error("a session of before has ended")
	}
	end := testkit.Fence(t, betterAuth, "sh", "DELETE FROM session")
	if path, ok := strings.CutPrefix(old.Database, "sqlite:"); ok {
		needs(t, "sqlite3")
		end = mustReplace(t, end, `psql "$OLD_DATABASE" --command=`, "sqlite3 "+path+" ")
	}
	runShell(t, t.TempDir(), []string{"OLD_DATABASE=" + old.Database, postgresPath(t)}, end)
	if kept.SignedIn(t) {
		t.Error("a session lives though all were ended")
	}
	signIn(old.Client(), users.Twin.Email, users.Twin.Password).Want(t, 200, "")
}
