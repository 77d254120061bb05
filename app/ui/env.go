package ui

import (
	"time"

	"latchkey/app/client"
	"latchkey/shared/message"
)

// env is what the components of one page share. The shell makes one and hands it to
// every component as the exported field Env. This package keeps nothing of a user
// or a page elsewhere: two pages can be drawn at once, each with its own env.
//
// go-app renders a component again when one of its fields has changed, and it does
// not look into env for that. So what a component draws and its parent changes is a
// field of the component, too.
type env struct {
	Language *message.Language // that the user reads

	client     *client.Client
	server     serverInfo
	identity   identity
	connection connection
	tabs       tabs
	focus      focusKeeper

	sessionStorage storage
	snapshots      snapshots
	pendingSignOut pendingSignOut

	clockAskedAt time.Time // see [tickClock]
}

// newEnv returns the env of a page that speaks English and knows nothing yet.
func newEnv() *env {
	e := &env{client: new(client.Client), sessionStorage: browserStorage("sessionStorage")}
	e.Language = message.English
	local := browserStorage("localStorage")
	e.snapshots = snapshots{local: local, session: e.sessionStorage, client: e.client}
	e.pendingSignOut.storage, e.pendingSignOut.client, e.pendingSignOut.tabs = local, e.client, &e.tabs
	return e
}

// now is the server's time, to which all times on the pages are relative. The
// browser's own clock may be wrong, and is good for durations only.
func (e *env) now() time.Time { return e.client.Now() }

// account is the id of the user whose data the page shows, or "".
func (e *env) account() string { return e.identity.account() }
