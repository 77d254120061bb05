package storetest

import (
	"net"
	"strconv"
	"testing"
)

// TestReservePort tests that a server can listen on a reserved port, stop and start again, and that
// no other test gets the port meanwhile.
func TestReservePort(t *testing.T) {
	port, release, err := ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for range 2 {
		server, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
	}
	if again, err := net.ListenPacket("udp", address); err == nil {
		again.Close()
		t.Errorf("another test could reserve port %d", port)
	}
}
