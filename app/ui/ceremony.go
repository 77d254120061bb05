package ui

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// ceremony has the user make or use a passkey, as often as they try. It fetches the
// options from the server beforehand and keeps them fresh: Safari asks for a passkey
// in the handler of a click only, and a fetch ends after that.
type ceremony struct {
	env     *env
	ctx     app.Context
	fetch   func(ctx context.Context, account string) (json.RawMessage, error)
	fetched func(app.Context) // called when it has; nil for nothing

	options json.RawMessage
	since   time.Time // when they were fetched
	rpID    string    // the relying party's ID in them
	busy    bool      // the browser or the server is being asked
	request *passkey.Request

	// Answers to what was fetched or begun before the last change of these are
	// void.
	fetches, stops int
}

// Options are good for five minutes.
const (
	refetch = 4 * time.Minute
	tooOld  = refetch + 30*time.Second // where timers are late, as in a tab in the background
)

// toUse returns a ceremony that uses a passkey.
func toUse(e *env, in shared.AuthenticateQuery) ceremony {
	return ceremony{env: e, fetch: func(ctx context.Context, account string) (json.RawMessage, error) {
		return client.Call(ctx, e.client, account, shared.GenerateAuthenticateOptions, in)
	}}
}

// toAdd returns a ceremony that makes a passkey.
func toAdd(e *env) ceremony {
	return ceremony{env: e, fetch: func(ctx context.Context, account string) (json.RawMessage, error) {
		return client.Call(ctx, e.client, account, shared.GenerateRegisterOptions, shared.RegisterQuery{})
	}}
}

// prepare fetches the options now, and then every few minutes until stop.
func (c *ceremony) prepare(ctx app.Context) {
	c.ctx = ctx
	if !passkey.Supported() {
		return
	}
	c.fetches++
	fetch, account := c.fetches, c.env.account()
	async(ctx, func() {
		options, err := c.load(ctx, account)
		dispatch(ctx, func(ctx app.Context) {
			if fetch != c.fetches {
				return
			}
			if err != nil {
				c.later(ctx)
				return
			}
			c.keep(ctx, options)
			if c.fetched != nil {
				c.fetched(ctx)
			}
		})
	})
}

// later fetches the options again, unless something else does before.
func (c *ceremony) later(ctx app.Context) {
	c.fetches++
	fetch := c.fetches
	after(ctx, refetch, func(ctx app.Context) {
		if fetch == c.fetches {
			c.prepare(ctx)
		}
	})
}

// load fetches the options for a page that shows the data of account.
func (c *ceremony) load(ctx context.Context, account string) (json.RawMessage, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := c.env.pendingSignOut.finish(limited); err != nil {
		return nil, err
	}
	return c.fetch(limited, account)
}

// keep takes options that were fetched just now.
func (c *ceremony) keep(ctx app.Context, options json.RawMessage) {
	c.ctx, c.options, c.since, c.rpID = ctx, options, time.Now(), passkey.RPID(options)
	c.later(ctx)
}

// stop aborts what runs, and stops fetching.
func (c *ceremony) stop() {
	c.fetches++
	c.stops++
	c.options, c.busy = nil, false
	c.request.Abort()
	c.request = nil
}

// ready reports whether there are options that the server still knows.
func (c *ceremony) ready() bool {
	return c.options != nil && time.Since(c.since) < tooOld
}

// begin is what a click does: it asks the browser through ask, and hands the answer
// to then. busy is true from now on; then has to call end.
func (c *ceremony) begin(ask func(options []byte) *passkey.Request, then func(app.Context, json.RawMessage, error)) {
	if c.busy {
		return
	}
	c.busy = true
	if c.ready() {
		c.await(ask(c.options), then)
		return
	}
	stops, account := c.stops, c.env.account()
	async(c.ctx, func() {
		options, err := c.load(c.ctx, account)
		dispatch(c.ctx, func(ctx app.Context) {
			switch {
			case stops != c.stops:
			case err != nil:
				then(ctx, nil, err)
			default:
				c.keep(ctx, options)
				c.await(ask(options), then)
			}
		})
	})
}

// await hands the answer to a request to then, unless the request was stopped.
func (c *ceremony) await(request *passkey.Request, then func(app.Context, json.RawMessage, error)) {
	c.request = request
	async(c.ctx, func() {
		answer, err := request.Wait()
		dispatch(c.ctx, func(ctx app.Context) {
			if c.request == request {
				c.request = nil
				then(ctx, answer, err)
			}
		})
	})
}

// end makes another try possible. The server takes an answer to its options
// once; used tells that it has one.
func (c *ceremony) end(used bool) {
	c.busy = false
	if used {
		c.options = nil
		c.prepare(c.ctx)
	}
}

// answered takes what the server says of a response. If the server does not know the
// passkey at all, the authenticator is told to forget it.
func (c *ceremony) answered(response json.RawMessage, err error) {
	c.end(err != nil)
	if errors.Is(err, shared.ErrPasskeyNotFound) {
		passkey.SignalUnknown(c.rpID, passkey.CredentialID(response))
	}
}

// passkeyWords says why the browser refused, and what the user can do. It is empty
// if the user canceled.
func (t *env) passkeyWords(e *passkey.Error) string {
	switch e.Name {
	case passkey.ErrAborted.Name, passkey.ErrNotAllowed.Name:
		return ""
	case passkey.ErrExists.Name:
		return t.T(message.ErrPasskeyOnDeviceAlready)
	case passkey.ErrUnsupported.Name:
		return t.T(message.ErrPasskeyUnsupported)
	case "SecurityError":
		return t.T(message.ErrPasskeyWrongOrigin)
	case "ConstraintError":
		return t.T(message.ErrNoUserVerification)
	case "TimeoutError":
		return t.T(message.ErrPasskeyTimedOut)
	case "OperationError", "InvalidAccessError":
		return t.T(message.ErrPasskeyRequestPending)
	case "NotReadableError", "UnknownError", "DataError", "EncodingError", "NetworkError":
		return t.T(message.ErrAuthenticatorFailed)
	default:
		return t.T(message.ErrPasskeyBrowserFailed)
	}
}
