package main

import (
	"runtime"
	"strings"
	"testing"

	"latchkey/backend/site"
)

// TestVersion tests that -version prints the versions and does nothing else, whatever the
// other flags say; and that a variable of a similar name means nothing.
func TestVersion(t *testing.T) {
	var out strings.Builder
	getenv := func(name string) string { return map[string]string{"LATCHKEY_ORIGIN": "nonsense"}[name] }
	if err := run(t.Context(), []string{"-version"}, getenv, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"latchkey ", "revision ", site.Version(), runtime.Version()} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it prints %q; want %q in it", out.String(), want)
		}
	}

	out.Reset()
	getenv = func(name string) string { return map[string]string{"LATCHKEY_VERSION": "1.2"}[name] }
	if _, c, err := parse(nil, getenv, &out); err != nil || c.version {
		t.Errorf("LATCHKEY_VERSION counts as -version: %t, %v", c.version, err)
	}
}
