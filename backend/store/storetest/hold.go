package storetest

import (
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// HoldMigration takes the migration lock of a database, and holds it until the caller calls
// release or the test ends.
func HoldMigration(t *testing.T, database string) (release func()) {
	t.Helper()
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		lock := flock.New(path + ".lock")
		if mine, err := lock.TryLock(); err != nil || !mine {
			t.Fatalf("the migration lock: %t, %v", mine, err)
		}
		t.Cleanup(func() { lock.Unlock() })
		return func() { lock.Unlock() }
	}
	pool := openPostgres(database)
	t.Cleanup(func() { pool.Close() })
	tx, err := pool.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	if _, err := tx.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock(x'6c617463686b6579'::bigint)"); err != nil {
		t.Fatal(err)
	}
	return func() { tx.Rollback() }
}

// NoLocks fails the test if a connection holds an advisory lock in a Postgres database, as a
// migration does.
func NoLocks(t *testing.T, database string) {
	t.Helper()
	pool := openPostgres(database)
	defer pool.Close()
	const count = `SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
		WHERE locktype = 'advisory' AND datname = current_database()`
	var n int
	if err := pool.QueryRowContext(t.Context(), count).Scan(&n); err != nil || n > 0 {
		t.Errorf("%d advisory locks are held, %v; want none", n, err)
	}
}
