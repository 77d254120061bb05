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

// ceremony lets the user create or use a passkey, with any number of attempts. It fetches the
// options from the server in advance and keeps them fresh, because Safari asks for a passkey
// only in the handler of a click, and a fetch ends after that.
type ceremony struct {
	env     *env
	ctx     app.Context
	fetch   func(ctx context.Context, account string) (json.RawMessage, error)
	fetched func(app.Context) // called after each fetch in advance; may be nil

	options json.RawMessage
	since   time.Time // when they were fetched
	rpID    string    // the relying party's ID in them
	busy    bool      // an attempt is in progress
	request *passkey.Request

	// Responses to a fetch or an attempt from before the last change of these counters are
	// ignored.
	fetches, stops int
}

// The server accepts options for five minutes.
const (
	refetch = 4 * time.Minute
	tooOld  = refetch + 30*time.Second // timers can be late, for example in a background tab
)

// toUse returns a ceremony in which the user uses a passkey.
func toUse(e *env, in shared.AuthenticateQuery) ceremony {
	return ceremony{env: e, fetch: func(ctx context.Context, account string) (json.RawMessage, error) {
		return client.Call(ctx, e.client, account, shared.GenerateAuthenticateOptions, in)
	}}
}

// toAdd returns a ceremony in which the user creates a passkey.
func toAdd(e *env) ceremony {
	return ceremony{env: e, fetch: func(ctx context.Context, account string) (json.RawMessage, error) {
		return client.Call(ctx, e.client, account, shared.GenerateRegisterOptions, shared.RegisterQuery{})
	}}
}

// prepare fetches the options now, and again every four minutes until stop.
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
			c.store(ctx, options)
			if c.fetched != nil {
				c.fetched(ctx)
			}
		})
	})
}

// later fetches the options again after a while, unless they are fetched before.
func (c *ceremony) later(ctx app.Context) {
	c.fetches++
	fetch := c.fetches
	after(ctx, refetch, func(ctx app.Context) {
		if fetch == c.fetches {
			c.prepare(ctx)
		}
	})
}

// load fetches the options for a page that shows the data of an account.
func (c *ceremony) load(ctx context.Context, account string) (json.RawMessage, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := c.env.pendingSignOut.finish(limited); err != nil {
		return nil, err
	}
	return c.fetch(limited, account)
}

// store stores options that were just fetched.
func (c *ceremony) store(ctx app.Context, options json.RawMessage) {
	c.ctx, c.options, c.since, c.rpID = ctx, options, time.Now(), passkey.RPID(options)
	c.later(ctx)
}

// stop aborts the current request and stops fetching.
func (c *ceremony) stop() {
	c.fetches++
	c.stops++
	c.options, c.busy = nil, false
	c.request.Abort()
	c.request = nil
}

// ready reports whether there are options that the server still accepts.
func (c *ceremony) ready() bool {
	return c.options != nil && time.Since(c.since) < tooOld
}

// begin starts an attempt, in the handler of a click. It calls request with the options, and then
// with the browser's response. It sets busy until then calls end.
func (c *ceremony) begin(request func(options []byte) *passkey.Request, then func(app.Context, json.RawMessage, error)) {
	if c.busy {
		return
	}
	c.busy = true
	if c.ready() {
		c.await(request(c.options), then)
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
				c.store(ctx, options)
				c.await(request(options), then)
			}
		})
	})
}

// await calls then with the response to a request, unless the request was stopped.
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

// end ends the attempt and allows another one. used means that the server has received a
// response to the options: it accepts only one, so new options are fetched.
func (c *ceremony) end(used bool) {
	c.busy = false
	if used {
		c.options = nil
		c.prepare(c.ctx)
	}
}

// register lets the user create a passkey at a place, and adds it to the account under a name
// that the server chooses. It calls then with the result.
func (c *ceremony) register(at passkey.Hint, then func(app.Context, shared.Registered, error)) {
	create := func(options []byte) *passkey.Request { return passkey.Create(options, passkey.Modal, at) }
	account := c.env.account()
	c.begin(create, func(ctx app.Context, response json.RawMessage, err error) {
		if err != nil {
			c.end(false)
			then(ctx, shared.Registered{}, err)
			return
		}
		suggestName := true
		in := shared.Registration{Response: response, SuggestName: &suggestName}
		call(c.ctx, c.env, shared.VerifyRegistration, in, func(ctx app.Context, out shared.Registered, err error) {
			c.end(err != nil)
			switch {
			case err == nil:
				c.env.snapshots.savePasskeyUsed(account, response)
			case !isOneOf(err, client.ErrOffline, shared.ErrPasskeyRegistered):
				passkey.SignalUnknown(c.rpID, passkey.CredentialID(response)) // the server does not have the new passkey
			}
			then(ctx, out, err)
		})
	})
}

// answered ends the attempt after the server's verdict on a response of an account, which is ""
// if it is unknown. If the server does not know the passkey, it tells the authenticator so,
// which may then delete it.
func (c *ceremony) answered(account string, response json.RawMessage, err error) {
	c.end(err != nil)
	switch {
	case err == nil:
		c.env.snapshots.savePasskeyUsed(account, response)
	case errors.Is(err, shared.ErrPasskeyNotFound):
		passkey.SignalUnknown(c.rpID, passkey.CredentialID(response))
	}
}

// passkeyErrorText returns why the browser refused and what the user can do. It is empty if the
// user canceled.
func (t *env) passkeyErrorText(e *passkey.Error) string {
	switch e.Name {
	case passkey.ErrAborted.Name, passkey.ErrNotAllowed.Name:
		return ""
	case errNotAdded.Name:
		return t.T(message.ErrNoPasskeyAdded)
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
