package store

import (
	"context"

	"latchkey/backend/account"
	"latchkey/shared"
)

// AddServerKey implements [account.Store]. On Postgres, concurrent calls could each count the
// keys before the others insert theirs, so they take turns.
func (db DB) AddServerKey(ctx context.Context, k account.ServerKey, max int) error {
	return db.inTx(ctx, func(db DB) error {
		if db.dsn != "" {
			if _, err := db.bun.NewRaw("LOCK TABLE server_keys IN SHARE ROW EXCLUSIVE MODE").Exec(ctx); err != nil {
				return wrapDB(err)
			}
		}
		n, err := db.bun.NewSelect().Model((*account.ServerKey)(nil)).Count(ctx)
		if err != nil {
			return wrapDB(err)
		}
		if int(n) >= max {
			return shared.ErrTooManyServerKeys
		}
		res, err := db.bun.NewInsert().Model(&k).On("CONFLICT (name) DO NOTHING").Exec(ctx)
		return requireOneRow(res, err, shared.ErrServerKeyName)
	})
}

// ServerKeys implements [account.Store].
func (db DB) ServerKeys(ctx context.Context) ([]account.ServerKey, error) {
	var all []account.ServerKey
	err := db.bun.NewSelect().Model(&all).Order("created_at", "id").Scan(ctx)
	return all, wrapDB(err)
}

// ServerKeyByHash implements [account.Store].
func (db DB) ServerKeyByHash(ctx context.Context, hash []byte) (k account.ServerKey, err error) {
	err = db.bun.NewSelect().Model(&k).Where("hash = ?", hash).Scan(ctx)
	return k, noRowsToNotFound(err)
}

// TakeServerKey implements [account.Store].
func (db DB) TakeServerKey(ctx context.Context, id string) (k account.ServerKey, err error) {
	err = db.bun.NewDelete().Model(&k).Where("id = ?", id).Returning("*").Scan(ctx)
	return k, noRowsToNotFound(err)
}
