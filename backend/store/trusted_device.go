package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
	"latchkey/shared"
)

// RecordTrust implements [account.Store].
func (db DB) RecordTrust(ctx context.Context, s account.Session, since, now time.Time) error {
	res, err := db.bun.NewUpdate().Model((*account.Session)(nil)).Set("trusted_at = ?", now).
		Where("id = ?", s.ID).Where("token_hash = ?", s.TokenHash).
		WhereGroup(" AND ", func(q *bun.UpdateQuery) *bun.UpdateQuery {
			return q.Where("second_factor_at > ? AND (trusted_at IS NULL OR trusted_at < second_factor_at)", since).
				WhereOr("method LIKE ? AND created_at > ? AND trusted_at IS NULL", "%+"+string(account.ByEmailCode), since)
		}).Exec(ctx)
	return requireOneRow(res, err, shared.ErrFactorNotFresh)
}

// AddTrustedDevice implements [account.Store].
func (db DB) AddTrustedDevice(ctx context.Context, d account.TrustedDevice) error {
	_, err := db.bun.NewInsert().Model(&d).Exec(ctx)
	return wrapDB(err)
}

// RotateTrustedDevice implements [account.Store].
func (db DB) RotateTrustedDevice(ctx context.Context, old []byte, d account.TrustedDevice) error {
	res, err := db.bun.NewUpdate().Model(&d).Column("hash", "ip", "user_agent", "last_used_at", "expires_at").
		Where("hash = ?", old).Where("user_id = ?", d.UserID).Where("expires_at > ?", d.LastUsedAt).Exec(ctx)
	return requireOneRow(res, err, account.ErrNotFound)
}

// TrustedDevices implements [account.Store].
func (db DB) TrustedDevices(ctx context.Context, user string, now time.Time) ([]account.TrustedDevice, error) {
	var all []account.TrustedDevice
	err := db.bun.NewSelect().Model(&all).Where("user_id = ?", user).Where("expires_at > ?", now).
		Order("last_used_at DESC", "id").Scan(ctx)
	return all, wrapDB(err)
}

// TakeTrustedDevice implements [account.Store].
func (db DB) TakeTrustedDevice(ctx context.Context, user, id string) (d account.TrustedDevice, err error) {
	err = db.bun.NewDelete().Model(&d).Where("user_id = ?", user).Where("id = ?", id).Returning("*").Scan(ctx)
	return d, noRowsToNotFound(err)
}

// DeleteTrustedDevices implements [account.Store].
func (db DB) DeleteTrustedDevices(ctx context.Context, user string) (int, error) {
	return rowsAffected(db.bun.NewDelete().Model((*account.TrustedDevice)(nil)).Where("user_id = ?", user).Exec(ctx))
}
