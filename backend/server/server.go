// Package server implements the HTTP server: the route table, which states who may call
// each route and how often; cookies; error responses; and the guards that every request
// passes. It authenticates callers and leaves everything else to package account. It
// contains no SQL and does not open the database.
package server

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/origins"
	"latchkey/backend/site"
	"latchkey/shared"
	"latchkey/web"
)

// Config is the configuration of a [Server].
type Config struct {
	Accounts *account.Service
	// Ready fails while the database does not respond or has another schema.
	Ready func(context.Context) error
	// DeliverMail delivers an email at once. It fails with [mail.RefusedError] if the
	// provider does not accept the email.
	DeliverMail func(context.Context, mail.Mail) error
	Log         *slog.Logger

	// Origin is the server's address in browsers: scheme, host and port. The scope of
	// cookies and the accepted Host and Origin headers follow from it.
	Origin *url.URL
	// TrustedOrigins are other sites whose pages may call the API with
	// credentials. Optional.
	TrustedOrigins origins.List
	// TrustedProxies are the proxies whose X-Forwarded-For is trusted. Optional.
	TrustedProxies []netip.Prefix
	// CookiePrefix is the prefix of the cookie names: "latchkey", or "better-auth" if
	// Latchkey replaces a Better Auth server.
	CookiePrefix string

	// Version is the version of the program, which /readyz returns to callers on this
	// machine or a private network. Optional.
	Version string

	// RequestTimeout limits a request, or each part of a streamed response. Zero means
	// [requestTimeout], which is four seconds.
	RequestTimeout time.Duration

	// App serves the scripts that go-app generates: /app.js, /wasm_exec.js and
	// /app-worker.js.
	App http.Handler
}

// A Server handles the requests.
type Server struct {
	Config
	cookies cookies
	memory  *counter // limits of this replica
	queues  *queues
	// knownKeys saves the calls with a valid server key from the limit of guesses.
	knownKeys *knownKeys
	proxies   *proxies
	site      *site.Site

	// The routes by path: those of pages, of GET endpoints, and of other endpoints.
	pages, reads, writes map[string]route

	readiness singleflight.Group // the check of [Server.checkReady] that runs
}

// requestTimeout is under five seconds: the time in which the server must respond even if
// the database does not.
const requestTimeout = 4 * time.Second

// New returns the handler of all requests.
func New(c Config) http.Handler {
	c.RequestTimeout = cmp.Or(c.RequestTimeout, requestTimeout)
	c.Log = slog.New(requestLog{c.Log.Handler()})
	s := &Server{
		Config: c, cookies: newCookies(c.CookiePrefix, c.Origin), memory: newCounter(), knownKeys: new(knownKeys), proxies: new(proxies),
	}
	s.site = site.New(site.Config{App: c.App, Name: s.name, Origin: c.Origin, RelatedOrigins: c.Accounts.RelyingParty.Related})
	// The other half of the time is for the password hash, which may have to wait for a
	// slot.
	s.queues = &queues{wait: c.RequestTimeout / 2, byCaller: map[string]*queue{}}

	// The outermost guard comes first. logRequests wraps recoverPanics, so that it logs a
	// panic as status 500.
	return chain(s.dispatch(),
		withRequestID,
		s.logRequests,
		s.recoverPanics,
		s.withHeaders,
		limitBody,
		s.checkHost,
		s.checkServerKey,
		s.watchProxies,
		s.withCORS,
		s.checkOrigin,
	)
}

// dispatch routes a request to the API, the probes, the forms, the email links, the pages or
// the site. A ServeMux alone would redirect paths such as /api//x.
func (s *Server) dispatch() http.Handler {
	mux := http.NewServeMux()
	s.register(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isAPI(r):
			s.serveAPI(mux, w, r)
		case isProbe(r):
			s.probe(w, r)
		case r.URL.Path == web.ClearPath && isReadOnly(r):
			clearKeptPages(w, r)
		case isForm(r) && r.Method == http.MethodPost:
			mux.ServeHTTP(w, r)
		case sentByForm(r) && !isReadOnly(r):
			w.Header().Set("Allow", "GET, HEAD, POST")
			s.refuse(w, r, shared.ErrMethod)
		case isLink(r) && isReadOnly(r):
			mux.ServeHTTP(w, r)
		case isLink(r):
			refuseLinkMethod(w, r)
		case s.site.DrawsFor(r) && isReadOnly(r):
			s.serve(s.pages[r.URL.Path], w, r)
		default:
			s.site.ServeHTTP(w, r)
		}
	})
}

// routes returns the route table: the API, the forms, the email links and the pages, each with
// the policy and the rate limit of its callers.
func (s *Server) routes() []route {
	routes := slices.Concat(s.userRoutes(), s.managementRoutes())
	for _, page := range shared.Pages {
		routes = append(routes, handlePage(anyone, readRate, page))
		switch page {
		case shared.PageHome: // always redirects
		case shared.PageSignIn, shared.PageTwoFactor: // have another form, too
		default:
			routes = append(routes, handleCalls(page))
		}
	}
	return routes
}

// userRoutes returns the routes for everyone.
func (s *Server) userRoutes() []route {
	return []route{
		handle(anyone, readRate, shared.OK, s.ok),
		handle(anyone, signUpRate, shared.SignUp, s.signUp),
		handle(anyone, signInRate, shared.SignIn, s.signIn),
		handle(anyone, defaultRate, shared.SignOut, s.signOut),
		handle(anyone, readRate, shared.GetSession, s.getSession),
		handle(allowUnenrolled(signedIn), confirmRate, shared.StepUp, s.stepUp),
		handle(signedIn, readRate, shared.ListSessions, s.listSessions),
		handle(signedIn, defaultRate, shared.RevokeSession, s.revokeSession),
		handle(signedIn, defaultRate, shared.RevokeSessions, s.revokeSessions),
		handle(signedIn, defaultRate, shared.RevokeOtherSessions, s.revokeOtherSessions),
		handle(signedIn, readRate, shared.ListAccounts, s.listAccounts),
		handle(signedIn, readRate, shared.GetOverview, s.overview),
		handle(signedIn, defaultRate, shared.ConfirmSignIn, s.confirmSignIn),
		handle(requireFactor(fresh), defaultRate, shared.ReportSignIn, s.reportSignIn), // returns a token to reset the password
		handle(signedIn, defaultRate, shared.UpdateUser, s.updateUser),
		handle(signedIn, strictRate, shared.ChangePassword, s.changePassword),
		handle(signedIn, defaultRate, shared.VerifyPassword, s.verifyPassword),
		handle(signedIn, defaultRate, shared.DeleteUser, s.deleteUser), // the call itself confirms it

		handle(anyone, mailRate, shared.RequestPasswordReset, s.requestPasswordReset),
		handle(anyone, readRate, shared.OpenPasswordReset, s.openPasswordReset),
		handle(anyone, defaultRate, shared.ResetPassword, s.resetPassword),
		handle(anyone, mailRate, shared.SendVerificationEmail, s.sendVerificationEmail),
		handle(anyone, readRate, shared.VerifyEmail, s.verifyEmail),
		handle(requireFactor(fresh), strictRate, shared.ChangeEmail, s.changeEmail), // the new address receives codes
		handle(requireFactor(fresh), mailRate, shared.ResendEmailChange, s.resendEmailChange),
		handle(signedIn, defaultRate, shared.CancelEmailChange, s.cancelEmailChange),
		handle(anyone, readRate, shared.DeleteUserCallback, s.deleteUserCallback),
		handle(anyone, readRate, shared.ErrorPage, s.errorPage),
		handle(anyone, defaultRate, shared.ReportNotMe, s.reportNotMe),
		handle(anyone, defaultRate, shared.CheckLink, s.checkLink),
		handle(signedIn, readRate, shared.ListEvents, s.listEvents),

		handle(allowUnenrolled(signedIn), readRate, shared.TwoFactorStatus, s.twoFactorStatus),
		handle(allowUnenrolled(requireFactor(fresh)), strictRate, shared.EnableTwoFactor, s.enableTwoFactor),
		handle(requireFactor(fresh), strictRate, shared.DisableTwoFactor, s.disableTwoFactor),
		handle(requireFactor(fresh), strictRate, shared.GetTOTPURI, s.getTOTPURI),
		handle(requireFactor(fresh), strictRate, shared.GenerateBackupCodes, s.generateBackupCodes),
		handle(allowUnenrolled(signingIn), confirmRate, shared.VerifyTOTP, s.verifyTOTP),
		handle(signingIn, confirmRate, shared.VerifyBackupCode, s.verifyBackupCode),
		handle(signingIn, strictRate, shared.SendOTP, s.sendOTP),
		handle(signingIn, confirmRate, shared.VerifyOTP, s.verifyOTP),
		handle(signingIn, readRate, shared.GetPendingSignIn, s.getPendingSignIn),
		handle(signedIn, defaultRate, shared.TrustDevice, s.trustDevice), // only soon after a second factor
		handle(signedIn, readRate, shared.ListTrustedDevices, s.listTrustedDevices),
		handle(signedIn, defaultRate, shared.RevokeTrustedDevice, s.revokeTrustedDevice),
		handle(signedIn, defaultRate, shared.RevokeTrustedDevices, s.revokeTrustedDevices),

		handle(allowUnenrolled(requireFactor(fresh)), defaultRate, shared.GenerateRegisterOptions, s.generateRegisterOptions),
		handle(allowUnenrolled(requireFactor(fresh)), defaultRate, shared.VerifyRegistration, s.verifyRegistration),
		handle(anyone, defaultRate, shared.GenerateAuthenticateOptions, s.generateAuthenticateOptions),
		handle(anyone, passkeyRate, shared.VerifyAuthentication, s.verifyAuthentication),
		handle(allowUnenrolled(signedIn), readRate, shared.ListPasskeys, s.listPasskeys),
		handle(fresh, defaultRate, shared.UpdatePasskey, s.updatePasskey),
		handle(fresh, defaultRate, shared.DeletePasskey, s.deletePasskey), // also requireFactor, for the last passkey

		handle(anyone, readRate, shared.About, s.about),

		handleForm(anyone, signInRate, shared.PageSignIn, shared.SignIn.Path, s.signInForm),
		handleForm(allowUnenrolled(signingIn), confirmRate, shared.PageTwoFactor, shared.VerifyTOTP.Path, s.twoFactorForm),
		handleForm(anyone, defaultRate, shared.PageEmail, shared.VerifyEmail.Path, s.emailForm), // deleting an account requires a session
		handleLink(anyone, readRate, shared.PageEmail, shared.VerifyEmail.Path, s.openEmailLink),
		handleLink(anyone, readRate, shared.PageResetPassword, shared.OpenPasswordReset.Path, s.openResetLink),
	}
}

// managementRoutes returns the routes for administrators.
func (s *Server) managementRoutes() []route {
	return []route{
		handle(requirePermission(account.PermissionSettings), readRate, shared.ListSettings, s.listSettings),
		handle(requireFactor(requireFresh(requirePermission(account.PermissionSettings))), defaultRate, shared.PutSetting, s.putSetting),
		handle(requireFresh(requirePermission(account.PermissionSettings)), defaultRate, shared.SendTestMail, s.sendTestMail).waiting(),
		handle(requirePermission(account.PermissionSettings), readRate, shared.PasskeyCheck, s.passkeyCheck),

		handle(requirePermission(account.PermissionSettings), readRate, shared.ListServerKeys, s.listServerKeys),
		handle(requireFresh(requirePermission(account.PermissionSettings)), defaultRate, shared.CreateServerKey, s.createServerKey),
		handle(requireFresh(requirePermission(account.PermissionSettings)), defaultRate, shared.RevokeServerKey, s.revokeServerKey),

		handle(requirePermission(account.PermissionUsers), readRate, shared.ListUsers, s.listUsers),
		handle(requireFactor(requireFresh(requirePermission(account.PermissionUsers))), defaultRate, shared.ResetFactors, s.resetFactors),
		handle(requireFresh(requirePermission(account.PermissionUsers)), defaultRate, shared.RevokeUserSessions, s.revokeUserSessions),
		handle(requireFresh(requirePermission(account.PermissionUsers)), defaultRate, shared.DisableUser, s.disableUser),
		handle(requireFresh(requirePermission(account.PermissionUsers)), defaultRate, shared.EnableUser, s.enableUser),
		handle(requirePermission(account.PermissionAudit), readRate, shared.ListAllEvents, s.listAllEvents),
		handle(requirePermission(account.PermissionAudit), readRate, shared.ExportEvents, s.exportEvents).streaming(),
	}
}

func (s *Server) ok(call, shared.None) (shared.Alive, error) { return shared.Alive{OK: true}, nil }
