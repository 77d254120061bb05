package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A client is one connection to a server. It does not use [http.Client] or
// [http.ReadResponse], which would take as much CPU time as the server does.
type client struct {
	conn net.Conn
	r    *bufio.Reader
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// An answer is a response. Only the answers of [client.ask], and those with another status
// than 200, have a body.
type answer struct {
	status  int
	size    int64 // of the body
	body    []byte
	cookies []string // the Set-Cookie headers
}

// A statusError is an answer with an unexpected status.
type statusError struct{ answer }

func (e statusError) Error() string { return fmt.Sprintf("%d: %s", e.status, e.body) }

// answerLimit is how long a server may take to answer.
const answerLimit = 30 * time.Second

// send sends a request and reads the answer. It fails unless that is a 200 with a body other
// than null, which is the body of a get-session without a session.
func (c *client) send(request []byte) error {
	a, err := c.exchange(request, false)
	switch {
	case err != nil:
		return err
	case a.status != http.StatusOK:
		return statusError{a}
	case a.size <= int64(len("null")):
		return errors.New("the response is null: the server does not recognize the session")
	}
	return nil
}

// ask is like send, and returns the answer. The answer may have one of the given other
// statuses.
func (c *client) ask(request []byte, others ...int) (answer, error) {
	a, err := c.exchange(request, true)
	if err == nil && a.status != http.StatusOK && !slices.Contains(others, a.status) {
		err = statusError{a}
	}
	return a, err
}

func (c *client) exchange(request []byte, keep bool) (a answer, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return a, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return a, err
	}
	a, err = readAnswer(c.r, keep)
	if err != nil {
		err = fmt.Errorf("reading an answer: %w", err)
	}
	return a, err
}

// readAnswer reads an answer, and keeps its body and its cookies if keep is true.
func readAnswer(r *bufio.Reader, keep bool) (a answer, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	const before = len("HTTP/1.1 ")
	if len(line) < before+3 {
		return a, fmt.Errorf("not a status line: %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[before : before+3])); err != nil {
		return a, err
	}
	keep = keep || a.status != http.StatusOK
	length, chunked := int64(0), false
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		name, value, found := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		if !found {
			break // an empty line
		}
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "Content-Length"):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return a, err
			}
		case is(name, "Transfer-Encoding"):
			chunked = true
		case keep && is(name, "Set-Cookie"):
			a.cookies = append(a.cookies, string(value))
		}
	}
	if !chunked {
		return a, a.readBody(r, length, keep)
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return a, err
		}
		if err := a.readBody(r, n, keep); err != nil {
			return a, err
		}
		if _, err := r.Discard(len("\r\n")); err != nil || n == 0 {
			return a, err
		}
	}
}

func is(name []byte, header string) bool {
	return len(name) == len(header) && strings.EqualFold(string(name), header)
}

// readBody reads n more bytes of the body.
func (a *answer) readBody(r *bufio.Reader, n int64, keep bool) error {
	a.size += n
	if !keep {
		_, err := r.Discard(int(n))
		return err
	}
	part := make([]byte, n)
	_, err := io.ReadFull(r, part)
	a.body = append(a.body, part...)
	return err
}

// A jar has the cookies of a browser, by name.
type jar map[string]string

// store stores the cookies of an answer, except those whose names end with one of the
// suffixes.
func (j jar) store(a answer, except ...string) {
	for _, line := range a.cookies {
		cookie, err := http.ParseSetCookie(line)
		if err != nil || slices.ContainsFunc(except, func(suffix string) bool { return strings.HasSuffix(cookie.Name, suffix) }) {
			continue
		}
		if j[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
			delete(j, cookie.Name)
		}
	}
}

// header returns the value of the Cookie header.
func (j jar) header() string {
	pairs := make([]string, 0, len(j))
	for name, value := range j {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}
