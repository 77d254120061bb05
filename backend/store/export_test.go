package store

import (
	"context"

	"github.com/uptrace/bun"
)

// Exec runs a statement.
func Exec(db DB, query string) error {
	_, err := db.bun.NewRaw(query).Exec(context.Background())
	return err
}

// Named reports whether the connections of a database use a named statement.
func Named(db DB) bool { return db.byHash.stmt.Load() != nil && !db.byHash.pooled.Load() }

// SchemaVersion returns the newest schema version that the program knows.
func SchemaVersion() int64 { return schemaVersion() }

// AfterStatement returns a DB that calls fn after each of its statements.
func AfterStatement(db DB, fn func(query string)) DB {
	db.pool = db.pool.WithQueryHook(afterStatement(fn))
	db.bun = db.pool
	return db
}

type afterStatement func(query string)

func (afterStatement) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (fn afterStatement) AfterQuery(_ context.Context, e *bun.QueryEvent)                 { fn(e.Query) }
