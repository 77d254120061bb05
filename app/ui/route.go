package ui

import (
	"net/url"
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// route is the current page, and the page that the user wanted to open.
type route struct {
	path   string
	opened bool         // the first page has been opened
	next   string       // the page to open after sign-in
	reason signInReason // why the sign-in page is shown
}

// signInReason is why the sign-in page is shown: a sentence, or the error that ended a
// sign-in. It is zero if the user opened the page.
type signInReason struct {
	text message.ID
	err  error
}

// reasonText returns the text of a reason; "" for the zero reason.
func (t *env) reasonText(r signInReason) string {
	if r.err != nil {
		return t.errorMessage(r.err)
	}
	return t.T(r.text)
}

// signInNotice returns what the sign-in page says first: that signing in cannot work, or else the
// reason for the page.
func (t *env) signInNotice(r signInReason) string {
	if !t.drawsFirst() && cookiesBlocked() {
		return t.T(message.ErrCookiesBlocked)
	}
	return t.reasonText(r)
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

// start sets the page in which the app starts, and why the server has redirected the user to it.
func (r *route) start(address *url.URL) {
	r.path = address.Path
	if next := shared.NextOf(address); r.path == shared.PageSignIn && next != "" {
		r.reason = reasonToSignIn(next)
	}
}

// reasonToSignIn returns why a user must sign in before the page at an address opens.
func reasonToSignIn(next string) signInReason {
	if strings.HasPrefix(next, shared.PageSystem) || shared.CallbackOf(next) != "" {
		return signInReason{text: signInToGoOn}
	}
	return signInReason{text: signInFirst}
}

// nextOf returns the page to open after sign-in that an address names, or "". The browser keeps
// the fragment of that page when the server redirects to the sign-in page.
func nextOf(address *url.URL) string {
	next := shared.NextOf(address)
	if next != "" && address.Fragment != "" && !strings.Contains(next, "#") {
		next += "#" + address.EscapedFragment()
	}
	return next
}

// moveTo records the address that go-app has navigated to. It reports whether the page has
// changed.
func (r *route) moveTo(address *url.URL) bool {
	if r.opened && r.path == address.Path {
		return false
	}
	r.path, r.opened = address.Path, true
	if r.path != shared.PageSignIn {
		r.reason = signInReason{}
	}
	if next := nextOf(address); next != "" {
		r.next = next
	}
	return true
}

// redirect returns the page to open instead of the one at address, which signedIn decides, or
// "" if the page stays.
func (r *route) redirect(address *url.URL, signedIn bool) string {
	to := shared.Redirect(address, r.next, signedIn)
	if to == shared.PageSignIn && shared.NeedsSession(address.Path) {
		r.next = requestURI(address)
		r.reason = reasonToSignIn(r.next)
	}
	return to
}

// sectionPage returns the page that has the section of the settings page which an older address
// names in its fragment, or "" if address is no such address. Bookmarks and emails have them.
func sectionPage(address *url.URL) string {
	if address.Path != shared.PageSettings {
		return ""
	}
	for _, page := range settingsPages {
		if page.section == address.Fragment {
			return page.path
		}
	}
	return ""
}

// isSettings reports whether path is the settings page or a page below it.
func isSettings(path string) bool { return slices.Contains(shared.SettingsPages, path) }

// leave records the page at address as the one to open after the next sign-in, unless the
// user has signed out or deleted the account.
func (r *route) leave(address *url.URL, reason signInReason) {
	switch {
	case reason.text == signedOut, reason.text == accountDeleted:
	case address.Path == shared.PageSignIn, address.Path == shared.PageTwoFactor, isPublic(address.Path):
	default:
		r.next = requestURI(address)
	}
}

// isPublic reports whether a page is for all users, signed in or not.
func isPublic(path string) bool {
	switch path {
	case shared.PageSignUp, shared.PageForgotPassword, shared.PageResetPassword, shared.PageNotMe:
		return true
	}
	return false
}

// title returns the title of the page at path.
func (t *env) title(path string) string {
	if page := settingsPageAt(path); page != nil {
		return t.T(page.name)
	}
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
		return t.T(message.SecurityHome)
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

// requestURI returns the path, query and fragment of an address.
func requestURI(address *url.URL) string {
	if address.Fragment == "" {
		return address.RequestURI()
	}
	return address.RequestURI() + "#" + address.EscapedFragment()
}

// replacePage goes to another page of the app and replaces the current one in the browser's
// history. If the page leads to an application, the browser loads it, and the server redirects.
func replacePage(path string) {
	window := app.Window()
	if shared.CallbackOf(path) != "" {
		window.Get("location").Call("replace", path)
		return
	}
	window.Get("history").Call("replaceState", nil, "", path)
	window.Call("dispatchEvent", window.Get("PopStateEvent").New("popstate")) // go-app listens for it
}
