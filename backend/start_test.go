package main

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/testkit"
)

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestReadyWhenURLPrinted tests that the server is ready when it prints its URL, because
// scripts wait for that line.
func TestReadyWhenURLPrinted(t *testing.T) {
	address := testkit.FreeAddress(t)
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

// TestNotReadyWithoutInvite tests that a server that cannot store the link of the first
// administrator exits before it is ready. A ready server must not exit for that reason.
func TestNotReadyWithoutInvite(t *testing.T) {
	folder := t.TempDir()
	line := []string{"-listen", "127.0.0.1:0", "-origin", "http://localhost:8080", "-data", folder}
	start := func(ctx context.Context, printed func(string)) error {
		_, c, err := parse(line, func(string) string { return "" }, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return serve(ctx, c, writerFunc(func(p []byte) (int, error) {
			printed(string(p))
			return len(p), nil
		}))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := start(ctx, func(string) { cancel() }); err != nil { // it creates the database
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(folder, "latchkey.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const trigger = "CREATE TRIGGER full BEFORE INSERT ON one_time_tokens BEGIN SELECT RAISE(ABORT, 'full'); END"
	if _, err := db.ExecContext(t.Context(), trigger); err != nil {
		t.Fatal(err)
	}
	err = start(t.Context(), func(text string) { t.Errorf("it is ready and says %q", text) })
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("the server ends with %v; want the error of the database", err)
	}
}
