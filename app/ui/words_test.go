package ui

import (
	"strings"
	"testing"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

func TestAgo(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	tests := []struct {
		before time.Duration
		want   string
	}{
		{-time.Hour, "just now"}, // this clock is behind the server's
		{0, "just now"},
		{44 * time.Second, "just now"},
		{45 * time.Second, "1 minute ago"},
		{89 * time.Second, "1 minute ago"},
		{90 * time.Second, "2 minutes ago"},
		{5 * time.Minute, "5 minutes ago"},
		{59 * time.Minute, "59 minutes ago"},
		{time.Hour - time.Second, "1 hour ago"},
		{90 * time.Minute, "2 hours ago"},
		{23 * time.Hour, "23 hours ago"},
		{day - time.Minute, "yesterday"},
		{day, "yesterday"},
		{36 * time.Hour, "2 days ago"},
		{29 * day, "29 days ago"},
		{30 * day, "1 month ago"},
		{300 * day, "10 months ago"},
		{365 * day, "1 year ago"},
		{800 * day, "2 years ago"},
	}
	for _, tt := range tests {
		if got := ago(now.Add(-tt.before), now); got != tt.want {
			t.Errorf("ago(%v) = %q; want %q", tt.before, got, tt.want)
		}
	}
}

func TestDeviceWords(t *testing.T) {
	tests := []struct {
		device shared.Device
		want   string
	}{
		{shared.Device{Browser: "Firefox 153", OS: "Windows"}, "Firefox 153 on Windows"},
		{shared.Device{Browser: "Firefox 153"}, "Firefox 153"},
		{shared.Device{OS: "Windows"}, "Unknown browser on Windows"},
		{shared.Device{}, "Unknown browser"},
	}
	for _, tt := range tests {
		if got := deviceWords(tt.device); got != tt.want {
			t.Errorf("deviceWords(%+v) = %q; want %q", tt.device, got, tt.want)
		}
	}
}

func TestTooMany(t *testing.T) {
	tests := []struct {
		seconds int
		want    string
	}{
		{0, "Too many tries. Try again later."},
		{1, "Too many tries. Try again in 1 second."},
		{9, "Too many tries. Try again in 9 seconds."},
		{120, "Too many tries. Try again in 2 minutes."},
		{601, "Too many tries. Try again in 11 minutes."},
	}
	for _, tt := range tests {
		if got := tooMany(tt.seconds); got != tt.want {
			t.Errorf("tooMany(%d) = %q; want %q", tt.seconds, got, tt.want)
		}
	}
}

// Whatever the server or the client can answer has to be said somehow, but for
// the two that are nobody's business.
func TestWordsForEveryError(t *testing.T) {
	for _, err := range append(shared.Errors, client.ErrOffline, client.ErrGarbled) {
		said := words(err)
		if err.Code == shared.ErrUnauthorized.Code {
			if said != "" {
				t.Errorf("words(%s) = %q; want none", err.Code, said)
			}
			continue
		}
		if said == "" {
			t.Errorf("words(%s) is empty", err.Code)
		}
	}
	if said := words(errCancelled); said != "" {
		t.Errorf("words(%v) = %q; want none", errCancelled, said)
	}
	if said := words(nil); said != "" {
		t.Errorf("words(nil) = %q; want none", said)
	}
}

func TestNextPage(t *testing.T) {
	tests := []struct{ next, want string }{
		{"", "/dashboard/settings"},
		{"/dashboard/settings", "/dashboard/settings"},
		{"/dashboard/settings?a=b#sessions", "/dashboard/settings?a=b#sessions"},
		{"https://evil.example/dashboard/settings", "/dashboard/settings"},
		{"//evil.example", "/dashboard/settings"},
		{"//evil.example/dashboard/settings", "/dashboard/settings"},
		{`/\evil.example`, "/dashboard/settings"},
		{`\\evil.example`, "/dashboard/settings"},
		{"///evil.example", "/dashboard/settings"},
		{"/%2f/evil.example", "/dashboard/settings"},
		{"javascript:alert(1)", "/dashboard/settings"},
		{"data:text/html,x", "/dashboard/settings"},
		{"/\t/evil.example", "/dashboard/settings"},
		{"/api/auth/sign-out", "/dashboard/settings"},
		{"/", "/dashboard/settings"},
		{"/sign-in?next=/sign-in", "/dashboard/settings"}, // it would go round and round
		{"/sign-up?invite=x", "/dashboard/settings"},
		{"dashboard/settings", "/dashboard/settings"},
		{"%", "/dashboard/settings"},
	}
	for _, tt := range tests {
		if got := nextPage(tt.next); got != tt.want {
			t.Errorf("nextPage(%q) = %q; want %q", tt.next, got, tt.want)
		}
	}
}

func FuzzNextPage(f *testing.F) {
	f.Add("/dashboard/settings?a=b#c")
	f.Add(`/\evil.example`)
	f.Fuzz(func(t *testing.T, next string) {
		got := nextPage(next)
		rest, ok := strings.CutPrefix(got, shared.PageSettings)
		if !ok || rest != "" && rest[0] != '?' && rest[0] != '#' {
			t.Errorf("nextPage(%q) = %q, which is not a page of this app", next, got)
		}
	})
}
