package store

import (
	"context"
	"io/fs"
)

// Exec runs one statement.
func Exec(db DB, query string) error {
	_, err := db.bun.NewRaw(query).Exec(context.Background())
	return err
}

// Migrations returns how many migrations there are: the common ones, and the one
// that each database has of its own.
func Migrations() int {
	names, _ := fs.Glob(migrations, "migrations/*.sql")
	return len(names) + 1
}

// Named reports whether a statement is named on the connections of a database.
func Named(db DB) bool { return db.byHash.stmt.Load() != nil && !db.byHash.pooled.Load() }
