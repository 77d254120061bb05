package testkit

import (
	"net"
	"sync"
	"testing"
)

// A Fault is what a [Relay] does with data.
type Fault int

// The faults.
const (
	Pass Fault = iota // passes the data on
	Cut               // passes half of a client's data on, or nothing of a server's, and closes the connection
	Hold              // passes nothing on until the connection is closed
)

// A Relay passes the connections of clients on to a server, until a fault.
type Relay struct {
	Address string

	mu    sync.Mutex
	fault func(fromClient bool, data string) Fault
}

// StartRelay starts a relay to the server at an address, and ends it with the test.
func StartRelay(t testing.TB, server string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	r := &Relay{Address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go r.pass(client, server)
		}
	}()
	return r
}

// SetFault sets the function that decides on each piece of data. Nil passes all on.
func (r *Relay) SetFault(fault func(fromClient bool, data string) Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = fault
}

func (r *Relay) pass(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var directions sync.WaitGroup
	directions.Go(func() { r.copy(server, client, true) })
	directions.Go(func() { r.copy(client, server, false) })
	directions.Wait()
}

// copy copies one direction of a connection, and then closes both.
func (r *Relay) copy(to, from net.Conn, fromClient bool) {
	defer to.Close()
	defer from.Close()
	held := false
	for buffer := make([]byte, 64<<10); ; {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		r.mu.Lock()
		fault := r.fault
		r.mu.Unlock()
		what := Pass
		if fault != nil {
			what = fault(fromClient, string(buffer[:n]))
		}
		switch held = held || what == Hold; {
		case held:
		case what == Cut:
			if fromClient {
				to.Write(buffer[:n/2])
			}
			return
		default:
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}
