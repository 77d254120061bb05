package store

import (
	"context"
	"io/fs"
)

// Exec runs a statement.
func Exec(db DB, query string) error {
	_, err := db.bun.NewRaw(query).Exec(context.Background())
	return err
}

// Migrations returns the number of migrations: the common ones, and the one that differs
// between the databases.
func Migrations() int {
	names, _ := fs.Glob(migrations, "migrations/*.sql")
	return len(names) + 1
}

// Named reports whether the connections of a database use a named statement.
func Named(db DB) bool { return db.byHash.stmt.Load() != nil && !db.byHash.pooled.Load() }
