package store

import (
	"context"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// Exec runs a statement.
func Exec(db DB, query string) error {
	_, err := db.bun.NewRaw(query).Exec(context.Background())
	return err
}

// Named reports whether the connections of a database use a named statement.
func Named(db DB) bool {
	one := db.sessionQueries[0]
	return one.stmt.Load() != nil && !one.pooled.Load()
}

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

// AroundLookups calls around in place of each statement that looks up sessions. n is the
// number of look-ups that it answers, and run runs it.
func AroundLookups(db DB, around func(n int, run func() error) error) {
	db.lookups.query = func(ctx context.Context, batch []*lookup) error {
		return around(len(batch), func() error { return db.sessionQueries.run(ctx, batch) })
	}
}

// WaitingLookups returns how many look-ups wait for a statement.
func WaitingLookups(db DB) int {
	db.lookups.mu.Lock()
	defer db.lookups.mu.Unlock()
	return len(db.lookups.waiting)
}

// RunningLookups returns how many statements look up sessions.
func RunningLookups(db DB) int {
	db.lookups.mu.Lock()
	defer db.lookups.mu.Unlock()
	return db.lookups.running
}

// SessionTexts returns the statements that look up sessions, with the number of their
// parameters.
func SessionTexts(db DB) map[int]string {
	texts := make(map[int]string)
	for i, n := range batchSizes {
		texts[n] = db.sessionQueries[i].text
	}
	return texts
}

// AroundTouches calls around in place of each statement that writes touches. n is the
// number of touches, and run runs it.
func AroundTouches(db DB, around func(n int, run func() error) error) {
	db.touches.write = func(ctx context.Context, batch []touch) (ids []string, err error) {
		err = around(len(batch), func() error {
			ids, err = db.writeTouches(ctx, batch)
			return err
		})
		return ids, err
	}
}

// StopTouchTimer leaves all writes of touches to [FlushTouches].
func StopTouchTimer(db DB) {
	db.touches.mu.Lock()
	defer db.touches.mu.Unlock()
	db.touches.timer = true // as if one ran
}

// FlushTouches writes the gathered touches.
func FlushTouches(db DB) error { return db.touches.flush() }

// GatheredTouches returns how many touches wait, and whether a timer runs to write them.
func GatheredTouches(db DB) (n int, timer bool) {
	db.touches.mu.Lock()
	defer db.touches.mu.Unlock()
	return len(db.touches.gathered), db.touches.timer
}

// ReadSession returns a session as Bun reads it.
func ReadSession(db DB, id string) (s account.Session, err error) {
	err = db.bun.NewSelect().Model(&s).Where("id = ?", id).Scan(context.Background())
	return s, err
}
