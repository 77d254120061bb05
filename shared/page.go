package shared

import "net/url"

// The pages. The server answers each of [Pages] with the shell, and whatever is not
// listed with 404; the app registers each of [Pages] with go-app.
const (
	PageHome      = "/" // goes where the session says
	PageSignIn    = "/sign-in"
	PageSignUp    = "/sign-up"
	PageTwoFactor = "/two-factor"
	PageSettings  = "/dashboard/settings"
	PageSystem    = "/dashboard/system"

	PageForgotPassword = "/forgot-password"
	PageResetPassword  = "/reset-password" // with the token of the email in its query
	PageNotMe          = "/not-me"         // likewise

	// PageEmail is where links about addresses and deletions lead. It is no page of
	// the app: the server draws it whole, and it works without scripts.
	PageEmail = "/email"
)

// Pages is every page of the app.
var Pages = []string{
	PageHome, PageSignIn, PageSignUp, PageTwoFactor, PageSettings, PageSystem,
	PageForgotPassword, PageResetPassword, PageNotMe,
}

// NextPage returns next if it is the path of a page to open after signing in, or else the
// default page. Anyone can write next, so it must not lead elsewhere.
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
