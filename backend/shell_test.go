package main_test

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

// The documents whose blocks tests run.
const (
	architecture   = "../web/docs/architecture.md"
	backEnd        = "../web/docs/back-end.md"
	betterAuth     = "../web/docs/better-auth.md"
	configuration  = "../web/docs/configuration.md"
	gettingStarted = "../web/docs/getting-started.md"
	operations     = "../web/docs/operations.md"
	performance    = "../web/docs/performance.md"
	readme         = "../README.md"
	secondFactor   = "../web/docs/decisions/second-factor-403.md"
)

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

// runShell runs a script in a folder. It fails the test if the script fails.
func runShell(t *testing.T, dir string, env []string, script string) (output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience) // also after the test
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-euc", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	// A program that asks for a password finds no terminal, and reads the next line.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stdin = strings.NewReader("SECRET\nSECRET\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s\n%s", err, script, out)
	}
	return string(out)
}

// mustReplace replaces parts of a text, each of which must be there.
func mustReplace(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("there is no %q in:\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// needs skips the test if the machine lacks one of the programs.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			testkit.Need(t, err.Error())
		}
	}
}

// standIn puts a script in place of a program that the machine may lack or that the test
// must not run, and returns the environment variable PATH with it. All stand-ins of a folder
// are on that path.
func standIn(t *testing.T, dir, name, script string) (env string) {
	t.Helper()
	bin := filepath.Join(dir, "stand-ins")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nset -eu\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + bin + ":" + os.Getenv("PATH")
}

// signUp creates an account with [testkit.Password].
func signUp(t *testing.T, c *testkit.Client, email string) {
	t.Helper()
	post(c, "/sign-up/email", body{"email": email, "name": "Ann", "password": testkit.Password}).Must(t, 200, "")
}

// signIn signs in with a password.
func signIn(c *testkit.Client, email, password string) testkit.Answer {
	return post(c, "/sign-in/email", body{"email": email, "password": password})
}

// postgresPath returns the environment variable PATH with the client programs of Postgres.
func postgresPath(t *testing.T) string {
	t.Helper()
	return "PATH=" + storetest.Shared(t).Programs() + ":" + os.Getenv("PATH")
}

// A service is a script in the foreground that starts a server.
type service struct {
	t      *testing.T
	origin string // at which the test calls the server
	output testkit.Buffer
	group  int // of the processes; 0 after stop
	exited chan struct{}
}

// startService runs a script in a folder, and waits until its server is ready at an address and
// has printed that.
func startService(t *testing.T, dir, address string, env []string, script string) *service {
	t.Helper()
	s := &service{t: t, origin: "http://" + strings.Replace(address, "127.0.0.1", "localhost", 1)}
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the service printed:\n%s", s.output.String())
		}
	})
	printed := 0 // bytes before the script began
	launch := func() {
		printed = len(s.output.String())
		cmd := exec.Command("sh", "-euc", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), env...)
		cmd.Stdout, cmd.Stderr = &s.output, &s.output
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s.group, s.exited = cmd.Process.Pid, make(chan struct{})
		go func(exited chan struct{}) {
			cmd.Wait() // make fails if it is interrupted
			close(exited)
		}(s.exited)
	}
	launch()
	testkit.Eventually(t, "the server is ready: "+script, func() bool {
		select {
		case <-s.exited:
			if !strings.Contains(s.output.String(), "address already in use") {
				t.Fatalf("the service has ended: %s", script)
			}
			launch() // another process uses the port for a moment
		default:
		}
		answer, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK && strings.Contains(s.output.String()[printed:], "Latchkey is at ")
	})
	return s
}

// stop does what Ctrl-C does in a terminal.
func (s *service) stop() {
	s.t.Helper()
	if s.group == 0 {
		return
	}
	select {
	case <-s.exited:
	default:
		syscall.Kill(-s.group, syscall.SIGINT)
	}
	select {
	case <-s.exited:
	case <-time.After(testkit.Patience):
		s.t.Error("the server does not stop on SIGINT")
		syscall.Kill(-s.group, syscall.SIGKILL)
		<-s.exited
	}
	s.group = 0
}
