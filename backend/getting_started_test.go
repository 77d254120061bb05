package main_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/testkit"
)

// TestGettingStarted does what the document for newcomers says, in its order.
func TestGettingStarted(t *testing.T) {
	t.Parallel()
	needs(t, "make", "curl")
	modules := testkit.InstallModules(t, "testdata/client", "--legacy-peer-deps")
	dir, address := shellDir(t), testkit.FreeAddress(t)
	builtClone(t, dir)
	env := []string{"LATCHKEY_LISTEN=" + address, "LATCHKEY_RATE_LIMITS=off", npm(t, dir, modules)}
	server := startService(t, dir, address, env, testkit.Fence(t, gettingStarted, "sh", "make run\n"))
	// The origin of the document stands for that of the server.
	here := strings.NewReplacer("http://localhost:8080", server.origin)
	run := func(block string) string {
		t.Helper()
		return runShell(t, dir, env, here.Replace(block))
	}
	testkit.Sample(t, testkit.Fence(t, gettingStarted, "text", `{"ok":true`), run(testkit.Fence(t, gettingStarted, "sh", "curl")))
	testkit.Sample(t, here.Replace(testkit.Fence(t, gettingStarted, "text", "no administrator")), server.output.String())

	admin, ada := testkit.NewClient(server.origin), testkit.NewClient(server.origin)
	_, invite, _ := strings.Cut(server.output.String(), "/sign-up?invite=")
	post(admin, "/sign-up/email", body{
		"email": "lin@example.com", "name": "Lin", "password": testkit.Password, "invite": strings.Fields(invite)[0],
	}).Must(t, 200, "")
	admin.Do("GET", "/api/settings", "").Must(t, 200, "")
	signUp(t, ada, "ada@example.com")
	ada.Do("GET", "/api/settings", "").Must(t, 403, "FORBIDDEN")
	run(testkit.Fence(t, gettingStarted, "sh", "bin/latchkey grant"))
	ada.Do("GET", "/api/settings", "").Must(t, 200, "")

	app := post(ada, "/two-factor/enable", body{"password": testkit.Password}).Scan(t)
	post(ada, "/two-factor/verify-totp", body{"code": app.Next()}).Must(t, 200, "")
	testTwoFactorSample(t, signIn(testkit.NewClient(server.origin), "ada@example.com", testkit.Password))
	testkit.Eventually(t, "there are emails", func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "data", "mail", "*.json"))
		return err == nil && len(files) > 0
	})
	if files := run(testkit.Fence(t, gettingStarted, "sh", "ls data/mail")); !strings.Contains(files, ".json\n") {
		t.Errorf("data/mail has %q", files)
	}

	run(testkit.Fence(t, gettingStarted, "sh", "npm install"))
	script := here.Replace(testkit.Fence(t, gettingStarted, "js", "customFetchImpl"))
	if err := os.WriteFile(filepath.Join(dir, "latchkey-client", "first.mjs"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	// Debian 12's Node does not try IPv4 if localhost also has an IPv6 address.
	ipv4 := "NODE_OPTIONS=--dns-result-order=ipv4first"
	said := runShell(t, filepath.Join(dir, "latchkey-client"), append(env, ipv4), testkit.Fence(t, gettingStarted, "sh", "node first.mjs"))
	testkit.Sample(t, testkit.Fence(t, gettingStarted, "text", "password true"), said)

	server.stop()
	server = startService(t, dir, address, env, testkit.Fence(t, gettingStarted, "sh", "LATCHKEY_TRUSTED_ORIGINS"))
	const other = "http://localhost:5173"
	if allowed := ada.Get("/ok", "Origin: "+other).Header.Get("Access-Control-Allow-Origin"); allowed != other {
		t.Errorf("the server allows %q; want the origin that it was started with", allowed)
	}
	setNewPassword(t, ada, run(testkit.Fence(t, gettingStarted, "sh", "bin/latchkey recover")))
	signIn(ada, "ada@example.com", newPassword).Must(t, 200, "")
	server.stop()
	run(testkit.Fence(t, gettingStarted, "sh", "rm -r data"))
	if _, err := os.Stat(filepath.Join(dir, "data")); !os.IsNotExist(err) {
		t.Errorf("the data is there after it was deleted: %v", err)
	}
}

// testTwoFactorSample tests that a sign-in is answered as the decision on it shows.
func testTwoFactorSample(t *testing.T, got testkit.Answer) {
	t.Helper()
	got.Want(t, 403, "TWO_FACTOR_REQUIRED")
	var want, have any
	if err := json.Unmarshal([]byte(testkit.Fence(t, secondFactor, "json", "twoFactorRequired")), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got.Body), &have); err != nil || !reflect.DeepEqual(want, have) {
		t.Errorf("the answer is %s, %v; want %v", got.Body, err, want)
	}
}

// builtClone makes a folder with bin/latchkey look to make like a clone in which nothing has
// changed since the program was built.
func builtClone(t *testing.T, dir string) {
	t.Helper()
	for _, folder := range []string{"app", "backend", "build", "shared", "web"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	testkit.CopyFile(t, dir, "../Makefile")
	before := time.Now().Add(-24 * time.Hour)
	for _, name := range []string{"go.mod", "go.sum", "build/wasm.mod", "web/app.wasm", "web/app.wasm.br", "web/app.wasm.gz"} {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, before, before); err != nil {
			t.Fatal(err)
		}
	}
}

// npm returns the environment variable PATH with an npm that installs packages from a
// folder, and only in the versions that the tests of the client use.
func npm(t *testing.T, dir, modules string) (env string) {
	t.Helper()
	program, err := exec.LookPath("npm")
	if err != nil {
		testkit.Need(t, err.Error())
	}
	var manifest struct{ Dependencies map[string]string }
	testkit.ReadJSON(t, "testdata/client/package.json", &manifest)
	var packages []string
	for _, name := range slices.Sorted(maps.Keys(manifest.Dependencies)) {
		packages = append(packages, name+"@"+manifest.Dependencies[name])
	}
	return standIn(t, dir, "npm", `
if test "$1" != install; then exec `+program+` "$@"; fi
shift
for package; do
	case $package in
	--legacy-peer-deps|`+strings.Join(packages, "|")+`) ;;
	*) echo "npm: the tests do not use $package" >&2; exit 1 ;;
	esac
done
ln -s `+modules+` node_modules
`)
}

// TestDocumentedInstallation tests that front ends are told to install the versions that
// the tests use.
func TestDocumentedInstallation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	modules := testkit.InstallModules(t, "testdata/client", "--legacy-peer-deps")
	runShell(t, dir, []string{npm(t, dir, modules)}, testkit.Fence(t, betterAuth, "sh", "npm install"))
	for _, name := range []string{"better-auth", "@better-auth/passkey"} {
		if _, err := os.Stat(filepath.Join(dir, "node_modules", name)); err != nil {
			t.Error(err)
		}
	}
}
