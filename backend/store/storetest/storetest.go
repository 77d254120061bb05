// Package storetest runs tests on both databases: SQLite in a temporary
// folder, and a throw-away Postgres cluster that it starts and stops itself.
package storetest

import (
	"path/filepath"
	"testing"

	"latchkey/backend/store"
)

// Each runs test once on each database, in parallel, with a migrated database
// of its own.
func Each(t *testing.T, test func(t *testing.T, db store.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) {
		test(t, Migrated(t, url))
	})
}

// EachURL runs test once on each database, in parallel, with the URL of an
// empty database of its own.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url, err := Shared(t).NewDatabase()
		if err != nil {
			t.Fatal(err)
		}
		test(t, url)
	})
}

// Open opens a database until the test ends.
func Open(t *testing.T, url string) store.DB {
	t.Helper()
	db, err := store.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Migrated opens a database until the test ends and brings it to our schema.
func Migrated(t *testing.T, url string) store.DB {
	t.Helper()
	db := Open(t, url)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
