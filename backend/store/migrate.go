package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
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
	"github.com/uptrace/bun/driver/pgdriver"
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

// MigrationWait is how long a process waits for another that migrates. It is how
// long Kubernetes gives a rollout to get on (progressDeadlineSeconds).
const MigrationWait = 10 * time.Minute

const (
	// reportEvery is how often a process that waits says so.
	reportEvery = 10 * time.Second
	// tryEvery is how often it tries to take the lock.
	tryEvery = 50 * time.Millisecond
	// tryTimeout is how long a try may take: more than a call, because at the start
	// a pooler has to connect first.
	tryTimeout = 10 * time.Second
)

// ErrMigrating says that another process has migrated the database for longer than
// this one waits.
var ErrMigrating = errors.New("another process holds the migration lock of the database")

// Migration says how [DB.MigrateWith] waits for its turn.
type Migration struct {
	Wait time.Duration // at most; zero stands for [MigrationWait]
	// Waiting is called when another process migrates, once and then every ten
	// seconds, with the time waited so far. Optional.
	Waiting func(time.Duration)
	Every   time.Duration // instead of the ten seconds; optional
	// To is the version to stop at, to make a database of before; zero stands for
	// the newest.
	To int64
}

// Migrate is [DB.MigrateWith] with the defaults.
func (db DB) Migrate(ctx context.Context) (applied []int64, err error) {
	return db.MigrateWith(ctx, Migration{})
}

// MigrateWith brings the schema to the version of this program and returns the
// versions that it applied. Processes that migrate at once take turns; it fails
// with [ErrMigrating] if the turn does not come. It fails, having changed nothing,
// if the schema is newer than the program.
func (db DB) MigrateWith(ctx context.Context, m Migration) (applied []int64, err error) {
	if db.dsn != "" {
		applied, err = db.migratePostgres(ctx, m)
	} else {
		applied, err = db.migrateSQLite(ctx, m)
	}
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return applied, nil
}

// migrateSQLite holds the lock in a file, because the database's own lock does not
// reach over the several transactions of a migration, nor over the change to
// write-ahead logging that the first connection makes.
func (db DB) migrateSQLite(ctx context.Context, m Migration) (applied []int64, err error) {
	lock := flock.New(db.path + ".lock")
	if err := m.acquireLock(ctx, func(context.Context) (bool, error) { return lock.TryLock() }); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return m.apply(ctx, db.pool.DB, goose.DialectSQLite3, "sqlite")
}

// advisoryLock is "latchkey" in ASCII.
const advisoryLock = 0x6c617463686b6579

// migratePostgres migrates in one transaction, which holds the lock. So the lock
// ends with it, in whatever way that is, also behind a pooler, and one connection
// is enough. goose's own lock is one of the session, and is taken too late: goose
// looks for its table, and makes it, before that.
func (db DB) migratePostgres(ctx context.Context, m Migration) (applied []int64, err error) {
	pool, err := connectPostgres(db.dsn, 0) // a migration may take longer than an answer to a person
	if err != nil {
		return nil, err
	}
	var conn *sql.Conn
	defer func() { // this ends the transaction if it has not ended
		if conn != nil {
			conn.Close()
		}
		pool.Close()
	}()
	err = m.acquireLock(ctx, func(ctx context.Context) (mine bool, err error) {
		if conn == nil {
			if conn, err = pool.Conn(ctx); err != nil {
				return false, err
			}
		}
		// What another has committed before the lock was free must be seen.
		if _, err := conn.ExecContext(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED"); err != nil {
			return false, err
		}
		// It does not wait in the database: behind a pooler those who wait would
		// take the sessions that the one who migrates needs.
		err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", advisoryLock).Scan(&mine)
		if err == nil && !mine {
			_, err = conn.ExecContext(ctx, "ROLLBACK")
		}
		return mine, err
	})
	if err != nil {
		return nil, err
	}
	err = conn.Raw(func(driverConn any) error {
		inner := sql.OpenDB(inTransaction{driverConn.(pgConn)})
		defer inner.Close()
		inner.SetMaxOpenConns(1)
		applied, err = m.apply(ctx, inner, goose.DialectPostgres, "postgres")
		return err
	})
	if err != nil {
		return nil, err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return applied, err
}

// inTransaction is a connection on which a transaction is open. Those that are
// begun on it are savepoints.
type inTransaction struct{ pgConn }

func (c inTransaction) Connect(context.Context) (driver.Conn, error) { return c, nil }
func (c inTransaction) Driver() driver.Driver                        { return pgdriver.NewDriver() }
func (c inTransaction) Close() error                                 { return nil } // who opened it closes it

func (c inTransaction) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	_, err := c.ExecContext(ctx, "SAVEPOINT migration", nil)
	return savepoint{c.pgConn}, err
}

type savepoint struct{ conn pgConn }

func (s savepoint) Commit() error {
	_, err := s.conn.ExecContext(context.Background(), "RELEASE SAVEPOINT migration", nil)
	return err
}

func (s savepoint) Rollback() error {
	_, err := s.conn.ExecContext(context.Background(), "ROLLBACK TO SAVEPOINT migration", nil)
	return err
}

// apply applies what is pending.
func (m Migration) apply(ctx context.Context, pool *sql.DB, dialect goose.Dialect, folder string) (applied []int64, err error) {
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
	results, err := p.UpTo(ctx, cmp.Or(m.To, schemaVersion()))
	if err != nil {
		return nil, err
	}
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return nil, err
	}
	if known := schemaVersion(); version > known {
		return nil, fmt.Errorf(
			"%w: it has schema version %d and this program knows versions up to %d; run the version of Latchkey that made it, or a newer one",
			ErrNewerSchema,
			version,
			known,
		)
	}
	for _, r := range results {
		applied = append(applied, r.Source.Version)
	}
	return applied, nil
}

// acquireLock tries to take the lock until it has it, and reports that it waits.
func (m Migration) acquireLock(ctx context.Context, try func(context.Context) (bool, error)) error {
	limit, every := cmp.Or(m.Wait, MigrationWait), cmp.Or(m.Every, reportEvery)
	began, next := time.Now(), time.Duration(0)
	for {
		// A database that does not answer is another fault than a lock that is held.
		trying, cancel := context.WithTimeout(ctx, tryTimeout)
		mine, err := try(trying)
		cancel()
		if mine || err != nil {
			return err
		}
		waited := time.Since(began)
		if waited >= limit {
			return fmt.Errorf("%w, and has held it for %v: if it no longer migrates, end it", ErrMigrating, limit)
		}
		if waited >= next {
			if m.Waiting != nil {
				m.Waiting(waited)
			}
			next = waited + every
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tryEvery):
		}
	}
}
