package main

import (
	"bytes"
	"errors"
	"testing"
)

// TestJoinSegments checks that the joined segment has the same content at the same addresses,
// and that the other sections stay as they are.
func TestJoinSegments(t *testing.T) {
	const (
		memories = "\x05\x03\x01\x00\x01"
		custom   = "\x00\x02\x01x"
	)
	module := func(data string) []byte { return []byte(wasmHeader + memories + data + custom) }

	split := module("\x0b\x14\x03" + "\x00\x41\x0c\x0b\x01c" + "\x00\x41\xc0\x00\x0b\x00" + "\x00\x41\x0a\x0b\x02ab")
	want := module("\x0b\x3c\x01" + "\x00\x41\x0a\x0b\x36abc" + string(make([]byte, 0x40-0x0d)))
	got, err := joinedSegments(split)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("joined segments are %q, %v; want %q", got, err, want)
	}
	if again, err := joinedSegments(got); err != nil || !bytes.Equal(again, got) {
		t.Errorf("joined twice, they are %q, %v", again, err)
	}

	for name, data := range map[string]string{
		"passive":     "\x0b\x04\x01\x01\x01a",
		"global":      "\x0b\x07\x01\x00\x23\x00\x0b\x01a",
		"overlapping": "\x0b\x0e\x02\x00\x41\x0a\x0b\x02ab\x00\x41\x0b\x0b\x01c",
		"cut off":     "\x0b\x06\x01\x00\x41\x0a\x0b\x05",
		"too long":    "\x0b\x08\x01\x00\x41\x0a\x0b\x01ab",
	} {
		if _, err := joinedSegments(module(data)); !errors.Is(err, errSegments) {
			t.Errorf("%s: got %v, want errSegments", name, err)
		}
	}
	if _, err := joinedSegments([]byte("text")); err == nil {
		t.Error("a text is a module")
	}
}
