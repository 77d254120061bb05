package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"latchkey/backend/store/storetest"
)

// TestBinary tries the program as it is handed out.
func TestBinary(t *testing.T) {
	t.Parallel()
	binary := buildBinary(t)
	t.Run("Client", func(t *testing.T) {
		t.Parallel()
		testClient(t, binary)
	})
	t.Run("Transcripts", func(t *testing.T) {
		t.Parallel()
		testTranscripts(t, binary)
	})
	t.Run("TwoFactorRequired", func(t *testing.T) {
		t.Parallel()
		testTwoFactorRequired(t, binary)
	})
}

// testClient lets Better Auth's own npm client, as it is published, talk to
// the program.
func testClient(t *testing.T, binary string) {
	scripts := installClient(t)
	databases := map[string]func(t *testing.T) string{
		"SQLite": func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db") },
		"Postgres": func(t *testing.T) string {
			url, err := storetest.Shared(t).NewDatabase()
			if err != nil {
				t.Fatal(err)
			}
			return url
		},
	}
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, binary, "-database", database(t), "-rate-limits", "off")
			t.Run("sessions", func(t *testing.T) {
				tell(t, scripts, "sessions.mjs", server.origin)
			})
			t.Run("passkey", func(t *testing.T) {
				tell(t, scripts, "passkey.mjs", server.origin)
			})
			t.Run("recovery", func(t *testing.T) {
				verifying := start(t, setting(t, binary, "VERIFY_EMAIL", "required"), "-database", database(t), "-rate-limits", "off")
				tell(t, scripts, "recovery.mjs", server.origin, filepath.Join(server.data, "mail"), verifying.origin, filepath.Join(verifying.data, "mail"))
			})
			t.Run("two-factor", func(t *testing.T) {
				redirecting := start(t, setting(t, binary, "TWO_FACTOR_SIGN_IN", "redirect"), "-database", database(t), "-rate-limits", "off")
				tell(t, scripts, "two-factor.mjs", server.origin, filepath.Join(server.data, "mail"), redirecting.origin)
			})
		})
	}
}

// tell runs a script of testdata/client.
func tell(t *testing.T, scripts, script string, args ...string) {
	t.Helper()
	// Debian 12's Node does not try IPv4 where localhost is IPv6 too.
	args = append([]string{"--dns-result-order=ipv4first", filepath.Join(scripts, script)}, args...)
	if out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// setting returns a program that is binary with a variable set in its
// environment. That of the tests is one for all of them.
func setting(t *testing.T, binary, variable, value string) string {
	t.Helper()
	script := fmt.Sprintf("#!/bin/sh\n%s='%s' exec '%s' \"$@\"\n", variable, value, binary)
	file := filepath.Join(t.TempDir(), "latchkey")
	// What is forked while the file is open has it open, too, for a moment, in
	// which nobody can run it.
	syscall.ForkLock.RLock()
	err := os.WriteFile(file, []byte(script), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// installClient returns a folder outside the tree in which the scripts of
// testdata/client find the client that package.json asks for.
func installClient(t *testing.T) string {
	t.Helper()
	// The client and its plugins disagree about a version that neither needs
	// here, hence the flag.
	modules := installModules(t, "testdata/client", "--legacy-peer-deps")
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("testdata/client/*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		copyFile(t, dir, script)
	}
	return dir
}

// installModules returns a folder outside the tree with the npm packages that
// package.json in a folder of testdata asks for. What npm fetches is kept for
// the next time.
func installModules(t *testing.T, folder string, flags ...string) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%v: apt-get install nodejs npm", err)
			}
			t.Skipf("%v: apt-get install nodejs npm", err)
		}
	}

	var manifest struct{ Dependencies map[string]string }
	readJSON(t, filepath.Join(folder, "package.json"), &manifest)
	pinned := manifest.Dependencies

	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "latchkey-test")
	name := filepath.Base(folder)
	for _, one := range slices.Sorted(maps.Keys(pinned)) {
		name += "-" + pinned[one]
	}
	installed := filepath.Join(cache, name)
	if _, err := os.Stat(installed); err != nil {
		if err := os.MkdirAll(cache, 0o755); err != nil {
			t.Fatal(err)
		}
		fresh, err := os.MkdirTemp(cache, "installing-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(fresh)
		copyFile(t, fresh, filepath.Join(folder, "package.json"))
		copyFile(t, fresh, filepath.Join(folder, "package-lock.json"))
		npm := exec.CommandContext(t.Context(), "npm", append([]string{"ci", "--ignore-scripts", "--no-audit", "--no-fund"}, flags...)...)
		npm.Dir = fresh
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm: %v\n%s", err, out)
		}
		// If another run was faster, its copy is as good.
		if err := os.Rename(fresh, installed); err != nil {
			if _, err := os.Stat(installed); err != nil {
				t.Fatal(err)
			}
		}
	}
	modules := filepath.Join(installed, "node_modules")
	for name, version := range pinned {
		var found struct{ Version string }
		readJSON(t, filepath.Join(modules, name, "package.json"), &found)
		if found.Version != version {
			t.Fatalf("%s holds %s %s; want %s: delete it", installed, name, found.Version, version)
		}
	}
	return modules
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func copyFile(t *testing.T, dir, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o644); err != nil {
		t.Fatal(err)
	}
}
