package testkit

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// InstallModules installs the npm packages of the package.json in a folder, and returns
// the path of node_modules. It passes the flags to "npm ci". The packages stay in the
// user's cache, outside the source tree, for the next run.
func InstallModules(t testing.TB, folder string, flags ...string) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			Need(t, err.Error()+": apt-get install nodejs npm")
		}
	}

	var manifest struct{ Dependencies, DevDependencies map[string]string }
	ReadJSON(t, filepath.Join(folder, "package.json"), &manifest)
	pinned := map[string]string{}
	maps.Copy(pinned, manifest.Dependencies)
	maps.Copy(pinned, manifest.DevDependencies)

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
		install(t, folder, cache, installed, flags)
	}
	modules := filepath.Join(installed, "node_modules")
	for name, version := range pinned {
		var found struct{ Version string }
		ReadJSON(t, filepath.Join(modules, name, "package.json"), &found)
		if found.Version != version {
			t.Fatalf("%s holds %s %s; want %s: delete it", installed, name, found.Version, version)
		}
	}
	return modules
}

func install(t testing.TB, folder, cache, installed string, flags []string) {
	t.Helper()
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(cache, "installing-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	CopyFile(t, fresh, filepath.Join(folder, "package.json"))
	CopyFile(t, fresh, filepath.Join(folder, "package-lock.json"))
	npm := exec.CommandContext(t.Context(), "npm", append([]string{"ci", "--ignore-scripts", "--no-audit", "--no-fund"}, flags...)...)
	npm.Dir = fresh
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm: %v\n%s", err, out)
	}
	// If another run was faster, use its copy.
	if err := os.Rename(fresh, installed); err != nil {
		if _, err := os.Stat(installed); err != nil {
			t.Fatal(err)
		}
	}
}

// CopyFile copies a file into a folder.
func CopyFile(t testing.TB, dir, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o644); err != nil {
		t.Fatal(err)
	}
}
