package store

import (
	"context"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// TOTPs implements [account.Store].
func (db DB) TOTPs(ctx context.Context, user, session string, now time.Time) ([]account.TOTP, error) {
	var all []account.TOTP
	err := db.bun.NewSelect().Model(&all).Where("user_id = ?", user).
		Where("(verified OR session_id = ? AND expires_at > ?)", session, now).Order("verified").Scan(ctx)
	return all, wrapDB(err)
}

// AddTOTP implements [account.Store].
func (db DB) AddTOTP(ctx context.Context, a account.TOTP) error {
	_, err := db.bun.NewInsert().Model(&a).Exec(ctx)
	return wrapDB(err)
}

// ActivateTOTP implements [account.Store].
func (db DB) ActivateTOTP(ctx context.Context, a account.TOTP, since, now time.Time) error {
	return db.inTx(ctx, func(db DB) error {
		if _, err := db.bun.NewDelete().Model((*account.TOTP)(nil)).Where("user_id = ?", a.UserID).Where("verified").Exec(ctx); err != nil {
			return wrapDB(err)
		}
		res, err := db.bun.NewUpdate().Model((*account.TOTP)(nil)).
			Set("verified = ?", true).Set("since = ?", since).Set("session_id = NULL").Set("expires_at = NULL").
			Where("id = ?", a.ID).Where("NOT verified").Where("expires_at > ?", now).Exec(ctx)
		return requireOneRow(res, err, shared.ErrInvalidCode)
	})
}

// DeletePendingTOTP implements [account.Store].
func (db DB) DeletePendingTOTP(ctx context.Context, user string) error {
	_, err := db.bun.NewDelete().Model((*account.TOTP)(nil)).Where("user_id = ?", user).Where("NOT verified").Exec(ctx)
	return wrapDB(err)
}

// DeleteTOTPs implements [account.Store].
func (db DB) DeleteTOTPs(ctx context.Context, user string) error {
	_, err := db.bun.NewDelete().Model((*account.TOTP)(nil)).Where("user_id = ?", user).Exec(ctx)
	return wrapDB(err)
}

// SpendStep implements [account.Store].
func (db DB) SpendStep(ctx context.Context, id string, step int64) error {
	res, err := db.bun.NewUpdate().Model((*account.TOTP)(nil)).Set("last_step = ?", step).
		Where("id = ?", id).Where("last_step < ?", step).Where("burned_step <> ?", step).Exec(ctx)
	return requireOneRow(res, err, shared.ErrInvalidCode)
}

// BurnStep implements [account.Store].
func (db DB) BurnStep(ctx context.Context, id string, step, good int64) (bool, error) {
	n, err := rowsAffected(db.bun.NewUpdate().Model((*account.TOTP)(nil)).Set("burned_step = ?", step).
		Where("id = ?", id).Where("burned_step < ?", good).Exec(ctx))
	return n == 1, err
}
