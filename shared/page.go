package shared

import (
	"net/url"
	"slices"
)

// The paths of the pages. The server draws each of [Pages], and the app registers each with go-app.
// Unlisted paths are 404.
const (
	PageHome      = "/" // redirects according to the session
	PageSignIn    = "/sign-in"
	PageSignUp    = "/sign-up"
	PageTwoFactor = "/two-factor"
	PageSettings  = "/dashboard/settings"
	PageSystem    = "/dashboard/system"

	// The pages below the settings page.
	PageProfile           = "/dashboard/settings/profile"
	PagePassword          = "/dashboard/settings/password"
	PageTwoFactorSettings = "/dashboard/settings/two-factor"
	PagePasskeys          = "/dashboard/settings/passkeys"
	PageSessions          = "/dashboard/settings/sessions"
	PageActivity          = "/dashboard/settings/activity"

	PageForgotPassword = "/forgot-password"
	PageResetPassword  = "/reset-password" // with the token from the email in its query
	PageNotMe          = "/not-me"         // likewise

	// PageEmail is the target of links about addresses and deletions. It is not a page
	// of the app: the server renders it, and it works without scripts.
	PageEmail = "/email"
)

// SettingsPages is the settings page and the pages below it.
var SettingsPages = []string{
	PageSettings, PageTwoFactorSettings, PagePasskeys, PageSessions, PagePassword, PageActivity, PageProfile,
}

// Pages is every page of the app.
var Pages = append([]string{
	PageHome, PageSignIn, PageSignUp, PageTwoFactor, PageSystem,
	PageForgotPassword, PageResetPassword, PageNotMe,
}, SettingsPages...)

// CallbackField is the parameter of the sign-in page, and of the page to sign up, with the address of
// an application that opens after sign-in. Only the server decides whether it may: it redirects a user
// who is signed in, and the app opens the sign-in page anew for that.
const CallbackField = "callbackURL"

// NextOf returns what the address of a page names as the page to open after sign-in, or "". For an
// application, this is the sign-in page with [CallbackField].
func NextOf(address *url.URL) string {
	query := address.Query()
	switch address.Path {
	case PageSignIn, PageSignUp:
		if callback := query.Get(CallbackField); callback != "" {
			return callbackPage(callback)
		}
		return query.Get("next")
	case PageTwoFactor:
		return query.Get("next")
	}
	return ""
}

// CallbackOf returns the address of an application that a page to open after sign-in leads to, or "".
func CallbackOf(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Path != PageSignIn {
		return ""
	}
	return u.Query().Get(CallbackField)
}

func callbackPage(callback string) string {
	return PageSignIn + "?" + CallbackField + "=" + url.QueryEscape(callback)
}

// NextPage returns next if it is a page to open after sign-in, and otherwise the default
// page. An attacker can choose next, so NextPage never returns an address elsewhere.
func NextPage(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return PageSettings
	}
	if callback := CallbackOf(next); callback != "" {
		return callbackPage(callback)
	}
	if u.Path == PageSystem || slices.Contains(SettingsPages, u.Path) {
		return (&url.URL{Path: u.Path, RawQuery: u.RawQuery, Fragment: u.Fragment}).String()
	}
	return PageSettings
}

// NeedsSession reports whether the page at path is only for users who are signed in.
func NeedsSession(path string) bool {
	return path == PageSystem || slices.Contains(SettingsPages, path)
}

// Redirect returns the page to open instead of the one at address, or "" if the page is for a user
// who is signed in, or for one who is not. next is the page to open after sign-in. The server and
// the app both redirect by this rule.
func Redirect(address *url.URL, next string, signedIn bool) string {
	switch path := address.Path; {
	case signedIn && (path == PageHome || path == PageSignIn || path == PageTwoFactor),
		signedIn && path == PageSignUp && !address.Query().Has("invite"):
		return NextPage(next)
	case !signedIn && (path == PageHome || NeedsSession(path)):
		return PageSignIn
	}
	return ""
}
