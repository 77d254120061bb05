package store

import (
	"context"

	"latchkey/backend/account"
)

// PutInvite implements [account.Store].
func (db DB) PutInvite(ctx context.Context, t account.OneTimeToken) error {
	_, err := db.bun.NewInsert().Model(&t).On("CONFLICT (purpose) WHERE user_id IS NULL DO UPDATE").
		Set("hash = EXCLUDED.hash").
		Set("created_at = EXCLUDED.created_at").Set("expires_at = EXCLUDED.expires_at").Set("used_at = NULL").Exec(ctx)
	return wrapDB(err)
}
