package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"latchkey/backend/account"
	"latchkey/shared"
)

// pendingSignInRow is a row of the table challenges, with its user.
type pendingSignInRow struct {
	bun.BaseModel `bun:"table:challenges,alias:challenge"`
	account.PendingSignIn
	User account.User  `bun:"rel:belongs-to,join:user_id=id"`
	TOTP *account.TOTP `bun:"rel:has-one,join:user_id=user_id"`
}

// AddPendingSignIn implements [account.Store].
func (db DB) AddPendingSignIn(ctx context.Context, ch account.PendingSignIn) error {
	_, err := db.bun.NewInsert().Model(&pendingSignInRow{PendingSignIn: ch}).Exec(ctx)
	return wrapDB(err)
}

// PendingSignIn implements [account.Store].
func (db DB) PendingSignIn(ctx context.Context, hash []byte, now time.Time) (account.PendingSignIn, account.User, error) {
	var row pendingSignInRow
	verified := bun.RelationOpts{AdditionalJoinOnConditions: []schema.QueryWithArgs{schema.SafeQuery("totp.verified", nil)}}
	err := db.bun.NewSelect().Model(&row).Column("challenge.*").Relation("User").RelationWithOpts("TOTP", verified).
		ColumnExpr("COALESCE(password.hash, '') AS password_hash").
		Join("LEFT JOIN passwords AS password ON password.user_id = ?TableAlias.user_id").
		Where("?TableAlias.hash = ?", hash).Where("?TableAlias.expires_at > ?", now).Scan(ctx)
	row.PendingSignIn.TOTP = row.TOTP
	return row.PendingSignIn, row.User, noRowsToNotFound(err)
}

// CountPendingSignInTry implements [account.Store].
func (db DB) CountPendingSignInTry(ctx context.Context, hash []byte, max int) error {
	n, err := rowsAffected(db.bun.NewUpdate().Model((*pendingSignInRow)(nil)).Set("tries = tries + 1").
		Where("hash = ?", hash).Where("tries < ?", max).Exec(ctx))
	if err != nil || n == 1 {
		return err
	}
	return db.whyNotPending(ctx, hash, max)
}

// TakePendingSignIn implements [account.Store].
func (db DB) TakePendingSignIn(ctx context.Context, hash []byte, now time.Time, max int) error {
	n, err := rowsAffected(db.bun.NewDelete().Model((*pendingSignInRow)(nil)).
		Where("hash = ?", hash).Where("expires_at > ?", now).Where("tries < ?", max).Exec(ctx))
	if err != nil || n == 1 {
		return err
	}
	return db.whyNotPending(ctx, hash, max)
}

// whyNotPending returns the error of a statement for which there is no pending sign-in with
// fewer than max attempts.
func (db DB) whyNotPending(ctx context.Context, hash []byte, max int) error {
	exists, err := db.bun.NewSelect().Model((*pendingSignInRow)(nil)).Where("hash = ?", hash).Where("tries >= ?", max).Exists(ctx)
	if err != nil {
		return wrapDB(err)
	}
	if exists {
		return shared.ErrTooManyCodes
	}
	return shared.ErrNoPendingSignIn
}

// DeletePendingSignIns implements [account.Store].
func (db DB) DeletePendingSignIns(ctx context.Context, user string) error {
	_, err := db.bun.NewDelete().Model((*pendingSignInRow)(nil)).Where("user_id = ?", user).Exec(ctx)
	return wrapDB(err)
}
