package betterauth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// A Database is an open transaction that reads the database of an application. All methods
// see it as it was when [Open] returned, whatever the application writes meanwhile.
type Database struct {
	pool    *sql.DB
	tx      *sql.Tx
	dialect dialect
	tables  map[Table]foundTable
	reading atomic.Bool // the transaction can run one query at a time
}

// A dialect is what differs between the two databases.
type dialect interface {
	// columns returns a statement that selects the name of a table, the name of a column and
	// its type for every column of every table.
	columns() string
	// text returns an expression for a column as text. A timestamp becomes one in UTC.
	text(foundColumn) string
	// explain adds what a person can do to an error of the driver.
	explain(error) error
}

// Open opens the database of a URL: postgres://…, postgresql://… or sqlite:PATH. It begins
// a transaction that can only read, and finds out the names of the tables and columns. An
// error names what is missing, and never contains the URL. The application can run
// meanwhile.
func Open(ctx context.Context, databaseURL string) (*Database, error) {
	scheme, rest, _ := strings.Cut(databaseURL, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, rest)
	case "postgres", "postgresql":
		return openPostgres(ctx, databaseURL)
	}
	return nil, errors.New("the URL of Better Auth's database must begin with sqlite: or postgres://")
}

// begin begins the transaction, and looks up the tables. Each statement of setup runs first
// in the transaction. If begin fails, it closes the pool.
func begin(ctx context.Context, pool *sql.DB, dialect dialect, options *sql.TxOptions, setup ...string) (*Database, error) {
	pool.SetMaxOpenConns(1)
	d := &Database{pool: pool, dialect: dialect}
	err := func() (err error) {
		if d.tx, err = pool.BeginTx(ctx, options); err != nil {
			return err
		}
		for _, statement := range setup {
			if _, err := d.tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return d.findTables(ctx)
	}()
	if err != nil {
		d.Close()
		return nil, dialect.explain(err)
	}
	return d, nil
}

// Close ends the transaction and closes the database.
func (d *Database) Close() error {
	var err error
	if d.tx != nil {
		if err = d.tx.Rollback(); errors.Is(err, sql.ErrTxDone) { // the context of Open has ended
			err = nil
		}
	}
	return errors.Join(err, d.pool.Close())
}

// findTables finds the tables of the application.
func (d *Database) findTables(ctx context.Context) error {
	rows, err := d.tx.QueryContext(ctx, d.dialect.columns())
	if err != nil {
		return err
	}
	defer rows.Close()
	all := make(map[string][]foundColumn)
	for rows.Next() {
		var table string
		var c foundColumn
		if err := rows.Scan(&table, &c.name, &c.kind); err != nil {
			return err
		}
		all[table] = append(all[table], c)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if d.tables, err = findTables(all); err != nil {
		return err
	}
	return d.requireTwoFactor(ctx)
}

// requireTwoFactor fails if a user has two-factor authentication, but there is no table of
// it. Such a user would lose it.
func (d *Database) requireTwoFactor(ctx context.Context) error {
	enabled, exists := d.tables[TableUser].columns["twoFactorEnabled"]
	if !exists || d.Has(TableTwoFactor) {
		return nil
	}
	var n int
	users := quoted(d.tables[TableUser].name)
	query := fmt.Sprintf("SELECT count(*) FROM %s WHERE lower(%s) IN ('true', 't', '1')", users, d.dialect.text(enabled))
	if err := d.tx.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("there is no table %q, but users have two-factor authentication", TableTwoFactor)
	}
	return nil
}

// Has reports whether the application has a table.
func (d *Database) Has(table Table) bool {
	_, ok := d.tables[table]
	return ok
}

// Count returns how many rows a table has, including those that cannot be used. It is zero
// if there is no such table.
func (d *Database) Count(ctx context.Context, table Table) (n int, err error) {
	if !d.Has(table) {
		return 0, nil
	}
	err = d.exclusively(func() error {
		return d.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+quoted(d.tables[table].name)).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("counting the rows of %q: %w", table, d.dialect.explain(err))
	}
	return n, nil
}

// errReading is a programming error.
var errReading = errors.New("betterauth: a function that receives rows cannot read others")

// exclusively runs fn unless another function reads.
func (d *Database) exclusively(fn func() error) error {
	if !d.reading.CompareAndSwap(false, true) {
		return errReading
	}
	defer d.reading.Store(false)
	return fn()
}

// read calls fn with each row of a table, if there is one. It fails if the source returns
// fewer rows than there are.
func (d *Database) read(ctx context.Context, table Table, order string, fn func(*row) error) error {
	found, ok := d.tables[table]
	if !ok {
		return nil
	}
	n := 0
	var failed error // of fn, which is returned as it is
	err := d.exclusively(func() error {
		rows, err := d.tx.QueryContext(ctx, found.query(d.dialect, order))
		if err != nil {
			return err
		}
		defer rows.Close()
		r := newRow(found)
		for rows.Next() {
			if err := rows.Scan(r.destinations...); err != nil {
				return err
			}
			n++
			r.err = nil
			if failed = fn(r); failed != nil {
				return failed
			}
		}
		return rows.Err()
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("reading the table %q: %w", found.name, d.dialect.explain(err))
	}
	all, err := d.Count(ctx, table)
	if err == nil && all != n {
		err = fmt.Errorf("reading the table %q: received %d of %d rows", found.name, n, all)
	}
	return err
}
