package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// An outage tracks an operation that is retried. The log has a line when the operation
// begins to fail and one when it works again, not one for each retry.
type outage struct {
	mu       sync.Mutex
	since    time.Time // zero while it works
	failures int       // in a row
}

// record records the result of a try. failing and over are the messages of the log.
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

// maxPause is short, so that the server soon notices when the operation works again.
const maxPause = 5 * time.Second

// pause returns how long to wait before the next try: usual while it works. While it fails,
// pauses double up to [maxPause]. They are random by half, so that the replicas of a server
// do not all come back to a database at once.
func (o *outage) pause(usual time.Duration) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures == 0 {
		return usual
	}
	longest := max(min(usual<<min(o.failures-1, 10), maxPause), usual)
	return longest/2 + rand.N(longest/2+1)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
