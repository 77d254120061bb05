package store

import (
	"context"
	"time"

	"latchkey/backend/account"
)

// CountAttempt implements [account.Store].
func (db DB) CountAttempt(ctx context.Context, key []byte, now, expires time.Time) (account.Attempt, error) {
	a := account.Attempt{Key: key, N: 1, ExpiresAt: expires}
	err := db.bun.NewInsert().Model(&a).On("CONFLICT (key) DO UPDATE").
		Set("n = CASE WHEN ?TableAlias.expires_at <= ? THEN 1 ELSE ?TableAlias.n + 1 END", now).
		Set("expires_at = CASE WHEN ?TableAlias.expires_at <= ? THEN EXCLUDED.expires_at ELSE ?TableAlias.expires_at END", now).
		Returning("n, expires_at").Scan(ctx)
	return a, failed(err)
}

// ForgetAttempts implements [account.Store].
func (db DB) ForgetAttempts(ctx context.Context, key []byte) error {
	_, err := db.bun.NewDelete().Model((*account.Attempt)(nil)).Where("key = ?", key).Exec(ctx)
	return failed(err)
}
