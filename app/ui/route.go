package ui

import (
	"net/url"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// route is which page the user is on, and where they wanted to go.
type route struct {
	path   string
	opened bool         // the first page has been gone to
	next   string       // where to go after signing in
	reason signInReason // of the sign-in page
}

// signInReason is why the user is on the sign-in page: a sentence, or the error that
// ended a sign-in.
type signInReason struct {
	text key
	err  error
}

// reasonWords says why the user is on the sign-in page; "" for their own will.
func (t *translator) reasonWords(r signInReason) string {
	if r.err != nil {
		return t.words(r.err)
	}
	return t.T(r.text)
}

const (
	sessionEnded       key = "You have been signed out: this session was ended from another device, or it expired."
	signedOut          key = "You are signed out."
	signedOutHere      key = "What this device kept is deleted. The session itself is ended as soon as this app is open and there is a connection."
	signedOutElsewhere key = "You signed out in another tab."
	accountDeleted     key = "Your account is deleted."
	passwordChosen     key = "Your new password is set. Sign in with it."
	signInFirst        key = "Sign in to see your settings."
	signInToGoOn       key = "Sign in to go on."
	forgotten          key = "What this device kept is deleted, because it has had no connection for a week. Sign in when there is one."
)

// moveTo takes the address that go-app has gone to. It reports whether the page is
// another one.
func (r *route) moveTo(address *url.URL) bool {
	if r.opened && r.path == address.Path {
		return false
	}
	r.path, r.opened = address.Path, true
	if r.path != shared.PageSignIn {
		r.reason = signInReason{}
	}
	if next := address.Query().Get("next"); next != "" && (r.path == shared.PageSignIn || r.path == shared.PageTwoFactor) {
		r.next = next
	}
	return true
}

// redirect returns the page to go to if the one at address is not for the user, who
// is signed in or not; else "".
func (r *route) redirect(address *url.URL, signedIn bool) string {
	switch r.path {
	case shared.PageHome, shared.PageSignIn, shared.PageTwoFactor:
		if signedIn {
			return shared.NextPage(r.next)
		}
		if r.path == shared.PageHome {
			return shared.PageSignIn
		}
	case shared.PageSignUp:
		if signedIn && !address.Query().Has("invite") {
			return shared.NextPage(r.next)
		}
	case shared.PageSettings, shared.PageSystem:
		if !signedIn {
			r.reason, r.next = signInReason{text: signInFirst}, requestURI(address)
			if r.path == shared.PageSystem {
				r.reason.text = signInToGoOn
			}
			return shared.PageSignIn
		}
	}
	return ""
}

// leave remembers the page at address as the one to go on with after signing in
// again, unless the user has left for good.
func (r *route) leave(address *url.URL, reason signInReason) {
	switch {
	case reason.text == signedOut, reason.text == accountDeleted:
	case address.Path == shared.PageSignIn, address.Path == shared.PageTwoFactor, isPublic(address.Path):
	default:
		r.next = requestURI(address)
	}
}

// isPublic reports whether a page is for everyone, signed in or not.
func isPublic(path string) bool {
	switch path {
	case shared.PageSignUp, shared.PageForgotPassword, shared.PageResetPassword, shared.PageDisown:
		return true
	}
	return false
}

// title is the name of the page at path.
func (t *translator) title(path string) string {
	switch path {
	case shared.PageHome:
		return t.T("Welcome")
	case shared.PageSignIn:
		return t.T("Sign in")
	case shared.PageSignUp:
		return t.T("Create an account")
	case shared.PageTwoFactor:
		return t.T("Two-factor authentication")
	case shared.PageSettings:
		return t.T("Settings")
	case shared.PageSystem:
		return t.T("System")
	case shared.PageForgotPassword:
		return t.T("Forgot password")
	case shared.PageResetPassword:
		return t.T("Choose a new password")
	case shared.PageDisown:
		return t.T("Was it not you?")
	default:
		return t.T("Page not found")
	}
}

// requestURI is an address on this server with the part of the page that it names.
func requestURI(address *url.URL) string {
	if address.Fragment == "" {
		return address.RequestURI()
	}
	return address.RequestURI() + "#" + address.EscapedFragment()
}

// replacePage goes to another page of the app in the place of this one: going back
// does not lead here again.
func replacePage(path string) {
	window := app.Window()
	window.Get("history").Call("replaceState", nil, "", path)
	window.Call("dispatchEvent", window.Get("PopStateEvent").New("popstate")) // go-app listens
}
