package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// An outage tracks an operation that is retried. It logs one line when the operation
// begins to fail and one when it works again, not one for each retry.
type outage struct {
	mu       sync.Mutex
	since    time.Time // of the first failure in a row
	failures int       // in a row
}

// record records the result of an attempt. It logs failing at the first failure in a row,
// and over at the first success after it.
func (o *outage) record(log *slog.Logger, err error, failing, over string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		if o.failures++; o.failures == 1 {
			o.since = time.Now()
			log.Warn(failing, "err", err)
		}
		return
	}
	if o.failures > 0 {
		log.Info(over, "after", time.Since(o.since).Round(time.Millisecond))
		o.failures = 0
	}
}

// maxPause is the longest pause while an operation fails. It is short, so that the server
// soon notices when the operation works again.
const maxPause = 5 * time.Second

// pause returns how long to wait before the next attempt. While the operation works, that
// is usual. While it fails, pauses double, up to [maxPause] or usual if that is longer. A
// random part of up to half is taken off, so that replicas do not retry all at once.
func (o *outage) pause(usual time.Duration) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures == 0 {
		return usual
	}
	longest := max(min(usual<<min(o.failures-1, 10), maxPause), usual)
	return longest/2 + rand.N(longest/2+1)
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
