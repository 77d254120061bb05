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

// migrations are in one SQL for both databases, but for those in the folders
// sqlite and postgres, of which each has its own.
//
//go:embed migrations
var migrations embed.FS

const appendOnly = "migrations/%s/00005_append_only.sql"

// ChainVersion is the schema version since which the audit log is a chain.
const ChainVersion = 5

const versionTable = "schema_versions"

// ErrNewerSchema says that a newer program than this one made the database.
var ErrNewerSchema = errors.New("the database is newer than this program")

// schemaVersion is the newest version that this program knows.
var schemaVersion = sync.OnceValue(func() (newest int64) {
	names, _ := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range append(names, appendOnly) {
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
	pool, dialect, folder := db.pool.DB, goose.DialectSQLite3, "sqlite"
	if db.dsn != "" {
		// A migration may take longer than an answer to a person.
		if pool, err = connectPostgres(db.dsn, 0); err != nil {
			return nil, err
		}
		defer pool.Close()
		dialect, folder = goose.DialectPostgres, "postgres"
	}
	done, err := db.turn(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	defer func() { err = errors.Join(err, done()) }()

	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	text, err := migrations.ReadFile(fmt.Sprintf(appendOnly, folder))
	if err != nil {
		return nil, err
	}
	triggers := goose.NewGoMigration(ChainVersion, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, string(text))
		return err
	}}, nil)
	p, err := goose.NewProvider(dialect, pool, dir,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(triggers))
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

// turnEvery is how often a process looks whether it is its turn to migrate.
const turnEvery = 50 * time.Millisecond

// advisoryLock is "latchkey" in ASCII.
const advisoryLock = 0x6c617463686b6579

// turn waits until no other process migrates the database. goose's own lock is
// taken too late: it looks for its table, and makes it, before that. On SQLite
// it is a file, because the database's own lock does not reach over the several
// transactions of a migration, nor over the change to write-ahead logging that
// the first connection makes.
func (db DB) turn(ctx context.Context, pool *sql.DB) (done func() error, err error) {
	if db.dsn == "" {
		file := flock.New(db.path + ".lock")
		if _, err := file.TryLockContext(ctx, turnEvery); err != nil {
			return nil, err
		}
		return file.Unlock, nil
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for {
		var mine bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", advisoryLock).Scan(&mine); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		if mine {
			return func() error {
				_, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", advisoryLock)
				return errors.Join(err, conn.Close())
			}, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), conn.Close())
		case <-time.After(turnEvery):
		}
	}
}
