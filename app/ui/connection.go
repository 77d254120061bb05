package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// connection is the state of the connection to the server.
type connection struct {
	offline     bool // the page is shown as offline
	unreachable bool // the last call got no response
	slow        bool // the first call has no response yet, and the page shows the snapshot until then
	retrying    bool // a timer for the next retry runs
}

// A connectionChange is the result of [connection.update].
type connectionChange int

const (
	connectionSame     connectionChange = iota
	connectionLost                      // the page is offline now
	connectionRestored                  // the page is online again
	connectionMaybe                     // the browser has a network again, so the server may be back
)

// update checks the connection again. online reports whether the browser has a network.
func (c *connection) update(online bool) connectionChange {
	was := c.offline
	c.offline = c.unreachable || c.slow || !online
	switch {
	case c.offline && !was:
		return connectionLost
	case was && !c.offline:
		return connectionRestored
	case c.unreachable && online:
		return connectionMaybe
	}
	return connectionSame
}

// reached records whether a call got a response. It reports whether that has changed.
func (c *connection) reached(answered bool) bool {
	news := c.unreachable == answered || c.slow
	c.unreachable, c.slow = !answered, false
	return news
}

// text says that the page is offline, or that it waits for the server.
func (c *connection) text() message.ID {
	if c.slow {
		return message.SlowReadOnly
	}
	return offlineText
}

const connectionAction = "connection"

// setOnline tells the shell whether the server has responded.
func setOnline(ctx app.Context, e *env, answered bool) {
	if e.connection.reached(answered) {
		ctx.NewAction(connectionAction)
	}
}

// retryAfter is the interval at which a visible page checks whether the server is back.
const retryAfter = 5 * time.Second

// slowAfter is how long a page without data waits for the server before it shows the snapshot. The
// service worker has waited before. Without a network, calls fail sooner.
const slowAfter = 500 * time.Millisecond

// expectData shows the snapshot if the server does not say soon who is signed in. The service worker
// opens a page without data if the server does not answer in time.
func (s *shell) expectData(ctx app.Context) {
	after(ctx, slowAfter, func(ctx app.Context) {
		e := s.env
		if s.answered || e.connection.offline || !shared.NeedsSession(s.route.path) || e.snapshots.load() == nil {
			return
		}
		e.connection.slow, e.connection.offline = true, true
		s.useSnapshot(ctx)
	})
}

func (s *shell) onConnection(app.Context, app.Action) { s.updateConnection(s.ctx) }

// updateConnection checks the connection, and refreshes the page when it is lost or restored.
func (s *shell) updateConnection(ctx app.Context) {
	e := s.env
	switch e.connection.update(online()) {
	case connectionLost:
		e.focus.park(ctx, focusedElement())
		refresh(ctx) // the sections then say of when they are
		s.retry(ctx)
	case connectionRestored:
		e.focus.restore(ctx)
		refresh(ctx)
		fetchServerInfo(ctx)
	case connectionMaybe:
		s.fetchSession(ctx)
	}
}

// retry fetches the session at intervals until the server responds.
func (s *shell) retry(ctx app.Context) {
	c := &s.env.connection
	if c.retrying {
		return
	}
	c.retrying = true
	after(ctx, retryAfter, func(ctx app.Context) {
		c.retrying = false
		if !c.offline {
			return
		}
		if s.env.identity.expired() {
			s.expireSnapshot()
			return
		}
		if visible() && online() {
			s.fetchSession(ctx)
		}
		s.retry(ctx)
	})
}
