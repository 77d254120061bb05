package store

import (
	"context"
	"time"

	"latchkey/backend/account"
)

// AddOneTimeToken implements [account.Store].
func (db DB) AddOneTimeToken(ctx context.Context, t account.OneTimeToken) error {
	_, err := db.bun.NewInsert().Model(&t).Exec(ctx)
	return failed(err)
}

// TakeOneTimeToken implements [account.Store].
func (db DB) TakeOneTimeToken(ctx context.Context, hash []byte, purpose string, now time.Time) error {
	res, err := db.bun.NewDelete().Model((*account.OneTimeToken)(nil)).
		Where("hash = ?", hash).Where("purpose = ?", purpose).Where("expires_at > ?", now).Exec(ctx)
	return one(res, err, account.ErrNotFound)
}

// DeleteOneTimeTokens implements [account.Store].
func (db DB) DeleteOneTimeTokens(ctx context.Context, purpose string) error {
	_, err := db.bun.NewDelete().Model((*account.OneTimeToken)(nil)).Where("purpose = ?", purpose).Exec(ctx)
	return failed(err)
}
