package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync/atomic"
)

// A tap forwards connections to Postgres, and counts the statements.
type tap struct {
	url      string // of the database, through the tap
	listener net.Listener
	target   string
	count    atomic.Int64
}

func newTap(database string) (*tap, error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	t := &tap{target: u.Host}
	if t.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	u.Host = t.listener.Addr().String()
	t.url = u.String()
	go t.accept()
	return t, nil
}

func (t *tap) close() { t.listener.Close() }

func (t *tap) accept() {
	for {
		near, err := t.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", t.target)
		if err != nil {
			near.Close()
			continue
		}
		go func() {
			defer near.Close()
			io.Copy(near, far)
		}()
		go func() {
			defer far.Close()
			t.forward(far, bufio.NewReader(near))
		}()
	}
}

// forward forwards the messages of a client. A message has a type, a byte that the first one
// lacks, and a length, which includes itself.
func (t *tap) forward(to io.Writer, from *bufio.Reader) {
	const length = 4
	kind := 0 // the length of the type
	for {
		header, err := from.Peek(kind + length)
		if err != nil {
			return
		}
		// A query, or the execution of a prepared statement.
		if kind == 1 && (header[0] == 'Q' || header[0] == 'E') {
			t.count.Add(1)
		}
		size := int64(kind) + int64(binary.BigEndian.Uint32(header[kind:]))
		if _, err := io.CopyN(to, from, size); err != nil {
			return
		}
		kind = 1
	}
}
