package shared

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
