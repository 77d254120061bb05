package store

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// ManagedUsers implements [account.Store].
func (db DB) ManagedUsers(ctx context.Context, f account.UserFilter, now time.Time) ([]account.ManagedUser, error) {
	var all []account.ManagedUser
	sessions := func() *bun.SelectQuery {
		return db.bun.NewSelect().
			Model((*account.Session)(nil)).
			Where("?TableAlias.user_id = ?", bun.Ident("user.id")).
			Where("?TableAlias.expires_at > ?", now)
	}
	keys := db.bun.NewSelect().Model((*account.Passkey)(nil)).ColumnExpr("COUNT(*)").Where("?TableAlias.user_id = ?", bun.Ident("user.id"))
	q := db.bun.NewSelect().Model(&all).Column("user.*").
		ColumnExpr("(?) AS passkeys", keys).
		ColumnExpr("(?) AS sessions", sessions().ColumnExpr("COUNT(*)")).
		ColumnExpr("(?) AS last_active_at", sessions().ColumnExpr("MAX(last_active_at)")).
		ColumnExpr("(?) AS permissions", db.permissionsOf("user.id")).
		Order("user.email").Limit(int64(f.Limit))
	if f.Search != "" {
		pattern := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(f.Search) + "%"
		q.Where("(?TableAlias.email LIKE LOWER(?) ESCAPE '!' OR LOWER(?TableAlias.name) LIKE LOWER(?) ESCAPE '!')", pattern, pattern)
	}
	if f.After != "" {
		q.Where("?TableAlias.email > ?", f.After)
	}
	return all, wrapDB(q.Scan(ctx))
}

// permissionsOf returns a query for the permissions of the user whose ID is in column, in
// the form that [account.PermissionNames] reads.
func (db DB) permissionsOf(column string) *bun.SelectQuery {
	return db.bun.NewSelect().
		Model((*permission)(nil)).
		ColumnExpr("string_agg(name, ',' ORDER BY name)").
		Where("?TableAlias.user_id = ?", bun.Ident(column))
}

// DisableUser implements [account.Store].
func (db DB) DisableUser(ctx context.Context, user string, now time.Time) (bool, error) {
	n, err := rowsAffected(db.bun.NewUpdate().Model((*account.User)(nil)).Set("disabled_at = ?", now).Set("updated_at = ?", now).
		Where("id = ?", user).Where("disabled_at IS NULL").Exec(ctx))
	return n == 1, err
}

// EnableUser implements [account.Store].
func (db DB) EnableUser(ctx context.Context, user string, now time.Time) (bool, error) {
	n, err := rowsAffected(db.bun.NewUpdate().Model((*account.User)(nil)).Set("disabled_at = NULL").Set("updated_at = ?", now).
		Where("id = ?", user).Where("disabled_at IS NOT NULL").Exec(ctx))
	return n == 1, err
}

// EventUsers implements [account.Store].
func (db DB) EventUsers(ctx context.Context, users []string) (map[string]account.User, error) {
	found := make(map[string]account.User, len(users))
	if len(users) == 0 {
		return found, nil
	}
	var rows []account.User
	err := db.bun.NewSelect().Model(&rows).Column("id", "email", "handle").Where("id IN (?)", bun.List(users)).Scan(ctx)
	for _, u := range rows {
		found[u.ID] = u
	}
	return found, wrapDB(err)
}
