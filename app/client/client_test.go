//go:build !js

package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"latchkey/shared"
)

// serve starts a server with handler h, and returns a client for it.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return New(s.URL)
}

func TestCall(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/api/auth/step-up" {
			t.Errorf("got %s %s", r.Method, r.URL.Path)
		}
		if got := r.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type is %q", got)
		}
		if got, want := r.Header.Get("Origin"), "http://"+r.Host; got != want {
			t.Errorf("Origin is %q; want %q", got, want)
		}
		if body, _ := io.ReadAll(r.Body); string(body) != `{"password":"swordfish"}` {
			t.Errorf("body is %s", body)
		}
		io.WriteString(w, `{"status":true}`)
	})

	swordfish := "swordfish"
	out, err := Call(context.Background(), c, "", shared.StepUp, shared.Proof{Password: &swordfish})
	if err != nil || !out.Status {
		t.Errorf("Call = %v, %v; want true, nil", out, err)
	}
}

func TestCallGETHasNoBody(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); len(body) != 0 || r.Header.Get("Content-Type") != "" {
			t.Errorf("GET came with a body: %q", body)
		}
		io.WriteString(w, `null`)
	})

	current, err := Call(context.Background(), c, "", shared.GetSession, shared.None{})
	if err != nil || current != nil {
		t.Errorf("Call = %v, %v; want nil, nil", current, err)
	}
}

func TestCallSendsAccount(t *testing.T) {
	var got []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Values(shared.HeaderAccount)
		io.WriteString(w, `[]`)
	})
	for account, want := range map[string][]string{"": nil, "a": {"a"}} {
		if _, err := Call(context.Background(), c, account, shared.ListSessions, shared.None{}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("a call for account %q sends %q", account, got)
		}
	}
}

func TestCallKeepsCookies(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == shared.SignIn.Path {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "s", Path: "/"})
			io.WriteString(w, `{}`)
			return
		}
		if _, err := r.Cookie("session"); err != nil {
			t.Error("the cookie was not sent back")
		}
		io.WriteString(w, `[]`)
	})

	ctx := context.Background()
	if _, err := Call(ctx, c, "", shared.SignIn, shared.Credentials{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Call(ctx, c, "", shared.ListSessions, shared.None{}); err != nil {
		t.Fatal(err)
	}
}

func TestCallReturnsTheServersError(t *testing.T) {
	want := shared.ErrTooManyPasswords.In("password").After(9)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		json.NewEncoder(w).Encode(want)
	})

	_, err := Call(context.Background(), c, "", shared.SignIn, shared.Credentials{})
	if got := new(shared.Error); !errors.As(err, &got) || *got != *want {
		t.Errorf("Call failed with %#v; want %#v", err, want)
	}
}

func TestCallForeignResponse(t *testing.T) {
	tests := []struct {
		status int
		body   string
		want   error
	}{
		{200, "<!doctype html>", ErrGarbled},
		{404, "404 page not found", ErrGarbled},
		{429, "slow down", shared.ErrTooManyRequests},
		{502, "<html>Bad Gateway</html>", shared.ErrUnavailable},
		{503, `{"error":"upstream"}`, shared.ErrUnavailable},
		{302, "", ErrGarbled}, // a redirect is not followed
	}
	for _, tt := range tests {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		_, err := Call(context.Background(), c, "", shared.ListSessions, shared.None{})
		if !errors.Is(err, tt.want) {
			t.Errorf("%d %q is %v; want %v", tt.status, tt.body, err, tt.want)
		}
	}
}

func TestCallOffline(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()

	_, err := Call(context.Background(), New(s.URL), "", shared.OK, shared.None{})
	if !errors.Is(err, ErrOffline) {
		t.Errorf("Call failed with %v; want %v", err, ErrOffline)
	}
}

func TestCallCanceled(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Call(ctx, c, "", shared.OK, shared.None{}); !errors.Is(err, ErrOffline) {
		t.Errorf("Call failed with %v; want %v", err, ErrOffline)
	}
}
