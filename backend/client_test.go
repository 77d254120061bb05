package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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
			origin := startBinary(t, binary, "-database", database(t))
			// Debian 12's Node does not try IPv4 where localhost is IPv6 too.
			node := exec.CommandContext(t.Context(), "node", "--dns-result-order=ipv4first", filepath.Join(scripts, "sessions.mjs"), origin)
			if out, err := node.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// installClient returns a folder outside the tree in which the scripts of
// testdata/client find the client that package.json asks for. What npm fetches
// is kept for the next time.
func installClient(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%v: apt-get install nodejs npm", err)
			}
			t.Skipf("%v: apt-get install nodejs npm", err)
		}
	}

	var manifest struct {
		Version      string
		Dependencies map[string]string
	}
	readJSON(t, "testdata/client/package.json", &manifest)
	version := manifest.Dependencies["better-auth"]

	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "latchkey-test")
	installed := filepath.Join(cache, "better-auth-"+version)
	if _, err := os.Stat(installed); err != nil {
		if err := os.MkdirAll(cache, 0o755); err != nil {
			t.Fatal(err)
		}
		fresh, err := os.MkdirTemp(cache, "installing-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(fresh)
		copyFile(t, fresh, "testdata/client/package.json")
		copyFile(t, fresh, "testdata/client/package-lock.json")
		// The client and its plugins disagree about a version that neither
		// needs here, hence the flag.
		npm := exec.CommandContext(t.Context(), "npm", "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund")
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
	readJSON(t, filepath.Join(modules, "better-auth/package.json"), &manifest)
	if manifest.Version != version {
		t.Fatalf("%s holds better-auth %s; want %s: delete it", installed, manifest.Version, version)
	}

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

// buildBinary builds the program just as "make build" does.
func buildBinary(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "latchkey")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "latchkey/backend")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// startBinary starts the program on a free port, waits until it is ready, and
// returns its origin. It stops with the test.
func startBinary(t *testing.T, binary string, args ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(address)
	origin := "http://localhost:" + port

	var said bytes.Buffer
	program := exec.Command(binary, append([]string{
		"-listen", address, "-origin", origin, "-data", t.TempDir(), "-rate-limits", "off",
	}, args...)...)
	program.Stdout, program.Stderr = &said, &said
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- program.Wait() }()
	t.Cleanup(func() {
		program.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			if err != nil {
				t.Errorf("latchkey: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("latchkey does not stop when told to")
			program.Process.Kill()
			<-exited
		}
		if t.Failed() {
			for line := range strings.Lines(said.String()) {
				if !strings.Contains(line, "msg=request") {
					t.Logf("latchkey said: %s", line)
				}
			}
		}
	})

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := ready(ctx, origin)
		if err == nil {
			return origin
		}
		select {
		case err := <-exited:
			exited <- nil
			t.Fatalf("latchkey has ended at once: %v", err)
		case <-ctx.Done():
			t.Fatalf("latchkey is not ready: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ready(ctx context.Context, origin string) error {
	request, err := http.NewRequestWithContext(ctx, "GET", origin+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz: %s", answer.Status)
	}
	return nil
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
