package server

import (
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
