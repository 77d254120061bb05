package store

import (
	"context"

	"latchkey/backend/setting"
)

// Settings implements [account.Store].
func (db DB) Settings(ctx context.Context) ([]setting.Setting, error) {
	var rows []setting.Setting
	err := db.bun.NewSelect().Model(&rows).Scan(ctx)
	return rows, wrapDB(err)
}

// SettingsVersion implements [account.Store].
func (db DB) SettingsVersion(ctx context.Context) (version int64, err error) {
	err = db.bun.NewSelect().Model((*setting.Setting)(nil)).ColumnExpr("COALESCE(SUM(revision), 0)").Scan(ctx, &version)
	return version, wrapDB(err)
}

// PutSetting implements [account.Store].
func (db DB) PutSetting(ctx context.Context, row setting.Setting) (written bool, err error) {
	err = db.inTx(ctx, func(db DB) error {
		if written, err = db.putSetting(ctx, row); err != nil || !written {
			return err
		}
		return db.notifySettings(ctx)
	})
	return written && err == nil, err
}

func (db DB) putSetting(ctx context.Context, row setting.Setting) (written bool, err error) {
	n, err := rowsAffected(db.bun.NewInsert().Model(&row).On("CONFLICT (key) DO UPDATE").
		Set("value = EXCLUDED.value").Set("revision = EXCLUDED.revision").
		Set("updated_at = EXCLUDED.updated_at").Set("updated_by = EXCLUDED.updated_by").
		Where("?TableAlias.revision = EXCLUDED.revision - 1").Exec(ctx))
	return n == 1, wrapDB(err)
}
