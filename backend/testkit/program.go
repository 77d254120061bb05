package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
)

// raced says whether to build the program with the race detector, which "make race" sets.
// A data race fails the test that has started the program.
var raced = os.Getenv("LATCHKEY_TEST_RACE") == "on"

// binary builds the program when a test first needs it, and returns its path.
var binary = sync.OnceValues(func() (string, error) {
	listed, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", err
	}
	root := strings.TrimSpace(string(listed))
	// Not in the folder for temporary files, where some machines do not allow execution.
	build := filepath.Join(root, "build")
	if err := os.MkdirAll(build, 0o777); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(build, "test-")
	if err != nil {
		return "", err
	}
	atExit(func() { os.RemoveAll(dir) })
	var flags []string
	if patient {
		if flags, err = patientFlags(root, dir); err != nil {
			return "", err
		}
	}
	file := filepath.Join(dir, "latchkey")
	return file, Build(file, flags...)
})

// Build builds the program into a file as "make build" does, with more flags of
// "go build" if any are given.
func Build(file string, flags ...string) error {
	flags = append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", file}, flags...)
	env := append(os.Environ(), "CGO_ENABLED=0")
	if raced {
		// The password hash shares no data, and detecting races in it makes every sign-in
		// several times slower.
		flags = append(flags, "-race", "-gcflags=golang.org/x/crypto/argon2=-race=false")
		env = append(os.Environ(), "CGO_ENABLED=1")
	}
	build := exec.Command("go", append(flags, "latchkey/backend")...)
	build.Env = env
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Binary returns the path of the program. The first call builds it.
func Binary(t testing.TB) string {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A Program is one running server, as an operator starts it.
type Program struct {
	Origin string // the URL at which it answers
	Data   string // the folder for its files
	Binary string // the path that [Program.Start] runs
	Env    []string
	Args   []string
	Output Buffer // all that it has printed so far

	links sync.Map // the links that [Program.Link] has returned

	t       testing.TB
	process *os.Process
	exited  chan error
	printed int // bytes before the process started
}

// Start starts the program on a free port, with its files in its own folder, and waits
// until it is ready. The program stops at the end of the test.
//
// The command line is as in a shell: environment variables as NAME=value, then flags.
func Start(t testing.TB, line ...string) *Program {
	t.Helper()
	p := newProgram(t, line)
	p.Start()
	return p
}

// Launch is [Start] without the wait until the program is ready.
func Launch(t testing.TB, line ...string) *Program {
	t.Helper()
	p := newProgram(t, line)
	p.launch()
	return p
}

// StartAt is [Start] for the origin of a program that has stopped: http://localhost with a port.
func StartAt(t testing.TB, origin string, line ...string) *Program {
	t.Helper()
	p := newProgramAt(t, "127.0.0.1"+strings.TrimPrefix(origin, "http://localhost"), line)
	p.Start()
	return p
}

func newProgram(t testing.TB, line []string) *Program {
	t.Helper()
	return newProgramAt(t, FreeAddress(t), line)
}

func newProgramAt(t testing.TB, address string, line []string) *Program {
	t.Helper()
	_, port, _ := net.SplitHostPort(address)
	env, args := split(line)
	p := &Program{t: t, Binary: Binary(t), Origin: "http://localhost:" + port, Data: t.TempDir(), Env: env}
	p.Args = append([]string{"-listen", address, "-origin", p.Origin, "-data", p.Data}, args...)
	t.Cleanup(func() {
		if p.process != nil {
			p.Stop()
		}
		if strings.Contains(p.Output.String(), "WARNING: DATA RACE") {
			t.Error("the race detector has found a race in the program")
		}
		if t.Failed() {
			for line := range strings.Lines(p.Output.String()) {
				if !strings.Contains(line, "msg=request") {
					t.Logf("latchkey printed: %s", line)
				}
			}
		}
	})
	return p
}

// split separates environment variables from the rest of a command line.
func split(line []string) (env, args []string) {
	n := slices.IndexFunc(line, func(word string) bool { return strings.HasPrefix(word, "-") || !strings.Contains(word, "=") })
	if n < 0 {
		n = len(line)
	}
	return line[:n], line[n:]
}

// FreeAddress returns a free address of the loopback interface. No other test gets it until this
// one ends, so that the test can stop a server and start it again.
func FreeAddress(t testing.TB) string {
	t.Helper()
	port, release, err := storetest.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// Start starts or restarts the program at its address, and waits until it is ready.
func (p *Program) Start() {
	p.t.Helper()
	p.launch()
	p.Await()
}

// Await waits until the program is ready and has printed that.
func (p *Program) Await() {
	p.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	for {
		err := ready(ctx, p.Origin)
		// It prints this line, and the link for the first administrator with it, once it is ready.
		if err == nil && !strings.Contains(p.Output.String()[p.printed:], readyLine) {
			err = errors.New("it has not printed its URL")
		}
		if err == nil {
			return
		}
		select {
		case err := <-p.exited:
			p.process = nil
			if said := p.Output.String(); strings.HasSuffix(strings.TrimSpace(said), "address already in use") && time.Since(began) < Patience {
				time.Sleep(100 * time.Millisecond) // another process uses the port for a moment
				p.launch()
				continue
			}
			p.t.Fatalf("latchkey exited before it was ready: %v\n%s", err, p.Output.String())
		case <-ctx.Done():
			p.t.Fatalf("latchkey is not ready: %v\n%s", err, p.Output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// readyLine begins the line that the program prints when it is ready.
const readyLine = "Latchkey is at "

// launch starts the process.
func (p *Program) launch() {
	p.t.Helper()
	p.printed = len(p.Output.String())
	cmd := exec.Command(p.Binary, p.Args...)
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Stdout, cmd.Stderr = &p.Output, &p.Output
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	p.process, p.exited = cmd.Process, exited
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

// Stop tells the program to stop, and waits until it has exited. It fails the test if the
// program exits with an error.
func (p *Program) Stop() {
	p.t.Helper()
	p.process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.exited:
		if err != nil {
			p.t.Errorf("latchkey: %v", err)
		}
	case <-time.After(Patience): // far longer than the ten seconds of its graceful shutdown
		p.t.Error("latchkey does not exit on SIGTERM")
		p.process.Kill()
		<-p.exited
	}
	p.process = nil
}

// Pause makes the program answer nothing until [Program.Resume], as behind a network that loses
// everything.
func (p *Program) Pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	p.t.Cleanup(func() {
		if p.process != nil {
			p.process.Signal(syscall.SIGCONT) // otherwise it could not be stopped
		}
	})
}

// Resume ends a [Program.Pause].
func (p *Program) Resume() {
	p.t.Helper()
	p.signal(syscall.SIGCONT)
}

func (p *Program) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Kill kills the program, and waits until it has exited.
func (p *Program) Kill() {
	p.process.Kill()
	<-p.exited
	p.process = nil
}

// Run runs a command of the program in its own folder, waits until it exits, and returns
// what it has printed. The command line is as for [Start].
func Run(t testing.TB, line ...string) (output string, err error) {
	t.Helper()
	env, args := split(line)
	program := Binary(t) // the time to build it does not count
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Client returns a new client of the program.
func (p *Program) Client() *Client { return NewClient(p.Origin) }

// A Buffer collects output. It is safe for concurrent use.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends to the buffer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns all that was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
