package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"latchkey/backend/setting"
)

// Settings implements [account.Store].
func (db DB) Settings(ctx context.Context) ([]setting.Setting, error) {
	var rows []setting.Setting
	err := db.bun.NewSelect().Model(&rows).Scan(ctx)
	return rows, wrapDB(err)
}

// SettingsVersion implements [account.Store]. A server that the database cannot notify polls
// it several times in two seconds. On SQLite, it asks first whether the database has changed
// at all.
func (db DB) SettingsVersion(ctx context.Context) (version int64, err error) {
	if db.path == "" || db.queued != nil {
		return db.querySettingsVersion(ctx)
	}
	return db.settings.version(ctx, db)
}

func (db DB) querySettingsVersion(ctx context.Context) (version int64, err error) {
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

// A settingsPoll keeps the version of the settings of a SQLite database until the database
// changes.
type settingsPoll struct {
	mu      sync.Mutex
	conn    *sql.Conn // of its own, because a connection does not see its own changes
	changes *sql.Stmt // returns another number after another connection or process has committed
	seen    int64     // that number before the version was read
	current int64     // the version; valid if conn is not nil
}

// version returns the version of the settings in db.
func (p *settingsPoll) version(ctx context.Context, db DB) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx = context.WithoutCancel(ctx) // to watch a context takes longer than the statement, which never waits
	first := p.conn == nil
	if first {
		if err := p.connect(ctx, db.pool.DB); err != nil {
			return 0, wrapDB(err)
		}
	}
	var seen int64
	err := p.changes.QueryRowContext(ctx).Scan(&seen)
	if err == nil && !first && seen == p.seen {
		return p.current, nil
	}
	version := int64(0)
	if err == nil { // after the number: a change since then changes it
		version, err = db.querySettingsVersion(ctx)
	}
	if err != nil {
		return 0, errors.Join(wrapDB(err), p.disconnect())
	}
	p.seen, p.current = seen, version
	return version, nil
}

func (p *settingsPoll) connect(ctx context.Context, pool *sql.DB) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	changes, err := conn.PrepareContext(ctx, "PRAGMA data_version")
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	p.conn, p.changes = conn, changes
	return nil
}

func (p *settingsPoll) disconnect() error {
	if p.conn == nil {
		return nil
	}
	err := errors.Join(p.changes.Close(), p.conn.Close())
	p.conn = nil
	return err
}

// close ends the poll before the database closes.
func (p *settingsPoll) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.disconnect()
}
