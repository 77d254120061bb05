// Package store keeps what the rules of package account need kept, in SQLite
// or Postgres, by one set of SQL.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/driver/pgdriver"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"latchkey/backend/account"
	"latchkey/shared"
)

// DB is an [account.Store]. Inside [DB.Tx] it is one transaction of it.
type DB struct {
	bun  bun.IDB
	pool *bun.DB
	path string // of the SQLite file; empty on Postgres
	dsn  string // of Postgres; empty on SQLite

	byHash *prepared     // of SessionByHash; nil on SQLite and in a transaction
	queued *queuedEvents // of a transaction
}

var _ account.Store = DB{}

const (
	// Timeout is how long a statement may take: a server that cannot reach its
	// database within three seconds says so while a person still waits (503 within
	// five). SQLite has one writer at a time; the others wait this long for it.
	Timeout = 3 * time.Second
	// More connections than these only queue inside the database. Each of
	// SQLite's has a page cache of its own.
	postgresConnections = 16
	sqliteConnections   = 8
)

// Open opens the database that a URL names: sqlite:PATH or postgres://…. It
// connects at the first use.
func Open(database string) (DB, error) { return OpenWith(database, Timeout) }

// OpenWith is [Open] with another timeout than [Timeout].
func OpenWith(database string, timeout time.Duration) (DB, error) {
	scheme, rest, _ := strings.Cut(database, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(rest, timeout)
	case "postgres", "postgresql":
		return openPostgres(database, timeout)
	}
	return DB{}, fmt.Errorf("the database URL must begin with sqlite: or postgres://, not %q", scheme+":")
}

func openSQLite(path string, timeout time.Duration) (DB, error) {
	if path == "" {
		return DB{}, errors.New("the database URL sqlite: lacks the path of the file")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return DB{}, err
	}
	// The settings are in the address, so that every pooled connection has
	// them. Transactions take the write lock at once: one that reads first and
	// then finds another has written would fail with SQLITE_BUSY however long
	// it may wait.
	q := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", timeout.Milliseconds()), // before journal_mode, which takes a lock
			"journal_mode(wal)",
			"synchronous(full)", // what was answered must survive a power cut
			"secure_delete(1)",  // what was deleted must not be found in the file
			"foreign_keys(1)",
		},
	}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return DB{}, err
	}
	db := bun.NewDB(pool, sqlitedialect.New())
	limitConnections(pool, sqliteConnections)
	return DB{bun: db, pool: db, path: path}, nil
}

func openPostgres(dsn string, timeout time.Duration) (DB, error) {
	pool, err := connectPostgres(dsn, timeout)
	if err != nil {
		return DB{}, err
	}
	limitConnections(pool, postgresConnections)
	b := bun.NewDB(pool, pgdialect.New())
	return DB{bun: b, pool: b, dsn: dsn, byHash: &prepared{}}, nil
}

// connectPostgres connects when the pool is first used. A statement may take
// as long as the timeout; zero sets no bound.
func connectPostgres(dsn string, timeout time.Duration) (pool *sql.DB, err error) {
	defer func() {
		if p := recover(); p != nil { // the driver's answer to a URL that it cannot read
			err = fmt.Errorf("the database URL is not one that Postgres understands: %v", p)
		}
	}()
	connector := pgdriver.NewConnector(
		pgdriver.WithDialTimeout(Timeout),
		pgdriver.WithReadTimeout(timeout),
		pgdriver.WithWriteTimeout(timeout),
		pgdriver.WithApplicationName("latchkey"),
		pgdriver.WithTracing(false),
		pgdriver.WithDSN(dsn),
	)
	dial := connector.Config().Dialer
	connector.Config().Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return closeOnErrorConn{conn}, nil
	}
	return sql.OpenDB(poolerSafe{connector}), nil
}

// closeOnErrorConn is a connection that ends with its first error. The driver keeps one
// on which a prepared statement timed out, and would take the answer that comes
// late for the answer to its next question: another person's session.
type closeOnErrorConn struct{ net.Conn }

func (c closeOnErrorConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.Close()
	}
	return n, err
}

func (c closeOnErrorConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil {
		c.Close()
	}
	return n, err
}

func limitConnections(pool *sql.DB, n int) {
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
}

// Close closes the database.
func (db DB) Close() error { return db.pool.Close() }

// errNestedTx is a programming error. A rule that has a transaction writes to that.
var errNestedTx = errors.New("store: a transaction was begun inside another one")

// Tx implements [account.Store].
func (db DB) Tx(ctx context.Context, fn func(account.Store) error) error {
	if db.queued != nil {
		return errNestedTx
	}
	return db.inTx(ctx, func(tx DB) error { return fn(tx) })
}

// inTx runs fn in the transaction that db is, or else in a new one, which is
// committed if fn returns nil. It is for methods of which some callers have a
// transaction and some have not. An error of fn does not undo what fn wrote to a
// transaction that its caller has: a method that may fail so that its caller goes
// on must fail before it writes.
func (db DB) inTx(ctx context.Context, fn func(DB) error) error {
	if db.queued != nil {
		return fn(db)
	}
	var fnErr error
	err := db.bun.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		in := db
		in.bun, in.byHash, in.queued = tx, nil, &queuedEvents{}
		if fnErr = fn(in); fnErr == nil {
			fnErr = in.writeEvents(ctx)
		}
		return fnErr
	})
	if fnErr != nil {
		return fnErr
	}
	return wrapDB(err)
}

// deleteBatch is how many rows one statement of a sweep deletes: few enough
// that SQLite's one writer is free again before anybody has waited long.
const deleteBatch = 1000

// DeleteExpired deletes what has expired. Nothing depends on it: whatever could find
// an expired row asks for the time.
func (db DB) DeleteExpired(ctx context.Context, now time.Time) error {
	for _, t := range []struct{ name, key string }{
		{"sessions", "id"}, {"rotated_tokens", "hash"}, {"one_time_tokens", "hash"}, {"attempts", "key"},
		{"challenges", "hash"}, {"totps", "id"}, {"email_codes", "owner"}, {"trusted_devices", "id"}, {"ceremonies", "challenge_hash"},
	} {
		for n := deleteBatch; n == deleteBatch; {
			expired := db.bun.NewSelect().Table(t.name).Column(t.key).Where("expires_at <= ?", now).Limit(deleteBatch)
			var err error
			n, err = rowsAffected(db.bun.NewDelete().Table(t.name).Where("? IN (?)", bun.Ident(t.key), expired).Exec(ctx))
			if err != nil {
				return err
			}
		}
	}
	if db.path != "" { // nor in the file beside it
		_, err := db.bun.NewRaw("PRAGMA wal_checkpoint(TRUNCATE)").Exec(ctx)
		return wrapDB(err)
	}
	return nil
}

// wrapDB says what a driver's error means to the rules. What is not the
// database's trouble but a fault of ours stays what it is.
func wrapDB(err error) error {
	if err == nil || isProgrammingError(err) {
		return err
	}
	return fmt.Errorf("%w: %w", shared.ErrUnavailable, err)
}

// noRowsToNotFound is failed, for statements that look for a row.
func noRowsToNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return account.ErrNotFound
	}
	return wrapDB(err)
}

// rowsAffected returns how many rows a statement changed.
func rowsAffected(res sql.Result, err error) (int, error) {
	if err != nil {
		return 0, wrapDB(err)
	}
	n, err := res.RowsAffected()
	return int(n), wrapDB(err)
}

// requireOneRow fails with the given error unless a statement changed one row.
func requireOneRow(res sql.Result, err, none error) error {
	n, err := rowsAffected(res, err)
	if err == nil && n == 0 {
		return none
	}
	return err
}

// isUniqueViolation reports whether a unique index refused a row.
func isUniqueViolation(err error) bool {
	if e, ok := errors.AsType[pgdriver.Error](err); ok {
		return e.Field('C') == "23505" // unique_violation
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// isForeignKeyViolation reports whether a foreign key refused a row.
func isForeignKeyViolation(err error) bool {
	if e, ok := errors.AsType[pgdriver.Error](err); ok {
		return e.Field('C') == "23503" // foreign_key_violation
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// isProgrammingError reports whether an error is one that a right statement on a right
// schema does not meet, as opposed to a database that is down, full or busy.
func isProgrammingError(err error) bool {
	if e, ok := errors.AsType[pgdriver.Error](err); ok {
		switch e.Field('C')[:2] {
		case "22", "23", "42": // data, integrity constraint, syntax or access rule
			return true
		}
		return false
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff { // the primary code
		case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
			return true
		}
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return false
	}
	for _, lost := range []error{
		context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, lost) {
			return false
		}
	}
	return true
}
