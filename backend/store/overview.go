package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// AccountState implements [account.Store].
func (db DB) AccountState(
	ctx context.Context, session account.Session, now time.Time, permissions, purposes []string,
) (state account.AccountState, err error) {
	rows := func(model any) *bun.SelectQuery {
		return db.bun.NewSelect().Model(model).Where("?TableAlias.user_id = ?", session.UserID)
	}
	count := func(model any) *bun.SelectQuery { return rows(model).ColumnExpr("COUNT(*)") }
	totp, passkey := (*account.TOTP)(nil), (*account.Passkey)(nil)
	lastUsed := func(column string) *bun.SelectQuery {
		return rows(passkey).Column(column).Where("last_used_at IS NOT NULL").Order("last_used_at DESC", "id").Limit(1)
	}
	newest := rows((*account.OneTimeToken)(nil)).Column("hash").Where("purpose IN (?)", bun.List(purposes)).
		Where("expires_at > ?", now).Where("used_at IS NULL").Order("created_at DESC", "hash").Limit(1)
	q := db.bun.NewSelect().
		ColumnExpr("(?) AS password_changed_at", rows((*account.Password)(nil)).Column("changed_at").Where("NOT void")).
		ColumnExpr("(?) AS two_factor_since", rows(totp).Column("since").Where("verified")).
		ColumnExpr("EXISTS (?) AS two_factor_pending", rows(totp).ColumnExpr("1").
			Where("NOT verified").Where("session_id = ?", session.ID).Where("expires_at > ?", now)).
		ColumnExpr("(?) AS backup_codes", count((*account.BackupCode)(nil))).
		ColumnExpr("(?) AS passkeys", count(passkey)).
		ColumnExpr("(?) AS synced_passkeys", count(passkey).Where("backed_up")).
		ColumnExpr("(?) AS passkey_used_at", lastUsed("last_used_at")).
		ColumnExpr("(?) AS passkey_used", lastUsed("name")).
		ColumnExpr("(?) AS trusted_devices", count((*account.TrustedDevice)(nil)).Where("expires_at > ?", now)).
		ColumnExpr("EXISTS (?) AS last_holder", db.lastHeld(session.UserID, permissions)).
		TableExpr("(SELECT 1) AS one").Join("LEFT JOIN one_time_tokens AS token ON token.hash = (?)", newest)
	for _, column := range []string{"hash", "purpose", "user_id", "data", "created_at", "expires_at"} {
		q.ColumnExpr("? AS ?", bun.Ident("token."+column), bun.Ident("token_"+column))
	}
	return state, wrapDB(q.Scan(ctx, &state))
}
