package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

const versionTable = "schema_versions"

// ErrNewerSchema says that a newer program than this one made the database.
var ErrNewerSchema = errors.New("the database is newer than this program")

// schemaVersion is the newest version that this program knows.
var schemaVersion = sync.OnceValue(func() (newest int64) {
	names, _ := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			panic(err)
		}
		newest = max(newest, v)
	}
	return newest
})

// Migrate brings the schema to the version of this program and returns the
// versions that it applied. Processes that migrate at once take turns. It
// fails, having changed nothing, if the schema is newer than the program.
func (db DB) Migrate(ctx context.Context) (applied []int64, err error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	pool, dialect, turns := db.pool.DB, goose.DialectSQLite3, goose.WithLocker(fileLock{flock.New(db.path + ".lock")})
	if db.dsn != "" {
		// A migration may take longer than an answer to a person.
		if pool, err = connectPostgres(db.dsn, 0); err != nil {
			return nil, err
		}
		defer pool.Close()
		dialect, turns = goose.DialectPostgres, goose.WithSessionLocker(advisoryLock{})
	}
	p, err := goose.NewProvider(dialect, pool, dir, turns, goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	if known := schemaVersion(); version > known {
		return nil, fmt.Errorf("%w: it has schema version %d and this program knows versions up to %d; run the version of Latchkey that made it, or a newer one", ErrNewerSchema, version, known)
	}
	for _, r := range results {
		applied = append(applied, r.Source.Version)
	}
	return applied, nil
}

// fileLock makes processes that migrate one SQLite file take turns. SQLite's
// own lock does not reach over the several transactions of a migration.
type fileLock struct{ file *flock.Flock }

// turnEvery is how often a process looks whether it is its turn to migrate.
const turnEvery = 50 * time.Millisecond

func (l fileLock) Lock(ctx context.Context, _ *sql.DB) error {
	_, err := l.file.TryLockContext(ctx, turnEvery)
	return err
}

func (l fileLock) Unlock(ctx context.Context, _ *sql.DB) error { return l.file.Unlock() }

// advisoryLock makes processes that migrate one Postgres database take turns.
// goose's own looks once a second at most, which would make six servers that
// start together wait for six seconds.
type advisoryLock struct{}

// advisoryLockID is "latchkey" in ASCII.
const advisoryLockID = 0x6c617463686b6579

func (advisoryLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	for {
		var mine bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", advisoryLockID).Scan(&mine); err != nil || mine {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(turnEvery):
		}
	}
}

func (advisoryLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", advisoryLockID)
	return err
}
