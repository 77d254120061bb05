// Package client makes the app's calls to the server: [Call] sends one
// endpoint's input and returns its answer.
//
// In the browser a call is a fetch to the page's own origin, and the browser
// keeps the cookie out of the app's reach. Elsewhere, which is in tests, it is
// net/http; the app itself must never link that, it would double the download.
package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"latchkey/shared"
)

var (
	// ErrOffline is a call that no server answered. Whether it was carried out
	// is not known.
	ErrOffline = &shared.Error{Code: "OFFLINE", Message: "The server cannot be reached."}

	// ErrGarbled is an answer that this version of the app cannot read.
	ErrGarbled = &shared.Error{Code: "GARBLED", Message: "The server's answer cannot be read."}
)

// Call sends in to e and returns the answer. account is the id of the user whose
// data the page shows, or "" if it shows none: the server refuses a call in the
// session of another user with [shared.ErrOtherAccount]. The error is always a
// [*shared.Error]: the one that the server gave, or one of this package's.
func Call[In, Out any](ctx context.Context, c *Client, account string, e shared.Endpoint[In, Out], in In) (Out, error) {
	var out Out
	err := c.Do(ctx, account, e.Method, e.Path, in, &out)
	return out, err
}

// Do is [Call] for callers that keep in and out agreed by other means: out points
// to where the answer goes. The compiler makes a Call for every endpoint, and the
// browser downloads each; of Do there is one.
func (c *Client) Do(ctx context.Context, account, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return shared.ErrBadRequest
	}
	if method == "GET" {
		path, body = path+query(body), nil
	}
	status, answer, err := c.send(ctx, account, method, path, body)
	if err != nil {
		return ErrOffline
	}
	if status < 200 || status > 299 {
		return refusal(status, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return ErrGarbled
	}
	return nil
}

// headersOf returns the headers of a call for a page that shows the data of account.
func headersOf(account string) map[string]string {
	headers := map[string]string{"Accept": "application/json", shared.HeaderApp: strconv.Itoa(shared.AppVersion)}
	if account != "" {
		headers[shared.HeaderAccount] = account
	}
	return headers
}

// query is what the input of a GET, an object of strings, looks like in an
// address.
func query(in []byte) string {
	var members map[string]string
	if json.Unmarshal(in, &members) != nil || len(members) == 0 {
		return ""
	}
	values := url.Values{}
	for name, value := range members {
		values.Set(name, value)
	}
	return "?" + values.Encode()
}

// refusal is the error in an answer that is not a success. A proxy in front of
// the server answers for itself when the server is away, and not in our terms.
func refusal(status int, answer []byte) *shared.Error {
	e := new(shared.Error)
	if json.Unmarshal(answer, e) == nil && e.Code != "" {
		return e
	}
	switch status {
	case 429:
		return shared.ErrTooManyRequests
	case 502, 503, 504:
		return shared.ErrUnavailable
	default:
		return ErrGarbled
	}
}
