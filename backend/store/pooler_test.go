package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// pooledURL returns the URL of an empty database, directly and behind PgBouncer in
// transaction mode.
func pooledURL(t *testing.T) (direct, pooled string) {
	t.Helper()
	direct = storetest.Postgres(t)
	return direct, storetest.Pooled(t, direct)
}

// TestNamedStatement checks that a direct connection to Postgres uses named statements, and
// that a connection behind a pooler never does.
func TestNamedStatement(t *testing.T) {
	t.Parallel()
	direct, pooled := pooledURL(t)
	storetest.Migrated(t, direct)
	for url, want := range map[string]bool{direct: true, pooled: false} {
		db := storetest.Open(t, url)
		atOnce(t, 12, account.ErrNotFound, func(int) error {
			_, _, err := db.SessionByHash(context.Background(), []byte("none"), now)
			return err
		})
		if store.Named(db) != want {
			t.Errorf("%s: a statement is named: %t; want %t", url, !want, want)
		}
	}
	pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(pooled)))
	defer pool.Close()
	for range 12 { // enough to reach each session of the pooler
		var n int
		if err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&n); err != nil || n > 0 {
			t.Errorf("a session of the pooler has %d named statements, %v; want none", n, err)
		}
	}
}

// TestMigratePooled checks that six processes can migrate an empty database at once behind
// a pooler with fewer sessions, and that no lock is left.
func TestMigratePooled(t *testing.T) {
	t.Parallel()
	direct, pooled := pooledURL(t)
	dbs := make([]store.DB, 6)
	for i := range dbs {
		dbs[i] = storetest.Open(t, pooled)
	}
	atOnce(t, len(dbs), nil, func(i int) error {
		_, err := dbs[i].Migrate(context.Background())
		return err
	})
	if err := dbs[0].Ready(t.Context()); err != nil {
		t.Error(err)
	}
	storetest.NoLocks(t, direct)
}

// TestMigrationWait checks that a process that waits for another one's migration reports
// that repeatedly, continues when the other is done, and gives up after a while.
func TestMigrationWait(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		release := storetest.HoldMigration(t, url)
		db := storetest.Open(t, url)
		if _, err := db.MigrateWith(t.Context(), store.Migration{Wait: time.Millisecond}); !errors.Is(err, store.ErrMigrating) {
			t.Errorf("after its time: %v; want %v", err, store.ErrMigrating)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := db.Migrate(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("told to end: %v; want %v", err, context.Canceled)
		}

		said, done := make(chan time.Duration), make(chan error)
		go func() {
			_, err := db.MigrateWith(t.Context(), store.Migration{
				Every: time.Nanosecond,
				Waiting: func(waited time.Duration) {
					select {
					case said <- waited:
					case <-t.Context().Done():
					}
				},
			})
			done <- err
		}()
		for range 3 {
			<-said
		}
		release()
		for {
			select {
			case <-said:
				continue
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			}
			break
		}
		if err := db.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestMigrateReportsOnce checks that a wait is reported at most once in each interval.
func TestMigrateReportsOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		storetest.HoldMigration(t, url)
		n := 0
		_, err := storetest.Open(t, url).MigrateWith(t.Context(), store.Migration{
			Wait: 300 * time.Millisecond, Every: time.Hour, Waiting: func(time.Duration) { n++ },
		})
		if n > 1 || !errors.Is(err, store.ErrMigrating) {
			t.Errorf("%d reports, %v; want one at most", n, err)
		}
	})
}

// TestReadyReadOnly checks that a Postgres server that accepts no writes is not ready.
func TestReadyReadOnly(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	if err := storetest.Migrated(t, url).Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := storetest.Open(t, url+"&default_transaction_read_only=on").Ready(t.Context()); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("read-only: %v; want %v", err, store.ErrReadOnly)
	}
}

// TestReadyStandby checks that a standby, which accepts only reads, is not ready.
func TestReadyStandby(t *testing.T) {
	t.Parallel()
	cluster, _ := storetest.OwnCluster(t)
	storetest.Migrated(t, cluster.URL())
	if err := cluster.Standby(); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Open(t, cluster.URL()).Ready(t.Context()); !errors.Is(err, store.ErrReadOnly) ||
		!strings.Contains(err.Error(), "standby") {
		t.Errorf("a standby: %v; want %v", err, store.ErrReadOnly)
	}
}

// TestReadySQLite checks that an SQLite database is not ready while it cannot be written,
// and is ready again afterward. The check must leave no file behind.
func TestReadySQLite(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "folder")
	file := filepath.Join(folder, "latchkey.db")
	db := storetest.Migrated(t, "sqlite:"+file)
	before, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	ready := func() {
		t.Helper()
		if err := db.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}
	notReady := func(what string) {
		t.Helper()
		if err := db.Ready(t.Context()); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s: %v; want %v", what, err, store.ErrReadOnly)
		}
	}
	ready()
	if after, err := os.ReadDir(folder); err != nil || len(after) != len(before) {
		t.Errorf("%d files, %v; before there were %d", len(after), err, len(before))
	}

	away := folder + ".away"
	if err := os.Rename(folder, away); err != nil {
		t.Fatal(err)
	}
	notReady("without its folder")
	if err := os.Rename(away, folder); err != nil {
		t.Fatal(err)
	}
	ready()

	if os.Geteuid() == 0 {
		return // root may write everywhere
	}
	for path, modes := range map[string][2]os.FileMode{file: {0o400, 0o600}, folder: {0o500, 0o700}} {
		if err := os.Chmod(path, modes[0]); err != nil {
			t.Fatal(err)
		}
		notReady("may not write " + path)
		if err := os.Chmod(path, modes[1]); err != nil {
			t.Fatal(err)
		}
		ready()
	}
}
