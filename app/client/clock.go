package client

import (
	"sync"
	"time"
)

// A clock tells the server's time: that of the last answer, and how long ago it came.
// The browser's own clock may be wrong by hours, and may be corrected while the page is
// open. The zero value goes by it. A clock is safe for concurrent use.
type clock struct {
	mu     sync.Mutex
	server time.Time // the time of the last answer
	heard  instant   // when that came
}

// An instant is a time on both clocks of the browser.
type instant struct {
	wall    time.Time     // as it is shown to people; they can set it
	elapsed time.Duration // since the program began; it may stand still while the machine sleeps
}

var began = time.Now()

func here() instant {
	now := time.Now()
	return instant{now.Round(0), now.Sub(began)}
}

// hear takes the time of an answer, as of its Date header (RFC 9110, section 6.6.1),
// which came at that instant. An answer without one changes nothing.
func (k *clock) hear(date string, at instant) {
	server, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", date)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.server, k.heard = server, at
}

// now is the server's time at an instant.
func (k *clock) now(at instant) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.server.IsZero() {
		return at.wall
	}
	// A wall clock that is set back does not turn time back. If it is ahead of the
	// other one, the machine has slept, more likely than not: see [Client.Disturbed].
	return k.server.Add(max(at.elapsed-k.heard.elapsed, at.wall.Sub(k.heard.wall)))
}

// maxDrift is how far the browser's two clocks may go apart, as they do by being
// slewed, before that means something.
const maxDrift = 5 * time.Second

func (k *clock) disturbed(at instant) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	drift := at.wall.Sub(k.heard.wall) - (at.elapsed - k.heard.elapsed)
	return !k.server.IsZero() && drift.Abs() > maxDrift
}

// Now returns the server's time, as the last answer or [Client.Assume] tells it; without
// either, this machine's.
func (c *Client) Now() time.Time { return c.clock.now(here()) }

// Disturbed reports whether the machine has slept since the last answer, or its clock
// has been set. The two cannot be told apart, so what [Client.Now] returns is a guess
// until the next answer.
func (c *Client) Disturbed() bool { return c.clock.disturbed(here()) }

// Ahead returns how far the server's clock is ahead of this machine's.
func (c *Client) Ahead() time.Duration {
	at := here()
	return c.clock.now(at).Sub(at.wall)
}

// Assume makes [Client.Now] go by an earlier result of [Client.Ahead], until the first
// answer.
func (c *Client) Assume(ahead time.Duration) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	if at := here(); c.clock.server.IsZero() {
		c.clock.server, c.clock.heard = at.wall.Add(ahead), at
	}
}
