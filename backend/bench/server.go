package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A product is one of the programs that are measured beside each other.
type product interface {
	fmt.Stringer
	// fill fills an empty database, and returns a sample of its sessions in random order.
	fill(d database, sessions, perUser int) ([]account, error)
	// age makes the next read of each session in a Postgres database a first one, as after
	// fill.
	age(d database) error
	// command returns the command that serves a database at an address, and a path that
	// it answers with 200 when it is ready.
	command(d database, address, origin string) (run *exec.Cmd, ready string)
	// spendsCodes reports whether each code of an authenticator works once only.
	spendsCodes() bool
}

// An account is one that fill created, with the Cookie header of one of its sessions.
type account struct{ email, cookie string }

const (
	// password is the password of every user that "latchkey seed" creates.
	password = "measure twice, cut once"
	// agent and ip are the client of every session that "latchkey seed" creates. Requests
	// come from the same client: a change of it is written at once, unlike the time of a
	// session's last use.
	agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
	ip    = "127.0.0.1"
)

// A server is a running process of a product.
type server struct {
	address, origin string
	startedIn       time.Duration // until the first 200
	process         *exec.Cmd
	exited          chan struct{} // closed when the process has ended
	err             error         // of the process; set before exited is closed
}

// freeAddress returns a free address of the loopback interface.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", ip+":0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// startServer starts a product at a free address, and waits for its first 200.
func startServer(p product, d database) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return startServerAt(p, d, address)
}

func startServerAt(p product, d database, address string) (*server, error) {
	_, port, _ := net.SplitHostPort(address)
	s := &server{address: address, origin: "http://localhost:" + port, exited: make(chan struct{})}
	run, ready := p.command(d, address, s.origin)
	s.process = run
	// The server logs to a file, as in production.
	output, err := os.Create(filepath.Join(d.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer output.Close()
	s.process.Stdout, s.process.Stderr = output, output

	begin := time.Now()
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.process.Wait()
		close(s.exited)
	}()
	if err := s.await(ready, begin); err != nil {
		s.process.Process.Kill()
		<-s.exited
		said, _ := os.ReadFile(output.Name())
		return nil, fmt.Errorf("%s: %w\n%s", p, err, said)
	}
	return s, nil
}

// await waits for the first 200.
func (s *server) await(ready string, begin time.Time) error {
	for time.Since(begin) < time.Minute {
		if c, err := dial(s.address); err == nil {
			err = c.send(s.get(ready, ""))
			c.conn.Close()
			if err == nil {
				s.startedIn = time.Since(begin)
				return nil
			}
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the server exited: %w", s.err)
		case <-time.After(500 * time.Microsecond):
		}
	}
	return errors.New("the server was not ready within a minute")
}

// stop stops the server, and waits until it has exited.
func (s *server) stop() error {
	select {
	case <-s.exited:
		return s.err
	default:
	}
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.process.Process.Kill()
		<-s.exited
	}
	return s.err
}

func (s *server) pid() int { return s.process.Process.Pid }

// memory returns the resident memory of the server, in bytes.
func (s *server) memory() int64 { return residentMemory(s.pid()) }

func (s *server) get(path, cookie string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nCookie: %s\r\n\r\n", path, s.host(), agent, cookie)
}

func (s *server) post(path, cookie string, body any) []byte {
	content, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(
		nil,
		"POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nOrigin: %s\r\nCookie: %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path,
		s.host(),
		agent,
		s.origin,
		cookie,
		len(content),
		content,
	)
}

func (s *server) host() string { return strings.TrimPrefix(s.origin, "http://") }
