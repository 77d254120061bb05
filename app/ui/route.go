package ui

import (
	"net/url"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
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
	text message.ID
	err  error
}

// reasonWords says why the user is on the sign-in page; "" for their own will.
func (t *env) reasonWords(r signInReason) string {
	if r.err != nil {
		return t.errorMessage(r.err)
	}
	return t.T(r.text)
}

const (
	sessionEnded       message.ID = message.ErrSessionEnded
	signedOut          message.ID = message.DoneSignedOut
	signedOutHere      message.ID = message.DoneSignedOutOffline
	signedOutElsewhere message.ID = message.DoneSignedOutOtherTab
	accountDeleted     message.ID = message.DoneAccountDeleted
	passwordChosen     message.ID = message.DonePasswordReset
	signInFirst        message.ID = message.SignInToSeeSettings
	signInToGoOn       message.ID = message.SignInToGoOn
	forgotten          message.ID = message.OfflineDataExpired
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
	case shared.PageSignUp, shared.PageForgotPassword, shared.PageResetPassword, shared.PageNotMe:
		return true
	}
	return false
}

// title is the name of the page at path.
func (t *env) title(path string) string {
	switch path {
	case shared.PageHome:
		return t.T(message.WelcomeHere)
	case shared.PageSignIn:
		return t.T(message.SignIn)
	case shared.PageSignUp:
		return t.T(message.CreateAnAccount)
	case shared.PageTwoFactor:
		return t.T(message.TwoFactorAuthentication)
	case shared.PageSettings:
		return t.T(message.AccountSettings)
	case shared.PageSystem:
		return t.T(message.SystemAdministration)
	case shared.PageForgotPassword:
		return t.T(message.ForgotPassword)
	case shared.PageResetPassword:
		return t.T(message.ChooseNewPassword)
	case shared.PageNotMe:
		return t.T(message.WasItNotYou)
	default:
		return t.T(message.PageNotFound)
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
