package store

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// Password implements [account.Store].
func (db DB) Password(ctx context.Context, user string) (account.Password, error) {
	var p account.Password
	err := noRowsToNotFound(db.bun.NewSelect().Model(&p).Where("user_id = ?", user).Scan(ctx))
	if errors.Is(err, account.ErrNotFound) {
		return p, shared.ErrCredentialNotFound
	}
	return p, err
}

// AddPassword implements [account.Store].
func (db DB) AddPassword(ctx context.Context, p account.Password) error {
	_, err := db.bun.NewInsert().Model(&p).Exec(ctx)
	return wrapDB(err)
}

// LockUserByPassword implements [account.Store]. Postgres locks in the order of the tables,
// and checks the conditions again on a row that it had to wait for. So a concurrent change
// of the hash comes before or after it.
func (db DB) LockUserByPassword(ctx context.Context, user, hash string) (account.User, bool, error) {
	var row struct {
		account.User `bun:"table:users,alias:user,extend"`
		HasPasskeys  bool `bun:",scanonly"`
	}
	passkeys := db.bun.NewSelect().Model((*account.Passkey)(nil)).ColumnExpr("1").Where("?TableAlias.user_id = ?", user)
	q := db.bun.NewSelect().Model(&row).Column("user.*").ColumnExpr("EXISTS (?) AS has_passkeys", passkeys).
		Join("JOIN passwords AS password ON password.user_id = ?TableAlias.id").
		Where("?TableAlias.id = ?", user).Where("password.hash = ?", hash).Where("NOT password.void")
	err := noRowsToNotFound(db.forUpdate(q).Scan(ctx))
	if errors.Is(err, account.ErrNotFound) {
		err = shared.ErrCredentials
	}
	return row.User, row.HasPasskeys, err
}

// UsePassword implements [account.Store]. It takes the row's lock, so that a concurrent
// change of the hash comes before or after it.
func (db DB) UsePassword(ctx context.Context, user, hash string) error {
	var one int
	q := db.bun.NewSelect().Model((*account.Password)(nil)).ColumnExpr("1").
		Where("user_id = ?", user).Where("hash = ?", hash).Where("NOT void")
	err := noRowsToNotFound(db.forUpdate(q).Scan(ctx, &one))
	if errors.Is(err, account.ErrNotFound) {
		return shared.ErrCredentials
	}
	return err
}

// UpgradePassword implements [account.Store].
func (db DB) UpgradePassword(ctx context.Context, user, old, new string) error {
	res, err := db.bun.NewUpdate().Model((*account.Password)(nil)).Set("hash = ?", new).
		Where("user_id = ?", user).Where("hash = ?", old).Where("NOT void").Exec(ctx)
	return requireOneRow(res, err, shared.ErrCredentials)
}

// ReplacePassword implements [account.Store].
func (db DB) ReplacePassword(ctx context.Context, user, old, new string, now time.Time) error {
	res, err := db.bun.NewUpdate().Model((*account.Password)(nil)).Set("hash = ?", new).Set("changed_at = ?", now).
		Where("user_id = ?", user).Where("hash = ?", old).Where("NOT void").Exec(ctx)
	return requireOneRow(res, err, shared.ErrInvalidPassword)
}

// PutPassword implements [account.Store].
func (db DB) PutPassword(ctx context.Context, p account.Password) error {
	_, err := db.bun.NewInsert().Model(&p).On("CONFLICT (user_id) DO UPDATE").
		Set("hash = EXCLUDED.hash").Set("changed_at = EXCLUDED.changed_at").Set("void = EXCLUDED.void").Exec(ctx)
	return wrapDB(err)
}

// VoidPassword implements [account.Store].
func (db DB) VoidPassword(ctx context.Context, user string) error {
	_, err := db.bun.NewUpdate().Model((*account.Password)(nil)).Set("void = ?", true).Where("user_id = ?", user).Exec(ctx)
	return wrapDB(err)
}
