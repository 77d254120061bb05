package store

import (
	"context"

	"latchkey/backend/account"
)

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
