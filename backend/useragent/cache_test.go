package useragent

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

const chromeAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"

// TestCache tests that the cache returns what parse returns, and that no number or length of
// agents makes it grow beyond its limits.
func TestCache(t *testing.T) {
	var c cache
	var callers sync.WaitGroup
	for i := range 4 {
		callers.Go(func() {
			for n := range 2 * maxCached {
				agent := fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", n, n+i)
				for range 2 {
					if got, want := c.of(agent), parse(agent); got != want {
						t.Errorf("the device of %q is %v; want %v", agent, got, want)
						return
					}
				}
			}
		})
	}
	callers.Wait()
	if len(c.devices) == 0 || len(c.devices) > maxCached {
		t.Errorf("the cache has %d agents; want 1 to %d", len(c.devices), maxCached)
	}

	long := chromeAgent + strings.Repeat(" x", maxCachedLength)
	if got, want := c.of(long), parse(long); got != want {
		t.Errorf("the device of a long agent is %v; want %v", got, want)
	}
	if _, cached := c.devices[long]; cached {
		t.Errorf("the cache has an agent of %d bytes", len(long))
	}
}

func BenchmarkParse(b *testing.B) {
	for name, of := range map[string]func(){"cached": func() { Parse(chromeAgent) }, "uncached": func() { parse(chromeAgent) }} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				of()
			}
		})
	}
}
