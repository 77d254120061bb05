package betterauth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens a file where it is. A copy, or a connection that takes the file for
// immutable, would lack what is still in its write-ahead log.
func openSQLite(ctx context.Context, path string) (*Database, error) {
	if path == "" {
		return nil, errors.New("the URL sqlite: has no file path")
	}
	if _, err := os.Stat(path); err != nil { // SQLite would only say that it cannot open the file
		return nil, err
	}
	q := url.Values{
		"mode": {"ro"},
		"_pragma": {
			"busy_timeout(10000)", // the application may commit a large transaction; a checkpoint takes less
			"query_only(1)",
		},
	}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	return begin(ctx, pool, sqliteDialect{}, &sql.TxOptions{ReadOnly: true}) // SQLite's transactions are always snapshots
}

type sqliteDialect struct{}

func (sqliteDialect) columns() string {
	return `SELECT t.name, c.name, c.type FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type IN ('table', 'view')`
}

// text casts even text, because the driver parses a column that is declared as a date.
func (sqliteDialect) text(c foundColumn) string { return "CAST(" + quoted(c.name) + " AS TEXT)" }

func (sqliteDialect) explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("the file is not an SQLite database, or it is encrypted: %w", err)
	case sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY:
		return fmt.Errorf("the application was interrupted while it wrote; start it once, so that it repairs the file: %w", err)
	}
	return err
}
