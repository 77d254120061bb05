package useragent

import (
	"strings"
	"sync"

	"latchkey/shared"
)

// A list of sessions or of events names the same few agents again and again, so [Parse]
// keeps what it has parsed. The cache takes less than a megabyte, whatever agents clients
// send.
const (
	// maxCached is how many agents the cache keeps. When it is full, it starts anew: a
	// client that sends many different agents costs the others no more than a parse.
	maxCached = 1000
	// maxCachedLength, in bytes, is that of the longest agent that the server stores.
	maxCachedLength = 512
)

// A cache has the devices of user agents.
type cache struct {
	mu      sync.RWMutex
	devices map[string]shared.Device
}

var parsed cache

// of returns the device of a user agent.
func (c *cache) of(userAgent string) shared.Device {
	c.mu.RLock()
	d, known := c.devices[userAgent]
	c.mu.RUnlock()
	if known {
		return d
	}
	if len(userAgent) > maxCachedLength {
		return parse(userAgent)
	}
	userAgent = strings.Clone(userAgent) // it may be a small part of a larger text
	d = parse(userAgent)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.devices == nil || len(c.devices) >= maxCached {
		c.devices = make(map[string]shared.Device)
	}
	c.devices[userAgent] = d
	return d
}
