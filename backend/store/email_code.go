package store

import (
	"context"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// PutEmailCode implements [account.Store].
func (db DB) PutEmailCode(ctx context.Context, c account.EmailCode) error {
	_, err := db.bun.NewInsert().Model(&c).On("CONFLICT (owner) DO UPDATE").
		Set("mac = EXCLUDED.mac").Set("tries = EXCLUDED.tries").Set("expires_at = EXCLUDED.expires_at").Exec(ctx)
	return wrapDB(err)
}

// CountEmailCodeTry implements [account.Store].
func (db DB) CountEmailCodeTry(ctx context.Context, owner []byte, now time.Time) (account.EmailCode, error) {
	var c account.EmailCode
	err := db.bun.NewUpdate().Model(&c).Set("tries = tries + 1").
		Where("owner = ?", owner).Where("expires_at > ?", now).Returning("*").Scan(ctx)
	return c, noRowsToNotFound(err)
}

// UseEmailCode implements [account.Store].
func (db DB) UseEmailCode(ctx context.Context, owner, mac []byte) error {
	res, err := db.bun.NewDelete().Model((*account.EmailCode)(nil)).Where("owner = ?", owner).Where("mac = ?", mac).Exec(ctx)
	return requireOneRow(res, err, shared.ErrOTPExpired)
}
