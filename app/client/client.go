// Package client calls the server's API. [Call] sends the input of an endpoint and returns its
// output.
//
// In the browser it uses fetch on the page's own origin, and the app never sees the session
// cookie. Elsewhere, that is in tests, it uses net/http. The app must not link net/http, which
// would double the download.
package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"latchkey/shared"
)

var (
	// ErrOffline means that the call got no response. The server may have processed the
	// call or not.
	ErrOffline = &shared.Error{Code: "OFFLINE", Message: "The server cannot be reached."}

	// ErrGarbled means that this version of the app cannot parse the response.
	ErrGarbled = &shared.Error{Code: "GARBLED", Message: "The server's answer cannot be read."}
)

// Call sends in to e and returns the response.
//
// account is the ID of the user whose data the page shows, or "" if it shows none. The server
// refuses a call in the session of another user with [shared.ErrOtherAccount].
//
// The error is always a [*shared.Error]: the server's, or one of this package's.
func Call[In, Out any](ctx context.Context, c *Client, account string, e shared.Endpoint[In, Out], in In) (Out, error) {
	var out Out
	err := c.Do(ctx, account, e.Method, e.Path, in, &out)
	return out, err
}

// Do is [Call] without type parameters. It stores the response in the value that out points
// to. The compiler generates a Call for every endpoint, and the browser downloads each of
// them, but only one Do.
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

// Query returns the query of a GET request with an input, with its question mark, or "".
func Query(in any) string {
	body, err := json.Marshal(in)
	if err != nil {
		return ""
	}
	return query(body)
}

// headersOf returns the headers of a call for a page that shows the data of account.
func headersOf(account string) map[string]string {
	headers := map[string]string{"Accept": "application/json", shared.HeaderApp: strconv.Itoa(shared.AppVersion)}
	if account != "" {
		headers[shared.HeaderAccount] = account
	}
	return headers
}

// query returns the input of a GET, a JSON object of strings, as a URL query.
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

// refusal returns the error of an unsuccessful response. When the server is down, the response
// comes from a proxy in front of it and has no error code of ours.
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
