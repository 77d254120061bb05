package store_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestMigrateFromVersion6 checks that backup codes, links and sessions survive the migration of
// a database with schema version 6.
func TestMigrateFromVersion6(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		if _, err := db.MigrateWith(t.Context(), store.Migration{To: 6}); err != nil {
			t.Fatal(err)
		}
		const at = "2026-11-27 12:00:00+00:00"
		bytesOf := func(text string) string {
			if strings.HasPrefix(url, "sqlite:") {
				return "X'" + hex.EncodeToString([]byte(text)) + "'"
			}
			return "'\\x" + hex.EncodeToString([]byte(text)) + "'::bytea"
		}
		queries := []string{
			"INSERT INTO users (id, email, name, email_verified, two_factor_enabled, handle, created_at, updated_at) " +
				"VALUES ('ann', 'ann@example.test', 'Ann', true, true, " + bytesOf("handle") + ", '" + at + "', '" + at + "')",
			"INSERT INTO backup_codes (user_id, digest) VALUES ('ann', " + bytesOf("one") + ")",
			"INSERT INTO backup_codes (user_id, digest) VALUES ('ann', " + bytesOf("two") + ")",
			"INSERT INTO used_backup_codes (user_id, digest) VALUES ('ann', " + bytesOf("three") + ")",
			"INSERT INTO one_time_tokens (hash, purpose, user_id, data, created_at, expires_at) " +
				"VALUES (" + bytesOf("link") + ", 'verify email', 'ann', 'sealed', '" + at + "', '2026-11-27 13:00:00+00:00')",
		}
		methods := map[string]account.Factor{
			"password": "", "password+totp": account.ByTOTP, "password+backup-code": account.ByBackupCode, "password+email-code": "",
			"password+trusted-device": "", "password+passkey": account.ByPasskey, "passkey": account.ByPasskey, "security-key": "",
			"security-key+totp": account.ByTOTP,
		}
		for method := range methods {
			queries = append(queries, fmt.Sprintf("INSERT INTO sessions (id, user_id, token_hash, created_at, last_active_at, "+
				"expires_at, confirmed_at, method, ip, user_agent, remember) "+
				"VALUES ('%s', 'ann', %s, '%s', '%s', '2026-12-27 12:00:00+00:00', '%s', '%s', '', '', true)",
				method, bytesOf(method), at, at, at, method))
		}
		for _, query := range queries {
			if err := store.Exec(db, query); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}

		if set, err := db.BackupCodeSet(t.Context(), "ann"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("set: %+v, %v; want %v", set, err, account.ErrNotFound)
		}
		if used, err := db.UseBackupCode(t.Context(), "ann", [][]byte{[]byte("one")}); used || err != nil {
			t.Errorf("a code: used %t, %v", used, err)
		}
		for _, code := range []string{"one", "three"} {
			if used, err := db.UseBackupCode(t.Context(), "ann", [][]byte{[]byte(code)}); !used || !errors.Is(err, shared.ErrInvalidBackupCode) {
				t.Errorf("a used code: used %t, %v", used, err)
			}
		}
		if n, err := db.CountBackupCodes(t.Context(), "ann"); n != 1 || err != nil {
			t.Errorf("%d codes are left, %v; want 1", n, err)
		}

		now := time.Date(2026, 11, 27, 12, 1, 0, 0, time.UTC)
		if link, err := db.TakeOneTimeToken(t.Context(), []byte("link"), "verify email", now); err != nil || link.Data != "sealed" {
			t.Errorf("a link: %+v, %v", link, err)
		}
		if link, err := db.TakeOneTimeToken(t.Context(), []byte("link"), "verify email", now); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a used link: %+v, %v", link, err)
		}

		for method, by := range methods {
			s, _, err := db.SessionByHash(t.Context(), []byte(method), now)
			if err != nil || s.SecondFactorBy != by || (s.SecondFactorAt != nil) != (by != "") || by != "" && !s.SecondFactorAt.Equal(s.CreatedAt) {
				t.Errorf("session %s: %+v, %v; want the factor %q", method, s, err, by)
			}
		}
	})
}

// TestMigrationOfLongLog tests that older servers find sessions while a migration builds indexes
// of the security log, which takes long if the log is long.
func TestMigrationOfLongLog(t *testing.T) {
	url := storetest.Postgres(t)
	db := storetest.Open(t, url)
	if _, err := db.MigrateWith(t.Context(), store.Migration{To: 12}); err != nil {
		t.Fatal(err)
	}
	pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(url)))
	defer pool.Close()
	linking, err := pool.Begin() // it keeps the migration in the middle of the indexes
	if err != nil {
		t.Fatal(err)
	}
	defer linking.Rollback()
	if _, err := linking.ExecContext(t.Context(), "LOCK TABLE events IN ROW EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error)
	go func() {
		_, err := db.Migrate(t.Context())
		migrated <- err
	}()
	count := func(query string) (n int, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience) // a query that waits for the migration would never end
		defer cancel()
		return n, pool.QueryRowContext(ctx, query).Scan(&n)
	}
	testkit.Eventually(t, "the migration waits for the log", func() bool {
		n, err := count("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass")
		return n > 0 && err == nil
	})
	if _, err := count("SELECT count(*) FROM sessions"); err != nil {
		t.Errorf("sessions during the migration: %v", err)
	}
	linking.Rollback()
	if err := <-migrated; err != nil {
		t.Error(err)
	}
}

// TestMigrationFiles tests that every version has a file for both databases or one for each,
// and that no version is missing.
func TestMigrationFiles(t *testing.T) {
	glob := func(pattern string) (names []string) {
		t.Helper()
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			names = append(names, filepath.Base(path))
		}
		return names
	}
	sqlite, postgres := glob("migrations/sqlite/*.sql"), glob("migrations/postgres/*.sql")
	if !slices.Equal(sqlite, postgres) {
		t.Errorf("SQLite has the migrations %v, and Postgres %v", sqlite, postgres)
	}
	all := append(glob("migrations/*.sql"), sqlite...)
	slices.Sort(all)
	for i, name := range all {
		if want := fmt.Sprintf("%05d_", i+1); !strings.HasPrefix(name, want) {
			t.Errorf("the migration after version %d is %s; want %s…", i, name, want)
		}
	}
	if store.SchemaVersion() != int64(len(all)) {
		t.Errorf("the newest version is %d; want %d", store.SchemaVersion(), len(all))
	}
}
