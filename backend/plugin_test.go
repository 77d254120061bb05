package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestClientPlugin tests the plugin of Better Auth's client in web/npm, as npm packs it.
func TestClientPlugin(t *testing.T) {
	t.Parallel()
	dir := installPlugin(t)
	t.Run("Types", func(t *testing.T) {
		t.Parallel()
		readme := testkit.Fence(t, "../web/npm/README.md", "ts", "latchkeyClient")
		if err := os.WriteFile(filepath.Join(dir, "readme.mts"), []byte(readme), 0o644); err != nil {
			t.Fatal(err)
		}
		tsc := exec.CommandContext(t.Context(), filepath.Join(dir, "node_modules", ".bin", "tsc"), "--noEmit", "--strict", "--skipLibCheck",
			"--noUncheckedIndexedAccess", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom", "plugin.mts", "readme.mts")
		tsc.Dir = dir
		if out, err := tsc.CombinedOutput(); err != nil {
			t.Errorf("tsc: %v\n%s", err, out)
		}
	})
	t.Run("Calls", func(t *testing.T) {
		t.Parallel()
		database := storetest.SQLite(t)
		p := testkit.Start(t, "-database", database, "-rate-limits", "off")
		// The sessions are stale from the beginning, because the test cannot wait for FRESH_WINDOW.
		const stale = "UPDATE sessions SET confirmed_at = '2026-01-01 00:00:00+00:00' WHERE id = NEW.id"
		pool := storetest.OpenSQL(t, database)
		if _, err := pool.ExecContext(t.Context(), "CREATE TRIGGER stale AFTER INSERT ON sessions BEGIN "+stale+"; END"); err != nil {
			t.Fatal(err)
		}
		runScript(t, dir, "plugin.mjs", p.Origin)
	})
}

// installPlugin returns a folder with the scripts of testdata/client, the npm packages that they use, and
// the packed plugin among them.
func installPlugin(t *testing.T) string {
	t.Helper()
	const source = "../web/npm"
	modules := testkit.InstallModules(t, source)
	build := t.TempDir()
	for _, name := range []string{"package.json", "tsconfig.json", "README.md", "index.ts"} {
		testkit.CopyFile(t, build, filepath.Join(source, name))
	}
	symlink(t, modules, filepath.Join(build, "node_modules"))
	dir := installClient(t)
	writeExamples(t, dir)
	runIn(t, build, "npm", "pack", "--offline", "--pack-destination", dir)

	// The client of the plugin's lock file, which has the types that tsc needs, and the plugin.
	packages := filepath.Join(dir, "node_modules")
	if err := os.Remove(packages); err != nil { // a link
		t.Fatal(err)
	}
	plugin := filepath.Join(packages, "latchkey-client")
	if err := os.MkdirAll(plugin, 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(modules)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		symlink(t, filepath.Join(modules, e.Name()), filepath.Join(packages, e.Name()))
	}
	runIn(t, dir, "tar", "xzf", "latchkey-client-0.1.0.tgz", "-C", plugin, "--strip-components=1")
	for _, name := range []string{"dist/index.js", "dist/index.d.ts", "package.json", "README.md"} {
		if _, err := os.Stat(filepath.Join(plugin, name)); err != nil {
			t.Errorf("the package lacks %s", name)
		}
	}
	testkit.CopyFile(t, dir, "testdata/client/plugin.mts")
	return dir
}

func symlink(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// runIn runs a program in a folder.
func runIn(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
