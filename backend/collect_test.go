package main

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"
)

func TestGCPercent(t *testing.T) {
	for scanned, want := range map[uint64]int{
		0: 1200, 1 << 20: 1200, 3 << 20: 400, 4 << 20: 300, heapRoom: 100, heapRoom + 1: 100, 1 << 40: 100,
	} {
		if got := gcPercent(scanned); got != want {
			t.Errorf("after a collection that scanned %d bytes, GOGC is %d; want %d", scanned, got, want)
		}
	}
}

// TestAfterCollections tests that a function runs after each collection, not only after the
// first, and that the collector sets GOGC by what is live then.
func TestAfterCollections(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	var n atomic.Int32
	var c collector
	afterCollections(func() {
		c.adjust()
		n.Add(1)
	})
	collect := func() {
		before := n.Load()
		for end := time.Now().Add(time.Minute); n.Load() == before; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatal("the function did not run after a collection")
			}
			runtime.GC()
		}
	}
	collect()
	live := make([]byte, 4*heapRoom)
	collect()
	if c.percent != 100 {
		t.Errorf("with a large heap, GOGC is %d; want 100", c.percent)
	}
	runtime.KeepAlive(live)
	collect()
	collect()
	if c.percent <= 100 {
		t.Errorf("with a small heap, GOGC is %d; want more than 100", c.percent)
	}
}
