package store

import (
	"context"
	"time"

	"latchkey/backend/account"
)

// PutInvite implements [account.Store].
func (db DB) PutInvite(ctx context.Context, t account.OneTimeToken) error {
	_, err := db.bun.NewInsert().Model(&t).On("CONFLICT (purpose) WHERE user_id IS NULL DO UPDATE").
		Set("hash = EXCLUDED.hash").Set("created_at = EXCLUDED.created_at").Set("expires_at = EXCLUDED.expires_at").Exec(ctx)
	return failed(err)
}

// TakeOneTimeToken implements [account.Store].
func (db DB) TakeOneTimeToken(ctx context.Context, hash []byte, purpose string, now time.Time) error {
	res, err := db.bun.NewDelete().Model((*account.OneTimeToken)(nil)).
		Where("hash = ?", hash).Where("purpose = ?", purpose).Where("expires_at > ?", now).Exec(ctx)
	return one(res, err, account.ErrNotFound)
}

// AddOneTimeToken implements [account.Store].
func (db DB) AddOneTimeToken(ctx context.Context, t account.OneTimeToken) error {
	_, err := db.bun.NewInsert().Model(&t).Exec(ctx)
	return failed(err)
}
