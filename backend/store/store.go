// Package store implements [account.Store] on SQLite and Postgres, with the same SQL for
// both. It also migrates the schema and reports whether the database is ready. It does not
// contain the rules of accounts: package account does.
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
	"sync/atomic"
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

// DB is an [account.Store]. The DB that [DB.Tx] passes to its function runs in the
// transaction.
type DB struct {
	bun  bun.IDB
	pool *bun.DB
	path string // of the SQLite file; empty on Postgres
	dsn  string // of Postgres; empty on SQLite

	timeout time.Duration // of statements

	sessionQueries sessionQueries // the statements of SessionByHash
	sessionList    *prepared      // the statement of Sessions
	lookups        *lookups       // its concurrent callers
	touches        *touches       // what TouchSessionLater has yet to write
	keyTouches     *touches       // what TouchServerKeyLater has yet to write
	settings       *settingsPoll  // the version of the settings

	queued *queuedEvents // the events of the transaction; nil outside of one

	eventsAdded chan struct{} // receives a value after events were committed
	mailChanged chan struct{} // receives a value after the time when an email is due was committed
}

var _ account.Store = DB{}

const (
	// Timeout is how long a statement may take. It lets a server that cannot reach its
	// database respond with 503 within five seconds. SQLite has one writer at a time, and
	// the others wait up to this long.
	Timeout = 3 * time.Second
	// The size of the connection pool. More connections would only queue inside the
	// database. Each SQLite connection has its own page cache.
	postgresConnections = 16
	sqliteConnections   = 8 + 1 // and the one of settingsPoll
)

// Open opens the database of a URL: sqlite:PATH or postgres://…. It does not connect until
// the first use.
func Open(database string) (DB, error) { return OpenWith(database, Timeout) }

// OpenWith opens the database of a URL, as [Open] does, with the given timeout for
// statements.
func OpenWith(database string, timeout time.Duration) (DB, error) {
	scheme, rest, _ := strings.Cut(database, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(rest, timeout)
	case "postgres", "postgresql":
		return openPostgres(database, timeout)
	}
	return DB{}, schemeError(scheme)
}

func schemeError(scheme string) error {
	return fmt.Errorf("the database URL must begin with sqlite: or postgres://, not %q", scheme+":")
}

func openSQLite(path string, timeout time.Duration) (DB, error) {
	if path == "" {
		return DB{}, errors.New("the database URL sqlite: has no file path")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return DB{}, err
	}
	// The settings are in the URL, so that every pooled connection has them. Transactions
	// take the write lock at once: one that reads, and writes only after another
	// transaction has written, would fail with SQLITE_BUSY, however long the timeout.
	q := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", timeout.Milliseconds()), // before journal_mode, which takes a lock
			"journal_mode(wal)",
			"synchronous(full)", // an acknowledged write must survive a power cut
			"secure_delete(1)",  // deleted data must not remain in the file
			"foreign_keys(1)",
		},
	}
	pool, err := connectSQLite(path, q)
	if err != nil {
		return DB{}, err
	}
	db := bun.NewDB(pool, sqlitedialect.New())
	limitConnections(pool, sqliteConnections)
	return DB{bun: db, pool: db, path: path}.withQueries(timeout), nil
}

// connectSQLite opens a file with parameters of the driver.
func connectSQLite(path string, q url.Values) (*sql.DB, error) {
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
}

func openPostgres(dsn string, timeout time.Duration) (DB, error) {
	pool, err := connectPostgres(dsn, timeout)
	if err != nil {
		return DB{}, err
	}
	limitConnections(pool, postgresConnections)
	b := bun.NewDB(pool, pgdialect.New())
	return DB{bun: b, pool: b, dsn: dsn}.withQueries(timeout), nil
}

// withQueries returns the DB with what its callers share.
func (db DB) withQueries(timeout time.Duration) DB {
	db.timeout = timeout
	pooled := new(atomic.Bool)
	db.sessionQueries = newSessionQueries(db.pool.DB, db.dsn != "", pooled)
	db.sessionList = newSessionList(db.pool.DB, db.dsn != "", pooled)
	db.lookups = &lookups{query: db.sessionQueries.run, timeout: timeout}
	db.eventsAdded, db.mailChanged = make(chan struct{}, 1), make(chan struct{}, 1)
	db.settings = new(settingsPoll)
	db.touches = &touches{write: db.writeTouches, timeout: timeout}
	db.keyTouches = &touches{write: db.writeKeyTouches, timeout: timeout}
	return db
}

// connectPostgres returns a pool that connects at the first use. timeout limits each
// statement; zero means no limit. It limits connecting, too, but not to less than [Timeout].
func connectPostgres(dsn string, timeout time.Duration) (*sql.DB, error) {
	connector, err := postgresConnector(dsn, timeout)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// keepAlive limits how long a server takes to notice that the peer of an idle connection is
// gone: ten seconds, as often as it polls.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 4 * time.Second, Interval: 2 * time.Second, Count: 3}

// postgresConnector returns a connector with the guards of this package.
func postgresConnector(dsn string, timeout time.Duration) (_ poolerSafe, err error) {
	defer func() {
		if p := recover(); p != nil { // the driver panics on a URL that it cannot parse
			err = fmt.Errorf("invalid Postgres URL: %v", p)
		}
	}()
	connector := pgdriver.NewConnector(
		pgdriver.WithDialTimeout(max(timeout, Timeout)),
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
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetKeepAliveConfig(keepAlive) // without it, only other intervals are used
		}
		return closeOnErrorConn{conn}, nil
	}
	return poolerSafe{connector}, nil
}

// closeOnErrorConn is a connection that closes itself at the first error. The driver keeps
// a connection whose prepared statement timed out. It would take the late response for the
// response to its next query, and so return another user's session.
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

// Close writes what [DB.TouchSessionLater] and [DB.TouchServerKeyLater] have gathered, and closes
// the database.
func (db DB) Close() error {
	return errors.Join(db.touches.close(), db.keyTouches.close(), db.settings.close(), db.pool.Close())
}

// errNestedTx is a programming error: a rule in a transaction must use the Store of that
// transaction.
var errNestedTx = errors.New("store: a transaction cannot begin inside another one")

// Tx implements [account.Store].
func (db DB) Tx(ctx context.Context, fn func(account.Store) error) error {
	if db.queued != nil {
		return errNestedTx
	}
	return db.inTx(ctx, func(tx DB) error { return fn(tx) })
}

// inTx runs fn in the transaction of db. If db has none, inTx begins one, and commits it if
// fn returns nil. It is for methods that are called both inside and outside of
// transactions. An error of fn does not revert what fn wrote to the caller's transaction.
// So a method whose callers continue after an error must fail before it writes.
func (db DB) inTx(ctx context.Context, fn func(DB) error) error {
	if db.queued != nil {
		return fn(db)
	}
	var fnErr error
	queued := new(queuedEvents)
	err := db.bun.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		in := db
		in.bun, in.queued = tx, queued
		if fnErr = fn(in); fnErr == nil {
			fnErr = in.writeEvents(ctx)
		}
		return fnErr
	})
	if fnErr != nil {
		return fnErr
	}
	if len(queued.events) > 0 { // even if err is not nil, because the commit may have succeeded
		signal(db.eventsAdded)
	}
	if queued.mail {
		signal(db.mailChanged)
	}
	return wrapDB(err)
}

// signal sends a value to a channel that holds one, unless the receiver has not taken the
// previous value yet.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// forUpdate makes a query lock the rows that it reads until the transaction ends. On SQLite
// that is not needed, because a transaction holds the lock of the whole database. The lock
// is the weaker one that permits others to insert rows that refer to the locked ones.
func (db DB) forUpdate(q *bun.SelectQuery) *bun.SelectQuery {
	if db.dsn != "" {
		q.For("NO KEY UPDATE")
	}
	return q
}

// deleteBatch is how many rows one statement deletes: few enough that writers to SQLite do
// not wait for long.
const deleteBatch = 1000

// DeleteExpired deletes expired rows. No rule depends on that, because every query of such
// rows compares the time.
func (db DB) DeleteExpired(ctx context.Context, now time.Time) error {
	for _, t := range []struct{ name, key string }{
		{"sessions", "id"}, {"rotated_tokens", "hash"}, {"one_time_tokens", "hash"}, {"attempts", "key"},
		{"challenges", "hash"}, {"totps", "id"}, {"email_codes", "owner"}, {"trusted_devices", "id"}, {"ceremonies", "challenge_hash"},
		{"replaced_backup_codes", "digest"},
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
	if db.path != "" { // deleted data must not remain in the log file either
		_, err := db.bun.NewRaw("PRAGMA wal_checkpoint(TRUNCATE)").Exec(ctx)
		return wrapDB(err)
	}
	return nil
}

// wrapDB wraps a driver's error with [shared.ErrUnavailable], unless it is a programming
// error.
func wrapDB(err error) error {
	if err == nil || isProgrammingError(err) {
		return err
	}
	return fmt.Errorf("%w: %w", shared.ErrUnavailable, err)
}

// noRowsToNotFound is wrapDB for statements that look up a row: it returns
// [account.ErrNotFound] if there is none.
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

// requireOneRow fails with the error none if a statement affected no row.
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

// isProgrammingError reports whether an error means that a statement or the schema is
// wrong. It returns false if the database is down, full or busy.
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
