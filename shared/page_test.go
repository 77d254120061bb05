package shared

import (
	"slices"
	"strings"
	"testing"
)

func TestNextPage(t *testing.T) {
	tests := []struct{ next, want string }{
		{"", "/dashboard/settings"},
		{"/dashboard/settings", "/dashboard/settings"},
		{"/dashboard/settings?a=b#sessions", "/dashboard/settings?a=b#sessions"},
		{"/dashboard/settings/sessions?a=b#c", "/dashboard/settings/sessions?a=b#c"},
		{"/dashboard/settings/", "/dashboard/settings"},
		{"/dashboard/settings/nowhere", "/dashboard/settings"},
		{"/dashboard/settings/../system", "/dashboard/settings"},
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
		{"/sign-in?next=/sign-in", "/dashboard/settings"}, // it would redirect in a loop
		{"/sign-up?invite=x", "/dashboard/settings"},
		{"/two-factor?next=/two-factor", "/dashboard/settings"},
		{"dashboard/settings", "/dashboard/settings"},
		{"/dashboard/system", "/dashboard/system"},
		{"/forgot-password", "/dashboard/settings"},
		{"%", "/dashboard/settings"},
		// The server decides whether the application may be opened.
		{"/sign-in?callbackURL=/tasks", "/sign-in?callbackURL=%2Ftasks"},
		{"/sign-in?x=y&callbackURL=https://evil.example#z", "/sign-in?callbackURL=https%3A%2F%2Fevil.example"},
		{"/sign-in?callbackURL=", "/dashboard/settings"},
		{"//evil.example/sign-in?callbackURL=/tasks", "/dashboard/settings"},
		{"https://evil.example/sign-in?callbackURL=/tasks", "/dashboard/settings"},
		{"/sign-up?callbackURL=/tasks", "/dashboard/settings"},
	}
	for _, tt := range tests {
		if got := NextPage(tt.next); got != tt.want {
			t.Errorf("NextPage(%q) = %q; want %q", tt.next, got, tt.want)
		}
	}
}

func FuzzNextPage(f *testing.F) {
	f.Add("/dashboard/settings?a=b#c")
	f.Add(`/\evil.example`)
	f.Add("/sign-in?callbackURL=//evil.example")
	f.Fuzz(func(t *testing.T, next string) {
		got := NextPage(next)
		path := got
		if i := strings.IndexAny(got, "?#"); i >= 0 {
			path = got[:i]
		}
		if path != PageSystem && (path != PageSignIn || CallbackOf(got) == "") && !slices.Contains(SettingsPages, path) {
			t.Errorf("NextPage(%q) = %q, which is not a page of this app", next, got)
		}
	})
}
