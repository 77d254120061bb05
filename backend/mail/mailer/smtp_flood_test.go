package mailer

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFlood tests that a server cannot fill the memory with replies that do not end: long lines,
// and many lines.
func TestFlood(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]string{"line": strings.Repeat("x", 1000), "lines": strings.Repeat("220-more\r\n", 100)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { listener.Close() })
			var sent atomic.Int64
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				for {
					n, err := conn.Write([]byte(flood))
					if sent.Add(int64(n)); err != nil || sent.Load() > 100<<20 {
						return
					}
				}
			}()
			err = newSMTPMailer(listener.Addr().String()).Deliver(t.Context(), to("ada@example.com"))
			wantRefused(t, err, "sends too much")
			if sent.Load() > 50<<20 {
				t.Errorf("the server could send %d bytes", sent.Load())
			}
		})
	}
}
