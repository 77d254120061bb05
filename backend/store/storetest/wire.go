package storetest

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Wire forwards connections to a database, and can stall them. It also records the
// queries.
type Wire struct {
	mu      sync.Mutex
	conns   chan struct{} // closed while the wire forwards bytes
	queries []string
}

// Tap returns a URL that reaches a database through a Wire.
func Tap(t *testing.T, database string) (string, *Wire) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	w := &Wire{conns: make(chan struct{})}
	close(w.conns)
	target := u.Host
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil {
				near.Close()
				continue
			}
			go w.relay(near, far, func([]byte) {})
			go w.relay(far, near, w.record)
		}
	}()
	u.Host = listener.Addr().String()
	return u.String(), w
}

// record records the text of a simple query of Postgres, which pgdriver sends at once.
func (w *Wire) record(message []byte) {
	const header = 5 // the type of the message and its length
	if len(message) > header && message[0] == 'Q' {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.queries = append(w.queries, strings.TrimRight(string(message[header:]), "\x00"))
	}
}

// Queries returns the simple queries since the last call.
func (w *Wire) Queries() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	queries := slices.Clone(w.queries)
	w.queries = nil
	return queries
}

func (w *Wire) relay(to, from net.Conn, saw func([]byte)) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		saw(b[:n])
		w.mu.Lock()
		open := w.conns
		w.mu.Unlock()
		<-open
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// Hold stalls the wire. Sent bytes wait for [Wire.Release].
func (w *Wire) Hold() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = make(chan struct{})
	return nil
}

// Release forwards the bytes that wait, and ends the stall.
func (w *Wire) Release() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.conns)
	return nil
}
