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
	var n, percent atomic.Int64
	var c collector
	afterCollections(func() {
		c.adjust()
		percent.Store(int64(c.percent))
		n.Add(1)
	})
	// collect collects until the function has run and has set what it should. It may first run
	// late, after a collection from before the call.
	collect := func(what string, ok func(percent int64) bool) {
		t.Helper()
		before := n.Load()
		for end := time.Now().Add(time.Minute); n.Load() == before || !ok(percent.Load()); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%s: the function ran %d times, and GOGC is %d", what, n.Load()-before, percent.Load())
			}
			runtime.GC()
		}
	}
	collect("at first", func(percent int64) bool { return percent > 0 })
	live := make([]byte, 4*heapRoom)
	collect("with a large heap", func(percent int64) bool { return percent == 100 })
	runtime.KeepAlive(live)
	collect("with a small heap", func(percent int64) bool { return percent > 100 })
}
