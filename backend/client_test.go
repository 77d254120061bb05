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

// TestBinary tests that the built program behaves like Better Auth.
func TestBinary(t *testing.T) {
	t.Parallel()
	t.Run("Client", testClient)
	t.Run("Transcripts", testTranscripts)
	t.Run("TwoFactorRequired", testTwoFactorRequired)
}

// testClient runs Better Auth's published npm client against the program.
func testClient(t *testing.T) {
	t.Parallel()
	scripts := installClient(t)
	writeExamples(t, scripts)
	storetest.EachURL(t, func(t *testing.T, database string) {
		// start starts a server on a database of its own.
		start := func(t *testing.T, env ...string) *testkit.Program {
			t.Helper()
			url := storetest.SQLite(t)
			if strings.HasPrefix(database, "postgres:") {
				url = storetest.Postgres(t)
			}
			return testkit.Start(t, append(env, "-database", url, "-rate-limits", "off")...)
		}
		mail := func(p *testkit.Program) string { return filepath.Join(p.Data, "mail") }

		p := testkit.Start(t, "-database", database, "-rate-limits", "off")
		t.Run("sessions", func(t *testing.T) {
			runScript(t, scripts, "sessions.mjs", p.Origin)
		})
		t.Run("passkey", func(t *testing.T) {
			runScript(t, scripts, "passkey.mjs", p.Origin)
		})
		t.Run("recovery", func(t *testing.T) {
			verifying := start(t, "VERIFY_EMAIL=required")
			runScript(t, scripts, "recovery.mjs", p.Origin, mail(p), verifying.Origin, mail(verifying))
		})
		t.Run("two-factor", func(t *testing.T) {
			redirecting := start(t, "TWO_FACTOR_SIGN_IN=redirect")
			runScript(t, scripts, "two-factor.mjs", p.Origin, mail(p), redirecting.Origin)
		})
		t.Run("documents", func(t *testing.T) {
			_, invite, _ := strings.Cut(p.Output.String(), "/sign-up?invite=")
			runScript(t, scripts, "documents.mjs", p.Origin, mail(p), strings.Fields(invite)[0])
		})
	})
}

// writeExamples writes the examples of the documents into the folder "blocks" beside the
// script that runs them.
func writeExamples(t *testing.T, scripts string) {
	t.Helper()
	blocks := filepath.Join(scripts, "blocks")
	if err := os.Mkdir(blocks, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]string{
		"readme":     testkit.Fence(t, readme, "js", "twoFactorRequired"),
		"page":       testkit.Fence(t, gettingStarted, "js", "revokeSession"),
		"client":     testkit.Fence(t, betterAuth, "js", "passkeyClient"),
		"sessions":   testkit.Fence(t, betterAuth, "js", "revokeSession"),
		"two-factor": testkit.Fence(t, betterAuth, "js", "twoFactor.enable"),
		"passkeys":   testkit.Fence(t, betterAuth, "js", "addPasskey"),
		"step-up":    testkit.Fence(t, betterAuth, "js", "withStepUp"),
		"proof":      testkit.Fence(t, betterAuth, "js", "startAuthentication"),
		"emails":     testkit.Fence(t, betterAuth, "js", "requestPasswordReset"),
		"plugin":     testkit.Fence(t, betterAuth, "js", "latchkeyClient"),
		"settings":   testkit.Fence(t, betterAuth, "js", "/api/settings"),
	} {
		if err := os.WriteFile(filepath.Join(blocks, name+".js"), []byte(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// runScript runs a script of testdata/client.
func runScript(t *testing.T, scripts, script string, args ...string) {
	t.Helper()
	// Debian 12's Node does not try IPv4 if localhost also has an IPv6 address.
	args = append([]string{"--dns-result-order=ipv4first", filepath.Join(scripts, script)}, args...)
	if out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// installClient returns a folder outside the source tree with the scripts of
// testdata/client and the npm packages that they use.
func installClient(t *testing.T) string {
	t.Helper()
	// The flag is necessary because the client and its plugins require different versions
	// of a package that neither uses here.
	modules := testkit.InstallModules(t, "testdata/client", "--legacy-peer-deps")
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("testdata/client/*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		testkit.CopyFile(t, dir, script)
	}
	return dir
}
