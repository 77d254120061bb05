package ui

import (
	"context"
	"errors"
	"sync"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

// pendingSignOut is a sign-out that has not reached the server, because there was no
// connection. The browser still has the cookie, and the server the session, so the user would
// be signed in again once the connection is back. So the sign-out is stored until it reaches
// the server, and every other call waits for it.
type pendingSignOut struct {
	// mu makes concurrent calls wait for the one that finishes the sign-out. Otherwise the
	// sign-out could undo a sign-in that was sent before it.
	mu sync.Mutex

	storage storage
	client  *client.Client
	tabs    *tabs
}

// pendingSignOutKey is the name of the sign-out in the storage. The value is the start of the
// session, which distinguishes it from a newer session; the zero time stands for any session.
// Do not rename it: installed apps have stored sign-outs under this name.
const pendingSignOutKey = "latchkey.leaving"

// save stores the sign-out of the session that began at a time.
func (p *pendingSignOut) save(since time.Time) {
	p.storage.set(pendingSignOutKey, since.UTC().Format(time.RFC3339Nano))
	setCookie(shared.LeavingCookie, "yes")
}

func (p *pendingSignOut) clear() {
	p.storage.remove(pendingSignOutKey)
	setCookie(shared.LeavingCookie, "")
}

// exists reports whether a sign-out is pending.
func (p *pendingSignOut) exists() bool { return p.storage.get(pendingSignOutKey) != "" }

// finish sends the pending sign-out, if there is one. Every call except a sign-out calls
// finish first.
func (p *pendingSignOut) finish(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	saved := p.storage.get(pendingSignOutKey)
	if saved == "" {
		return nil
	}
	since, _ := time.Parse(time.RFC3339Nano, saved) // the zero time, if it is invalid
	current, err := client.Call(ctx, p.client, "", shared.GetSession, shared.None{})
	switch {
	case err != nil:
		return err
	case current == nil: // the session has already ended
	case since.IsZero() || !current.Session.CreatedAt.After(since):
		_, err = client.Call(ctx, p.client, "", shared.SignOut, shared.None{})
		if err == nil {
			p.tabs.post(tabSignedOut) // which also installs the service worker again
		}
	default: // the user has signed in since, with a form that the browser submitted itself
		if err = p.revoke(ctx, since); !errors.Is(err, client.ErrOffline) {
			err = nil // a refusal must not block the user
		}
	}
	if err != nil && !errors.Is(err, shared.ErrUnauthorized) {
		return err
	}
	p.clear()
	return nil
}

// revoke revokes the signed-in user's session that began at a time.
func (p *pendingSignOut) revoke(ctx context.Context, since time.Time) error {
	list, err := client.Call(ctx, p.client, "", shared.ListSessions, shared.None{})
	for _, one := range list {
		if err == nil && one.CreatedAt.Equal(since) {
			_, err = client.Call(ctx, p.client, "", shared.RevokeSession, shared.SessionHandle{Token: one.Token})
		}
	}
	return err
}
