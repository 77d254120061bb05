package main

import (
	"log/slog"
	"sync"
	"time"
)

// An outage is the state of something that is tried again and again. The log says
// when it begins to fail and when that is over, and not at each try.
type outage struct {
	mu    sync.Mutex
	since time.Time // zero while it works
}

// note takes the result of a try. failing and over are what the log says.
func (o *outage) note(log *slog.Logger, err error, failing, over string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil && o.since.IsZero():
		o.since = time.Now()
		log.Warn(failing, "err", err)
	case err == nil && !o.since.IsZero():
		log.Info(over, "after", time.Since(o.since).Round(time.Millisecond))
		o.since = time.Time{}
	}
}
