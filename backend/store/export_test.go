package store

import "context"

// Exec runs a statement.
func Exec(db DB, query string) error {
	_, err := db.bun.NewRaw(query).Exec(context.Background())
	return err
}

// Named reports whether the connections of a database use a named statement.
func Named(db DB) bool { return db.byHash.stmt.Load() != nil && !db.byHash.pooled.Load() }

// SchemaVersion returns the newest schema version that the program knows.
func SchemaVersion() int64 { return schemaVersion() }
