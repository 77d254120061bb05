package betterauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/betterauth"
	"latchkey/backend/store/storetest"
)

// builtIn returns the variant of Better Auth's own adapter.
func builtIn(url string) variant {
	return variants[slices.IndexFunc(variants, func(v variant) bool { return strings.HasPrefix(url, v.database) })]
}

// TestMissing tests what is optional, and that the rest is named in an error.
func TestMissing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		changes string
		says    string // empty if the rest can be read
	}{
		{"no user", `ALTER TABLE "user" RENAME TO person`, `there is no table "user"`},
		{"no account", `DROP TABLE account`, `there is no table "account"`},
		{"no email", `ALTER TABLE "user" RENAME COLUMN email TO email_address`, `the table "user" has no column "email"`},
		{"no password", `ALTER TABLE account RENAME COLUMN password TO hash`, `the table "account" has no column "password"`},
		{"no credentialID", `ALTER TABLE passkey RENAME "credentialID" TO "webauthnUserID"`, `table "passkey" has no column "credentialID"`},
		{"two users", `CREATE TABLE users AS SELECT * FROM "user"`, `both tables "user" and "users" can be Better Auth's table "user"`},
		{"two dates", `ALTER TABLE "user" ADD COLUMN created_at text`, `both columns "createdAt" and "created_at"`},
		{"another users", `CREATE TABLE users (id text, email text)`, ""},
		{"renamed session", `ALTER TABLE session RENAME TO "signIn"`, `there is no table "session", but the table "signIn" has its columns`},
		{"renamed verification", `ALTER TABLE verification RENAME TO token`, `no table "verification", but the table "token"`},
		{"renamed passkey", `ALTER TABLE passkey RENAME TO credential`, `no table "passkey", but the table "credential"`},
		{"renamed twoFactor", `ALTER TABLE "twoFactor" RENAME TO mfa`, `no table "twoFactor", but the table "mfa"`},
		{"lost twoFactor", `DROP TABLE "twoFactor"`, `there is no table "twoFactor", but users have two-factor authentication`},
		{"unused twoFactor", `DROP TABLE "twoFactor"; UPDATE "user" SET "twoFactorEnabled" = NULL`, ""},
		{"no plugins", `DROP TABLE "twoFactor"; DROP TABLE passkey; ALTER TABLE "user" DROP COLUMN "twoFactorEnabled"; ` +
			`ALTER TABLE "user" DROP COLUMN role; ALTER TABLE "user" DROP COLUMN banned; ALTER TABLE "user" DROP COLUMN "banReason"; ` +
			`ALTER TABLE "user" DROP COLUMN "banExpires"; ALTER TABLE session DROP COLUMN "impersonatedBy"`, ""},
		{"no tables of Redis", `DROP TABLE session; DROP TABLE verification`, ""},
		{"older columns", `ALTER TABLE passkey DROP COLUMN aaguid; ALTER TABLE passkey DROP COLUMN "createdAt"; ` +
			`ALTER TABLE "twoFactor" DROP COLUMN verified; ALTER TABLE verification DROP COLUMN "createdAt"`, ""},
	}
	storetest.EachURL(t, func(t *testing.T, empty string) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				url := builtIn(empty).url(t)
				execute(t, url, builtIn(url).statements()...)
				execute(t, url, strings.Split(test.changes, "; ")...)
				if test.says == "" {
					if got := readAll(t, open(t, url)); len(got.Users) != 2 || len(got.Accounts) != 2 {
						t.Errorf("got %+v", got)
					}
					return
				}
				d, err := betterauth.Open(t.Context(), url)
				if err == nil {
					d.Close()
				}
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v; want %s", err, test.says)
				}
			})
		}
	})
}

func TestHas(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	execute(t, url, builtIn(url).statements()...)
	execute(t, url, "DROP TABLE passkey")
	d := open(t, url)
	if d.Has(betterauth.TablePasskey) || !d.Has(betterauth.TableUser) || !d.Has(betterauth.TableTwoFactor) {
		t.Error("Has is wrong")
	}
}

// TestOpenErrors tests that an error explains the cause, without the password of the URL.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no database "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for databaseURL, says := range map[string]string{
		"":                                       "must begin with sqlite: or postgres://",
		"mysql://user:hunter2@host/db":           "must begin with sqlite: or postgres://",
		"sqlite:":                                "no file path",
		"sqlite:" + dir + "/missing.db":          "no such file",
		"sqlite:" + garbage:                      "not an SQLite database",
		"postgres://user:hunter2@host:port/db":   "not valid",
		"postgres://user:hunter2%zz@host/db":     "not valid",
		"postgres://user:hunter2@127.0.0.1:1/db": "refused",
		"postgres://user:hunter2@127.0.0.1:1/db?sslmode=hunter2":     "not valid",
		"postgres://user:hunter2@127.0.0.1:1/db?sslrootcert=missing": "not valid",
	} {
		d, err := betterauth.Open(t.Context(), databaseURL)
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", databaseURL, err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("opening creates files: %v, %v", files, err)
	}
}

// TestPostgresURLs tests URLs as applications have them.
func TestPostgresURLs(t *testing.T) {
	t.Parallel()
	plain, err := url.Parse(storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	v := builtIn("postgres:")
	execute(t, plain.String(), append([]string{"CREATE SCHEMA auth", "SET search_path TO auth"}, v.statements()...)...)
	execute(t, plain.String(), `CREATE TABLE public."user" (id text)`)
	for query, ok := range map[string]bool{
		"sslmode=disable&schema=auth":                                                       true,
		"schema=auth&connection_limit=5&pgbouncer=true":                                     true, // no TLS, as the server has none
		"sslmode=prefer&options=-c%20search_path%3Dauth":                                    true,
		"sslmode=disable&options=--search_path%3Dpublic,auth":                               false,
		"sslmode=disable&options=-c%20statement_timeout%3D5%20-csearch_path%3D%22auth%22":   true,
		"sslmode=disable&search_path=auth,public&channel_binding=prefer&connect_timeout=30": true,
		"sslmode=disable":                   false,
		"sslmode=require&schema=auth":       false,
		"sslmode=no-verify&schema=auth":     false,
		"sslmode=disable&schema=au%27th":    false,
		"sslmode=disable&schema=auth,other": false,
	} {
		u := *plain
		u.RawQuery = query
		d, err := betterauth.Open(t.Context(), u.String())
		if (err == nil) != ok {
			t.Errorf("%s: %v", query, err)
		}
		if err == nil {
			readAll(t, d)
			d.Close()
		}
	}
}

// TestSocket tests a URL with a folder of sockets, as libpq accepts it. Such a connection
// has no TLS.
func TestSocket(t *testing.T) {
	t.Parallel()
	storetest.Shared(t)                               // skips the test without Postgres
	dir, err := os.MkdirTemp("/tmp", "latchkey-test") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { // Postgres may run as another user
		t.Fatal(err)
	}
	cluster, err := storetest.StartCluster("unix_socket_directories=" + dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	execute(t, cluster.URL(), builtIn("postgres:").statements()...)
	u, err := url.Parse(cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, open(t, fmt.Sprintf("postgresql://postgres@:%s/postgres?host=%s", u.Port(), dir)))
}

// TestReadOnly tests that nothing can be written, and that a user who can only select is
// enough.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	address := storetest.Postgres(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	role := "reader_" + strings.ToLower(strings.TrimPrefix(u.Path, "/"))
	execute(t, address, builtIn(address).statements()...)
	execute(t, address, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'x'", role),
		fmt.Sprintf("GRANT SELECT ON ALL TABLES IN SCHEMA public TO %s", role))
	u.User = url.UserPassword(role, "x")
	d, err := betterauth.Open(context.Background(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, d); len(got.Users) != 2 {
		t.Errorf("got %+v", got)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}

	path := filepath.Join(t.TempDir(), "app.db")
	execute(t, "sqlite:"+path, builtIn("sqlite:").statements()...)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	readAll(t, open(t, "sqlite:"+path))
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed: %v", err)
	}
}

// TestSnapshot tests that rows which the application writes while the database is open are
// not seen, that it can write them, and that what is only in the write-ahead log is seen.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "sqlite:") {
			execute(t, url, "PRAGMA journal_mode = WAL")
		}
		execute(t, url, builtIn(url).statements()...)
		application := storetest.OpenSQL(t, url)
		defer application.Close()
		update := func(statement string) {
			t.Helper()
			if _, err := application.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		update(`DELETE FROM "user" WHERE name = ''`)
		d := open(t, url)
		update(`DELETE FROM "user"`)
		update(`DELETE FROM session`)
		got := readAll(t, d)
		if len(got.Users) != 1 || len(got.Sessions) != 2 {
			t.Errorf("got %d users and %d sessions", len(got.Users), len(got.Sessions))
		}
	})
}

var errStop = errors.New("stop")

// TestCallback tests what a function may do that receives rows.
func TestCallback(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		execute(t, url, builtIn(url).statements()...)
		d := open(t, url)
		n := 0
		if err := d.Users(t.Context(), func(betterauth.User) error { n++; return errStop }); !errors.Is(err, errStop) || n != 1 {
			t.Errorf("got %v after %d", err, n)
		}
		err := d.Users(t.Context(), func(betterauth.User) error {
			_, err := d.Count(t.Context(), betterauth.TableUser)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "cannot read others") {
			t.Errorf("a query in a query: %v", err)
		}
		readAll(t, d)
	})
}

// TestInterrupted tests that a source that stops is an error, and not taken for the end.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	t.Run("Postgres", testStoppedServer)
	t.Run("SQLite", testHalfFile)
	t.Run("Canceled", testCanceled)
}

func testStoppedServer(t *testing.T) {
	t.Parallel()
	cluster, url := storetest.OwnCluster(t)
	execute(t, url, builtIn(url).statements()...)
	// More than what the sockets buffer.
	execute(t, url, `INSERT INTO session SELECT 'id' || n, now(), 'token' || n, now(), now(), '', repeat('x', 1000), 'u' || n
			FROM generate_series(1, 50000) n`)
	d, err := betterauth.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n := 0
	err = d.Sessions(t.Context(), func(betterauth.Session) error {
		if n++; n == 10 {
			return cluster.Stop()
		}
		return nil
	})
	if err == nil || n < 10 || n >= 50000 {
		t.Errorf("after %d rows: %v", n, err)
	}
	if err := d.Users(t.Context(), func(betterauth.User) error { return nil }); err == nil {
		t.Error("and then: no error")
	}
}

func testHalfFile(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	execute(t, url, builtIn(url).statements()...)
	execute(t, url, `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000)
			INSERT INTO session ("id", "userId", token) SELECT 'id' || n, 'u' || n, 'token' || n FROM c`)
	path := strings.TrimPrefix(url, "sqlite:")
	whole, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, whole.Size()/2); err != nil {
		t.Fatal(err)
	}
	d, err := betterauth.Open(t.Context(), url)
	if err != nil {
		return // it is found out at once
	}
	defer d.Close()
	if err := d.Sessions(t.Context(), func(betterauth.Session) error { return nil }); err == nil {
		t.Error("half a file is read as whole")
	}
}

func testCanceled(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	execute(t, url, builtIn(url).statements()...)
	ctx, cancel := context.WithCancel(t.Context())
	d, err := betterauth.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Users(ctx, func(betterauth.User) error { cancel(); return nil })
	if err == nil {
		t.Error("no error")
	}
}
