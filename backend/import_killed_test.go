package main_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestImportKilled kills the import at random moments. After that, the database must be as
// empty as before or have everything, and another import must complete it.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	times, users, sessions := 1, 250, 5_000
	if testkit.Thorough() {
		times, users, sessions = 10, 1000, 20_000
	}
	storetest.EachURL(t, func(t *testing.T, source string) {
		app := newOldApp(t, source)
		now := time.Now()
		const count = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) `
		app.exec(fmt.Sprintf(strings.Replace(count, "?", "%d", 1)+`INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
			SELECT 'user-' || i, 'Ada', 'user' || i || '@example.test', TRUE, '%s', '%s' FROM n`, users, isoTime(now), isoTime(now)))
		app.exec(fmt.Sprintf(strings.Replace(count, "?", "%d", 1)+`INSERT INTO session
			(id, token, "userId", "createdAt", "updatedAt", "expiresAt") 
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
			cmd := exec.CommandContext(t.Context(), testkit.Binary(t), "import", "better-auth",
				"-from", source, "-database", database, "-data", data)
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
	_ = storetest.OpenSQL(t, database).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n) // n stays 0 without the table
	return n
}
