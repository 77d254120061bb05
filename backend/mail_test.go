package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/resend/resend-go/v3"

	"latchkey/backend/mail"
)

// TestSender tests which sender an email has, for names of the service with
// characters that mean something in an address.
func TestSender(t *testing.T) {
	for name, want := range map[string]string{
		"Latchkey":       "Latchkey <no-reply@example.com>",
		"Ünïcode 2":      "Ünïcode 2 <no-reply@example.com>",
		"Ann & Sons":     `"Ann & Sons" <no-reply@example.com>`,
		`A" <b@c.de>, \`: `"A b@c.de, " <no-reply@example.com>`,
	} {
		if got := sender(name, "example.com"); got != want {
			t.Errorf("%q sends as %s; want %s", name, got, want)
		}
	}
}

// TestRefusal tests that the error of an email that the mail provider refused is a
// sentence of limited length, and that it never has the key in it.
func TestRefusal(t *testing.T) {
	const key = "re_key"
	for name, test := range map[string]struct {
		err  error
		want string
		wait time.Duration
	}{
		"message":      {errors.New("[ERROR]: The example.com domain is not verified."), "The mail provider says: The example.com domain is not verified.", 0},
		"key in it":    {errors.New("[ERROR]: no re_key\nat all"), "The mail provider says: no … at all", 0},
		"too many":     {&resend.RateLimitError{Message: "Too many requests", RetryAfter: "7"}, "The mail provider says: Too many requests", 7 * time.Second},
		"far too many": {&resend.RateLimitError{Message: "Quota", RetryAfter: "2000000000"}, "The mail provider says: Quota", 24 * time.Hour},
		"no wait":      {&resend.RateLimitError{Message: "Quota", RetryAfter: "-5 soon"}, "The mail provider says: Quota", 0},
		"timeout":      {&url.Error{Op: "Post", URL: "https://x", Err: context.DeadlineExceeded}, "The mail provider did not answer in time.", 0},
		"unreachable":  {&url.Error{Op: "Post", URL: "https://x", Err: errors.New("no route")}, "The mail provider cannot be reached: no route", 0},
		"garbage":      {io.ErrUnexpectedEOF, "The mail provider’s answer is not one of Resend’s: unexpected EOF", 0},
	} {
		err, ok := errors.AsType[*mail.RefusedError](refusal(test.err, key))
		if !ok || err.Why != test.want || err.Wait != test.wait {
			t.Errorf("%s: %+v; want %q, %v", name, err, test.want, test.wait)
		}
	}
	long := refusal(errors.New("[ERROR]: "+strings.Repeat("é", 1000)), key).Error()
	if n := utf8.RuneCountInString(long); n != maxRefusal+1 {
		t.Errorf("%d characters; want %d", n, maxRefusal+1)
	}
}

// TestMailWait tests for how long a Retry-After header asks.
func TestMailWait(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	for after, want := range map[string]time.Duration{
		"": 0, "0": 0, "90": 90 * time.Second, "1e9": 0, "-1": 0, "99999999999999999999": 0,
		"Tue, 24 Nov 2026 14:00:30 GMT": 30 * time.Second,
		"Tue, 24 Nov 2026 13:00:00 GMT": 0,
		"Sun, 24 Nov 2126 14:00:00 GMT": maxMailWait,
	} {
		if got := mailWait(after, now); got != want {
			t.Errorf("Retry-After: %q is %v; want %v", after, got, want)
		}
	}
}

// TestParseAPI tests which URLs a mail provider may have: the key must not cross a
// network in the clear.
func TestParseAPI(t *testing.T) {
	for s, want := range map[string]string{
		"https://api.resend.com":     "https://api.resend.com/",
		"https://api.resend.com/":    "https://api.resend.com/",
		"https://example.com/resend": "https://example.com/resend/",
		"http://127.0.0.1:9":         "http://127.0.0.1:9/",
		"http://[::1]:9":             "http://[::1]:9/",
		"http://example.com":         "",
		"ftp://example.com":          "",
		"https://a:b@example.com":    "",
		"https://example.com?x":      "",
		"api.resend.com":             "",
		"":                           "",
	} {
		u, err := parseAPI(s)
		if (err == nil) != (want != "") || err == nil && u.String() != want {
			t.Errorf("-resend-url %q: %v, %v; want %q", s, u, err, want)
		}
	}
}

// TestTimeouts tests the bounds that the documents promise: a client has five
// seconds for the headers of a request and 15 for all of it, and at the end
// requests that are under way have ten.
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
	if drain != 10*time.Second {
		t.Errorf("the last requests have %v; want 10s", drain)
	}
}
