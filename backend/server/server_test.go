package server

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	strict "github.com/go-json-experiment/json"

	"latchkey/backend/account"
	"latchkey/shared"
)

func TestEveryErrorHasAStatus(t *testing.T) {
	for _, e := range shared.Errors {
		if _, ok := statuses[e]; !ok {
			t.Errorf("%s has no status", e.Code)
		}
	}
	if len(statuses) != len(shared.Errors) {
		t.Errorf("%d statuses for %d errors", len(statuses), len(shared.Errors))
	}
}

func TestEveryEventHasAText(t *testing.T) {
	files, err := filepath.Glob("../audit/*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range regexp.MustCompile(`\bEvent\w+ += "([\w-]+)"`).FindAllSubmatch(source, -1) {
			n++
			if shared.EventText(string(kind[1])) == 0 {
				t.Errorf("%s has no text", kind[1])
			}
		}
	}
	if n != len(shared.EventKinds) || n == 0 {
		t.Errorf("%d texts for %d kinds", len(shared.EventKinds), n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"email":"a@example.test","password":"x"}`, `{"a":[{"b":null}]}`, `[[[`, "{\"a\":\"\xff\"}", `{"callbackURL":"//x"}`} {
		f.Add([]byte(seed))
	}
	schema := schemaOf[shared.NewAccount]()
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := object(body)
		if err != nil || schema.validate("body", members) != nil {
			return
		}
		var in shared.NewAccount
		if err := strict.Unmarshal(body, &in); err != nil {
			t.Errorf("%q is valid but cannot be read: %v", body, err)
		}
		if _, err := account.ParseEmail(in.Email); err != nil || in.Password == "" {
			t.Errorf("%q is taken: %+v", body, in)
		}
	})
}

func FuzzParseAddr(f *testing.F) {
	for _, seed := range []string{"192.0.2.1", "[2001:db8::1]:443", "::ffff:192.0.2.1", "fe80::1%eth0", "", "]["} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr, ok := parseAddr(s)
		if ok && (addr.Zone() != "" || addr.Is4In6() || bucket(addr.String()) == "") {
			t.Errorf("%q is read as %v", s, addr)
		}
	})
}

// TestRequestTimeout tests that what a request asks of the database is given up
// after the time that the server gives a request, and that this is under five
// seconds unless the configuration says otherwise.
func TestRequestTimeout(t *testing.T) {
	if requestTimeout >= 5*time.Second {
		t.Errorf("requests may take %v; want less than five seconds", requestTimeout)
	}
	s := &Server{Config: Config{RequestTimeout: time.Millisecond}}
	for _, method := range []string{"GET", "POST"} {
		s.withDeadline(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				if err := r.Context().Err(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: the request ends with %v; want %v", method, err, context.DeadlineExceeded)
				}
			case <-time.After(time.Minute):
				t.Errorf("%s: the request has no end", method)
			}
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/api/auth/get-session", nil))
	}
}
