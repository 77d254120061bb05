package shared

// The pages of the app. The server answers each with the shell, and whatever
// is not listed with 404; the app registers each with go-app.
const (
	PageHome      = "/" // goes where the session says
	PageSignIn    = "/sign-in"
	PageSignUp    = "/sign-up"
	PageTwoFactor = "/two-factor"
	PageSettings  = "/dashboard/settings"
)

// Pages is every page there is.
var Pages = []string{PageHome, PageSignIn, PageSignUp, PageTwoFactor, PageSettings}
