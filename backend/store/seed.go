package store

import (
	"context"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// Seed adds users with their passwords and sessions, in one transaction.
func (db DB) Seed(ctx context.Context, users []account.User, passwords []account.Password, sessions []account.Session) error {
	return wrapDB(db.bun.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for _, rows := range []any{&users, &passwords, &sessions} {
			if _, err := tx.NewInsert().Model(rows).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	}))
}
