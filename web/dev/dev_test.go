package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConcerns(t *testing.T) {
	for name, want := range map[string]change{
		"web/app.css":                    styleChanged,
		"app/ui/sessions.go":             appChanged,
		"app/ui/sessions_test.go":        nothingChanged,
		"shared/session.go":              serverChanged,
		"shared/message/german.txt":      serverChanged,
		"backend/account/session.go":     serverChanged,
		"backend/store/migrations/1.sql": serverChanged,
		"web/page.html":                  serverChanged,
		"web/docs/security.md":           serverChanged,
		"web/app.wasm":                   nothingChanged,
		"web/app.wasm.br":                nothingChanged,
		"web/.app.css.swp":               nothingChanged,
		"backend/testdata/client/a.js":   nothingChanged,
	} {
		if got := concerns(name); got != want {
			t.Errorf("%s: %d; want %d", name, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("web/app.css", "a")
	write("app/main.go", "b")
	write("README.md", "c")
	before := scan(root)
	if len(before) != 2 {
		t.Errorf("the sources are %v; want the stylesheet and the app", before)
	}
	if c := compare(before, scan(root)); c != nothingChanged {
		t.Errorf("without a change: %d", c)
	}
	os.Chtimes(filepath.Join(root, "web/app.css"), time.Time{}, time.Now().Add(time.Second))
	if c := compare(before, scan(root)); c != styleChanged {
		t.Errorf("after a change of the stylesheet: %d", c)
	}
	write("app/new.go", "d")
	if c := compare(before, scan(root)); c != appChanged {
		t.Errorf("after a new file of the app, too: %d", c)
	}
	after := scan(root)
	os.Remove(filepath.Join(root, "app/new.go"))
	if c := compare(after, scan(root)); c != appChanged {
		t.Errorf("after a deletion: %d", c)
	}
}

func TestProxy(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.URL.Path == "/api" {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"html":"</head>"}`)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<html><head></head>"+r.Host+r.Header.Get("Accept-Encoding"))
	}))
	defer upstream.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.css"), []byte("p { color: red }"), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(to, dir)
	proxy := httptest.NewServer(p)
	defer proxy.Close()
	get := func(path string) (*http.Response, string) {
		t.Helper()
		response, err := http.Get(proxy.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(body)
	}

	host := strings.TrimPrefix(proxy.URL, "http://")
	page := "<html><head><script src=\"/dev/client.js\" defer></script>\n</head>" + host + "identity"
	if response, body := get("/sign-in"); body != page || response.Header.Get("ETag") != "" {
		t.Errorf("a page: %q %v; want %q, the client in it, and no ETag", body, response.Header, page)
	}
	if _, body := get("/api"); body != `{"html":"</head>"}` {
		t.Errorf("a response that is no page: %s", body)
	}
	if response, body := get("/web/app.css?v=old"); body != "p { color: red }" || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the stylesheet: %q %v; want what is on disk", body, response.Header)
	}
	if _, body := get("/app-worker.js"); !strings.Contains(body, "unregister") {
		t.Errorf("the service worker: %s; want one that removes itself", body)
	}

	response, err := http.Get(proxy.URL + "/dev/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	p.send("style")
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); line != "data: style\n" {
		t.Errorf("an open page reads %q, %v; want that the stylesheet has changed", line, err)
	}
}
