package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"latchkey/shared"
)

// healthTimeout is longer than the server takes to find that its database does not answer.
const healthTimeout = 10 * time.Second

// maxHealth, in bytes, is more than the server answers.
const maxHealth = 1 << 10

// health asks the server at -listen whether it is ready, for a container that has no other
// program to ask with.
func health(ctx context.Context, c config, out io.Writer) error {
	host, port, err := net.SplitHostPort(c.listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost" // the server listens at all addresses
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	client := http.Client{
		// Not by way of a proxy of the environment, which is for the calls to the email provider.
		Transport: &http.Transport{},
		// The server does not redirect /readyz, so another program does.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if code := response.StatusCode; code != http.StatusOK {
		// Not response.Status, which can have control characters for the terminal.
		return fmt.Errorf("the server is not ready: %d %s", code, http.StatusText(code))
	}
	var alive shared.Alive
	if err := json.NewDecoder(io.LimitReader(response.Body, maxHealth)).Decode(&alive); err != nil || !alive.OK {
		return fmt.Errorf("the program at %s is not Latchkey", c.listen)
	}
	fmt.Fprintln(out, "ready")
	return nil
}
