package ui

import (
	"net/url"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared/message"
)

// env is the state that the components of one page share. The shell creates it and passes it
// to every component in the exported field Env. The package stores no state of a user or a
// page elsewhere, so two pages can be drawn at once, each with its own env.
//
// go-app renders a component again when one of its fields has changed, but does not look into
// env. So the data that a component draws and its parent changes must be in a field of the
// component, too.
type env struct {
	Language *message.Language // the language of the page

	client     *client.Client
	server     serverInfo
	identity   identity
	connection connection
	tabs       tabs
	focus      focusKeeper

	signingIn   string // the address of the account whose sign-in is pending; "" if unknown
	askingTrust bool   // the second-factor page asks whether to trust the browser; the user has signed in

	sessionStorage storage
	opened         openedLink
	snapshots      snapshots
	preferences    preferences
	pendingSignOut pendingSignOut

	page    *Page       // in which the app started
	answers pageAnswers // that came with it
	drawnAt time.Time   // the time of the page during its first drawing; zero afterwards

	clockAskedAt time.Time // see [tickClock]
	wentBack     bool      // the last navigation was to an earlier entry of the history
	timesHidden  int       // how often the page has been hidden, for another tab or app
	gotPasskey   string    // the account to which this page last added a passkey
	signInEmail  string    // the address to sign in with, after a password reset; empty if unknown
}

// newEnv returns the env of a page in English without a user.
func newEnv() *env {
	e := &env{client: new(client.Client), sessionStorage: browserStorage("sessionStorage")}
	e.opened.storage = e.sessionStorage
	e.Language = message.English
	local := browserStorage("localStorage")
	e.preferences.storage = local
	e.snapshots = snapshots{local: local, session: e.sessionStorage, client: e.client, preferences: &e.preferences}
	e.pendingSignOut.storage, e.pendingSignOut.client, e.pendingSignOut.tabs = local, e.client, &e.tabs
	return e
}

// now returns the server's time, to which all times on the pages are relative. The browser's
// own clock may be wrong, so it is used for durations only.
func (e *env) now() time.Time {
	if e.drawsFirst() {
		return e.drawnAt
	}
	return e.client.Now()
}

// drawsFirst reports whether this is the first drawing of the page. It is the same on the server
// and in the app, so it must not depend on what only the browser knows.
func (e *env) drawsFirst() bool { return !e.drawnAt.IsZero() }

// usedPasskeys returns the passkeys of this device that were used in this browser, for [isUsed].
func (e *env) usedPasskeys() []string {
	if e.drawsFirst() {
		return nil // the server does not know them
	}
	return e.snapshots.used(e.account())
}

// address returns the current address of the page.
func (e *env) address() *url.URL {
	if app.IsClient {
		return app.Window().URL()
	}
	return e.page.Address
}

// account returns the ID of the user whose data the page shows, or "".
func (e *env) account() string { return e.identity.account() }
