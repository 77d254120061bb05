package store

import (
	"context"
	"database/sql"
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

// SessionByHash implements [account.Store]. Every call of a signed-in user runs it, so
// concurrent calls share statements. Callers must not change what the fields of the session
// and the user point to, because they may share that, too.
func (db DB) SessionByHash(ctx context.Context, hash []byte, now time.Time) (account.Session, account.User, error) {
	row, err := db.findSession(ctx, hash)
	// The statement does not compare the expiry, because each of its callers has a time of
	// its own.
	if err == nil && (row == nil || !row.session.ExpiresAt.After(now)) {
		err = sql.ErrNoRows
	}
	if err != nil {
		return account.Session{}, account.User{}, noRowsToNotFound(err)
	}
	return row.session, row.user, nil
}

func (db DB) findSession(ctx context.Context, hash []byte) (*foundSession, error) {
	if tx, ok := db.bun.(bun.Tx); ok { // other callers must not see its changes
		own := &lookup{hash: hash}
		err := db.sessionQueries.runInTx(ctx, tx, own)
		return own.row, err
	}
	return db.lookups.find(ctx, hash)
}

// Sessions implements [account.Store].
func (db DB) Sessions(ctx context.Context, user string, now time.Time) ([]account.Session, error) {
	var sessions []account.Session
	err := db.bun.NewSelect().Model(&sessions).Where("user_id = ?", user).Where("expires_at > ?", now).
		Order("last_active_at DESC", "id").Scan(ctx)
	return sessions, wrapDB(err)
}

// TouchSession implements [account.Store].
func (db DB) TouchSession(ctx context.Context, s account.Session) (bool, error) {
	n, err := rowsAffected(db.bun.NewUpdate().Model(&s).Column("last_active_at", "expires_at", "ip", "user_agent").
		WherePK().Where("token_hash = ?", s.TokenHash).Exec(ctx))
	return n == 1, err
}

// RotateSession implements [account.Store].
func (db DB) RotateSession(ctx context.Context, s account.Session, old account.RotatedToken) error {
	return db.inTx(ctx, func(db DB) error {
		res, err := db.bun.NewUpdate().Model(&s).Column("token_hash", "confirmed_at").
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
