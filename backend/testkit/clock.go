package testkit

import (
	"sync/atomic"
	"time"
)

// Step is how long an authenticator app shows a code (RFC 6238, section 5.2).
const Step = 30 * time.Second

// A Clock is the machine's clock, which a test can move forward or freeze. The zero value
// shows the machine's time. A Clock is safe for concurrent use.
type Clock struct {
	ahead  atomic.Int64 // in nanoseconds
	frozen atomic.Pointer[time.Time]
}

// Now returns the clock's time in UTC, truncated to milliseconds as the database stores
// it.
func (c *Clock) Now() time.Time {
	now := time.Now()
	if at := c.frozen.Load(); at != nil {
		now = *at
	}
	return now.Add(time.Duration(c.ahead.Load())).UTC().Truncate(time.Millisecond)
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// Freeze stops the clock: from then on, only [Clock.Advance] moves it. A test needs that
// if it fails when a slow machine takes long.
func (c *Clock) Freeze() {
	now := time.Now()
	c.frozen.Store(&now)
}

// MidStep moves the clock to the middle of the next step of authenticator codes and
// freezes it, so that no step ends during a test.
func (c *Clock) MidStep() {
	c.Freeze()
	now := c.Now()
	c.Advance(now.Truncate(Step).Add(Step + Step/2).Sub(now))
}
