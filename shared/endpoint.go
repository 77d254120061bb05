// Package shared is what the two halves of Latchkey say to each other: the
// table of endpoints with the types that cross them, the errors, and the paths
// of the pages. It imports the standard library only, because everything here
// is compiled into the app that the browser downloads.
//
// The wire is Better Auth's, so the JSON names are too.
package shared

import (
	"net/url"
	"strings"
)

// An Endpoint is one call of the API. The server registers it, the app calls
// it, and the compiler keeps the two agreed on In and Out.
type Endpoint[In, Out any] struct {
	Method string
	Path   string // as net/http.ServeMux reads it
}

// At is the endpoint at the path that has value in the place of {name}.
func (e Endpoint[In, Out]) At(name, value string) Endpoint[In, Out] {
	e.Path = strings.Replace(e.Path, "{"+name+"}", url.PathEscape(value), 1)
	return e
}

// None is the body of a call or an answer that says nothing.
type None struct{}

// What the app says with each call. Other clients need not.
const (
	HeaderApp     = "Latchkey-App"     // its [AppVersion]
	HeaderAccount = "Latchkey-Account" // the id of the user whom its page shows, if it shows one
)

// AppVersion is that of what the app and the server say to each other. It is to
// be raised when an app of before would not understand the answers any more: the
// server then refuses its calls with [ErrAppTooOld], and the app says so.
const AppVersion = 2
