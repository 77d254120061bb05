package mailer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/resend/resend-go/v3"

	"latchkey/backend/mail"
)

// TestSender tests the sender of emails if the name of the service contains
// characters with a meaning in an address.
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

// TestRefusal tests that the error of a refused email is a sentence of limited
// length, and that it never contains the API key.
func TestRefusal(t *testing.T) {
	const key = "re_key"
	for name, test := range map[string]struct {
		err  error
		want string
		wait time.Duration
	}{
		"message": {errors.New("[ERROR]: The example.com domain is not verified."),
			"The email provider says: The example.com domain is not verified.", 0},
		"key in it": {errors.New("[ERROR]: no re_key\nat all"), "The email provider says: no … at all", 0},
		"too many": {&resend.RateLimitError{Message: "Too many requests", RetryAfter: "7"},
			"The email provider says: Too many requests", 7 * time.Second},
		"far too many": {&resend.RateLimitError{Message: "Quota", RetryAfter: "2000000000"}, "The email provider says: Quota", 24 * time.Hour},
		"no wait":      {&resend.RateLimitError{Message: "Quota", RetryAfter: "-5 soon"}, "The email provider says: Quota", 0},
		"timeout": {&url.Error{Op: "Post", URL: "https://x", Err: context.DeadlineExceeded},
			"The email provider did not respond in time.", 0},
		"unreachable": {&url.Error{Op: "Post", URL: "https://x", Err: errors.New("no route")},
			"The email provider cannot be reached: no route", 0},
		"garbage": {io.ErrUnexpectedEOF, "The email provider sent an unexpected response: unexpected EOF", 0},
	} {
		err, ok := errors.AsType[*mail.RefusedError](refusal(test.err, key))
		if !ok || err.Reason != test.want || err.RetryAfter != test.wait {
			t.Errorf("%s: %+v; want %q, %v", name, err, test.want, test.wait)
		}
	}
	long := refusal(errors.New("[ERROR]: "+strings.Repeat("é", 1000)), key).Error()
	if n := utf8.RuneCountInString(long); n != maxRefusal+1 {
		t.Errorf("%d characters; want %d", n, maxRefusal+1)
	}
}

// TestRetryAfter tests which wait a Retry-After header requests.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	for after, want := range map[string]time.Duration{
		"": 0, "0": 0, "90": 90 * time.Second, "1e9": 0, "-1": 0, "99999999999999999999": 0,
		"Tue, 24 Nov 2026 14:00:30 GMT": 30 * time.Second,
		"Tue, 24 Nov 2026 13:00:00 GMT": 0,
		"Sun, 24 Nov 2126 14:00:00 GMT": maxWait,
	} {
		if got := retryAfter(after, now); got != want {
			t.Errorf("Retry-After: %q is %v; want %v", after, got, want)
		}
	}
}

// TestParseAPI tests which URLs a mail provider may have: the API key must not
// cross a network unencrypted.
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
		u, err := ParseAPI(s)
		if (err == nil) != (want != "") || err == nil && u.String() != want {
			t.Errorf("-resend-url %q: %v, %v; want %q", s, u, err, want)
		}
	}
}

// provider is a server with Resend's API. It responds with the given status and
// body, and records the last request.
type provider struct {
	*httptest.Server
	header http.Header
	body   map[string]any
}

func newProvider(t *testing.T, status int, body string) *provider {
	p := new(provider)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&p.body); err != nil || r.Method+" "+r.URL.Path != "POST /emails" {
			t.Errorf("%s %s, %v", r.Method, r.URL.Path, err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", "/emails") // for the status of a redirect
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(p.Close)
	return p
}

// newMailer returns a Mailer and the log that it writes. If the key is empty,
// emails go to files in a folder.
func newMailer(t *testing.T, api, key string) (m *Mailer, folder string, log *strings.Builder) {
	t.Helper()
	u, err := ParseAPI(api)
	if err != nil {
		t.Fatal(err)
	}
	folder, log = filepath.Join(t.TempDir(), "mail"), new(strings.Builder)
	return New(Config{
		Settings: func() Settings { return Settings{Name: "Latchkey", APIKey: key} },
		Host:     "example.com", API: u, Folder: folder, Log: slog.New(slog.NewTextHandler(log, nil)),
	}), folder, log
}

var email = mail.Mail{
	ID: "one-two-three", Recipient: ".ann.@example.com", Subject: "Your sign-in code", Text: "012345", HTML: "<p>012345</p>",
	CreatedAt: time.Date(2026, 11, 24, 14, 5, 0, 0, time.UTC),
}

// TestDeliver checks what the provider receives, and that the log does not contain
// the content.
func TestDeliver(t *testing.T) {
	p := newProvider(t, 200, `{"id":"re_1"}`)
	m, folder, log := newMailer(t, p.URL, "re_secret")
	if err := m.Deliver(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	if p.header.Get("Authorization") != "Bearer re_secret" || p.header.Get("Idempotency-Key") != email.ID {
		t.Errorf("the headers are %v", p.header)
	}
	for member, want := range map[string]any{
		"from": "Latchkey <no-reply@example.com>", "to": `[".ann."@example.com]`, "subject": email.Subject,
		"text": email.Text, "html": email.HTML,
	} {
		if got := fmt.Sprint(p.body[member]); got != want {
			t.Errorf("%s is %v; want %v", member, got, want)
		}
	}
	if text := log.String(); strings.Contains(text, "012345") || strings.Contains(text, "re_secret") ||
		!strings.Contains(text, email.Subject) {
		t.Errorf("the log is %s", text)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the email was written to a file, too")
	}
}

// TestRefused checks that the error of a refused email states the reason, and that
// the API key goes to no other server.
func TestRefused(t *testing.T) {
	for what, answer := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"refused":    {403, `{"statusCode":403,"message":"The key re_secret is invalid."}`, "The email provider says: The key … is invalid."},
		"no ID":      {200, `{}`, "has no email ID"},
		"a redirect": {307, ``, "The email provider says: 307 Temporary Redirect"},
		"too long":   {200, `{"x":"` + strings.Repeat("x", maxResponse) + `","id":"re_1"}`, "unexpected response"},
	} {
		p := newProvider(t, answer.status, answer.body)
		m, _, _ := newMailer(t, p.URL, "re_secret")
		err := m.Deliver(t.Context(), email)
		refused, ok := errors.AsType[*mail.RefusedError](err)
		if !ok || !strings.Contains(refused.Reason, answer.want) || strings.Contains(refused.Reason, "re_secret") {
			t.Errorf("%s: %v; want %q", what, err, answer.want)
		}
	}
}

// TestFile checks that without an API key an email goes to one file, however often
// it is delivered.
func TestFile(t *testing.T) {
	m, folder, log := newMailer(t, "https://api.resend.com", "")
	for range 2 {
		if err := m.Deliver(t.Context(), email); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 || files[0].Name() != "20261124T140500.000Z-one-two-three.json" {
		t.Fatalf("files: %v, %v", files, err)
	}
	got, err := os.ReadFile(filepath.Join(folder, files[0].Name()))
	const want = `{"to":".ann.@example.com","from":"Latchkey \u003cno-reply@example.com\u003e",` +
		`"subject":"Your sign-in code","text":"012345",` +
		`"html":"\u003cp\u003e012345\u003c/p\u003e","at":"2026-11-24T14:05:00Z"}` + "\n"
	if err != nil || string(got) != want {
		t.Errorf("the file is %s, %v; want %s", got, err, want)
	}
	if text := log.String(); strings.Contains(text, "012345") {
		t.Errorf("the log is %s", text)
	}
}
