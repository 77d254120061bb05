// Package testkit is what the tests of all packages share: the program as a process, a
// client of its API, an authenticator app, a clock, and a real browser.
//
// Nothing in it replaces the product. The database, the browser and the npm packages are
// real. Only the clock and the authenticators are not.
package testkit

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
)

// Password is the password of every account that the kit makes.
const Password = "correct horse battery staple"

// Patience is how long a test waits for a condition before it fails. It is far
// longer than any wait takes, so that a slow machine fails no test.
const Patience = time.Minute

// cleanups end what the kit has started for the whole test program.
var cleanups struct {
	sync.Mutex
	all []func()
}

// atExit has [Main] call f after the tests.
func atExit(f func()) {
	cleanups.Lock()
	defer cleanups.Unlock()
	cleanups.all = append(cleanups.all, f)
}

// Main runs the tests of a package, ends what they share, and exits. A package
// that uses [Start] or [Browse] calls it from TestMain.
func Main(m *testing.M) {
	storetest.Main(m, func() {
		for _, f := range cleanups.all {
			f()
		}
	})
}

// Eventually waits until ok returns true. It fails the test after [Patience],
// with what and, if saw is not nil, what saw returns.
//
// It is for what happens outside a page, such as a file that appears. For a page
// there are the methods of [Tab], which wait inside the browser.
func Eventually(t testing.TB, what string, ok func() bool, saw ...func() string) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			for _, describe := range saw {
				what += "; instead: " + describe()
			}
			t.Fatalf("not so after %v: %s", Patience, what)
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

// Need skips the test because the machine lacks a program that it uses. Where CI is
// set, it fails the test instead.
func Need(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
