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

// lockOffset leads from a port to the UDP port that says that it is taken. A server can listen on the
// UDP port of its own number, too, as Caddy does for HTTP/3. So this one is above the range.
const lockOffset = endPort - 1

var errNoPort = errors.New("no free port")

// ReservePort returns a port of the loopback interface on which nothing listens. Until release
// is called, no other test gets the port, not even one of another process, so that a server can
// stop and start again on it.
func ReservePort() (port int, release func(), err error) {
	for range 1000 {
		port = firstPort + rand.IntN(endPort-firstPort)
		reserved, err := net.ListenPacket("udp", loopback(port+lockOffset)) // for as long as this process lives
		if err != nil {
			continue
		}
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			reserved.Close()
			continue
		}
		listener.Close()
		return port, func() { reserved.Close() }, nil
	}
	return 0, nil, errNoPort
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
