package ui

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared"
)

// Whoever signs out without a connection still has the cookie, and the server the
// session: with the connection, both would be back. So this is kept, in
// localStorage, until the server has heard it, and nothing else is asked of it
// before. It holds when the session began, which tells it from one that began
// since; the zero time stands for any.
const leavingKey = "latchkey.leaving"

// keepLeaving keeps that the person is leaving the session that began then.
func keepLeaving(since time.Time) {
	defer func() { recover() }() // as in [kept.write]
	app.Window().Get("localStorage").Call("setItem", leavingKey, since.UTC().Format(time.RFC3339Nano))
}

func forgetLeaving() {
	app.Window().Get("localStorage").Call("removeItem", leavingKey)
}

// leavingNow has one call finish what others wait for: a sign-in that went before
// the sign-out would be undone by it.
var leavingNow sync.Mutex

// finishLeaving ends the session that the person has left, if there is one. Every
// call comes by here.
func finishLeaving(ctx context.Context) error {
	leavingNow.Lock()
	defer leavingNow.Unlock()
	kept := app.Window().Get("localStorage").Call("getItem", leavingKey)
	if !kept.Truthy() {
		return nil
	}
	since, _ := time.Parse(time.RFC3339Nano, kept.String()) // any, if it cannot be read
	anybody := new(client.Client)
	current, err := client.Call(ctx, anybody, shared.GetSession, shared.None{})
	switch {
	case err != nil:
		return err
	case current == nil: // it has ended by itself
	case since.IsZero() || !current.Session.CreatedAt.After(since):
		_, err = client.Call(ctx, anybody, shared.SignOut, shared.None{})
		if err == nil {
			tabs.Call("postMessage", hearOut) // which brings the service worker back, too
		}
	default: // they have signed in since, by a form that the browser sent by itself
		if err = revokeSince(ctx, anybody, since); !errors.Is(err, client.ErrOffline) {
			err = nil // what may not be revoked is not in their way
		}
	}
	if err != nil && !errors.Is(err, shared.ErrUnauthorized) {
		return err
	}
	forgetLeaving()
	return nil
}

// revokeSince ends the session that began then, of whoever is signed in.
func revokeSince(ctx context.Context, c *client.Client, since time.Time) error {
	list, err := client.Call(ctx, c, shared.ListSessions, shared.None{})
	for _, one := range list {
		if err == nil && one.CreatedAt.Equal(since) {
			_, err = client.Call(ctx, c, shared.RevokeSession, shared.SessionHandle{Token: one.Token})
		}
	}
	return err
}
