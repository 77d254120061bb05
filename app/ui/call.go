package ui

import (
	"context"
	"errors"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared"
)

// patience is how long a call may take before the app gives it up.
const patience = 20 * time.Second

// errCancelled is a call that the user gave up when asked to confirm their identity.
// The user needs no message about it.
var errCancelled = &shared.Error{Code: "CANCELLED"}

// call sends in to an endpoint and hands the answer to then, on the UI goroutine. It
// handles two refusals itself: when the session has ended it goes to the sign-in
// page, and when the session is not fresh it asks the user to confirm their identity
// and sends the call again.
//
// then is only called while what ctx belongs to is in the page. The context of an
// event handler belongs to the button or the form, which may be gone by then: pass
// that of a component, which OnMount gets.
func call[In, Out any](ctx app.Context, e *env, endpoint shared.Endpoint[In, Out], in In, then func(app.Context, Out, error)) {
	out := new(Out)
	newCall(e, endpoint.Method, endpoint.Path, in, out, func(ctx app.Context, err error) { then(ctx, *out, err) }).send(ctx)
}

// apiCall is what the calls to all endpoints have in common. The compiler makes a
// [call] for each endpoint, and this once.
type apiCall struct {
	env *env

	// account is the id of the user whom the page showed when the call was made. It
	// goes with the call and with its retry: if another tab signs in as another user
	// before they are sent, the server refuses them.
	account string

	method, path string
	in, out      any
	then         func(app.Context, error)
}

func newCall(e *env, method, path string, in, out any, then func(app.Context, error)) *apiCall {
	return &apiCall{e, e.account(), method, path, in, out, then}
}

func (c *apiCall) send(ctx app.Context) {
	e := c.env
	async(ctx, func() {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		var err error
		if c.path != shared.SignOut.Path {
			err = e.pendingSignOut.finish(limited)
		}
		if err == nil {
			err = e.client.Do(limited, c.account, c.method, c.path, c.in, c.out)
		}
		dispatch(ctx, func(ctx app.Context) {
			setOnline(ctx, e, !errors.Is(err, client.ErrOffline))
			c.answered(ctx, err)
		})
	})
}

func (c *apiCall) answered(ctx app.Context, err error) {
	switch {
	case errors.Is(err, shared.ErrNotFresh):
		c.stepUp(ctx, err)
		return
	case errors.Is(err, shared.ErrAppTooOld):
		outdated(ctx)
	case errors.Is(err, shared.ErrOtherAccount):
		refresh(ctx)
	case errors.Is(err, shared.ErrUnauthorized):
		goToSignIn(ctx, sessionEnded)
	case err == nil && c.method != "GET":
		announceChange(ctx)
	}
	c.then(ctx, err)
}

// stepUp has the user confirm their identity, and sends the call again.
func (c *apiCall) stepUp(ctx app.Context, err error) {
	var e *shared.Error
	errors.As(err, &e)
	stepUp(ctx, stepUpRequest{
		Factor:    e.Need == shared.NeedSecondFactor,
		Confirmed: func() { c.send(ctx) },
		Cancelled: func() {
			// Dispatched, so that what waits is drawn again, and not only the dialog.
			dispatch(ctx, func(ctx app.Context) { c.then(ctx, errCancelled) })
		},
	})
}
