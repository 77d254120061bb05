package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestReadyWhenItSaysSo tests that the server answers by the time that it prints
// where it is: scripts wait for that line.
func TestReadyWhenItSaysSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, c, err := parse([]string{"-listen", address, "-data", t.TempDir()}, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	said := false
	err = serve(ctx, c, writerFunc(func(p []byte) (int, error) {
		if !strings.HasPrefix(string(p), "Latchkey is at ") {
			return len(p), nil
		}
		said = true
		defer cancel()
		res, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("readyz: %d; want 200", res.StatusCode)
		}
		return len(p), nil
	}))
	if err != nil || !said {
		t.Errorf("it said where it is: %t, %v", said, err)
	}
}
