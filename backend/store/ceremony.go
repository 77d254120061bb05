package store

import (
	"context"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// AddCeremony implements [account.Store].
func (db DB) AddCeremony(ctx context.Context, c account.Ceremony) error {
	_, err := db.bun.NewInsert().Model(&c).Exec(ctx)
	if isForeignKeyViolation(err) { // the account was deleted meanwhile
		return shared.ErrUnauthorized
	}
	return wrapDB(err)
}

// TakeCeremony implements [account.Store].
func (db DB) TakeCeremony(ctx context.Context, browser, challenge []byte, kind string, now time.Time) (c account.Ceremony, err error) {
	err = db.bun.NewDelete().Model(&c).Where("challenge_hash = ?", challenge).Where("browser_hash = ?", browser).
		Where("kind = ?", kind).Where("expires_at > ?", now).Returning("*").Scan(ctx)
	return c, noRowsToNotFound(err)
}

// DeleteCeremonies implements [account.Store].
func (db DB) DeleteCeremonies(ctx context.Context, browser []byte, kind string, now time.Time) (int, error) {
	return rowsAffected(db.bun.NewDelete().Model((*account.Ceremony)(nil)).Where("browser_hash = ?", browser).
		Where("kind = ?", kind).Where("expires_at > ?", now).Exec(ctx))
}
