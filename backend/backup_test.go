package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestDocumentedBackup tests that what the documentation says backs a server up and
// restores it: after the restore a user can sign in, and what was revoked since is back,
// unless the operator revokes everything.
func TestDocumentedBackup(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		if _, err := exec.LookPath("sqlite3"); err != nil {
			testkit.Need(t, "sqlite3")
		}
		dir := shellDir(t)
		flags := []string{"-data", filepath.Join(dir, "data")}
		testBackup(t, dir, nil, flags, flags, "VACUUM INTO", `mv data`, "PRAGMA foreign_keys = ON")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		database, restored := storetest.Postgres(t), storetest.Postgres(t)
		dir := shellDir(t)
		env := []string{"LATCHKEY_DATABASE=" + database, "RESTORED_DATABASE=" + restored,
			"PATH=" + storetest.Shared(t).Programs() + ":" + os.Getenv("PATH")}
		flags := []string{"-data", filepath.Join(dir, "data"), "-database"}
		testBackup(t, dir, env, append(flags[:3:3], database), append(flags[:3:3], restored),
			"pg_dump --format=custom", "pg_restore --exit-on-error", `psql "$RESTORED_DATABASE" --command`)
	})
}

// testBackup runs three blocks of the documentation, which contain the texts.
func testBackup(t *testing.T, dir string, env, before, after []string, backup, restore, revoke string) {
	t.Helper()
	server := testkit.Start(t, before...)
	ann := server.Client()
	ann.SignUp("ann@example.test").Must(t, 200, "")
	runShell(t, dir, env, testkit.Fence(t, operations, "sh", backup))
	kept := ann.Copy()
	ann.Post("/sign-out", nil).Must(t, 200, "")
	server.Stop()

	output := runShell(t, dir, env, testkit.Fence(t, operations, "sh", restore))
	if !strings.Contains(output, "log is intact") {
		t.Errorf("the security log was not checked:\n%s", output)
	}
	server = testkit.Start(t, after...)
	kept = kept.At(server.Origin)
	if !kept.SignedIn(t) {
		t.Error("the session of the time of the backup is not there")
	}
	server.Client().SignIn("ann@example.test").Must(t, 200, "")
	server.Stop()
	runShell(t, dir, env, testkit.Fence(t, operations, "sh", revoke))
	server.Start()
	if kept.SignedIn(t) {
		t.Error("the session is there after the operator has revoked all")
	}
}

// shellDir returns a folder with bin/latchkey, as the documentation has it.
func shellDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(testkit.Binary(t), filepath.Join(dir, "bin", "latchkey")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func runShell(t *testing.T, dir string, env []string, script string) (output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s\n%s", err, script, out)
	}
	return string(out)
}
