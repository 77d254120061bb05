//go:build !js

package client

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
)

// A Client is a browser to one server, as far as the API sees it: it keeps
// cookies and says where it comes from.
type Client struct {
	Origin string // "http://localhost:8080"
	HTTP   *http.Client

	clock clock
}

// New returns a client of the server at origin, with no cookies.
func New(origin string) *Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it fails for bad options only
	}
	return &Client{Origin: origin, HTTP: &http.Client{
		Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

func (c *Client) send(ctx context.Context, account, method, path string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Origin+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range headersOf(account) {
		req.Header.Set(name, value)
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", c.Origin)
	}

	res, err := c.HTTP.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	c.clock.hear(res.Header.Get("Date"), here())
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}
