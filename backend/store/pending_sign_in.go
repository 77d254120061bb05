package store

import (
	"context"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// challenge is a row of the table challenges, and the user whose it is.
type challenge struct {
	account.Challenge
	User account.User `bun:"rel:belongs-to,join:user_id=id"`
}

// AddChallenge implements [account.Store].
func (db DB) AddChallenge(ctx context.Context, ch account.Challenge) error {
	_, err := db.bun.NewInsert().Model(&challenge{Challenge: ch}).Exec(ctx)
	return failed(err)
}

// Challenge implements [account.Store].
func (db DB) Challenge(ctx context.Context, hash []byte, now time.Time) (account.Challenge, account.User, error) {
	var row challenge
	err := db.bun.NewSelect().Model(&row).Relation("User").
		Where("?TableAlias.hash = ?", hash).Where("?TableAlias.expires_at > ?", now).Scan(ctx)
	return row.Challenge, row.User, found(err)
}

// CountChallengeTry implements [account.Store].
func (db DB) CountChallengeTry(ctx context.Context, hash []byte, max int) error {
	n, err := changed(db.bun.NewUpdate().Model((*challenge)(nil)).Set("tries = tries + 1").
		Where("hash = ?", hash).Where("tries < ?", max).Exec(ctx))
	if err != nil || n == 1 {
		return err
	}
	there, err := db.bun.NewSelect().Model((*challenge)(nil)).Where("hash = ?", hash).Exists(ctx)
	if err != nil {
		return failed(err)
	}
	if !there {
		return shared.ErrChallenge
	}
	return shared.ErrTooManyCodes
}

// TakeChallenge implements [account.Store].
func (db DB) TakeChallenge(ctx context.Context, hash []byte, now time.Time) error {
	res, err := db.bun.NewDelete().Model((*challenge)(nil)).
		Where("hash = ?", hash).Where("expires_at > ?", now).Exec(ctx)
	return one(res, err, shared.ErrChallenge)
}

// DeleteChallenges implements [account.Store].
func (db DB) DeleteChallenges(ctx context.Context, user string) error {
	_, err := db.bun.NewDelete().Model((*challenge)(nil)).Where("user_id = ?", user).Exec(ctx)
	return failed(err)
}
