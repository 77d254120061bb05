package server

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"latchkey/shared"
)

func TestEveryErrorHasAStatus(t *testing.T) {
	for _, e := range shared.Errors {
		if _, ok := statuses[e]; !ok {
			t.Errorf("%s has no status: add it to the table in error.go", e.Code)
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
				t.Errorf("%s has no text: add it to EventKinds in shared/event.go", kind[1])
			}
		}
	}
	if n != len(shared.EventKinds) || n == 0 {
		t.Errorf("EventKinds has %d kinds, package audit %d", len(shared.EventKinds), n)
	}
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
