package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/mail"
)

// keyCheck is a row with a value that only a holder of the key can compute.
type keyCheck struct {
	N     int `bun:",pk"`
	ID    string
	Value []byte
}

// ErrKeys means that the server lacks the key of the database.
var ErrKeys = errors.New("the database belongs to another key")

// CheckKeys fails with [ErrKeys] unless the keys belong to the database. A database without
// a check value adopts the keys if it has no accounts. If it has accounts, it does not: an
// attacker who has deleted the check value could otherwise make the server accept other
// keys.
func (db DB) CheckKeys(ctx context.Context, keys keyring.Keys) error {
	id, value := keys.CheckValue()
	err := db.inTx(ctx, func(db DB) error {
		n, err := rowsAffected(db.bun.NewInsert().Model(&keyCheck{1, id, value}).On("CONFLICT DO NOTHING").Exec(ctx))
		if err != nil || n == 0 {
			return err
		}
		if any, err := db.AnyUser(ctx); err != nil {
			return err
		} else if any {
			return ErrKeys
		}
		return db.SignChain(ctx, keys) // the log is new, like the database
	})
	if err != nil {
		return err
	}
	var checks []keyCheck
	if err := db.bun.NewSelect().Model(&checks).Scan(ctx); err != nil {
		return wrapDB(err)
	}
	for _, c := range checks {
		if !keys.HasCheckValue(c.ID, c.Value) {
			return ErrKeys
		}
	}
	return nil
}

// RenewKeys makes the current key the key of the database, so that a server that lacks it
// no longer starts.
func (db DB) RenewKeys(ctx context.Context, keys keyring.Keys) error {
	id, value := keys.CheckValue()
	_, err := db.bun.NewUpdate().Model(&keyCheck{1, id, value}).WherePK().Exec(ctx)
	return wrapDB(err)
}

// TOTPsAfter implements [account.Store].
func (db DB) TOTPsAfter(ctx context.Context, id string, n int) (rows []account.TOTP, err error) {
	return rows, db.selectAfter(ctx, &rows, "id", id, n)
}

// MailsAfter implements [account.Store].
func (db DB) MailsAfter(ctx context.Context, id string, n int) (rows []mail.Mail, err error) {
	return rows, db.selectAfter(ctx, &rows, "id", id, n)
}

// OneTimeTokensAfter implements [account.Store].
func (db DB) OneTimeTokensAfter(ctx context.Context, hash []byte, n int) (rows []account.OneTimeToken, err error) {
	return rows, db.selectAfter(ctx, &rows, "hash", hash, n)
}

func (db DB) selectAfter(ctx context.Context, rows any, key string, after any, n int) error {
	return wrapDB(db.bun.NewSelect().Model(rows).Where("? > ?", bun.Ident(key), after).Order(key).Limit(int64(n)).Scan(ctx))
}

// Reseal implements [account.Store].
func (db DB) Reseal(ctx context.Context, row any, column, was string) (bool, error) {
	n, err := rowsAffected(db.bun.NewUpdate().Model(row).Column(column).WherePK().Where("? = ?", bun.Ident(column), was).Exec(ctx))
	return n == 1, err
}
