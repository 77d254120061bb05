package storetest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are from this range. The systems of the tests take the ports of connections, and of
// listeners that ask for any port, from a higher one. Browsers refuse to open some lower ones.
const firstPort, endPort = 10100, 32768

var errNoPort = errors.New("no free port")

// ReservePort returns a port of the loopback interface on which nothing listens. Until release
// is called, no other test gets the port, not even one of another process, so that a server can
// stop and start again on it.
func ReservePort() (port int, release func(), err error) {
	for range 1000 {
		port = firstPort + rand.IntN(endPort-firstPort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		// A server of a test listens on TCP only. So the UDP port of this number can say that the
		// number is taken, for as long as this process lives.
		reserved, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			reserved.Close()
			continue
		}
		listener.Close()
		return port, func() { reserved.Close() }, nil
	}
	return 0, nil, errNoPort
}
