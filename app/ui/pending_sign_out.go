package ui

import (
	"context"
	"errors"
	"sync"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

// pendingSignOut is a sign-out that the server has not heard of, because there was no
// connection. The browser still has the cookie, and the server the session: with the
// connection, both would be back. So the sign-out is kept until the server has heard
// it, and nothing else is asked of the server before.
type pendingSignOut struct {
	// mu has one call finish what others wait for: a sign-in that went before the
	// sign-out would be undone by it.
	mu sync.Mutex

	storage storage
	client  *client.Client
	tabs    *tabs
}

// pendingSignOutKey names the sign-out in the storage. It holds when the session
// began, which tells that session from one that began since; the zero time stands
// for any. Installed apps have sign-outs of that name.
const pendingSignOutKey = "latchkey.leaving"

// save keeps that the user signs out of the session that began at a time.
func (p *pendingSignOut) save(since time.Time) {
	p.storage.set(pendingSignOutKey, since.UTC().Format(time.RFC3339Nano))
}

func (p *pendingSignOut) clear() { p.storage.remove(pendingSignOutKey) }

// finish ends the session that the user has signed out of, if there is one. Every
// call but a sign-out goes through here first.
func (p *pendingSignOut) finish(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	saved := p.storage.get(pendingSignOutKey)
	if saved == "" {
		return nil
	}
	since, _ := time.Parse(time.RFC3339Nano, saved) // any, if it cannot be read
	current, err := client.Call(ctx, p.client, "", shared.GetSession, shared.None{})
	switch {
	case err != nil:
		return err
	case current == nil: // it has ended by itself
	case since.IsZero() || !current.Session.CreatedAt.After(since):
		_, err = client.Call(ctx, p.client, "", shared.SignOut, shared.None{})
		if err == nil {
			p.tabs.post(tabSignedOut) // which brings the service worker back, too
		}
	default: // the user has signed in since, by a form that the browser sent by itself
		if err = p.revoke(ctx, since); !errors.Is(err, client.ErrOffline) {
			err = nil // what may not be revoked is not in the user's way
		}
	}
	if err != nil && !errors.Is(err, shared.ErrUnauthorized) {
		return err
	}
	p.clear()
	return nil
}

// revoke ends the session that began at a time, of the user who is signed in.
func (p *pendingSignOut) revoke(ctx context.Context, since time.Time) error {
	list, err := client.Call(ctx, p.client, "", shared.ListSessions, shared.None{})
	for _, one := range list {
		if err == nil && one.CreatedAt.Equal(since) {
			_, err = client.Call(ctx, p.client, "", shared.RevokeSession, shared.SessionHandle{Token: one.Token})
		}
	}
	return err
}
