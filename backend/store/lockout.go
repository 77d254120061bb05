package store

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/account"
)

// neverLockedOut is in the past for every clock, so that a server whose clock is behind
// does not see a lockout where there is none.
var neverLockedOut = time.Unix(0, 0).UTC()

// CountSecondFactorTry implements [account.Store].
func (db DB) CountSecondFactorTry(
	ctx context.Context,
	user string,
	signedIn bool,
	now time.Time,
	every int,
	lockouts []time.Time,
) (account.SecondFactorTries, bool, error) {
	tries := account.SecondFactorTries{UserID: user, SignedIn: signedIn, N: 1, LockedUntil: neverLockedOut}
	q := db.bun.NewInsert().Model(&tries).On("CONFLICT (user_id, signed_in) DO UPDATE").
		Set("n = ?TableAlias.n + 1").Where("?TableAlias.locked_until <= ?", now).Returning("n, locked_until")
	set := "locked_until = CASE ?TableAlias.n + 1"
	var args []any
	for i, until := range lockouts {
		set += " WHEN ? THEN ?"
		args = append(args, (i+1)*every, until)
	}
	err := noRowsToNotFound(q.Set(set+" ELSE ?TableAlias.locked_until END", args...).Scan(ctx))
	if !errors.Is(err, account.ErrNotFound) {
		return tries, err == nil, err
	}
	err = db.bun.NewSelect().Model(&tries).WherePK().Scan(ctx)
	return tries, false, wrapDB(err)
}

// TakeBackSecondFactorTry implements [account.Store].
func (db DB) TakeBackSecondFactorTry(ctx context.Context, user string, signedIn bool) error {
	_, err := db.bun.NewUpdate().Model((*account.SecondFactorTries)(nil)).Set("n = n - 1").Set("locked_until = ?", neverLockedOut).
		Where("user_id = ?", user).Where("signed_in = ?", signedIn).Where("n > 0").Exec(ctx)
	return wrapDB(err)
}

// ResetSecondFactorTries implements [account.Store].
func (db DB) ResetSecondFactorTries(ctx context.Context, user string, signedIn bool) error {
	_, err := db.bun.NewDelete().Model((*account.SecondFactorTries)(nil)).
		Where("user_id = ?", user).Where("signed_in = ?", signedIn).Exec(ctx)
	return wrapDB(err)
}

// LockedOut implements [account.Store].
func (db DB) LockedOut(ctx context.Context, user string, now time.Time) (bool, error) {
	locked, err := db.bun.NewSelect().Model((*account.SecondFactorTries)(nil)).
		Where("user_id = ?", user).Where("locked_until > ?", now).Exists(ctx)
	return locked, wrapDB(err)
}

// LiftLockout implements [account.Store].
func (db DB) LiftLockout(ctx context.Context, user string) error {
	_, err := db.bun.NewDelete().Model((*account.SecondFactorTries)(nil)).Where("user_id = ?", user).Exec(ctx)
	return wrapDB(err)
}
