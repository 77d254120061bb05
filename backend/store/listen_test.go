package store_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
	"latchkey/backend/setting"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// listen listens for changed settings until the test ends. It returns when it listens.
func listen(t *testing.T, db store.DB) (changed <-chan struct{}, lost <-chan error) {
	t.Helper()
	c, end := make(chan struct{}, 100), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		end <- db.ListenSettings(ctx, func() { c <- struct{}{} })
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	select {
	case <-c:
	case err := <-end:
		t.Fatal(err)
	}
	return c, end
}

// put writes a setting.
func put(t *testing.T, s account.Store, revision int64) {
	t.Helper()
	row := setting.Setting{Key: "APP_NAME", Value: "Name", Revision: revision, UpdatedAt: now}
	if ok, err := s.PutSetting(t.Context(), row); err != nil || !ok {
		t.Errorf("the setting was written: %t, %v", ok, err)
	}
}

// TestListenSettings checks that a server learns of a changed setting when the change is
// committed and not before, and that it notices the loss of its connection.
func TestListenSettings(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	db := storetest.Migrated(t, url)
	changed, lost := listen(t, storetest.Open(t, url))
	_, other := listen(t, storetest.Open(t, url))
	wait := func() {
		t.Helper()
		select {
		case <-changed:
		case err := <-lost:
			t.Fatal(err)
		case <-time.After(time.Minute):
			t.Fatal("the change of a setting was not notified within a minute")
		}
	}
	put(t, db, 1)
	wait()
	rollback := errors.New("rollback")
	err := db.Tx(t.Context(), func(tx account.Store) error {
		put(t, tx, 2)
		return rollback
	})
	if !errors.Is(err, rollback) {
		t.Error(err)
	}
	err = db.Tx(t.Context(), func(tx account.Store) error {
		put(t, tx, 2)
		select {
		case <-changed:
			t.Error("a change is notified before it is committed, or after it was rolled back")
		case <-time.After(100 * time.Millisecond):
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wait()

	pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(url)))
	defer pool.Close()
	const kill = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND query = 'LISTEN latchkey_settings'`
	var n int
	if err := pool.QueryRowContext(t.Context(), kill).Scan(&n); err != nil || n != 2 {
		t.Fatalf("%d sessions listen, %v; want 2", n, err)
	}
	for _, lost := range []<-chan error{lost, other} {
		if err := <-lost; err == nil || errors.Is(err, store.ErrCannotListen) {
			t.Errorf("after the end of its session, a server gets %v; want an error after which it tries again", err)
		}
	}
}

// TestCannotListen checks that a server does not listen on SQLite or behind a pooler, whose
// other clients would get the notifications.
func TestCannotListen(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, url string) {
		t.Helper()
		db := storetest.Migrated(t, url)
		err := db.ListenSettings(t.Context(), func() { t.Error("a setting has changed") })
		if !errors.Is(err, store.ErrCannotListen) {
			t.Errorf("got %v; want %v", err, store.ErrCannotListen)
		}
		put(t, db, 1)
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		check(t, storetest.SQLite(t))
	})
	t.Run("pooler", func(t *testing.T) {
		t.Parallel()
		_, pooled := pooledURL(t)
		check(t, pooled)
		pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(pooled)))
		defer pool.Close()
		for range 12 { // enough to reach each session of the pooler
			var n int
			if err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_listening_channels()").Scan(&n); err != nil || n > 0 {
				t.Errorf("a session of the pooler listens on %d channels, %v; want none", n, err)
			}
		}
	})
}
