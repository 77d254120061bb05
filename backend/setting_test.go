package main_test

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
	"latchkey/backend/store/storetest"
)

// TestSettingsEverywhere holds that a system key that is changed on one server
// is what the others go by soon after, without a restart: whether Postgres has
// told them or not, and also when it was away meanwhile.
func TestSettingsEverywhere(t *testing.T) {
	t.Parallel()
	storetest.Shared(t) // or skip
	cluster, err := storetest.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	database, err := cluster.NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	binary := buildBinary(t)
	one := start(t, binary, "-database", database, "-trusted-proxies", "127.0.0.0/8")
	two := start(t, binary, "-database", database, "-trusted-proxies", "127.0.0.0/8", "-key-file", one.data+"/keys")
	admin, other := visit(t, one.origin), visit(t, two.origin)
	if status, body, _, err := admin.signUp("ann@example.test"); status != 200 {
		t.Fatal(status, body, err)
	}
	pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(database)))
	defer pool.Close()
	exec := func(query string) {
		t.Helper()
		if _, err := pool.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO permissions SELECT id, 'settings.manage' FROM users")
	put := func(name string) {
		t.Helper()
		if status, body, _, err := admin.call("PUT", "/api/settings", map[string]string{"key": "APP_NAME", "value": name}); status != 200 {
			t.Fatal(status, body, err)
		}
	}
	known := func(name string) func() bool {
		return func() bool {
			_, body, _, _ := other.call("GET", "/api/about", nil)
			return strings.Contains(body, `"`+name+`"`)
		}
	}
	const soon = 10 * time.Second // on a busy machine; it is a second on another

	put("Told")
	eventually(t, "a change that Postgres tells of", soon, known("Told"))

	exec("UPDATE settings SET value = 'Untold', revision = revision + 1")
	eventually(t, "a change that nobody tells of", soon, known("Untold"))

	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	if !known("Untold")() {
		t.Error("without its database, a server has forgotten the system keys")
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the database is back", soon, func() bool {
		status, _, _, _ := admin.call("PUT", "/api/settings", map[string]string{"key": "APP_NAME", "value": "Back"})
		return status == 200
	})
	eventually(t, "a change after the database was away", soon, known("Back"))
}

// TestRequiredByEnvironment holds that a server that starts with
// REQUIRE_TWO_FACTOR gives who had an account before the grace from then on.
func TestRequiredByEnvironment(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flag []string) {
		binary := buildBinary(t)
		server := start(t, binary, append(flag, "-rate-limits", "off")...)
		ann := visit(t, server.origin)
		if status, body, _, err := ann.signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		server.stop()
		server.binary = setting(t, binary, "REQUIRE_TWO_FACTOR", "all")
		started := account.Now()
		server.start()
		var current struct{ EnrolBy time.Time }
		status, body, _, err := ann.call("GET", "/api/auth/get-session", nil)
		if status != 200 || json.Unmarshal([]byte(body), &current) != nil {
			t.Fatal(status, body, err)
		}
		const grace = 7 * 24 * time.Hour // unless another is set
		if current.EnrolBy.Before(started.Add(grace)) {
			t.Errorf("the grace ends %v; want %v after %v", current.EnrolBy, grace, started)
		}
	})
}
