//go:build !js

package client

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
)

// A Client calls the API of one server as a browser does: it stores cookies and sends the
// Origin header.
type Client struct {
	Origin string // "http://localhost:8080"
	HTTP   *http.Client

	clock clock
}

// New returns a client without cookies for the server at origin.
func New(origin string) *Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it fails only for invalid options
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
	c.clock.observe(res.Header.Get("Date"), localInstant())
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// Catalog fails, because all languages are loaded outside of browsers.
func Catalog(string) (string, error) { return "", ErrOffline }
