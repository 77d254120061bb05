package client

import (
	"sync"
	"time"
)

// A clock tells the server's time: the time of the last response plus the time that has
// passed since. The browser's own clock may be wrong by hours, and may be corrected while the
// page is open. The zero value uses the browser's clock. A clock is safe for concurrent use.
type clock struct {
	mu       sync.Mutex
	server   time.Time // the time of the last response
	observed instant   // when the last response arrived
}

// An instant is a reading of both clocks of the browser.
type instant struct {
	wall    time.Time     // the clock that the user sees and can set
	elapsed time.Duration // since the program began; may not advance while the machine sleeps
}

var began = time.Now()

func localInstant() instant {
	now := time.Now()
	return instant{now.Round(0), now.Sub(began)}
}

// observe sets the clock from the Date header (RFC 9110, section 6.6.1) of a response that
// arrived at an instant. It does nothing if the header is missing or invalid.
func (k *clock) observe(date string, at instant) {
	server, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", date)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.server, k.observed = server, at
}

// now returns the server's time at an instant.
func (k *clock) now(at instant) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.server.IsZero() {
		return at.wall
	}
	// The maximum ignores a wall clock that was set back. If the wall clock has advanced
	// more than the other one, the machine has probably slept: see [Client.Disturbed].
	return k.server.Add(max(at.elapsed-k.observed.elapsed, at.wall.Sub(k.observed.wall)))
}

// maxDrift is how far the browser's two clocks may diverge without being considered
// disturbed. Slewing makes them diverge a little.
const maxDrift = 5 * time.Second

func (k *clock) disturbed(at instant) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	drift := at.wall.Sub(k.observed.wall) - (at.elapsed - k.observed.elapsed)
	return !k.server.IsZero() && drift.Abs() > maxDrift
}

// Now returns the server's time, based on the last response or on [Client.Assume]. Without
// either it returns this machine's time.
func (c *Client) Now() time.Time { return c.clock.now(localInstant()) }

// Disturbed reports whether the machine has slept, or its clock has been set, since the last
// response. The two cannot be distinguished, so the result of [Client.Now] is a guess until
// the next response.
func (c *Client) Disturbed() bool { return c.clock.disturbed(localInstant()) }

// Ahead returns how far the server's clock is ahead of this machine's.
func (c *Client) Ahead() time.Duration {
	at := localInstant()
	return c.clock.now(at).Sub(at.wall)
}

// Assume makes [Client.Now] use an earlier result of [Client.Ahead] until the first response.
func (c *Client) Assume(ahead time.Duration) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	if at := localInstant(); c.clock.server.IsZero() {
		c.clock.server, c.clock.observed = at.wall.Add(ahead), at
	}
}
