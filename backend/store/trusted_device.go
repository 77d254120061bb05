package store

import (
	"context"
	"time"

	"latchkey/backend/account"
)

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

// DeleteTrustedDevice implements [account.Store].
func (db DB) DeleteTrustedDevice(ctx context.Context, user, id string) (int, error) {
	return rowsAffected(db.bun.NewDelete().Model((*account.TrustedDevice)(nil)).Where("user_id = ?", user).Where("id = ?", id).Exec(ctx))
}

// DeleteTrustedDevices implements [account.Store].
func (db DB) DeleteTrustedDevices(ctx context.Context, user string) (int, error) {
	return rowsAffected(db.bun.NewDelete().Model((*account.TrustedDevice)(nil)).Where("user_id = ?", user).Exec(ctx))
}
