package main_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/keyring"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestDocumentedOperations runs the commands of the documentation for the operation of a
// server: backup, restore, upgrade, key rotation, emergency access and the verification of
// the security log.
func TestDocumentedOperations(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		if _, err := exec.LookPath("sqlite3"); err != nil {
			testkit.Need(t, "sqlite3")
		}
		o := &operated{dir: shellDir(t)}
		o.flags = []string{"-data", filepath.Join(o.dir, "data")}
		o.start(t)
		version := testkit.Fence(t, operations, "sh", `sqlite3 data/latchkey.db "SELECT MAX(version_id)`)
		before := o.run(t, version)
		o.testBackup(t, testkit.Fence(t, operations, "sh", "VACUUM INTO"))
		o.run(t, testkit.Fence(t, operations, "sh", "bin/latchkey migrate -database"))
		if after := o.run(t, version); before != after || !digit.MatchString(before) {
			t.Errorf("the schema version is %q, and was %q before the same program migrated a copy", after, before)
		}
		o.testRestore(t, testkit.Fence(t, operations, "sh", "mv data"), testkit.Fence(t, operations, "sh", "PRAGMA foreign_keys = ON"))
		o.testEmergencyAccess(t)
		o.testRotation(t)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		database, restored := storetest.Postgres(t), storetest.Postgres(t)
		o := &operated{dir: shellDir(t)}
		o.env = []string{"LATCHKEY_DATABASE=" + database, "RESTORED_DATABASE=" + restored, postgresPath(t)}
		o.flags = []string{"-data", filepath.Join(o.dir, "data"), "-database", database}
		o.start(t)
		if said := o.server.Output.String(); !strings.Contains(said, "migrated the database") {
			t.Errorf("the log of a server that has migrated the database does not say so:\n%s", said)
		}
		version := testkit.Fence(t, operations, "sh", `psql "$LATCHKEY_DATABASE" --command="SELECT MAX(version_id)`)
		if said := o.run(t, version); !digit.MatchString(said) {
			t.Errorf("the schema version is %q", said)
		}
		o.testBackup(t, testkit.Fence(t, operations, "sh", "pg_dump --format=custom --file"))
		o.flags[3], o.env = restored, append(o.env, "LATCHKEY_DATABASE="+restored)
		o.testRestore(t, testkit.Fence(t, operations, "sh", `--dbname="$RESTORED_DATABASE"`),
			testkit.Fence(t, operations, "sh", `psql "$RESTORED_DATABASE" --command`))
		o.testEmergencyAccess(t)
		o.testRotation(t)
		o.testTwoServers(t, restored)
	})
}

var digit = regexp.MustCompile("[0-9]")

// An operated server has its data in a folder in which its operator runs commands.
type operated struct {
	dir    string
	env    []string // of the commands
	flags  []string // of the server
	server *testkit.Program
	ann    *testkit.Client // has an account, and is signed in
}

// start starts the server for the first time.
func (o *operated) start(t *testing.T) {
	t.Helper()
	o.server = testkit.Start(t, o.flags...)
	o.ann = o.server.Client()
	signUp(t, o.ann, "ann@example.com")
}

// run runs a block of the documentation. The origin of the documentation stands for that of
// the server.
func (o *operated) run(t *testing.T, block string) (output string) {
	t.Helper()
	return runShell(t, o.dir, o.env, strings.ReplaceAll(block, "http://localhost:8080", o.server.Origin))
}

func (o *operated) testBackup(t *testing.T, backup string) {
	t.Helper()
	o.run(t, backup)
	kept := o.ann.Copy()
	o.ann.Post("/sign-out", nil).Must(t, 200, "")
	o.ann = kept
}

// testRestore tests that after the restore, users can sign in, and that what was revoked
// since the backup is back, unless the operator revokes everything.
func (o *operated) testRestore(t *testing.T, restore, revoke string) {
	t.Helper()
	o.server.Stop()
	if said := o.run(t, restore); !strings.Contains(said, "log is intact") {
		t.Errorf("the security log was not checked:\n%s", said)
	}
	o.server = testkit.Start(t, o.flags...)
	kept := o.ann.At(o.server.Origin)
	if !kept.SignedIn(t) {
		t.Error("the session of the time of the backup is not there")
	}
	o.ann = o.server.Client()
	signIn(o.ann, "ann@example.com", testkit.Password).Must(t, 200, "")
	o.server.Stop()
	o.run(t, revoke)
	o.server.Start()
	if kept.SignedIn(t) || o.ann.SignedIn(t) {
		t.Error("a session is there after the operator has revoked all")
	}
	signIn(o.ann, "ann@example.com", testkit.Password).Must(t, 200, "")
}

// testEmergencyAccess runs the commands beside the server.
func (o *operated) testEmergencyAccess(t *testing.T) {
	t.Helper()
	said := o.run(t, testkit.Fence(t, operations, "sh", "bin/latchkey recover"))
	for _, want := range []string{"ann@example.com: no lockout", "ann@example.com\tsettings.manage\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("the commands print\n%s\nwant %q in it", said, want)
		}
	}
	if left := o.run(t, "bin/latchkey permissions"); left != "" {
		t.Errorf("after revoke, these have a permission:\n%s", left)
	}
	if o.ann.SignedIn(t) {
		t.Error("recover has left a session")
	}
	setNewPassword(t, o.ann, said)
	signIn(o.ann, "ann@example.com", testkit.Password).Must(t, 401, "INVALID_EMAIL_OR_PASSWORD")
	signIn(o.ann, "ann@example.com", newPassword).Must(t, 200, "")
}

const newPassword = "a quite different password"

// setNewPassword follows the link for a new password that a command has printed.
func setNewPassword(t *testing.T, c *testkit.Client, said string) {
	t.Helper()
	_, link, found := strings.Cut(said, c.Origin+"/reset-password?token=")
	if !found {
		t.Fatalf("the command prints no link to %s:\n%s", c.Origin, said)
	}
	post(c, "/reset-password", body{"newPassword": newPassword, "token": strings.Fields(link)[0]}).Must(t, 200, "")
}

// testRotation tests that a rotation of the key ends no session.
func (o *operated) testRotation(t *testing.T) {
	t.Helper()
	verify := testkit.Fence(t, operations, "sh", "bin/latchkey verify-log\n")
	sample := testkit.Fence(t, operations, "text", "log is intact")
	testkit.Sample(t, sample, o.run(t, verify))

	o.server.Stop()
	first := o.keys(t)
	o.run(t, testkit.Fence(t, operations, "sh", "bin/latchkey rotate-key"))
	if after := o.keys(t); len(after) != 2 || after[1] != first[0] {
		t.Errorf("the key file has %d keys; want a new one before the only one", len(after))
	}
	o.server.Start()
	if !o.ann.SignedIn(t) {
		t.Error("the rotation has ended a session")
	}
	testkit.Sample(t, sample, o.run(t, verify))
}

// keys returns the lines of the key file.
func (o *operated) keys(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(o.dir, "data", "keys"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "#") })
}

// testTwoServers tests an upgrade while the version before runs. Without a migration, both
// are ready. After a migration to a schema that a program does not know, that program is
// not ready, and does not start.
func (o *operated) testTwoServers(t *testing.T, database string) {
	t.Helper()
	second := testkit.Start(t, "-database", database, "-key-file", filepath.Join(o.dir, "data", "keys"))
	ann := o.ann.At(second.Origin)
	if ready := o.ann.Do("GET", "/readyz", ""); ready.Status != 200 || !ann.SignedIn(t) {
		t.Errorf("beside a second server, the first one answers %s", ready)
	}
	o.server.Stop()
	if !ann.SignedIn(t) {
		t.Error("the second server does not know the session of the first")
	}

	execSQL(t, database, "INSERT INTO schema_versions (version_id, is_applied) VALUES (9999, true)")
	testkit.Eventually(t, "the older server is not ready", func() bool {
		return ann.Do("GET", "/readyz", "").Status == 503 && strings.Contains(second.Output.String(), "the schema version is")
	})
	if alive := ann.Do("GET", "/healthz", ""); alive.Status != 200 {
		t.Errorf("the older server is not alive: %s", alive)
	}
	said, err := testkit.Run(t, "verify-log", "-database", database, "-key-file", filepath.Join(o.dir, "data", "keys"))
	if err == nil || !strings.Contains(said, "the database is newer than this program") {
		t.Errorf("on a newer schema, a command prints %q: %v", said, err)
	}
}

// TestDocumentedKeyFile tests that a key file can look as the documentation shows it.
func TestDocumentedKeyFile(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	file := testkit.Fence(t, configuration, "text", "BASE64-OF-32-RANDOM-BYTES")
	keys, err := keyring.Parse(mustReplace(t, file, "BASE64-OF-32-RANDOM-BYTES", key))
	if err != nil || keys.CurrentID() != "k3v7q2na" {
		t.Errorf("the sample of a key file: %v, %v", keys, err)
	}
}
