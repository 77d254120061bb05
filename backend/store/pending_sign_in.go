package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
	"latchkey/shared"
)

// pendingSignInRow is a row of the table challenges, with its user.
type pendingSignInRow struct {
	bun.BaseModel `bun:"table:challenges,alias:challenge"`
	account.PendingSignIn
	User account.User `bun:"rel:belongs-to,join:user_id=id"`
}

// AddPendingSignIn implements [account.Store].
func (db DB) AddPendingSignIn(ctx context.Context, ch account.PendingSignIn) error {
	_, err := db.bun.NewInsert().Model(&pendingSignInRow{PendingSignIn: ch}).Exec(ctx)
	return wrapDB(err)
}

// PendingSignIn implements [account.Store].
func (db DB) PendingSignIn(ctx context.Context, hash []byte, now time.Time) (account.PendingSignIn, account.User, error) {
	var row pendingSignInRow
	err := db.bun.NewSelect().Model(&row).Relation("User").
		Where("?TableAlias.hash = ?", hash).Where("?TableAlias.expires_at > ?", now).Scan(ctx)
	return row.PendingSignIn, row.User, noRowsToNotFound(err)
}

// CountPendingSignInTry implements [account.Store].
func (db DB) CountPendingSignInTry(ctx context.Context, hash []byte, max int) error {
	n, err := rowsAffected(db.bun.NewUpdate().Model((*pendingSignInRow)(nil)).Set("tries = tries + 1").
		Where("hash = ?", hash).Where("tries < ?", max).Exec(ctx))
	if err != nil || n == 1 {
		return err
	}
	exists, err := db.bun.NewSelect().Model((*pendingSignInRow)(nil)).Where("hash = ?", hash).Exists(ctx)
	if err != nil {
		return wrapDB(err)
	}
	if !exists {
		return shared.ErrNoPendingSignIn
	}
	return shared.ErrTooManyCodes
}

// TakePendingSignIn implements [account.Store].
func (db DB) TakePendingSignIn(ctx context.Context, hash []byte, now time.Time) error {
	res, err := db.bun.NewDelete().Model((*pendingSignInRow)(nil)).
		Where("hash = ?", hash).Where("expires_at > ?", now).Exec(ctx)
	return requireOneRow(res, err, shared.ErrNoPendingSignIn)
}

// DeletePendingSignIns implements [account.Store].
func (db DB) DeletePendingSignIns(ctx context.Context, user string) error {
	_, err := db.bun.NewDelete().Model((*pendingSignInRow)(nil)).Where("user_id = ?", user).Exec(ctx)
	return wrapDB(err)
}
