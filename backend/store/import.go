package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"latchkey/backend/account"
)

// LockUsers implements [account.Store]. SQLite has one transaction at a time that writes.
func (db DB) LockUsers(ctx context.Context) error {
	if db.dsn == "" {
		return nil
	}
	_, err := db.bun.NewRaw("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").Exec(ctx)
	return wrapDB(err)
}

// AddRows implements [account.Store].
func (db DB) AddRows(ctx context.Context, rows any) error {
	_, err := db.bun.NewInsert().Model(rows).Exec(ctx)
	return wrapDB(err)
}

// Import implements [account.Store].
func (db DB) Import(ctx context.Context) (i account.Import, err error) {
	err = db.bun.NewSelect().Model(&i).Scan(ctx)
	return i, noRowsToNotFound(err)
}

// AddImport implements [account.Store].
func (db DB) AddImport(ctx context.Context, i account.Import) error {
	_, err := db.bun.NewInsert().Model(&i).Exec(ctx)
	return wrapDB(err)
}

// Contents is what [Look] found in a database.
type Contents struct {
	Import   *account.Import // nil if there was none
	AnyTable bool            // there is a table of accounts
	AnyUser  bool            // there is an account
}

// Look says what a database contains, without changing anything. It creates neither the
// database nor a table. Its errors are those of the driver, for the operator.
func Look(ctx context.Context, database string) (c Contents, err error) {
	b, err := openToRead(database)
	if err != nil || b == nil {
		return c, err
	}
	defer b.Close()
	if c.AnyTable, err = hasTable(ctx, b, "users"); err != nil || !c.AnyTable {
		return c, err
	}
	if c.AnyUser, err = b.NewSelect().Table("users").ColumnExpr("1").Exists(ctx); err != nil {
		return c, err
	}
	if any, err := hasTable(ctx, b, "imports"); err != nil || !any {
		return c, err
	}
	done, err := DB{bun: b}.Import(ctx)
	if err == nil {
		c.Import = &done
	} else if errors.Is(err, account.ErrNotFound) {
		err = nil
	}
	return c, err
}

// openToRead opens a database to read it. It returns nil if there is no such file.
func openToRead(database string) (*bun.DB, error) {
	scheme, path, _ := strings.Cut(database, ":")
	switch scheme {
	case "sqlite":
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		pool, err := connectSQLite(path, url.Values{"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", Timeout.Milliseconds())}})
		if err != nil {
			return nil, err
		}
		return bun.NewDB(pool, sqlitedialect.New()), nil
	case "postgres", "postgresql":
		pool, err := connectPostgres(database, Timeout)
		if err != nil {
			return nil, err
		}
		return bun.NewDB(pool, pgdialect.New()), nil
	}
	return nil, schemeError(scheme)
}

func hasTable(ctx context.Context, b *bun.DB, name string) (bool, error) {
	query := b.NewSelect().TableExpr("sqlite_master").ColumnExpr("1").Where("type = 'table' AND name = ?", name)
	if b.Dialect().Name() == dialect.PG {
		query = b.NewSelect().ColumnExpr("1").Where("to_regclass(?) IS NOT NULL", name)
	}
	return query.Exists(ctx)
}
