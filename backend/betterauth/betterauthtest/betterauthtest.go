// Package betterauthtest runs a real Better Auth server for tests, and fills its database
// over HTTP as the users of an application do. Only tests import it.
package betterauthtest

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// A Server is an application that uses Better Auth on Node.js, with its plugins for
// two-factor authentication, passkeys and administrators.
type Server struct {
	Origin   string // the URL at which it answers
	Database string // the URL
	Secret   string // BETTER_AUTH_SECRET
	Output   testkit.Buffer

	t       testing.TB
	script  string
	process *os.Process
	exited  chan error
}

// Start creates the tables in an empty database, starts a server, and waits until it is
// ready. The origin has a free port of the loopback interface. The server stops at the end
// of the test. It needs Node.js and npm, like the tests of the client.
func Start(t testing.TB, database, secret, origin string) *Server {
	t.Helper()
	root := filepath.Join(testkit.Root(t), "backend")
	// The flag is necessary because Better Auth and its plugin require different versions of
	// a package.
	modules := testkit.InstallModules(t, filepath.Join(root, "testdata", "betterauth"), "--legacy-peer-deps")
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	testkit.CopyFile(t, dir, filepath.Join(root, "bench", "betterauth", "server.mjs"))

	s := &Server{Origin: origin, Database: database, Secret: secret, t: t, script: filepath.Join(dir, "server.mjs")}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if out, err := s.command(ctx, "migrate").CombinedOutput(); err != nil {
		t.Fatalf("creating the tables of Better Auth: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if s.process != nil {
			s.Kill()
		}
		if t.Failed() {
			t.Logf("Better Auth printed: %s", s.Output.String())
		}
	})
	s.Start()
	return s
}

func (s *Server) command(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "node", s.script, command)
	cmd.Env = append(os.Environ(), "NODE_ENV=production", "ADMIN=on", "LIBSQL=on",
		"DATABASE_URL="+s.Database, "BASE_URL="+s.Origin, "BETTER_AUTH_SECRET="+s.Secret)
	return cmd
}

// Start starts the server again after [Server.Stop], and waits until it is ready.
func (s *Server) Start() {
	s.t.Helper()
	s.launch()
	testkit.Eventually(s.t, "Better Auth is ready", func() bool {
		select {
		case err := <-s.exited:
			s.process = nil
			if strings.Contains(s.Output.String(), "EADDRINUSE") { // another process uses the port for a moment
				s.launch()
				return false
			}
			s.t.Fatalf("Better Auth exited before it was ready: %v\n%s", err, s.Output.String())
		default:
		}
		client := http.Client{Timeout: time.Second}
		answer, err := client.Get(s.Origin + "/api/auth/ok")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, s.Output.String)
}

// launch starts the process.
func (s *Server) launch() {
	s.t.Helper()
	cmd := s.command(context.Background(), "serve")
	cmd.Stdout, cmd.Stderr = &s.Output, &s.Output
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	s.process, s.exited = cmd.Process, exited
}

// Stop stops the server, and waits until it has exited.
func (s *Server) Stop() {
	s.t.Helper()
	s.process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		s.process = nil
	case <-time.After(testkit.Patience):
		s.Kill()
		s.t.Error("Better Auth does not exit on SIGTERM")
	}
}

// Kill kills the server, and waits until it has exited. On SQLite, what it wrote last is
// then only in the write-ahead log.
func (s *Server) Kill() {
	s.process.Kill()
	<-s.exited
	s.process = nil
}

// Client returns a new client of the server.
func (s *Server) Client() *testkit.Client { return testkit.NewClient(s.Origin) }

// Exec runs a statement in the database, as an administrator of it does.
func (s *Server) Exec(statement string) {
	s.t.Helper()
	db := storetest.OpenSQL(s.t, s.Database)
	defer db.Close()
	if _, err := db.ExecContext(s.t.Context(), statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// Query returns the text that a statement selects.
func (s *Server) Query(statement string) (text string) {
	s.t.Helper()
	db := storetest.OpenSQL(s.t, s.Database)
	defer db.Close()
	if err := db.QueryRowContext(s.t.Context(), statement).Scan(&text); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
	return text
}
