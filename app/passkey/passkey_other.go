//go:build !js

package passkey

// Request is a request to the browser.
type Request struct{}

// Supported reports true. The server draws the pages with it and cannot know, and most browsers
// support passkeys.
func Supported() bool { return true }

// Can reports whether the browser has a capability.
func Can(string) bool { return false }

// HasPlatform reports whether the device itself can store passkeys.
func HasPlatform() bool { return false }

// CanOffer reports whether the browser can offer passkeys in autofill.
func CanOffer() bool { return false }

// Busy reports whether a request is in progress.
func Busy() bool { return false }

// Create asks for a new passkey.
func Create([]byte, Mediation, Hint) *Request { return &Request{} }

// Get asks for the use of a passkey.
func Get([]byte, Mediation) *Request { return &Request{} }

// Wait waits for the response.
func (r *Request) Wait() ([]byte, error) { return nil, ErrUnsupported }

// Abort cancels the request.
func (r *Request) Abort() {}

// SignalAccepted tells authenticators which passkeys the account has.
func SignalAccepted(any) {}

// SignalDetails tells authenticators the names of an account.
func SignalDetails(rpID, userID, name, displayName string) {}

// SignalUnknown tells authenticators that the server does not know a passkey.
func SignalUnknown(rpID, id string) {}
