package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestSettingsEverywhere tests that if a setting changes on one server, the others soon use
// the new value without a restart, also after the database has ended the connections on which
// it notifies them, and after an outage of the database. The log records the outage.
func TestSettingsEverywhere(t *testing.T) {
	t.Parallel()
	cluster, database := storetest.OwnCluster(t)
	one := testkit.Start(t, "-database", database, "-trusted-proxies", "127.0.0.0/8")
	two := testkit.Start(t, "-database", database, "-trusted-proxies", "127.0.0.0/8", "-key-file", one.Data+"/keys")
	admin, other := one.Client(), two.Client()
	admin.SignUp("ann@example.test").Must(t, 200, "")
	execSQL(t, database, "INSERT INTO permissions SELECT id, 'settings.manage' FROM users")
	nameIs := func(name string) func() bool {
		return func() bool { return strings.Contains(other.Elsewhere().Do("GET", "/api/about", "").Body, `"`+name+`"`) }
	}

	putSetting(t, admin, "APP_NAME", "Changed")
	testkit.Eventually(t, "the other server has the value", nameIs("Changed"))
	changeSoon(t, admin, two)
	execSQL(t, database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'")
	changeSoon(t, admin, two)
	putSetting(t, admin, "APP_NAME", "Changed")
	testkit.Eventually(t, "the other server has the value", nameIs("Changed"))

	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	if !nameIs("Changed")() {
		t.Error("without its database, a server has forgotten the settings")
	}
	for _, said := range []string{"may be out of date", "outbox cannot be read"} {
		testkit.Eventually(t, "the log says: "+said, func() bool { return strings.Contains(two.Output.String(), said) })
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the server can use the database again", func() bool {
		return admin.Elsewhere().Call("PUT", "/api/settings", body{"key": "APP_NAME", "value": "Back"}).Is(200, "")
	})
	testkit.Eventually(t, "the other server has a value from after the database was away", nameIs("Back"))
}

// changeSoon changes a setting several times, and fails the test if another server gets the
// values only when it looks for work that others left.
func changeSoon(t *testing.T, admin *testkit.Client, other *testkit.Program) {
	t.Helper()
	c, began := other.Client(), time.Now()
	const changes = 4 // all but the first just after a look
	for i := range changes {
		name := fmt.Sprintf("Soon %d", i)
		putSetting(t, admin, "APP_NAME", name)
		testkit.Eventually(t, "the other server has the value "+name, func() bool {
			return strings.Contains(c.Elsewhere().Do("GET", "/api/about", "").Body, `"`+name+`"`)
		})
	}
	const lookEvery = 10 * time.Second
	if took := time.Since(began); took > (changes-2)*lookEvery {
		t.Errorf("%d changes took %v until another server had them; want about a second each at most", changes, took)
	}
}

// putSetting changes a setting.
func putSetting(t *testing.T, admin *testkit.Client, key, value string) {
	t.Helper()
	admin.Call("PUT", "/api/settings", body{"key": key, "value": value}).Must(t, 200, "")
}

// TestRequiredByEnvironment tests that if a server starts with REQUIRE_TWO_FACTOR, the
// grace period of an existing account begins at that start.
func TestRequiredByEnvironment(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := testkit.Start(t, "-database", database, "-rate-limits", "off")
		ann := p.Client()
		ann.SignUp("ann@example.test").Must(t, 200, "")
		p.Stop()
		p.Env = append(p.Env, "REQUIRE_TWO_FACTOR=all")
		started := account.Now()
		p.Start()
		var current struct{ EnrolBy time.Time }
		ann.Session().Into(t, &current)
		const grace = 7 * 24 * time.Hour // the default
		if current.EnrolBy.Before(started.Add(grace)) {
			t.Errorf("the grace period ends at %v; want %v after %v", current.EnrolBy, grace, started)
		}
	})
}
