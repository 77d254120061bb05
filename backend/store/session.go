package store

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
	"latchkey/shared"
)

// AddSession implements [account.Store].
func (db DB) AddSession(ctx context.Context, s account.Session) (n int, err error) {
	others := db.bun.NewSelect().TableExpr("sessions AS other").ColumnExpr("COUNT(*) + 1").
		Where("other.user_id = ?", s.UserID).Where("other.id <> ?", s.ID)
	err = db.bun.NewInsert().Model(&s).Returning("(?)", others).Scan(ctx, &n)
	return n, wrapDB(err)
}

// Sessions implements [account.Store].
func (db DB) Sessions(ctx context.Context, user string, now time.Time) (all []account.Session, err error) {
	rows, err := db.sessionList.queryIn(ctx, db.bun, []any{user})
	if err != nil {
		return nil, wrapDB(err)
	}
	defer rows.Close()
	var s account.Session // each row in turn
	columns := append(sessionFields(&s), &s.PasskeyName)
	for rows.Next() {
		if err := scanRow(rows, db.sessionList.record, columns); err != nil {
			return nil, wrapDB(err)
		}
		if s.ExpiresAt.After(now) {
			all = append(all, s)
		}
	}
	return all, wrapDB(rows.Err())
}

// RotateSession implements [account.Store].
func (db DB) RotateSession(ctx context.Context, s account.Session, old account.RotatedToken) error {
	return db.inTx(ctx, func(db DB) error {
		res, err := db.bun.NewUpdate().Model(&s).Column("token_hash", "confirmed_at", "remember").
			WherePK().Where("token_hash = ?", old.Hash).Exec(ctx)
		if err := requireOneRow(res, err, shared.ErrUnauthorized); err != nil {
			return err
		}
		_, err = db.bun.NewInsert().Model(&old).Exec(ctx)
		return wrapDB(err)
	})
}

// RecordSecondFactor implements [account.Store].
func (db DB) RecordSecondFactor(ctx context.Context, s account.Session) error {
	res, err := db.bun.NewUpdate().Model(&s).Column("second_factor_at", "second_factor_by").
		WherePK().Where("token_hash = ?", s.TokenHash).Exec(ctx)
	return requireOneRow(res, err, shared.ErrUnauthorized)
}

// LockSession implements [account.Store]. It locks the user before the session, as do all
// transactions that change both.
func (db DB) LockSession(ctx context.Context, s account.Session) (account.User, error) {
	var u account.User
	// Postgres locks in the order of the tables, and checks the conditions again on a row
	// that it had to wait for.
	q := db.bun.NewSelect().Model(&u).Join("JOIN sessions AS session ON session.user_id = ?TableAlias.id").
		Where("?TableAlias.id = ?", s.UserID).Where("session.id = ?", s.ID).Where("session.token_hash = ?", s.TokenHash)
	err := noRowsToNotFound(db.forUpdate(q).Scan(ctx))
	if errors.Is(err, account.ErrNotFound) {
		err = shared.ErrUnauthorized
	}
	return u, err
}

// ConfirmSession implements [account.Store].
func (db DB) ConfirmSession(ctx context.Context, current account.Session, id string, now time.Time) (bool, error) {
	known := db.bun.NewSelect().TableExpr("sessions AS known").ColumnExpr("1").
		Where("known.user_id = ?", current.UserID).Where("NOT known.is_new").Where("known.expires_at > ?", now)
	may := db.bun.NewSelect().TableExpr("sessions AS actor").ColumnExpr("1").Where("actor.id = ?", current.ID).
		Where("(NOT actor.is_new OR actor.created_at < session.created_at AND NOT EXISTS (?))", known)
	n, err := rowsAffected(db.bun.NewUpdate().Model((*account.Session)(nil)).Set("is_new = ?", false).
		Where("?TableAlias.user_id = ?", current.UserID).Where("?TableAlias.id = ?", id).Where("?TableAlias.id <> ?", current.ID).
		Where("?TableAlias.is_new").Where("?TableAlias.expires_at > ?", now).Where("EXISTS (?)", may).Exec(ctx))
	return n == 1, err
}

// TakeSession implements [account.Store].
func (db DB) TakeSession(ctx context.Context, user, id string) (userAgent string, err error) {
	err = db.bun.NewDelete().Model((*account.Session)(nil)).Where("user_id = ?", user).Where("id = ?", id).
		Returning("user_agent").Scan(ctx, &userAgent)
	return userAgent, noRowsToNotFound(err)
}

// DeleteSession implements [account.Store].
func (db DB) DeleteSession(ctx context.Context, user, id string) (int, error) {
	return rowsAffected(db.bun.NewDelete().Model((*account.Session)(nil)).Where("user_id = ?", user).Where("id = ?", id).Exec(ctx))
}

// DeleteOtherSessions implements [account.Store].
func (db DB) DeleteOtherSessions(ctx context.Context, user, keep string) (int, error) {
	return rowsAffected(db.bun.NewDelete().Model((*account.Session)(nil)).Where("user_id = ?", user).Where("id <> ?", keep).Exec(ctx))
}

// TrimSessions implements [account.Store].
func (db DB) TrimSessions(ctx context.Context, user, keep string, n int) error {
	newest := db.bun.NewSelect().Model((*account.Session)(nil)).Column("id").Where("user_id = ?", user).
		OrderBy("last_active_at", bun.OrderDesc).Limit(int64(n))
	_, err := db.bun.NewDelete().Model((*account.Session)(nil)).Where("user_id = ?", user).
		Where("id <> ?", keep).Where("id NOT IN (?)", newest).Exec(ctx)
	return wrapDB(err)
}
