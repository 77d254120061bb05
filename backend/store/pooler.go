package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
	"sync/atomic"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/driver/pgdriver"
)

// A pooler such as PgBouncer in transaction mode assigns each transaction of a connection
// to any free session of Postgres. State that a session keeps from one transaction to the
// next is then lost, or belongs to another client: named statements, advisory locks, SET,
// LISTEN. Outside of transactions, this package keeps only the named statements of
// [prepared] and the LISTEN of [DB.ListenSettings] in a session, and only if there is
// no pooler. The driver sends all other statements as simple queries, with their values in
// the text.

// errPooler means that a connection cannot use named statements.
var errPooler = errors.New("each transaction may run in another Postgres session")

// poolerSafe opens connections that refuse to prepare a named statement behind a pooler.
type poolerSafe struct{ *pgdriver.Connector }

// Connect implements [driver.Connector].
func (c poolerSafe) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	pg, ok := conn.(*pgdriver.Conn)
	if !ok {
		return conn, nil
	}
	return pgConn{pg}, nil
}

type pgConn struct{ *pgdriver.Conn }

// PrepareContext implements [driver.ConnPrepareContext]. It fails with [errPooler] if there
// may be a pooler.
func (c pgConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	direct, err := c.direct(ctx)
	if err != nil {
		return nil, err
	}
	if !direct {
		return nil, errPooler
	}
	return c.Conn.PrepareContext(ctx, query)
}

// direct reports whether the Postgres process that answers queries is the one that accepted
// the connection. A pooler accepts the connection itself, and returns a random process ID.
// So direct also returns false for a pooler in session mode and for one that supports named
// statements, which costs only speed.
func (c pgConn) direct(ctx context.Context) (bool, error) {
	rows, err := c.QueryContext(ctx, "SELECT pg_backend_pid()", nil)
	if err != nil {
		return false, err
	}
	pid := make([]driver.Value, 1)
	if err := errors.Join(rows.Next(pid), rows.Close()); err != nil {
		return false, err
	}
	// The driver has the process ID from BackendKeyData, but does not export it.
	accepted := reflect.ValueOf(c.Conn).Elem().FieldByName("processID")
	return accepted.IsValid() && accepted.CanInt() && pid[0] == accepted.Int(), nil
}

// A prepared is a statement that runs often. The database parses it once for each
// connection, and Postgres also plans it once. Behind a pooler, it is a simple query.
type prepared struct {
	pool   *sql.DB
	text   string
	record bool // a row is one column: a record of Postgres
	stmt   atomic.Pointer[sql.Stmt]
	pooled *atomic.Bool // whether a pooler was detected; shared by the statements of the pool
}

// queryIn runs the statement in db, which may be a transaction. There it is a simple query.
func (p *prepared) queryIn(ctx context.Context, db bun.IDB, args []any) (*sql.Rows, error) {
	if tx, ok := db.(bun.Tx); ok {
		return tx.Tx.QueryContext(ctx, p.text, args...)
	}
	return p.query(ctx, args)
}

// query runs the statement.
func (p *prepared) query(ctx context.Context, args []any) (*sql.Rows, error) {
	if !p.pooled.Load() {
		rows, err := p.queryNamed(ctx, args)
		if !errors.Is(err, errPooler) {
			return rows, err
		}
		p.pooled.Store(true)
	}
	return p.pool.QueryContext(ctx, p.text, args...)
}

// queryNamed runs the named statement. It fails with [errPooler] if named statements cannot
// be used.
func (p *prepared) queryNamed(ctx context.Context, args []any) (*sql.Rows, error) {
	var rows *sql.Rows
	stmt, err := p.prepare(ctx)
	if err == nil {
		rows, err = stmt.QueryContext(ctx, args...)
	}
	// A pooler that passes on the real process ID still loses the statement.
	e, _ := errors.AsType[pgdriver.Error](err)
	switch e.Field('C') {
	case "26000", "42P05": // invalid_sql_statement_name, duplicate_prepared_statement
		err = errPooler
	}
	return rows, err
}

func (p *prepared) prepare(ctx context.Context) (*sql.Stmt, error) {
	if stmt := p.stmt.Load(); stmt != nil {
		return stmt, nil
	}
	stmt, err := p.pool.PrepareContext(ctx, p.text)
	if err != nil {
		return nil, err
	}
	if !p.stmt.CompareAndSwap(nil, stmt) { // another goroutine came first
		stmt.Close()
	}
	return p.stmt.Load(), nil
}
