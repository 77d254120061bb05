package shared

import "net/url"

// The paths of the pages. The server responds to each of [Pages] with the shell, and the app
// registers each with go-app. Unlisted paths are 404.
const (
	PageHome      = "/" // redirects according to the session
	PageSignIn    = "/sign-in"
	PageSignUp    = "/sign-up"
	PageTwoFactor = "/two-factor"
	PageSettings  = "/dashboard/settings"
	PageSystem    = "/dashboard/system"

	PageForgotPassword = "/forgot-password"
	PageResetPassword  = "/reset-password" // with the token from the email in its query
	PageNotMe          = "/not-me"         // likewise

	// PageEmail is the target of links about addresses and deletions. It is not a page
	// of the app: the server renders it, and it works without scripts.
	PageEmail = "/email"
)

// Pages is every page of the app.
var Pages = []string{
	PageHome, PageSignIn, PageSignUp, PageTwoFactor, PageSettings, PageSystem,
	PageForgotPassword, PageResetPassword, PageNotMe,
}

// NextPage returns next if it is a page to open after sign-in, and otherwise the default
// page. An attacker can choose next, so NextPage never returns an address elsewhere.
func NextPage(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return PageSettings
	}
	switch u.Path {
	case PageSettings, PageSystem:
		return (&url.URL{Path: u.Path, RawQuery: u.RawQuery, Fragment: u.Fragment}).String()
	}
	return PageSettings
}
