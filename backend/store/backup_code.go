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

// usedBackupCode is a row of the table used_backup_codes.
type usedBackupCode account.BackupCode

// ReplaceBackupCodes implements [account.Store].
func (db DB) ReplaceBackupCodes(ctx context.Context, set account.BackupCodeSet, digests [][]byte, keep time.Time) error {
	return db.inTx(ctx, func(db DB) error {
		replaced, err := db.codesToReplace(ctx, set.UserID, keep)
		if err != nil {
			return err
		}
		if err := db.DeleteBackupCodes(ctx, set.UserID); err != nil {
			return err
		}
		if len(replaced) > 0 {
			if _, err := db.bun.NewInsert().Model(&replaced).Exec(ctx); err != nil {
				return wrapDB(err)
			}
		}
		if _, err := db.bun.NewInsert().Model(&set).Exec(ctx); err != nil {
			return wrapDB(err)
		}
		codes := make([]account.BackupCode, 0, len(digests))
		for _, d := range digests {
			codes = append(codes, account.BackupCode{UserID: set.UserID, Digest: d})
		}
		_, err = db.bun.NewInsert().Model(&codes).Exec(ctx)
		return wrapDB(err)
	})
}

// codesToReplace returns the codes of a user's set, used and unused, as replaced ones. There
// are none of a user without a set.
func (db DB) codesToReplace(ctx context.Context, user string, keep time.Time) (replaced []account.ReplacedBackupCode, err error) {
	codes := func(model any) *bun.SelectQuery {
		return db.bun.NewSelect().Model(model).Column("digest").Where("user_id = ?", user)
	}
	err = db.bun.NewSelect().Model((*account.BackupCodeSet)(nil)).ModelTableExpr("backup_code_sets AS kept").
		ColumnExpr("kept.user_id, codes.digest, kept.salt, kept.iterations").
		Join("CROSS JOIN (? UNION ALL ?) AS codes", codes((*account.BackupCode)(nil)), codes((*usedBackupCode)(nil))).
		Where("kept.user_id = ?", user).Scan(ctx, &replaced)
	for i := range replaced {
		replaced[i].ExpiresAt = keep
	}
	return replaced, wrapDB(err)
}

// ReplacedBackupCodes implements [account.Store].
func (db DB) ReplacedBackupCodes(ctx context.Context, user string, now time.Time) (all []account.ReplacedBackupCode, err error) {
	err = db.bun.NewSelect().Model(&all).Where("user_id = ?", user).Where("expires_at > ?", now).Scan(ctx)
	return all, wrapDB(err)
}

// DeleteBackupCodes implements [account.Store].
func (db DB) DeleteBackupCodes(ctx context.Context, user string) error {
	return db.inTx(ctx, func(db DB) error {
		for _, kept := range []any{
			(*account.BackupCode)(nil), (*usedBackupCode)(nil), (*account.BackupCodeSet)(nil), (*account.ReplacedBackupCode)(nil),
		} {
			if _, err := db.bun.NewDelete().Model(kept).Where("user_id = ?", user).Exec(ctx); err != nil {
				return wrapDB(err)
			}
		}
		return nil
	})
}

// BackupCodeSet implements [account.Store].
func (db DB) BackupCodeSet(ctx context.Context, user string) (set account.BackupCodeSet, err error) {
	err = db.bun.NewSelect().Model(&set).Where("user_id = ?", user).Scan(ctx)
	return set, noRowsToNotFound(err)
}

// UseBackupCode implements [account.Store].
func (db DB) UseBackupCode(ctx context.Context, user string, digests [][]byte) (used bool, err error) {
	err = db.inTx(ctx, func(db DB) error {
		var spent []usedBackupCode
		err := db.bun.NewDelete().Model((*account.BackupCode)(nil)).
			Where("user_id = ?", user).Where("digest IN (?)", bun.List(digests)).Returning("*").Scan(ctx, &spent)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return wrapDB(err)
		}
		if len(spent) == 0 {
			used, err = db.bun.NewSelect().Model((*usedBackupCode)(nil)).
				Where("user_id = ?", user).Where("digest IN (?)", bun.List(digests)).Exists(ctx)
			if err != nil {
				return wrapDB(err)
			}
			return shared.ErrInvalidBackupCode
		}
		_, err = db.bun.NewInsert().Model(&spent).Exec(ctx)
		return wrapDB(err)
	})
	return used, err
}

// CountBackupCodes implements [account.Store].
func (db DB) CountBackupCodes(ctx context.Context, user string) (int, error) {
	n, err := db.bun.NewSelect().Model((*account.BackupCode)(nil)).Where("user_id = ?", user).Count(ctx)
	return int(n), wrapDB(err)
}
