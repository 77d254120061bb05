package main_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestPooler tests that no call fails behind PgBouncer in transaction mode, and that a
// changed setting reaches the other servers. Three servers start at once on an empty
// database.
func TestPooler(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	pooled := storetest.Pooled(t, database)
	servers := startAtOnce(t, pooled)
	one, two := servers[0], servers[1]

	owner := one.Client()
	owner.SignUp("ann@example.test").Must(t, 200, "")
	execSQL(t, database, "INSERT INTO permissions SELECT id, 'settings.manage' FROM users")
	var load sync.WaitGroup
	for i := range 6 {
		load.Go(func() { // a signed-in user
			c := owner.Elsewhere()
			for range 40 {
				if a := c.Elsewhere().Session(); !a.Is(200, "") || a.Body == "null" {
					t.Errorf("get-session: %s", a)
					return
				}
			}
		})
		load.Go(func() { // users who change something
			email := fmt.Sprintf("user%d@example.test", i)
			server := servers[i%len(servers)]
			if a := post(server.Client(), "/sign-up/email", body{"email": email, "name": "Ann", "password": testkit.Password}); !a.Is(200, "") {
				t.Errorf("sign-up: %s", a)
			}
			for range 2 {
				c := server.Client()
				if a := post(c, "/sign-in/email", body{"email": email, "password": testkit.Password}); !a.Is(200, "") {
					t.Errorf("sign-in: %s", a)
				}
				if a := post(c, "/two-factor/enable", body{"password": testkit.Password}); !a.Is(200, "") {
					t.Errorf("enable: %s", a)
				}
			}
		})
		load.Go(func() {
			a := owner.Elsewhere().Call("PUT", "/api/settings", body{"key": "APP_NAME", "value": fmt.Sprint("Name ", i)})
			if !a.Is(200, "") && !a.Is(409, "") {
				t.Errorf("PUT settings: %s", a)
			}
		})
	}
	load.Wait()
	putSetting(t, owner.Elsewhere(), "APP_NAME", "Everywhere")
	testkit.Eventually(t, "the other server has the value", func() bool {
		return strings.Contains(two.Client().Elsewhere().Do("GET", "/api/about", "").Body, `"Everywhere"`)
	})
	changeSoon(t, owner.Elsewhere(), two)
	storetest.NoLocks(t, database)
}

// TestReplicasAtOnce tests that all servers become ready that start at once on an empty
// database.
func TestReplicasAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		startAtOnce(t, database)
		if strings.HasPrefix(database, "postgres:") {
			storetest.NoLocks(t, database)
		}
	})
}

// startAtOnce starts three servers of one database at the same time.
func startAtOnce(t *testing.T, database string) []*testkit.Program {
	t.Helper()
	servers := make([]*testkit.Program, 3)
	keys := t.TempDir() + "/keys"
	release := storetest.HoldMigration(t, database) // so that all of them wait
	for i := range servers {
		t.Cleanup(func() { no5xx(t, servers[i], busyHashing) })
		servers[i] = testkit.Launch(t, "-database", database, "-key-file", keys, "-trusted-proxies", "127.0.0.0/8")
	}
	for _, p := range servers {
		testkit.Eventually(t, "the server waits", func() bool { return strings.Contains(p.Output.String(), waitsForMigration) }, p.Output.String)
	}
	release()
	for _, p := range servers {
		p.Await()
	}
	return servers
}

const waitsForMigration = "waiting for another process to migrate the database"

// TestWaitsForMigration tests how a server and the commands behave while another process
// migrates the database.
func TestWaitsForMigration(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		release := storetest.HoldMigration(t, database)
		p := testkit.Launch(t, "-database", database)
		testkit.Eventually(t, "the log says that it waits", func() bool { return strings.Contains(p.Output.String(), waitsForMigration) },
			p.Output.String)
		c := p.Client()
		if a := c.Do("GET", "/healthz", ""); !a.Is(200, "") {
			t.Errorf("healthz: %s; want 200", a)
		}
		for _, path := range []string{"/readyz", "/api/auth/get-session", "/", "/sign-in"} {
			if a := c.Do("GET", path, ""); !a.Is(503, "SERVICE_UNAVAILABLE") || a.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %s, Retry-After %q; want 503 SERVICE_UNAVAILABLE with one", path, a, a.Header.Get("Retry-After"))
			}
		}
		if a := c.SignUp("ann@example.test"); !a.Is(503, "SERVICE_UNAVAILABLE") {
			t.Errorf("sign-up: %s; want 503 SERVICE_UNAVAILABLE", a)
		}

		// A waiting server that is told to stop exits without an error.
		ends := testkit.Launch(t, "-database", database)
		testkit.Eventually(t, "the log of another says that it waits",
			func() bool { return strings.Contains(ends.Output.String(), waitsForMigration) })
		ends.Stop()

		for _, command := range []string{"serve", "migrate", "permissions"} {
			output, err := testkit.Run(t, "LATCHKEY_LISTEN="+testkit.FreeAddress(t), command, "-database", database, "-migration-wait", "10ms")
			if err == nil || !strings.Contains(output, "holds the migration lock") || !strings.Contains(output, "10ms") {
				t.Errorf("%s, after its time: %v, %s; want it to say why", command, err, output)
			}
		}
		release()
		p.Await()
		if a := p.Client().SignUp("ann@example.test"); !a.Is(200, "") {
			t.Errorf("sign-up once the migration is done: %s; want 200", a)
		}
		if n := strings.Count(p.Output.String(), "status=5"); n > 0 {
			t.Errorf("the log has %d lines of requests before the server was ready; want none", n)
		}
	})
}

// TestReadOnlyDatabase tests that a server is not ready while its database is read-only,
// and gives the reason only in its log. The server is ready again when the database
// accepts writes.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	cluster, database := storetest.OwnCluster(t)
	p := testkit.Start(t, "-database", database)
	readOnly := func(value string) {
		t.Helper()
		pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(cluster.URL())))
		defer pool.Close()
		for _, query := range []string{"ALTER SYSTEM SET default_transaction_read_only = " + value, "SELECT pg_reload_conf()"} {
			if _, err := pool.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
	}
	readyz := func() testkit.Answer { return p.Client().Do("GET", "/readyz", "") }
	readOnly("on")
	testkit.Eventually(t, "it is not ready", func() bool { return readyz().Is(503, "SERVICE_UNAVAILABLE") })
	if a := readyz(); strings.Contains(a.Body, "read") || a.Header.Get("Retry-After") == "" {
		t.Errorf("readyz: %s; want no reason, and Retry-After", a)
	}
	testkit.Eventually(t, "the log says that the database is read-only", func() bool {
		return strings.Contains(p.Output.String(), "default_transaction_read_only")
	}, p.Output.String)
	readOnly("off")
	testkit.Eventually(t, "it is ready again", func() bool { return readyz().Is(200, "") })
}
