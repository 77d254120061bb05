package main

import (
	"runtime"
	"strings"
	"testing"

	"latchkey/backend/site"
)

// TestVersion tests that the command version and the flag -version print the versions even
// if other flags are invalid, and that the environment variable LATCHKEY_VERSION does not
// set the flag.
func TestVersion(t *testing.T) {
	var out strings.Builder
	getenv := func(name string) string { return map[string]string{"LATCHKEY_ORIGIN": "nonsense"}[name] }
	for _, arg := range []string{"version", "-version"} {
		out.Reset()
		if err := run(t.Context(), []string{arg}, getenv, &out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"latchkey ", "revision ", site.Version(), runtime.Version()} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s prints %q; want %q in it", arg, out.String(), want)
			}
		}
	}

	out.Reset()
	getenv = func(name string) string { return map[string]string{"LATCHKEY_VERSION": "1.2"}[name] }
	if _, c, err := parse(nil, getenv, &out); err != nil || c.version {
		t.Errorf("LATCHKEY_VERSION counts as -version: %t, %v", c.version, err)
	}
}
