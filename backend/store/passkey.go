package store

import (
	"context"

	"latchkey/backend/account"
	"latchkey/shared"
)

// AddPasskey implements [account.Store].
func (db DB) AddPasskey(ctx context.Context, p account.Passkey) error {
	_, err := db.bun.NewInsert().Model(&p).Exec(ctx)
	if isUniqueViolation(err) {
		return shared.ErrPasskeyRegistered
	}
	return wrapDB(err)
}

// Passkeys implements [account.Store].
func (db DB) Passkeys(ctx context.Context, user string) ([]account.Passkey, error) {
	var all []account.Passkey
	err := db.bun.NewSelect().Model(&all).Where("user_id = ?", user).Order("created_at", "id").Scan(ctx)
	return all, wrapDB(err)
}

// PasskeyByCredential implements [account.Store].
func (db DB) PasskeyByCredential(ctx context.Context, id []byte) (account.Passkey, account.User, error) {
	var row struct {
		account.Passkey `bun:"table:passkeys,alias:passkey,extend"`
		User            account.User `bun:"rel:belongs-to,join:user_id=id"`
	}
	err := db.bun.NewSelect().Model(&row).Relation("User").Where("?TableAlias.credential_id = ?", id).Scan(ctx)
	return row.Passkey, row.User, noRowsToNotFound(err)
}

// UsePasskey implements [account.Store].
func (db DB) UsePasskey(ctx context.Context, p account.Passkey) error {
	n, err := rowsAffected(db.bun.NewUpdate().Model(&p).
		Column("sign_count", "backup_eligible", "backed_up", "user_verified", "last_used_at", "handle", "handle_unknown").
		WherePK().Where("sign_count < ? OR sign_count = 0 AND ? = 0", p.SignCount, p.SignCount).Exec(ctx))
	if err != nil || n == 1 {
		return err
	}
	exists, err := db.bun.NewSelect().Model((*account.Passkey)(nil)).Where("id = ?", p.ID).Exists(ctx)
	if err != nil {
		return wrapDB(err)
	}
	if !exists {
		return account.ErrNotFound
	}
	return account.ErrCopied
}

// RenamePasskey implements [account.Store].
func (db DB) RenamePasskey(ctx context.Context, user, id, name string) error {
	res, err := db.bun.NewUpdate().Model((*account.Passkey)(nil)).Set("name = ?", name).
		Where("user_id = ?", user).Where("id = ?", id).Exec(ctx)
	return requireOneRow(res, err, shared.ErrPasskeyNotFound)
}

// DeletePasskey implements [account.Store].
func (db DB) DeletePasskey(ctx context.Context, user, id string) error {
	res, err := db.bun.NewDelete().Model((*account.Passkey)(nil)).Where("user_id = ?", user).Where("id = ?", id).Exec(ctx)
	return requireOneRow(res, err, shared.ErrPasskeyNotFound)
}

// DeletePasskeys implements [account.Store].
func (db DB) DeletePasskeys(ctx context.Context, user string) (int, error) {
	return rowsAffected(db.bun.NewDelete().Model((*account.Passkey)(nil)).Where("user_id = ?", user).Exec(ctx))
}
