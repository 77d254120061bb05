// Package server is Latchkey over HTTP: the route table with who may call what,
// cookies, errors, and the guards that every request passes.
package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// Config is what a [Server] is made of.
type Config struct {
	Accounts *account.Service
	// Ready fails while the database does not answer or has another schema.
	Ready func(context.Context) error
	// HandOn hands a mail on at once, and fails with [account.RefusedError] if
	// who carries it does not take it.
	HandOn func(context.Context, account.Mail) error
	Log    *slog.Logger

	// Origin is where browsers find the server: scheme, host and port. What
	// cookies may do, which Host and Origin are ours: all follows from it.
	Origin *url.URL
	// TrustedOrigins are other sites whose pages may call the API with
	// credentials. Optional.
	TrustedOrigins []string
	// TrustedProxies are believed when they say who called them. Optional.
	TrustedProxies []netip.Prefix
	// CookiePrefix begins the names of the cookies: "latchkey", or
	// "better-auth" in the place of a Better Auth server.
	CookiePrefix string

	// RequestTimeout is how long a request may take. Zero stands for the four
	// seconds of [requestTimeout].
	RequestTimeout time.Duration

	// App serves the scripts of the app that go-app makes: /app.js,
	// /wasm_exec.js and /app-worker.js.
	App http.Handler
}

// Server answers requests.
type Server struct {
	Config
	cookies cookies
	reads   *windows
	queues  *queues
	proxies *proxies
}

// requestTimeout is under the five seconds within which a request must be
// answered when the database does not answer.
const requestTimeout = 4 * time.Second

// New returns the handler of the whole product.
func New(c Config) http.Handler {
	c.RequestTimeout = cmp.Or(c.RequestTimeout, requestTimeout)
	s := &Server{Config: c, cookies: newCookies(c.CookiePrefix, c.Origin), reads: newWindows(), proxies: new(proxies)}
	// Half of the time is left for the hash, which may have to wait for its turn, too.
	s.queues = &queues{wait: c.RequestTimeout / 2, open: map[string]*queue{}}

	// The outermost first. The log is outside the guard against panics, so
	// that a panic is logged as the 500 that it becomes.
	return chain(s.rooms(),
		s.logged,
		s.guarded,
		s.withHeaders,
		s.withDeadline,
		limitedBody,
		s.ofOurHost,
		s.watchProxies,
		s.withCORS,
		s.fromOurOrigin,
	)
}

// rooms sends a request to the API, the probes, the well-known addresses, the
// forms, the links of emails or the pages. It is no ServeMux because that answers
// addresses like /api//x with a redirect of its own.
func (s *Server) rooms() http.Handler {
	mux := http.NewServeMux()
	s.routes(mux)
	pages := pages(s.App, s.name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isAPI(r):
			s.serveAPI(mux, w, r)
		case isProbe(r):
			s.probe(w, r)
		case isWellKnown(r):
			s.wellKnown(w, r)
		case isForm(r) && r.Method == http.MethodPost:
			mux.ServeHTTP(w, r)
		case sentByForm(r) && !reads(r):
			w.Header().Set("Allow", "GET, HEAD, POST")
			s.refuse(w, r, shared.ErrMethod)
		case isLink(r):
			s.openLink(w, r)
		default:
			pages.ServeHTTP(w, r)
		}
	})
}

// routes is the API and the forms: every endpoint with who may call it.
func (s *Server) routes(mux *http.ServeMux) {
	handle(s, mux, anyone, shared.OK, s.ok)
	handle(s, mux, anyone, shared.SignUp, s.signUp)
	handle(s, mux, anyone, shared.SignIn, s.signIn)
	handle(s, mux, anyone, shared.SignOut, s.signOut)
	handle(s, mux, anyone, shared.GetSession, s.getSession)
	handle(s, mux, enrolling(signedIn), shared.StepUp, s.stepUp)
	handle(s, mux, signedIn, shared.ListSessions, s.listSessions)
	handle(s, mux, signedIn, shared.RevokeSession, s.revokeSession)
	handle(s, mux, signedIn, shared.RevokeSessions, s.revokeSessions)
	handle(s, mux, signedIn, shared.RevokeOtherSessions, s.revokeOtherSessions)
	handle(s, mux, signedIn, shared.UpdateUser, s.updateUser)
	handle(s, mux, signedIn, shared.ChangePassword, s.changePassword)
	handle(s, mux, signedIn, shared.VerifyPassword, s.verifyPassword)
	handle(s, mux, signedIn, shared.DeleteUser, s.deleteUser) // and fresh, but for who has the link of a mail

	handle(s, mux, anyone, shared.RequestPasswordReset, s.requestPasswordReset)
	handle(s, mux, anyone, shared.OpenPasswordReset, s.openPasswordReset)
	handle(s, mux, anyone, shared.ResetPassword, s.resetPassword)
	handle(s, mux, anyone, shared.SendVerificationEmail, s.sendVerificationEmail)
	handle(s, mux, anyone, shared.VerifyEmail, s.verifyEmail)
	handle(s, mux, withFactor(fresh), shared.ChangeEmail, s.changeEmail) // who reads the mailbox gets codes
	handle(s, mux, anyone, shared.DeleteUserCallback, s.deleteUserCallback)
	handle(s, mux, anyone, shared.Disown, s.disown)
	handle(s, mux, anyone, shared.CheckLink, s.checkLink)
	handle(s, mux, signedIn, shared.ListEvents, s.listEvents)

	handle(s, mux, enrolling(signedIn), shared.TwoFactorStatus, s.twoFactorStatus)
	handle(s, mux, enrolling(withFactor(fresh)), shared.EnableTwoFactor, s.enableTwoFactor)
	handle(s, mux, withFactor(fresh), shared.DisableTwoFactor, s.disableTwoFactor)
	handle(s, mux, withFactor(fresh), shared.GetTOTPURI, s.getTOTPURI)
	handle(s, mux, withFactor(fresh), shared.GenerateBackupCodes, s.generateBackupCodes)
	handle(s, mux, enrolling(challenged), shared.VerifyTOTP, s.verifyTOTP)
	handle(s, mux, challenged, shared.VerifyBackupCode, s.verifyBackupCode)
	handle(s, mux, challenged, shared.SendOTP, s.sendOTP)
	handle(s, mux, challenged, shared.VerifyOTP, s.verifyOTP)
	handle(s, mux, signedIn, shared.ListTrustedDevices, s.listTrustedDevices)
	handle(s, mux, signedIn, shared.RevokeTrustedDevice, s.revokeTrustedDevice)
	handle(s, mux, signedIn, shared.RevokeTrustedDevices, s.revokeTrustedDevices)

	handle(s, mux, enrolling(withFactor(fresh)), shared.GenerateRegisterOptions, s.generateRegisterOptions)
	handle(s, mux, enrolling(withFactor(fresh)), shared.VerifyRegistration, s.verifyRegistration)
	handle(s, mux, anyone, shared.GenerateAuthenticateOptions, s.generateAuthenticateOptions)
	handle(s, mux, anyone, shared.VerifyAuthentication, s.verifyAuthentication)
	handle(s, mux, enrolling(signedIn), shared.ListPasskeys, s.listPasskeys)
	handle(s, mux, fresh, shared.UpdatePasskey, s.updatePasskey)
	handle(s, mux, fresh, shared.DeletePasskey, s.deletePasskey) // and withFactor, for the last one

	handle(s, mux, anyone, shared.About, s.about)
	handle(s, mux, permitted(account.PermissionSettings), shared.ListSettings, s.listSettings)
	handle(s, mux, withFactor(freshly(permitted(account.PermissionSettings))), shared.PutSetting, s.putSetting)
	handle(s, mux, freshly(permitted(account.PermissionSettings)), shared.SendTestMail, s.sendTestMail)
	handle(s, mux, permitted(account.PermissionSettings), shared.PasskeyCheck, s.passkeyCheck)

	handle(s, mux, permitted(account.PermissionUsers), shared.ListUsers, s.listUsers)
	handle(s, mux, withFactor(freshly(permitted(account.PermissionUsers))), shared.ResetFactors, s.resetFactors)
	handle(s, mux, freshly(permitted(account.PermissionUsers)), shared.EndSessions, s.endSessions)
	handle(s, mux, freshly(permitted(account.PermissionUsers)), shared.DisableUser, s.disableUser)
	handle(s, mux, freshly(permitted(account.PermissionUsers)), shared.EnableUser, s.enableUser)

	handle(s, mux, permitted(account.PermissionAudit), shared.ListAllEvents, s.listAllEvents)
	handle(s, mux, permitted(account.PermissionAudit), shared.ExportEvents, s.exportEvents)

	handleForm(s, mux, anyone, shared.PageSignIn, s.signInForm)
	handleForm(s, mux, enrolling(challenged), shared.PageTwoFactor, s.twoFactorForm)
	handleForm(s, mux, anyone, shared.PageEmail, s.emailForm) // a deletion asks for a session
}

func (s *Server) ok(call, shared.None) (shared.Alive, error) { return shared.Alive{OK: true}, nil }

// probe answers whether the process lives (/healthz) and whether it can serve
// (/readyz).
func (s *Server) probe(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/readyz" {
		if err := s.Ready(r.Context()); err != nil {
			s.fail(w, r, fmt.Errorf("%w: %w", shared.ErrUnavailable, err))
			return
		}
	}
	reply(w, shared.Alive{OK: true})
}
