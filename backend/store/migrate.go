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
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun/driver/pgdriver"
)

// migrations has the files of the migrations. They are the same for both databases, except
// for those in the folders sqlite and postgres.
//
//go:embed migrations
var migrations embed.FS

// ChainVersion is the schema version that turned the audit log into a chain.
const ChainVersion = 5

const versionTable = "schema_versions"

// ErrNewerSchema means that a newer version of the program has migrated the database.
var ErrNewerSchema = errors.New("the database is newer than this program")

// schemaVersion returns the newest schema version that this program knows.
var schemaVersion = sync.OnceValue(func() (newest int64) {
	common, _ := fs.Glob(migrations, "migrations/*.sql")
	own, _ := fs.Glob(migrations, "migrations/sqlite/*.sql") // Postgres has the same versions
	for _, name := range append(common, own...) {
		v, err := goose.NumericComponent(name)
		if err != nil {
			panic(err)
		}
		newest = max(newest, v)
	}
	return newest
})

// MigrationWait is how long a process waits for another one that migrates. It is the
// default time in which a Kubernetes rollout must make progress (progressDeadlineSeconds).
const MigrationWait = 10 * time.Minute

const (
	// reportEvery is how often a waiting process reports that it waits.
	reportEvery = 10 * time.Second
	// tryEvery is how often a waiting process tries to take the lock.
	tryEvery = 50 * time.Millisecond
	// tryTimeout is how long one attempt may take. It is longer than [Timeout], because a
	// pooler may have to connect first.
	tryTimeout = 10 * time.Second
)

// ErrMigrating means that another process holds the migration lock, and this one has waited
// for the maximum time.
var ErrMigrating = errors.New("another process holds the migration lock of the database")

// Migration has the options of [DB.MigrateWith].
type Migration struct {
	Wait time.Duration // the maximum time to wait for the lock; zero means [MigrationWait]
	// Waiting, if not nil, is called while another process migrates, with the time waited
	// so far: at once and then every ten seconds.
	Waiting func(time.Duration)
	Every   time.Duration // the interval of calls to Waiting; zero means ten seconds
	// To is the version to stop at, for tests of older schemas; zero means the newest.
	To int64
}

// Migrate is [DB.MigrateWith] with the defaults.
func (db DB) Migrate(ctx context.Context) (applied []int64, err error) {
	return db.MigrateWith(ctx, Migration{})
}

// MigrateWith migrates the schema to this program's version, and returns the versions that
// it applied. Concurrent processes take turns. Errors:
//   - [ErrMigrating]: it did not get a turn in time
//   - [ErrNewerSchema]: the schema is newer than the program; nothing changes
func (db DB) MigrateWith(ctx context.Context, m Migration) (applied []int64, err error) {
	if db.dsn != "" {
		return db.migratePostgres(ctx, m)
	}
	return db.migrateSQLite(ctx, m)
}

// migrateSQLite migrates under a file lock. The database's own lock covers neither all
// transactions of a migration nor the switch to write-ahead logging at the first
// connection.
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

// migratePostgres migrates in one transaction, which holds an advisory lock. So the lock
// always ends with the transaction, even behind a pooler, and one connection is enough. The
// lock of goose belongs to a session, and goose takes it only after it has created its
// table.
func (db DB) migratePostgres(ctx context.Context, m Migration) (applied []int64, err error) {
	pool, err := connectPostgres(db.dsn, 0) // a migration may take longer than a request
	if err != nil {
		return nil, err
	}
	var conn *sql.Conn
	defer func() { // this ends a transaction that is still open
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
		// The transaction must see what another process committed before it released the
		// lock.
		if _, err := conn.ExecContext(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED"); err != nil {
			return false, err
		}
		// Do not wait in the database: behind a pooler, waiting processes would occupy the
		// sessions that the migrating one needs.
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

// inTransaction is a connection with an open transaction, in which it runs further
// transactions as savepoints.
type inTransaction struct{ pgConn }

func (c inTransaction) Connect(context.Context) (driver.Conn, error) { return c, nil }
func (c inTransaction) Driver() driver.Driver                        { return pgdriver.NewDriver() }
func (c inTransaction) Close() error                                 { return nil } // the caller closes the connection

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

// apply applies the pending migrations.
func (m Migration) apply(ctx context.Context, pool *sql.DB, dialect goose.Dialect, folder string) (applied []int64, err error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	own, err := ownMigrations(folder)
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(dialect, pool, dir,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(own...))
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
			"%w: it has schema version %d, and this program supports versions up to %d. "+
				"Run the version of Latchkey that migrated it, or a newer one",
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

// ownMigrations returns the migrations in the folder of a database: those that need SQL that
// the other database does not understand. goose reads one folder only.
func ownMigrations(folder string) (own []*goose.Migration, err error) {
	names, err := fs.Glob(migrations, "migrations/"+folder+"/*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		own = append(own, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, string(text))
			return err
		}}, nil))
	}
	return own, nil
}

// acquireLock calls try until it takes the lock, and reports that it waits. It fails with
// [ErrMigrating] after the maximum time.
func (m Migration) acquireLock(ctx context.Context, try func(context.Context) (bool, error)) error {
	limit, every := cmp.Or(m.Wait, MigrationWait), cmp.Or(m.Every, reportEvery)
	began, next := time.Now(), time.Duration(0)
	for {
		// The timeout distinguishes a database that does not respond from a lock that is
		// held.
		trying, cancel := context.WithTimeout(ctx, tryTimeout)
		mine, err := try(trying)
		cancel()
		if mine || err != nil {
			return err
		}
		waited := time.Since(began)
		if waited >= limit {
			return fmt.Errorf("%w, and has held it for %v: stop that process if it is stuck", ErrMigrating, limit)
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
