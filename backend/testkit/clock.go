package testkit

import (
	"sync/atomic"
	"time"
)

// Step is how long a code of an authenticator app lasts (RFC 6238, section 5.2).
const Step = 30 * time.Second

// A Clock is the machine's clock, moved forward by a test. The zero value is the
// machine's own time. It is safe for concurrent use.
type Clock struct {
	ahead  atomic.Int64 // in nanoseconds
	frozen atomic.Pointer[time.Time]
}

// Now returns the clock's time in UTC, cut to a millisecond as the database
// keeps it.
func (c *Clock) Now() time.Time {
	now := time.Now()
	if at := c.frozen.Load(); at != nil {
		now = *at
	}
	return now.Add(time.Duration(c.ahead.Load())).UTC().Truncate(time.Millisecond)
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// Freeze stops the clock: from then on only [Clock.Advance] moves it. A test needs
// that if it depends on less time than a slow machine may take.
func (c *Clock) Freeze() {
	now := time.Now()
	c.frozen.Store(&now)
}

// MidStep stops the clock in the middle of the next step of authenticator codes, so
// that no step ends while a test is busy with it.
func (c *Clock) MidStep() {
	c.Freeze()
	now := c.Now()
	c.Advance(now.Truncate(Step).Add(Step + Step/2).Sub(now))
}
