package main

import "testing"

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 values", 1: "1 value", 2: "2 values", 11: "11 values"} {
		if got := count(n, "value"); got != want {
			t.Errorf("%d: %q; want %q", n, got, want)
		}
	}
}
