package client

import (
	"context"
	"syscall/js"
)

// A Client calls the API at the page's origin. The zero value is ready to use.
type Client struct {
	clock clock
}

func (c *Client) send(ctx context.Context, account, method, path string, body []byte) (status int, answer []byte, err error) {
	abort := js.Global().Get("AbortController").New()
	stop := context.AfterFunc(ctx, func() { abort.Call("abort") })
	defer stop()

	headers := map[string]any{}
	for name, value := range headersOf(account) {
		headers[name] = value
	}
	options := map[string]any{
		"method":      method,
		"headers":     headers,
		"mode":        "same-origin",
		"credentials": "same-origin",
		"cache":       "no-store",
		"redirect":    "manual", // the API never redirects, but a portal of a network does
		"signal":      abort.Get("signal"),
	}
	if body != nil {
		headers["Content-Type"] = "application/json"
		options["body"] = string(body)
	}

	response, err := await(js.Global().Call("fetch", path, options))
	if err != nil {
		return 0, nil, err
	}
	if date := response.Get("headers").Call("get", "Date"); date.Type() == js.TypeString {
		c.clock.observe(date.String(), localInstant())
	}
	text, err := await(response.Call("text"))
	if err != nil {
		return 0, nil, err
	}
	return response.Get("status").Int(), []byte(text.String()), nil
}

// Catalog loads the catalog of a language, by the function of web/loader.js.
func Catalog(language string) (string, error) {
	text, err := await(js.Global().Call("latchkeyCatalog", language))
	if err != nil {
		return "", err
	}
	return text.String(), nil
}

// await waits for a promise. It must not be called on the UI goroutine, which it would
// block.
func await(promise js.Value) (js.Value, error) {
	value, reason := make(chan js.Value, 1), make(chan js.Value, 1)
	then := js.FuncOf(func(_ js.Value, args []js.Value) any { value <- args[0]; return nil })
	defer then.Release()
	catch := js.FuncOf(func(_ js.Value, args []js.Value) any { reason <- args[0]; return nil })
	defer catch.Release()

	promise.Call("then", then, catch)
	select {
	case v := <-value:
		return v, nil
	case v := <-reason:
		return js.Value{}, js.Error{Value: v}
	}
}
