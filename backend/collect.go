package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapRoom, in bytes, is how much the server allocates, at least, before Go collects garbage
// again. Go itself lets the heap double. The heap of this server is so small that this means
// a collection every few hundred requests, and a sixth of the server's processor time.
const heapRoom = 12 << 20

// collectRarely makes Go collect garbage less often while the heap is small. A heap that is
// larger than [heapRoom], such as while the server hashes passwords, is collected as often
// as otherwise. Go's environment variables take precedence: if GOGC is set, collectRarely
// does nothing, and GOMEMLIMIT limits the heap whatever its room.
func collectRarely() {
	if os.Getenv("GOGC") == "" {
		afterCollections(new(collector).adjust)
	}
}

// afterCollections calls f after each collection, from a goroutine of its own.
func afterCollections(f func()) {
	garbage := new([16]byte) // a smaller one could share its place with what is not garbage
	runtime.SetFinalizer(garbage, func(*[16]byte) {
		f()
		afterCollections(f)
	})
}

// A collector adjusts how often Go collects garbage.
type collector struct {
	percent int // the GOGC that it has set
}

// adjust sets GOGC after a collection.
func (c *collector) adjust() {
	sizes := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(sizes)
	var scanned uint64 // GOGC is a percentage of it
	for _, size := range sizes {
		if size.Value.Kind() == metrics.KindUint64 {
			scanned += size.Value.Uint64()
		}
	}
	// To set it stops all goroutines for a moment.
	if percent := gcPercent(scanned); percent < c.percent*9/10 || percent > c.percent*11/10 {
		debug.SetGCPercent(percent)
		c.percent = percent
	}
}

// gcPercent returns the GOGC with which what a collection has scanned may grow by
// [heapRoom], or to double its size if that is more.
func gcPercent(scanned uint64) int {
	return max(100, int(heapRoom*100/max(scanned, 1<<20)))
}
