package store_test

import (
	"strings"
	"testing"

	"latchkey/backend/setting"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// TestSettingsVersion checks that the version of the settings tells of each change, by
// whichever connection, and that on SQLite a database that has not changed gets no query of
// the settings.
func TestSettingsVersion(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Migrated(t, url)
		other := storetest.Open(t, url)
		queries := 0
		watched := store.AfterStatement(db, func(query string) {
			if strings.Contains(query, "SUM(revision)") {
				queries++
			}
		})
		want := func(what string, version int64, asked int) {
			t.Helper()
			for i := range 3 {
				if strings.HasPrefix(url, "postgres") {
					asked = i + 1 // it is asked each time
				}
				if got, err := watched.SettingsVersion(t.Context()); err != nil || got != version || queries != asked {
					t.Errorf("%s: version %d after %d queries, %v; want %d after %d", what, got, queries, err, version, asked)
				}
			}
			queries = 0
		}
		put := func(db store.DB, revision int64) {
			t.Helper()
			row := setting.Setting{Key: "APP_NAME", Value: "Name", Revision: revision, UpdatedAt: now}
			if written, err := db.PutSetting(t.Context(), row); err != nil || !written {
				t.Fatalf("written: %v, %v", written, err)
			}
		}
		want("no settings", 0, 1)
		put(db, 1)
		want("after a change by the same server", 1, 1)
		put(other, 2)
		want("after a change by another one", 2, 1)
		addUser(t, other, "ann")
		want("after another change", 2, 1)
		want("after none", 2, 0)

		if version, err := other.SettingsVersion(t.Context()); err != nil || version != 2 {
			t.Errorf("for the other server: version %d, %v; want 2", version, err)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
}
