package store

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/shared"
)

// permission is a row of the table permissions.
type permission struct {
	UserID string `bun:",pk"`
	Name   string `bun:",pk"`
}

// AddUser implements [account.Store].
func (db DB) AddUser(ctx context.Context, u account.User) error {
	// A violation of the unique index would abort the caller's transaction, which must
	// continue.
	res, err := db.bun.NewInsert().Model(&u).On("CONFLICT (email) DO NOTHING").Exec(ctx)
	return requireOneRow(res, err, shared.ErrUserExists.In("email"))
}

// UserByID implements [account.Store].
func (db DB) UserByID(ctx context.Context, id string) (account.User, error) {
	var u account.User
	err := db.bun.NewSelect().Model(&u).Where("id = ?", id).Scan(ctx)
	return u, noRowsToNotFound(err)
}

// UserByEmail implements [account.Store].
func (db DB) UserByEmail(ctx context.Context, email string) (account.User, account.Password, error) {
	var row struct {
		account.User `bun:"table:users,alias:user,extend"`
		Hash         string `bun:",scanonly"`
		Void         bool   `bun:",scanonly"`
	}
	err := db.bun.NewSelect().Model(&row).Column("user.*").
		ColumnExpr("COALESCE(password.hash, '') AS hash").ColumnExpr("COALESCE(password.void, FALSE) AS void").
		Join("LEFT JOIN passwords AS password ON password.user_id = ?TableAlias.id").
		Where("?TableAlias.email = ?", email).Scan(ctx)
	return row.User, account.Password{UserID: row.ID, Hash: row.Hash, Void: row.Void}, noRowsToNotFound(err)
}

// UpdateUser implements [account.Store].
func (db DB) UpdateUser(ctx context.Context, user string, change account.UserChange, now time.Time) error {
	q := db.bun.NewUpdate().Model((*account.User)(nil)).Set("updated_at = ?", now).Where("id = ?", user)
	if change.Name != nil {
		q.Set("name = ?", *change.Name)
	}
	if change.Image != nil {
		q.Set("image = ?", *change.Image)
	}
	if change.Language != nil {
		q.Set("language = ?", bun.NullZero(*change.Language))
	}
	res, err := q.Exec(ctx)
	return requireOneRow(res, err, shared.ErrUnauthorized)
}

// LockUser implements [account.Store].
func (db DB) LockUser(ctx context.Context, user string) (account.User, error) {
	var u account.User
	err := noRowsToNotFound(db.forUpdate(db.bun.NewSelect().Model(&u).Where("id = ?", user)).Scan(ctx))
	if errors.Is(err, account.ErrNotFound) {
		return u, shared.ErrUnauthorized
	}
	return u, err
}

// LockWaitingUser implements [account.Store].
func (db DB) LockWaitingUser(ctx context.Context, email string) (id string, err error) {
	signedIn := func(model any) *bun.SelectQuery {
		return db.bun.NewSelect().Model(model).ColumnExpr("1").
			Where("?TableAlias.user_id = users.id").Where("?TableAlias.session_id <> ''").
			Where("?TableAlias.kind IN (?)", bun.List([]string{shared.EventSignUp, shared.EventSignIn}))
	}
	err = noRowsToNotFound(db.bun.NewUpdate().Table("users").Set("name = name").
		Where("email = ?", email).Where("NOT email_verified").Where("NOT EXISTS (?)", signedIn((*audit.Event)(nil))).
		Where("NOT EXISTS (?)", signedIn((*unlinkedEvent)(nil))).
		Returning("id").Scan(ctx, &id))
	if errors.Is(err, account.ErrNotFound) {
		err = nil
	}
	return id, err
}

// VerifyUser implements [account.Store].
func (db DB) VerifyUser(ctx context.Context, user, email string, now time.Time) (bool, error) {
	n, err := rowsAffected(db.bun.NewUpdate().Model((*account.User)(nil)).Set("email_verified = ?", true).Set("updated_at = ?", now).
		Where("id = ?", user).Where("email = ?", email).Where("NOT email_verified").Exec(ctx))
	return n == 1, err
}

// ChangeEmail implements [account.Store].
func (db DB) ChangeEmail(ctx context.Context, user, email string, verified bool, now time.Time) error {
	// Check first: a violation of the unique index would abort the transaction.
	owner := db.bun.NewSelect().TableExpr("users AS owner").ColumnExpr("1").Where("owner.email = ?", email)
	res, err := db.bun.NewUpdate().Model((*account.User)(nil)).
		Set("email = ?", email).Set("email_verified = ?", verified).Set("updated_at = ?", now).
		Where("id = ?", user).Where("NOT EXISTS (?)", owner).
		// Of two calls for the same user at once, Postgres lets the second one wait, and then
		// checks only conditions on the row again.
		Where("?TableAlias.email <> ?", email).Exec(ctx)
	if isUniqueViolation(err) {
		return shared.ErrUserExists.In("email")
	}
	return requireOneRow(res, err, shared.ErrUserExists.In("email"))
}

// SetTwoFactor implements [account.Store].
func (db DB) SetTwoFactor(ctx context.Context, user string, on bool, now time.Time) error {
	res, err := db.bun.NewUpdate().Model((*account.User)(nil)).Set("two_factor_enabled = ?", on).Set("updated_at = ?", now).
		Where("id = ?", user).Exec(ctx)
	return requireOneRow(res, err, shared.ErrUnauthorized)
}

// DeleteUser implements [account.Store].
func (db DB) DeleteUser(ctx context.Context, user string, required ...string) error {
	return db.inTx(ctx, func(db DB) error {
		q := db.bun.NewDelete().Model((*account.User)(nil)).Where("id = ?", user)
		if len(required) > 0 {
			if err := db.lockHolders(ctx, user, required); err != nil {
				return err
			}
			q.Where("NOT EXISTS (?)", db.lastHeld(user, required))
		}
		n, err := rowsAffected(q.Exec(ctx))
		if err != nil || n == 1 {
			return err
		}
		exists, err := db.bun.NewSelect().Model((*account.User)(nil)).Where("id = ?", user).Exists(ctx)
		switch {
		case err != nil:
			return wrapDB(err)
		case exists:
			return shared.ErrLastAdministrator
		}
		return shared.ErrUnauthorized
	})
}

// lockHolders locks the grants of the permissions that a user has, the user's own and those
// of others, until the transaction ends. So of two administrators who delete themselves, the
// second one waits, and then no longer finds the first.
func (db DB) lockHolders(ctx context.Context, user string, permissions []string) error {
	var grants []permission
	own := db.bun.NewSelect().TableExpr("permissions AS own").Column("own.name").
		Where("own.user_id = ?", user).Where("own.name IN (?)", bun.List(permissions))
	// All transactions take the locks in one order, so that they do not deadlock.
	err := db.forUpdate(db.bun.NewSelect().Model(&grants).Where("name IN (?)", own).Order("user_id", "name")).Scan(ctx)
	return wrapDB(err)
}

// lastHeld returns a query for those of the permissions that a user has and no other enabled
// user has.
func (db DB) lastHeld(user string, permissions []string) *bun.SelectQuery {
	others := db.bun.NewSelect().TableExpr("permissions AS other").ColumnExpr("1").
		Join("JOIN users AS holder ON holder.id = other.user_id").
		Where("other.name = held.name").Where("other.user_id <> held.user_id").Where("holder.disabled_at IS NULL")
	return db.bun.NewSelect().TableExpr("permissions AS held").ColumnExpr("1").
		Where("held.user_id = ?", user).Where("held.name IN (?)", bun.List(permissions)).Where("NOT EXISTS (?)", others)
}

// IsLastHolder implements [account.Store].
func (db DB) IsLastHolder(ctx context.Context, user string, permissions ...string) (bool, error) {
	last, err := db.lastHeld(user, permissions).Exists(ctx)
	return last, wrapDB(err)
}

// AnyUser implements [account.Store].
func (db DB) AnyUser(ctx context.Context) (bool, error) {
	any, err := db.bun.NewSelect().Model((*account.User)(nil)).Exists(ctx)
	return any, wrapDB(err)
}

// CountUnverified implements [account.Store].
func (db DB) CountUnverified(ctx context.Context) (int, error) {
	n, err := db.bun.NewSelect().Model((*account.User)(nil)).
		Where("NOT email_verified").Where("disabled_at IS NULL").Count(ctx)
	return int(n), wrapDB(err)
}

// AnyGrant implements [account.Store].
func (db DB) AnyGrant(ctx context.Context, name string) (bool, error) {
	any, err := db.bun.NewSelect().Model((*permission)(nil)).Where("name = ?", name).Exists(ctx)
	return any, wrapDB(err)
}

// UsersWith implements [account.Store].
func (db DB) UsersWith(ctx context.Context, name string) ([]account.User, error) {
	var users []account.User
	err := db.bun.NewSelect().Model(&users).
		Where("id IN (?)", db.bun.NewSelect().Model((*permission)(nil)).Column("user_id").Where("name = ?", name)).Scan(ctx)
	return users, wrapDB(err)
}

// UserPermissions implements [account.Store].
func (db DB) UserPermissions(ctx context.Context, user string) (names []string, err error) {
	err = db.bun.NewSelect().Model((*permission)(nil)).Column("name").Where("user_id = ?", user).Order("name").Scan(ctx, &names)
	return names, wrapDB(err)
}

// A Grant is a permission that a user has.
type Grant struct{ Email, Permission string }

// Permissions returns all grants, ordered by email address.
func (db DB) Permissions(ctx context.Context) ([]Grant, error) {
	var grants []Grant
	err := db.bun.NewSelect().Model((*permission)(nil)).ColumnExpr("users.email, ?TableAlias.name AS permission").
		Join("JOIN users ON users.id = ?TableAlias.user_id").Order("users.email", "permission.name").Scan(ctx, &grants)
	return grants, wrapDB(err)
}

// Revoke implements [account.Store].
func (db DB) Revoke(ctx context.Context, user, name string) error {
	res, err := db.bun.NewDelete().Model((*permission)(nil)).Where("user_id = ?", user).Where("name = ?", name).Exec(ctx)
	return requireOneRow(res, err, account.ErrNotFound)
}

// Grant implements [account.Store].
func (db DB) Grant(ctx context.Context, user, name string) error {
	_, err := db.bun.NewInsert().Model(&permission{user, name}).On("CONFLICT DO NOTHING").Exec(ctx)
	return wrapDB(err)
}
