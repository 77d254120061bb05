package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// connection is whether the server can be reached.
type connection struct {
	offline     bool // what the page shows
	unreachable bool // the last call got no answer
	retrying    bool // a timer looks whether the server is back
}

// A connectionChange is what a look at the connection has brought.
type connectionChange int

const (
	connectionSame     connectionChange = iota
	connectionLost                      // the page is offline now
	connectionRestored                  // the page is online again
	connectionMaybe                     // the browser has a network again, so the server may be back
)

// update looks at the connection again. online is what the browser says of its
// network.
func (c *connection) update(online bool) connectionChange {
	was := c.offline
	c.offline = c.unreachable || !online
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

// reached takes whether a call got an answer. It reports whether that is news.
func (c *connection) reached(answered bool) bool {
	news := c.unreachable == answered
	c.unreachable = !answered
	return news
}

const connectionAction = "connection"

// setOnline tells the shell whether the server has answered.
func setOnline(ctx app.Context, e *env, answered bool) {
	if e.connection.reached(answered) {
		ctx.NewAction(connectionAction)
	}
}

// retryAfter is how often a page that is being looked at asks whether the server is
// back.
const retryAfter = 5 * time.Second

func (s *shell) onConnection(app.Context, app.Action) { s.updateConnection(s.ctx) }

// updateConnection looks whether there is a connection, and catches up when there is
// one again.
func (s *shell) updateConnection(ctx app.Context) {
	e := s.env
	switch e.connection.update(online()) {
	case connectionLost:
		closeDialog("add-passkey") // its browser's part may be done, but not the server's
		e.focus.park(ctx, focusedElement())
		s.retry(ctx)
	case connectionRestored:
		e.focus.restore(ctx)
		refresh(ctx)
		fetchServerInfo(ctx)
	case connectionMaybe:
		s.fetchSession(ctx)
	}
}

// retry asks the server who is signed in, again and again until it answers.
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
