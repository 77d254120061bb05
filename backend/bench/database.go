package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"
	_ "modernc.org/sqlite" // the driver

	"latchkey/backend/store/storetest"
)

// A database is an empty or filled one of either kind.
type database struct {
	url     string // sqlite:PATH or postgres://…
	dir     string // for the files of a server
	cluster *storetest.Cluster
}

// newSQLite returns a database whose file does not exist yet, in a new folder.
func newSQLite(dir string) (database, error) {
	dir, err := os.MkdirTemp(dir, "sqlite-")
	return database{url: "sqlite:" + filepath.Join(dir, "bench.db"), dir: dir}, err
}

func newPostgres(dir string, c *storetest.Cluster) (database, error) {
	dir, err := os.MkdirTemp(dir, "postgres-")
	if err != nil {
		return database{}, err
	}
	url, err := c.NewDatabase()
	return database{url: url, dir: dir, cluster: c}, err
}

// statementLimit is how long a statement of the benchmark itself may take.
const statementLimit = time.Hour

// open connects to the database. The measured program must not write at the same time.
func (d database) open() (*sql.DB, error) {
	if d.cluster != nil {
		return sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(d.url), pgdriver.WithTimeout(statementLimit))), nil
	}
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(d.url, "sqlite:")+"?_pragma=busy_timeout(10000)&_pragma=synchronous(off)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// exec executes statements, one after the other.
func (d database) exec(statements ...string) error {
	db, err := d.open()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return nil
}

// tidy does what Postgres itself does within minutes of a table's filling. Until then, it
// plans queries without statistics, and a later checkpoint disturbs a measurement.
func (d database) tidy() error {
	if d.cluster == nil {
		return d.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return d.exec("VACUUM ANALYZE", "CHECKPOINT")
}

// drop deletes the database.
func (d database) drop() error {
	if d.cluster != nil {
		name := d.url[strings.LastIndex(d.url, "/")+1:]
		name, _, _ = strings.Cut(name, "?")
		admin := database{url: d.cluster.URL(), cluster: d.cluster}
		if err := admin.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			return err
		}
	}
	return os.RemoveAll(d.dir)
}

// insert inserts rows of SQL literals into a table, in one transaction. next returns the
// next row, or "" at the end.
func insert(ctx context.Context, tx *sql.Tx, table string, next func() string) error {
	const batch = 500
	for more := true; more; {
		var rows []string
		for len(rows) < batch {
			row := next()
			if more = row != ""; !more {
				break
			}
			rows = append(rows, row)
		}
		if len(rows) == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+table+" VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}
