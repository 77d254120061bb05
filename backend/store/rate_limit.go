package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// rateLimitRow is a row of the table attempts.
type rateLimitRow struct {
	bun.BaseModel `bun:"table:attempts,alias:attempt"`
	account.RateLimitWindow
}

// IncrementRateLimit implements [account.Store].
func (db DB) IncrementRateLimit(ctx context.Context, key []byte, now, expires time.Time) (account.RateLimitWindow, error) {
	a := rateLimitRow{RateLimitWindow: account.RateLimitWindow{Key: key, N: 1, ExpiresAt: expires}}
	err := db.bun.NewInsert().Model(&a).On("CONFLICT (key) DO UPDATE").
		Set("n = CASE WHEN ?TableAlias.expires_at <= ? THEN 1 ELSE ?TableAlias.n + 1 END", now).
		Set("expires_at = CASE WHEN ?TableAlias.expires_at <= ? THEN EXCLUDED.expires_at ELSE ?TableAlias.expires_at END", now).
		Returning("n, expires_at").Scan(ctx)
	return a.RateLimitWindow, wrapDB(err)
}

// ReserveRateLimit implements [account.Store].
func (db DB) ReserveRateLimit(ctx context.Context, key []byte, max int, now, expires time.Time) (account.RateLimitWindow, bool, error) {
	for {
		a := rateLimitRow{RateLimitWindow: account.RateLimitWindow{Key: key, N: 1, Pending: 1, ExpiresAt: expires}}
		err := db.bun.NewInsert().Model(&a).On("CONFLICT (key) DO UPDATE").
			Set("n = CASE WHEN ?TableAlias.expires_at <= ? THEN 1 ELSE ?TableAlias.n + 1 END", now).
			Set("pending = CASE WHEN ?TableAlias.expires_at <= ? THEN 1 ELSE ?TableAlias.pending + 1 END", now).
			Set("expires_at = CASE WHEN ?TableAlias.expires_at <= ? THEN EXCLUDED.expires_at ELSE ?TableAlias.expires_at END", now).
			Where("?TableAlias.expires_at <= ? OR ?TableAlias.n < ?", now, max).
			Returning("n, pending, expires_at").Scan(ctx)
		if !errors.Is(err, sql.ErrNoRows) {
			return a.RateLimitWindow, err == nil, wrapDB(err)
		}
		// The limit is reached. Read when the window ends.
		err = db.bun.NewSelect().Model(&a).WherePK().Scan(ctx)
		if err == nil && a.N >= max && a.ExpiresAt.After(now) {
			return a.RateLimitWindow, false, nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return a.RateLimitWindow, false, wrapDB(err)
		} // a guess was settled or the count was deleted meanwhile: retry
	}
}

// SettleRateLimit implements [account.Store].
func (db DB) SettleRateLimit(ctx context.Context, key []byte, expires time.Time, free bool) error {
	q := db.bun.NewUpdate().Model((*rateLimitRow)(nil)).Set("pending = pending - 1").
		Where("key = ? AND expires_at = ? AND pending > 0 AND n > 0", key, expires)
	if free {
		q = q.Set("n = n - 1")
	}
	_, err := q.Exec(ctx)
	return wrapDB(err)
}

// ResetRateLimit implements [account.Store].
func (db DB) ResetRateLimit(ctx context.Context, key []byte) error {
	_, err := db.bun.NewDelete().Model((*rateLimitRow)(nil)).Where("key = ?", key).Exec(ctx)
	return wrapDB(err)
}
