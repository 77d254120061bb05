package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// AddOneTimeToken implements [account.Store].
func (db DB) AddOneTimeToken(ctx context.Context, t account.OneTimeToken) error {
	_, err := db.bun.NewInsert().Model(&t).Exec(ctx)
	return wrapDB(err)
}

// OneTimeToken implements [account.Store].
func (db DB) OneTimeToken(ctx context.Context, hash []byte) (account.OneTimeToken, error) {
	var t account.OneTimeToken
	err := db.bun.NewSelect().Model(&t).Where("hash = ?", hash).Scan(ctx)
	return t, noRowsToNotFound(err)
}

// OpenOneTimeTokens implements [account.Store].
func (db DB) OpenOneTimeTokens(ctx context.Context, user, purpose string, now time.Time) ([]account.OneTimeToken, error) {
	var all []account.OneTimeToken
	err := db.bun.NewSelect().Model(&all).Where("user_id = ?", user).Where("purpose = ?", purpose).
		Where("expires_at > ?", now).Where("used_at IS NULL").Order("created_at DESC", "hash").Scan(ctx)
	return all, wrapDB(err)
}

// TakeOneTimeToken implements [account.Store].
func (db DB) TakeOneTimeToken(ctx context.Context, hash []byte, purpose string, now time.Time) (account.OneTimeToken, error) {
	var t account.OneTimeToken
	err := db.bun.NewUpdate().Model(&t).Set("used_at = ?", now).
		Where("hash = ?", hash).Where("purpose = ?", purpose).Where("expires_at > ?", now).Where("used_at IS NULL").Returning("*").Scan(ctx)
	return t, noRowsToNotFound(err)
}

// RevokeOneTimeTokens implements [account.Store].
func (db DB) RevokeOneTimeTokens(ctx context.Context, user string, since time.Time, reason string, purposes ...string) (int, error) {
	res, err := db.bun.NewUpdate().Model((*account.OneTimeToken)(nil)).Set("purpose = ?", reason).Set("data = ''").
		Where("user_id = ?", user).Where("created_at >= ?", since).Where("purpose IN (?)", bun.List(purposes)).
		Where("used_at IS NULL").Exec(ctx)
	return rowsAffected(res, err)
}
