package storetest

import (
	"net"
	"testing"
)

// TestReservePort tests that a server can listen on a reserved port, TCP and UDP, stop and start again,
// and that no other test gets the port meanwhile.
func TestReservePort(t *testing.T) {
	port, release, err := ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for range 2 {
		server, err := net.Listen("tcp", loopback(port))
		if err != nil {
			t.Fatal(err)
		}
		packets, err := net.ListenPacket("udp", loopback(port))
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		packets.Close()
	}
	if again, err := net.ListenPacket("udp", loopback(port+lockOffset)); err == nil {
		again.Close()
		t.Errorf("another test could reserve port %d", port)
	}
}
