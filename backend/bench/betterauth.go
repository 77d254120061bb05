package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/scrypt"
)

// betterAuthFiles are the server and its npm packages, with exact versions.
//
//go:embed betterauth/server.mjs betterauth/package.json betterauth/package-lock.json
var betterAuthFiles embed.FS

// betterAuth is Better Auth on Node.js, with its own adapter for the database.
type betterAuth struct {
	script  string // beside the packages
	secret  string
	version string // of Better Auth and of Node.js

	sqliteErr error // better-sqlite3 cannot be used
}

// errNoNode means that Better Auth cannot be measured on this machine.
var errNoNode = errors.New("it needs Node.js and npm")

// newBetterAuth installs the packages of Better Auth, unless an earlier run has. It fails
// with [errNoNode].
func newBetterAuth(dir string) (*betterAuth, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoNode, err)
		}
	}
	manifest, err := betterAuthFiles.ReadFile("betterauth/package.json")
	if err != nil {
		return nil, err
	}
	var pinned struct{ Dependencies map[string]string }
	if err := json.Unmarshal(manifest, &pinned); err != nil {
		return nil, err
	}
	node, err := exec.Command("node", "--version").Output()
	if err != nil {
		return nil, err
	}
	b := &betterAuth{secret: rand.Text() + rand.Text()}
	b.version = fmt.Sprintf("Better Auth %s on Node.js %s", pinned.Dependencies["better-auth"], strings.TrimSpace(string(node)))
	modules, err := installPackages()
	if err != nil {
		return nil, err
	}
	b.script = filepath.Join(dir, "betterauth", "server.mjs")
	if err := copyFile("server.mjs", b.script); err != nil {
		return nil, err
	}
	if err := os.Symlink(modules, filepath.Join(filepath.Dir(b.script), "node_modules")); err != nil {
		return nil, err
	}
	open := exec.Command("node", "--eval", `new (require("better-sqlite3"))(":memory:")`)
	open.Dir = filepath.Dir(b.script)
	if out, err := open.CombinedOutput(); err != nil {
		b.sqliteErr = fmt.Errorf("better-sqlite3 does not work: %w\n%s", err, out)
	}
	return b, nil
}

// installPackages installs the npm packages outside the source tree, and returns the path of
// node_modules. They stay in the user's cache for the next run.
func installPackages() (modules string, err error) {
	lock, err := betterAuthFiles.ReadFile("betterauth/package-lock.json")
	if err != nil {
		return "", err
	}
	abi, err := exec.Command("node", "--print", "process.versions.modules").Output() // which better-sqlite3 is compiled for
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "latchkey-bench")
	sum := sha256.Sum256(append(lock, abi...))
	installed := filepath.Join(cache, "better-auth-"+hex.EncodeToString(sum[:8]))
	modules = filepath.Join(installed, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	progress("Installing Better Auth for Node.js; the first time, this takes a few minutes …")
	fresh := installed + "." + rand.Text()
	defer os.RemoveAll(fresh)
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyFile(name, filepath.Join(fresh, name)); err != nil {
			return "", err
		}
	}
	npm := func(args ...string) error {
		run := exec.Command("npm", args...)
		run.Dir = fresh
		out, err := run.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("npm %s: %w\n%s", args[0], err, out)
		}
		return err
	}
	// Of all packages, only better-sqlite3 has a script that is necessary, and Postgres can
	// be measured without it. The flag is necessary because Better Auth and its plugin
	// require different versions of a package.
	if err := npm("ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return "", err
	}
	if err := npm("rebuild", "better-sqlite3"); err != nil {
		progress("%v", err)
	}
	if err := os.Rename(fresh, installed); err != nil {
		if _, exists := os.Stat(modules); exists != nil { // or else another run was faster
			return "", err
		}
	}
	return modules, nil
}

// copyFile writes an embedded file.
func copyFile(name, to string) error {
	content, err := betterAuthFiles.ReadFile("betterauth/" + name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// String implements [product].
func (*betterAuth) String() string { return "Better Auth" }

func (*betterAuth) spendsCodes() bool { return false }

func (b *betterAuth) command(d database, _, origin string) (run *exec.Cmd, ready string) {
	return b.run(d, origin, "serve"), "/api/auth/ok"
}

// migrate creates the tables in an empty database.
func (b *betterAuth) migrate(d database) error {
	out, err := b.run(d, "http://localhost", "migrate").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("migrating the database of Better Auth: %w\n%s", err, out)
	}
	return err
}

func (b *betterAuth) run(d database, origin, command string) *exec.Cmd {
	run := exec.Command("node", b.script, command)
	run.Env = append(os.Environ(), "NODE_ENV=production", "BETTER_AUTH_SECRET="+b.secret, "DATABASE_URL="+d.url, "BASE_URL="+origin)
	return run
}

// age implements [product]. A read of a session writes once a day, so there is nothing to do.
func (*betterAuth) age(database) error { return nil }

// maxAccounts is how many sessions fill returns: as many as "latchkey seed" prints.
const maxAccounts = 20_000

func (b *betterAuth) fill(d database, sessions, perUser int) ([]account, error) {
	if err := b.migrate(d); err != nil {
		return nil, err
	}
	hash, err := betterAuthHash(password)
	if err != nil {
		return nil, err
	}
	db, err := d.open()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()

	now := isoTime(time.Now())
	users := (sessions + perUser - 1) / perUser
	user := func(n int) string { return fmt.Sprintf("user%029d", n) }
	email := func(n int) string { return fmt.Sprintf("user%d@example.test", n) }
	err = insert(ctx, tx, `"user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")`, counted(users, func(n int) string {
		return fmt.Sprintf("('%s', 'Seeded', '%s', FALSE, '%s', '%s')", user(n), email(n), now, now)
	}))
	if err != nil {
		return nil, err
	}
	columns := `"account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")`
	err = insert(ctx, tx, columns, counted(users, func(n int) string {
		return fmt.Sprintf("('%s', '%s', 'credential', '%s', '%s', '%s', '%s')", rand.Text(), user(n), user(n), hash, now, now)
	}))
	if err != nil {
		return nil, err
	}

	sample := make(map[int]int) // the places of the chosen sessions
	for place, n := range mathrand.Perm(sessions)[:min(sessions, maxAccounts)] {
		sample[n] = place
	}
	accounts := make([]account, len(sample))
	expires := isoTime(time.Now().Add(7 * 24 * time.Hour))
	columns = `"session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")`
	err = insert(ctx, tx, columns, counted(sessions, func(n int) string {
		token := rand.Text()
		if place, ok := sample[n]; ok {
			accounts[place] = account{email(n / perUser), b.cookie(token)}
		}
		return fmt.Sprintf("('%s', '%s', '%s', '%s', '%s', '%s', '%s', '%s')", rand.Text(), expires, token, now, now, ip, agent, user(n/perUser))
	}))
	if err != nil {
		return nil, err
	}
	return accounts, tx.Commit()
}

// counted returns the next for insert that returns the rows 0 to n-1.
func counted(n int, row func(int) string) func() string {
	i := -1
	return func() string {
		if i++; i >= n {
			return ""
		}
		return row(i)
	}
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// cookie returns the Cookie header with a session's token and its signature.
func (b *betterAuth) cookie(token string) string {
	mac := hmac.New(sha256.New, []byte(b.secret))
	mac.Write([]byte(token))
	signed := token + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return "better-auth.session_token=" + url.QueryEscape(signed)
}

// betterAuthHash hashes a password as Better Auth does.
func betterAuthHash(password string) (string, error) {
	random := make([]byte, 16)
	rand.Read(random)
	salt := hex.EncodeToString(random)
	key, err := scrypt.Key([]byte(password), []byte(salt), 1<<14, 16, 1, 64)
	return salt + ":" + hex.EncodeToString(key), err
}
