package shared

import "net/url"

// The pages of the app. The server answers each with the shell, and whatever
// is not listed with 404; the app registers each with go-app.
const (
	PageHome      = "/" // goes where the session says
	PageSignIn    = "/sign-in"
	PageSignUp    = "/sign-up"
	PageTwoFactor = "/two-factor"
	PageSettings  = "/dashboard/settings"
	PageSystem    = "/dashboard/system"

	PageForgotPassword = "/forgot-password"
	PageResetPassword  = "/reset-password" // with the token of the mail in its query
	PageDisown         = "/not-me"         // likewise
	PageEmail          = "/email"          // where links about addresses end, with the error in the query if there was one
)

// Pages is every page there is.
var Pages = []string{
	PageHome, PageSignIn, PageSignUp, PageTwoFactor, PageSettings, PageSystem,
	PageForgotPassword, PageResetPassword, PageDisown, PageEmail,
}

// NextPage is next if it is the address of a page to go to after signing in, and
// else the one to go to anyway. What is in an address can be anybody's: it must
// lead nowhere else.
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
