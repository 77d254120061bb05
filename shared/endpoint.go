// Package shared holds what the app and the server agree on: the table of endpoints with
// their types, the errors, and the paths of the pages. It imports the standard library only,
// because all of it is compiled into the app that the browser downloads. It knows neither
// the app nor the server.
//
// The protocol and the JSON names are Better Auth's.
package shared

import (
	"net/url"
	"strings"
)

// An Endpoint is one call of the API. The server registers it and the app calls it, so the
// compiler keeps both to the same In and Out.
type Endpoint[In, Out any] struct {
	Method string
	Path   string // a path pattern of net/http.ServeMux
}

// At returns the endpoint with value in place of {name} in its path.
func (e Endpoint[In, Out]) At(name, value string) Endpoint[In, Out] {
	e.Path = strings.Replace(e.Path, "{"+name+"}", url.PathEscape(value), 1)
	return e
}

// MatchPath reports whether path is that of an endpoint with the given pattern. If the pattern has
// {id}, MatchPath returns the ID in path.
func MatchPath(pattern, path string) (id string, ok bool) {
	before, after, hasID := strings.Cut(pattern, "{id}")
	if !hasID {
		return "", pattern == path
	}
	rest, found := strings.CutPrefix(path, before)
	if !found {
		return "", false
	}
	id, found = strings.CutSuffix(rest, after)
	return id, found && id != "" && !strings.Contains(id, "/")
}

// None is the body of a request or a response without content.
type None struct{}

// Headers that the app sends with each call. They are optional for other clients.
const (
	HeaderApp     = "Latchkey-App"     // its [AppVersion]
	HeaderAccount = "Latchkey-Account" // the ID of the user whose data the page shows, if any
)

// AppVersion is the version of the protocol between the app and the server. Bump it on any
// change that an already installed app could not parse: the server then refuses the app's
// calls with [ErrAppTooOld], and the app asks the user to reload.
const AppVersion = 2
