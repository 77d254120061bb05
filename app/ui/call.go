package ui

import (
	"context"
	"errors"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared"
)

// patience is the time limit of a call.
const patience = 20 * time.Second

// errCanceled means that the user canceled when asked to confirm their identity. It has no
// message for the user.
var errCanceled = &shared.Error{Code: "CANCELED"}

// call sends in to an endpoint, and calls then with the response on the UI goroutine. It
// handles these errors itself:
//
//   - [shared.ErrNotFresh]: it asks the user to confirm their identity and sends the call
//     again
//   - [shared.ErrUnauthorized]: it goes to the sign-in page
//   - [shared.ErrOtherAccount]: it refreshes the page
//   - [shared.ErrAppTooOld]: it asks the user to reload the app
//
// It calls then for the last three, too. It calls then only while the element or component
// of ctx is in the page. The context of an event handler belongs to the button or the form,
// which may be gone by then: pass the context of a component, from OnMount.
func call[In, Out any](ctx app.Context, e *env, endpoint shared.Endpoint[In, Out], in In, then func(app.Context, Out, error)) {
	out := new(Out)
	newCall(e, endpoint.Method, endpoint.Path, in, out, func(ctx app.Context, err error) { then(ctx, *out, err) }).send(ctx)
}

// apiCall is the part of [call] that is the same for all endpoints. The compiler generates a
// [call] for each endpoint, but only one apiCall.
type apiCall struct {
	env *env

	// account is the ID of the user whose page made the call. The call and its retry carry
	// it, so that the server refuses them if another tab has signed in as another user.
	account string

	method, path string
	in, out      any
	then         func(app.Context, error)
}

func newCall(e *env, method, path string, in, out any, then func(app.Context, error)) *apiCall {
	return &apiCall{e, e.account(), method, path, in, out, then}
}

// send sends the call, unless its response came with the page.
func (c *apiCall) send(ctx app.Context) {
	e := c.env
	if c.method != "GET" {
		e.answers.discard()
	} else if e.answers.take(c.path, c.in, c.out) {
		dispatch(ctx, func(ctx app.Context) { c.answered(ctx, nil) })
		return
	}
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

// stepUp asks the user to confirm their identity, and then sends the call again.
func (c *apiCall) stepUp(ctx app.Context, err error) {
	var e *shared.Error
	errors.As(err, &e)
	stepUp(ctx, stepUpRequest{
		Factor:    e.Need == shared.NeedSecondFactor,
		Confirmed: func() { c.send(ctx) },
		Canceled: func() {
			// Dispatch renders the calling component again, and not only the dialog.
			dispatch(ctx, func(ctx app.Context) { c.then(ctx, errCanceled) })
		},
	})
}
