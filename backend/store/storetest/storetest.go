// Package storetest runs tests on both databases: SQLite in a temporary folder, and a
// temporary Postgres cluster that the package starts and stops. It also provides such tests
// with a pooler, connections that stall and dumps of a database. Only tests import it.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"latchkey/backend/store"
)

// Each runs test once on each database, in parallel. Each run has its own migrated
// database.
func Each(t *testing.T, test func(t *testing.T, db store.DB)) {
	t.Helper()
	EachMigrated(t, func(t *testing.T, url string) { test(t, Open(t, url)) })
}

// EachURL runs test once on each database, in parallel. Each run has the URL of its own
// empty database.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	each(t, test, SQLite, Postgres)
}

// EachMigrated is like [EachURL], but the databases have the current schema. They are
// copies of one that is migrated at the first use.
func EachMigrated(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	each(t, test, migratedSQLite, func(t *testing.T) string {
		url, err := Shared(t).newMigrated()
		if err != nil {
			t.Fatal(err)
		}
		return url
	})
}

func each(t *testing.T, test func(t *testing.T, url string), sqlite, postgres func(t *testing.T) (url string)) {
	t.Helper()
	if !postgresOnly() {
		t.Run("sqlite", func(t *testing.T) {
			t.Parallel()
			test(t, sqlite(t))
		})
	}
	if !sqliteOnly() {
		name := "postgres"
		if pooledOnly() {
			name = "pooler"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := postgres(t)
			if pooledOnly() {
				database = Pooled(t, database)
			}
			test(t, database)
		})
	}
}

// SQLite returns the URL of a database whose file does not exist yet.
func SQLite(t *testing.T) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db")
}

// LATCHKEY_TEST_DATABASES selects the databases of the tests: sqlite, postgres, or pooler
// for Postgres behind PgBouncer only. "make quick" sets it to sqlite, and tests with the
// race detector to postgres.
func sqliteOnly() bool   { return os.Getenv("LATCHKEY_TEST_DATABASES") == "sqlite" }
func postgresOnly() bool { return os.Getenv("LATCHKEY_TEST_DATABASES") == "postgres" || pooledOnly() }
func pooledOnly() bool   { return os.Getenv("LATCHKEY_TEST_DATABASES") == "pooler" }

// migratedFile is the content of a migrated SQLite database.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "latchkey-migrated-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "latchkey.db")
	if err := migrate("sqlite:" + file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

func migratedSQLite(t *testing.T) (url string) {
	t.Helper()
	content, err := migratedFile()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "latchkey.db")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + file
}

// migrate migrates a database to the current schema and closes it.
func migrate(url string) error {
	db, err := store.Open(url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Migrate(context.Background())
	return err
}

// patience is how long a statement of a test may take, so that a busy machine does not fail
// a test. The program itself uses [store.Timeout].
const patience = time.Minute

// Open opens a database, and closes it when the test ends.
func Open(t *testing.T, url string) store.DB {
	t.Helper()
	db, err := store.OpenWith(url, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// OpenStrict is [Open] with the timeout of the program, for tests of that timeout.
func OpenStrict(t *testing.T, url string) store.DB {
	t.Helper()
	db, err := store.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Migrated opens a database as [Open] does, and migrates it to the current schema.
func Migrated(t *testing.T, url string) store.DB {
	t.Helper()
	db := Open(t, url)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
