package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrReadOnly means that the database accepts no writes.
var ErrReadOnly = errors.New("the database does not accept writes")

// Reachable fails unless the server of the database answers. SQLite has none.
func (db DB) Reachable(ctx context.Context) error {
	if db.path != "" {
		return nil
	}
	var one int
	return db.bun.NewSelect().ColumnExpr("1").Scan(ctx, &one)
}

// Ready fails unless the database answers, has this program's schema and accepts writes.
func (db DB) Ready(ctx context.Context) error {
	var version int64
	query := db.bun.NewSelect().Table(versionTable).ColumnExpr("MAX(version_id)")
	if db.path != "" {
		if err := query.Scan(ctx, &version); err != nil {
			return wrapDB(err)
		}
		if err := db.writable(ctx); err != nil {
			return fmt.Errorf("%w: %w", ErrReadOnly, err)
		}
	} else {
		var readOnly, standby bool
		query = query.ColumnExpr("current_setting('transaction_read_only')::boolean").ColumnExpr("pg_is_in_recovery()")
		if err := query.Scan(ctx, &version, &readOnly, &standby); err != nil {
			return wrapDB(err)
		}
		switch {
		case standby:
			return fmt.Errorf("%w: the server is a standby or in recovery", ErrReadOnly)
		case readOnly: // providers also set this when a disk is full
			return fmt.Errorf("%w: its transactions are read-only (default_transaction_read_only)", ErrReadOnly)
		}
	}
	if version != schemaVersion() {
		return fmt.Errorf("the schema version is %d, but the program needs %d", version, schemaVersion())
	}
	return nil
}

// probeSize is the size of a page of SQLite, the minimum that a write needs.
const probeSize = 4096

// writable fails unless SQLite can write to its file and create files next to it. Beginning
// a transaction does not prove that, because SQLite writes nothing before the commit.
func (db DB) writable(ctx context.Context) error {
	// Do not open the file itself: closing it would release SQLite's locks.
	const write = 2 // W_OK of access(2)
	if err := syscall.Access(db.path, write); err != nil {
		return &os.PathError{Op: "write", Path: db.path, Err: err}
	}
	if err := writeProbe(filepath.Dir(db.path)); err != nil {
		return err
	}
	tx, err := db.pool.BeginTx(ctx, nil) // takes the write lock
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqlite3.SQLITE_BUSY {
		return nil // another transaction is writing
	}
	if err != nil {
		return err
	}
	return tx.Rollback()
}

// writeProbe writes a page to a temporary file in a folder, and deletes the file.
func writeProbe(folder string) error {
	f, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeSize))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
