// Package testkit runs the program for tests. It starts the program as a process, calls
// its API, reads its emails, and drives its pages in a browser.
//
// It replaces no part of the program. The database, the browser and the npm packages are
// real, too. Only the clock and the authenticators are simulated.
package testkit

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
)

// Password is the password of every account that the kit creates.
const Password = "correct horse battery staple"

// Patience is how long a test waits for a condition before it fails. It is far longer than
// any wait takes, so that no test fails on a slow machine.
const Patience = time.Minute

// cleanups has the functions that [Main] calls after the tests.
var cleanups struct {
	sync.Mutex
	all []func()
}

// atExit makes [Main] call f after the tests.
func atExit(f func()) {
	cleanups.Lock()
	defer cleanups.Unlock()
	cleanups.all = append(cleanups.all, f)
}

// Main runs the tests of a package, shuts down the browser and the database that they
// share, and exits. A package that uses [Start] or [Browse] calls it from TestMain.
func Main(m *testing.M) {
	storetest.Main(m, func() {
		for _, f := range cleanups.all {
			f()
		}
	})
}

// Eventually waits until ok returns true. After [Patience], it fails the test with what
// and with the results of saw.
//
// It is for conditions outside a page, such as a file that appears. In a page, use the
// methods of [Tab], which wait inside the browser.
func Eventually(t testing.TB, what string, ok func() bool, saw ...func() string) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			for _, describe := range saw {
				what += "; got: " + describe()
			}
			t.Fatalf("timed out after %v: %s", Patience, what)
		}
	}
}

// Root returns the folder of go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("no go.mod above the working directory: %v", err)
	return ""
}

// Thorough reports whether tests take their time, as "make slow" lets them
// (LATCHKEY_TEST_THOROUGH).
func Thorough() bool { return os.Getenv("LATCHKEY_TEST_THOROUGH") == "on" }

// Need skips the test because the machine lacks a program that it uses. If the environment
// variable CI is set, it fails the test instead.
func Need(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
