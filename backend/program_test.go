package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Main(m, func() { os.RemoveAll(built.dir) })
}

// built is the program, once somebody wants it.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// buildBinary returns the path of the program, built just as "make build" does.
func buildBinary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "latchkey-test-"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", built.dir, "latchkey/backend")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %v\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "backend")
}

// A program is one running server, as an operator starts it.
type program struct {
	origin string

	t       *testing.T
	binary  string
	data    string
	args    []string
	process *os.Process
	exited  chan error
	said    buffer
}

// start starts the program on a free port, with its files in a folder of its
// own, and waits until it is ready. It stops with the test.
func start(t *testing.T, binary string, args ...string) *program {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	p := &program{t: t, binary: binary, origin: "http://localhost:" + port, data: t.TempDir()}
	p.args = append([]string{"-listen", address, "-origin", p.origin, "-data", p.data}, args...)
	t.Cleanup(func() {
		if p.process != nil {
			p.stop()
		}
		if t.Failed() {
			for line := range strings.Lines(p.said.String()) {
				if !strings.Contains(line, "msg=request") {
					t.Logf("latchkey said: %s", line)
				}
			}
		}
	})
	p.start()
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start starts the program, again if it has ended, at the same address.
func (p *program) start() {
	p.t.Helper()
	cmd := exec.Command(p.binary, p.args...)
	cmd.Stdout, cmd.Stderr = &p.said, &p.said
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.process, p.exited = cmd.Process, make(chan error, 1)
	go func() { p.exited <- cmd.Wait() }()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		err := ready(ctx, p.origin)
		if err == nil {
			return
		}
		select {
		case err := <-p.exited:
			p.process = nil
			p.t.Fatalf("latchkey has ended at once: %v\n%s", err, p.said.String())
		case <-ctx.Done():
			p.t.Fatalf("latchkey is not ready: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop tells the program to end, which it must do within 12 seconds.
func (p *program) stop() {
	p.t.Helper()
	p.process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.exited:
		if err != nil {
			p.t.Errorf("latchkey: %v", err)
		}
	case <-time.After(12 * time.Second):
		p.t.Error("latchkey does not end when told to")
		p.process.Kill()
		<-p.exited
	}
	p.process = nil
}

// kill ends the program without a word.
func (p *program) kill() {
	p.process.Kill()
	<-p.exited
	p.process = nil
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

// buffer is a [bytes.Buffer] that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
