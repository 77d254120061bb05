package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
)

// Settings implements [account.Store].
func (db DB) Settings(ctx context.Context) ([]account.Setting, error) {
	var rows []account.Setting
	err := db.bun.NewSelect().Model(&rows).Scan(ctx)
	return rows, failed(err)
}

// SettingsStamp implements [account.Store].
func (db DB) SettingsStamp(ctx context.Context) (stamp int64, err error) {
	err = db.bun.NewSelect().Model((*account.Setting)(nil)).ColumnExpr("COALESCE(SUM(revision), 0)").Scan(ctx, &stamp)
	return stamp, failed(err)
}

// settingsChannel is what Postgres tells the servers by that a setting has
// changed.
const settingsChannel = "latchkey_settings"

// PutSetting implements [account.Store].
func (db DB) PutSetting(ctx context.Context, row account.Setting) (written bool, err error) {
	n, err := changed(db.bun.NewInsert().Model(&row).On("CONFLICT (key) DO UPDATE").
		Set("value = EXCLUDED.value").Set("revision = EXCLUDED.revision").
		Set("updated_at = EXCLUDED.updated_at").Set("updated_by = EXCLUDED.updated_by").
		Where("?TableAlias.revision = EXCLUDED.revision - 1").Exec(ctx))
	if err == nil && n == 1 && db.dsn != "" {
		_, err = db.bun.NewRaw("NOTIFY ?", bun.Ident(settingsChannel)).Exec(ctx)
	}
	return n == 1, failed(err)
}

// SettingsChanged hears of changes of settings until ctx ends. It may miss some.
// On SQLite it hears of none.
func (db DB) SettingsChanged(ctx context.Context) <-chan pgdriver.Notification {
	if db.dsn == "" {
		return nil
	}
	pool, err := connectPostgres(db.dsn, 0) // it waits for as long as it takes
	if err != nil {
		return nil // the URL was good enough before
	}
	listener := pgdriver.NewListener(bun.NewDB(pool, pgdialect.New()))
	heard := make(chan pgdriver.Notification, 1)
	go func() {
		defer close(heard)
		defer pool.Close()
		for listener.Listen(ctx, settingsChannel) != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
		told := listener.Channel(pgdriver.WithChannelSize(1))
		for {
			select {
			case <-ctx.Done():
				listener.Close()
				return
			case n := <-told:
				select {
				case heard <- n:
				default: // one is waiting, which is as good
				}
			}
		}
	}()
	return heard
}
