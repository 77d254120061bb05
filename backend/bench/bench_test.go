package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/backend/testkit"
)

// TestAnswer tests that a client reads the answers of a server one after the other, whether
// their length is known or not.
func TestAnswer(t *testing.T) {
	t.Parallel()
	handler := http.NewServeMux()
	handler.HandleFunc("/length", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a.session_token", Value: "secret"})
		http.SetCookie(w, &http.Cookie{Name: "a.browser", Value: "known"})
		io.WriteString(w, "length")
	})
	handler.HandleFunc("/chunks", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "chunk")
		w.(http.Flusher).Flush()
		io.WriteString(w, "s")
	})
	handler.HandleFunc("/null", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "null") })
	handler.HandleFunc("/refused", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) })
	running := httptest.NewServer(handler)
	t.Cleanup(running.Close)
	s := &server{address: strings.TrimPrefix(running.URL, "http://"), origin: running.URL}
	c, err := dial(s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })

	for _, body := range []string{"length", "chunks", "length"} {
		a, err := c.ask(s.get("/"+body, ""))
		if err != nil || string(a.body) != body || a.size != int64(len(body)) {
			t.Errorf("the answer is %q of %d bytes, %v; want %q", a.body, a.size, err, body)
		}
		if err := c.send(s.get("/"+body, "")); err != nil {
			t.Error(err)
		}
		kept := jar{}
		if kept.store(a, sessionCookie); body == "length" && kept.header() != "a.browser=known" {
			t.Errorf("the browser keeps %q; want a.browser=known", kept.header())
		}
	}
	if err := c.send(s.get("/null", "")); err == nil {
		t.Error("null is a valid answer; want an error")
	}
	if err := c.send(s.get("/refused", "")); err == nil || err.Error() != "503: busy\n" {
		t.Errorf("a refused call fails with %v; want the status and the body", err)
	}
	if a, err := c.ask(s.get("/refused", ""), http.StatusServiceUnavailable); err != nil || a.status != http.StatusServiceUnavailable {
		t.Errorf("an expected status is %d, %v", a.status, err)
	}
}

// TestTap tests that a tap forwards all messages of a client, and counts those that execute
// a statement.
func TestTap(t *testing.T) {
	t.Parallel()
	message := func(kind, body string) string {
		length := len(body) + 4
		return kind + string([]byte{0, 0, byte(length >> 8), byte(length)}) + body
	}
	sent := message("", "\x00\x03\x00\x00user\x00Q\x00\x00") + message("Q", "BEGIN\x00") + message("P", "\x00SELECT 'Q'\x00") +
		message("B", strings.Repeat("Q", 10_000)) + message("E", "\x00\x00\x00\x00\x00") + message("S", "") + message("X", "")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	received := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn)
		received <- string(all)
	}()
	through, err := newTap("postgres://me@" + listener.Addr().String() + "/test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(through.close)
	address := strings.TrimSuffix(strings.TrimPrefix(through.url, "postgres://me@"), "/test")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, sent)
	conn.Close()
	select {
	case got := <-received:
		if got != sent {
			t.Errorf("the tap forwards %d bytes; want %d unchanged", len(got), len(sent))
		}
	case <-time.After(testkit.Patience):
		t.Fatal("the tap forwards nothing")
	}
	if n := through.count.Load(); n != 2 {
		t.Errorf("the tap counts %d statements; want 2", n)
	}
}

// TestBetterAuthVersion tests that the benchmark measures the version of Better Auth whose
// client the tests use.
func TestBetterAuthVersion(t *testing.T) {
	t.Parallel()
	type manifest struct{ Dependencies map[string]string }
	var measured, tested manifest
	testkit.ReadJSON(t, "betterauth/package.json", &measured)
	testkit.ReadJSON(t, "../testdata/client/package.json", &tested)
	if len(tested.Dependencies) == 0 {
		t.Fatal("the tests use no packages")
	}
	for name, version := range tested.Dependencies {
		if measured.Dependencies[name] != version {
			t.Errorf("the benchmark has %s %s; want %s, as in ../testdata/client", name, measured.Dependencies[name], version)
		}
	}
}

// TestPrint tests that the tables have a line for each measurement, and a ratio if there are
// two.
func TestPrint(t *testing.T) {
	t.Parallel()
	b := &bench{}
	took := func(n int, d time.Duration) result {
		r := result{lasted: time.Second}
		for range n {
			r.took = append(r.took, d)
		}
		return r
	}
	for _, clients := range allClients {
		for name, n := range map[string]int{"Latchkey": 60, "Better Auth": 5} {
			b.lines = append(b.lines, line{
				kind: postgresKind, operation: "get-session", product: name, clients: clients, result: took(n, time.Millisecond),
				server: time.Duration(n) * time.Microsecond, postgres: 7 * time.Microsecond, statements: n,
			})
		}
	}
	var out bytes.Buffer
	b.printRatios(&out, postgresKind)
	b.printLines(&out, postgresKind)
	var words []string
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		if strings.Contains(lines.Text(), "get-session") {
			words = append(words, strings.Join(strings.Fields(lines.Text()), " "))
		}
	}
	want := []string{
		"get-session 12.0 12.0 12.0 12.0 1.00 60 (5)",
		"get-session Latchkey 1 60 1.00 ms 0 MB 60 µs 7 µs 60",
		"get-session Better Auth 1 5 1.00 ms 0 MB 5 µs 7 µs 5",
	}
	if len(words) != 1+2*len(allClients) || strings.Join(words[:3], "\n") != strings.Join(want, "\n") {
		t.Errorf("the tables are\n%s\nwant them to begin with\n%s", strings.Join(words, "\n"), strings.Join(want, "\n"))
	}
}
