//go:build !js

package passkey

// Request is something that the browser was asked.
type Request struct{}

// Supported reports whether the browser knows passkeys.
func Supported() bool { return false }

// Can reports whether the browser has a capability.
func Can(string) bool { return false }

// HasPlatform reports whether the device itself can keep passkeys.
func HasPlatform() bool { return false }

// CanOffer reports whether passkeys can be among what a browser fills in.
func CanOffer() bool { return false }

// Busy reports whether the browser is being asked.
func Busy() bool { return false }

// Create asks for a new passkey.
func Create([]byte, Way) *Request { return &Request{} }

// Get asks for the use of a passkey.
func Get([]byte, Way) *Request { return &Request{} }

// Wait returns the answer.
func (r *Request) Wait() ([]byte, error) { return nil, ErrUnsupported }

// Abort gives the request up.
func (r *Request) Abort() {}

// SignalAccepted tells which passkeys there are.
func SignalAccepted(any) {}

// SignalDetails tells what an account is called.
func SignalDetails(rpID, userID, name, displayName string) {}

// SignalUnknown tells that a passkey is not known.
func SignalUnknown(rpID, id string) {}
