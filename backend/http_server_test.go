package main

import (
	"log/slog"
	"net/http"
	"testing"
	"time"
)

// TestTimeouts tests the documented limits: a client has five seconds for the headers of a
// request and 15 for all of it, and requests in progress have ten seconds at shutdown.
func TestTimeouts(t *testing.T) {
	s := httpServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for what, got := range map[string]struct{ is, want time.Duration }{
		"the headers of a request": {s.ReadHeaderTimeout, 5 * time.Second},
		"a request":                {s.ReadTimeout, 15 * time.Second},
		"a response":               {s.WriteTimeout, 30 * time.Second},
	} {
		if got.is != got.want {
			t.Errorf("%s may take %v; want %v", what, got.is, got.want)
		}
	}
	if s.MaxHeaderBytes != 16<<10 {
		t.Errorf("headers may have %d bytes; want 16 KiB", s.MaxHeaderBytes)
	}
	if shutdownTimeout != 10*time.Second {
		t.Errorf("the last requests have %v; want 10s", shutdownTimeout)
	}
}
