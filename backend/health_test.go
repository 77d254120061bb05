package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHealth tests that the command health succeeds only if Latchkey itself answers that it
// is ready, and that its output has nothing of another program's answer.
func TestHealth(t *testing.T) {
	ready := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `{"ok":true}`) }))
	defer ready.Close()
	const page = "Content-Length: 2\r\n\r\nhi"
	for _, test := range []struct{ answer, want string }{
		{"200 OK\r\nContent-Length: 27\r\n\r\n{\"ok\":true,\"version\":\"1.2\"}", ""},
		{"200 OK\r\n" + page, "is not Latchkey"},
		{"200 OK\r\nContent-Length: 2\r\n\r\n{}", "is not Latchkey"},
		{"302 Found\r\nLocation: " + ready.URL + "/readyz\r\n" + page, "not ready: 302 Found"},
		{"503 \x1b[31mred\r\n" + page, "not ready: 503 Service Unavailable"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "HTTP/1.1 %s", test.answer)
		}))
		var out strings.Builder
		err := health(t.Context(), config{listen: s.Listener.Addr().String()}, &out)
		s.Close()
		switch {
		case test.want == "":
			if err != nil || out.String() != "ready\n" {
				t.Errorf("%q: %q, %v; want ready", test.answer, out.String(), err)
			}
		case err == nil || out.String() != "" || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\x1b"):
			t.Errorf("%q: %q, %q; want %q", test.answer, out.String(), fmt.Sprint(err), test.want)
		}
	}
}
