package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"latchkey/shared"
)

// A server is a running process of the program.
type server struct {
	address, origin string
	startedIn       time.Duration // until the first 200
	process         *exec.Cmd
}

// startServer starts the program and waits for its first 200.
func startServer(data string, args ...string) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(address)

	s := &server{address: address, origin: "http://localhost:" + port}
	s.process = exec.Command(*binary, append([]string{
		"-listen", address, "-origin", s.origin, "-data", data, "-rate-limits", "off",
	}, args...)...)
	// The server logs requests to a file, as in production.
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	output, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		return nil, err
	}
	defer output.Close()
	s.process.Stdout, s.process.Stderr = output, output

	begin := time.Now()
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	request := s.get("/readyz", "")
	for time.Since(begin) < 30*time.Second {
		if conn, err := net.Dial("tcp", address); err == nil {
			_, err = exchange(conn, bufio.NewReader(conn), request)
			conn.Close()
			if err == nil {
				s.startedIn = time.Since(begin)
				return s, nil
			}
		}
		time.Sleep(200 * time.Microsecond)
	}
	s.stop()
	return nil, errors.New("the server was not ready within 30 seconds")
}

func (s *server) stop() error {
	if s.process.ProcessState != nil {
		return nil
	}
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.process.Wait()
}

// cpu returns the processor time that the server has used so far.
func (s *server) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0 // not Linux
	}
	// These are the fields after the name, which is in parentheses: see proc(5).
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	const tick = 10 * time.Millisecond
	return time.Duration(user+system) * tick
}

// memory returns the resident memory of the server.
func (s *server) memory() string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, _ := strconv.Atoi(strings.Fields(rest)[0])
	return fmt.Sprintf("%.0f MB", float64(kilobytes)/1e3)
}

func (s *server) get(path, cookie string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nCookie: %s\r\n\r\n",
		path, strings.TrimPrefix(s.origin, "http://"), cookie)
}

func (s *server) post(path, cookie string, body any) []byte {
	content, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(
		nil,
		"POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nOrigin: %s\r\nCookie: %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path,
		strings.TrimPrefix(s.origin, "http://"),
		s.origin,
		cookie,
		len(content),
		content,
	)
}

// An account is one that seed created, with the Cookie header of one of its sessions.
type account struct{ email, cookie string }

func getSession(s *server, a account) []byte   { return s.get(shared.GetSession.Path, a.cookie) }
func listSessions(s *server, a account) []byte { return s.get(shared.ListSessions.Path, a.cookie) }

const password = "measure twice, cut once" // the command seed gives it to every user

func signIn(s *server, a account) []byte {
	return s.post(shared.SignIn.Path, "", shared.Credentials{Email: a.email, Password: password})
}

func updateUser(s *server, a account) []byte {
	return s.post(shared.UpdateUser.Path, a.cookie, map[string]string{"name": "Ann"})
}

func enableTwoFactor(s *server, a account) []byte {
	return s.post(shared.EnableTwoFactor.Path, a.cookie, shared.Enrollment{Password: password})
}

// seed fills a database, and returns a sample of its accounts in random order.
func seed(data, url string, sessions, perUser int) ([]account, error) {
	file := data + ".cookies"
	program := exec.Command(*binary, "seed", "-data", data, "-database", url,
		"-sessions", strconv.Itoa(sessions), "-per-user", strconv.Itoa(perUser), "-cookies", file)
	if out, err := program.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("latchkey seed: %w\n%s", err, out)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var accounts []account
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: not a line of three fields: %q", file, line)
		}
		accounts = append(accounts, account{fields[0], fields[2]})
	}
	return accounts, nil
}
