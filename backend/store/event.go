package store

import (
	"context"

	"latchkey/backend/account"
)

// AddEvent implements [account.Store].
func (db DB) AddEvent(ctx context.Context, e account.Event) error {
	_, err := db.bun.NewInsert().Model(&e).Exec(ctx)
	return failed(err)
}
