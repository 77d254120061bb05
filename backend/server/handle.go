package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"latchkey/backend/account"
	"latchkey/backend/language"
	"latchkey/backend/server/wire"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A call is a request to a route, with the caller that its policy has authenticated.
type call struct {
	*http.Request
	ctx context.Context // the request's, with the timeout of the call
	w   http.ResponseWriter

	// The caller, if the policy requires one: the user of a session or else of a pending
	// sign-in. The client is always set.
	account.Actor
	PendingSignIn *account.PendingSignIn
	identified    *identification // nil until the route of a page has looked for its caller

	guesses *guesses   // guesses that the limits have counted for the call
	typed   url.Values // the fields of a form; nil for other calls
}

// Context returns the context of the call. It is not that of the request: a copy of the
// request with another context would be the largest part of a call.
func (c call) Context() context.Context { return c.ctx }

// language returns the caller's language: the one that they chose on any device, or else
// their browser's.
func (c call) language() *message.Language {
	if slices.Contains(shared.Languages, c.User.Language) {
		return language.Of(c.User.Language, "")
	}
	return languageOf(c.Request)
}

// languageOf returns the language of the user who made a request.
func languageOf(r *http.Request) *message.Language { return language.OfRequest(r) }

// A policy states who may call a route.
type policy struct {
	level
	permission string // also required; empty for none
	factor     bool   // also requires a recent second factor, if the user has two-factor authentication
	unenrolled bool   // also admits users who must enroll a second factor first (REQUIRE_TWO_FACTOR)
}

type level int

const (
	everyone level = iota
	withPendingSignIn
	withSession
	withFreshSession
)

var (
	// anyone requires no session; the handler may look for one.
	anyone = policy{level: everyone}
	// signingIn requires a session or a pending sign-in: one with a correct password that
	// still needs a second factor.
	signingIn = policy{level: withPendingSignIn}
	// signedIn requires a session.
	signedIn = policy{level: withSession}
	// fresh requires a session whose user has recently confirmed their identity, or the
	// correct password in the call.
	fresh = policy{level: withFreshSession}
)

// requirePermission requires a session whose user currently has a permission.
func requirePermission(name string) policy { return policy{level: withSession, permission: name} }

// requireFresh returns p with the additional requirement of a fresh session.
func requireFresh(p policy) policy {
	p.level = withFreshSession
	return p
}

// requireFactor returns p with the additional requirement of a second factor that was
// verified recently in the session. A password in the call does not replace it. There are
// two exceptions: users without two-factor authentication, and calls whose In reports
// that they weaken no factor.
func requireFactor(p policy) policy {
	p.factor = true
	return p
}

// allowUnenrolled returns p, extended to users whom REQUIRE_TWO_FACTOR restricts, because
// they need the route to enroll.
func allowUnenrolled(p policy) policy {
	p.unenrolled = true
	return p
}

// weakensFactor is implemented by the In of endpoints of which only some calls weaken a
// factor.
type weakensFactor interface{ WeakensFactor() bool }

// passwordConfirmed is implemented by the In of endpoints that accept a password to
// confirm the caller's identity.
type passwordConfirmed interface{ Confirmation() *string }

// admit authenticates the caller, and fails unless the policy admits them.
func (s *Server) admit(c call, p policy, in any) (call, error) {
	if p.level == everyone {
		return c, nil
	}
	c, err := s.authenticate(c)
	if p.level == withPendingSignIn && errors.Is(err, shared.ErrUnauthorized) {
		return s.findPendingSignIn(c)
	}
	if err != nil {
		return c, err
	}
	return c, s.permit(c, p, in)
}

// permit fails unless a policy admits a call in a session.
func (s *Server) permit(c call, p policy, in any) error {
	// Another user may have signed in in another tab. The page of one account must not act
	// in the session of another.
	if account := c.Header.Get(shared.HeaderAccount); account != "" && account != c.User.ID {
		return shared.ErrOtherAccount
	}
	if !p.unenrolled && s.enrollmentDue(c) {
		return shared.ErrEnrollmentDue
	}
	if p.permission != "" && !c.Session.Permissions.Has(p.permission) {
		return shared.ErrForbidden
	}
	if w, ok := in.(weakensFactor); p.factor && (!ok || w.WeakensFactor()) {
		if err := s.Accounts.CheckSecondFactor(c.Context(), c.Actor); err != nil {
			return err
		}
	}
	if p.level != withFreshSession {
		return nil
	}
	return s.checkConfirmed(c, in)
}

// enrollmentDue reports whether the caller must enroll a second factor before they can do
// anything else.
func (s *Server) enrollmentDue(c call) bool {
	due := s.Accounts.EnrollmentDeadline(c.Actor)
	return !due.IsZero() && !s.Accounts.Now().Before(due)
}

// checkConfirmed fails unless the caller has recently confirmed their identity, or does so in
// the call.
func (s *Server) checkConfirmed(c call, in any) error {
	if cf, ok := in.(passwordConfirmed); ok && cf.Confirmation() != nil {
		return s.Accounts.ConfirmPassword(c.Context(), c.Actor, *cf.Confirmation())
	}
	if !s.Accounts.Fresh(c.Session) {
		return shared.ErrNotFresh
	}
	return nil
}

// authenticate finds the session of a call. It clears a cookie without a session, unless
// the token was just rotated and the browser may already have the new one. It clears
// nothing if the database does not respond.
func (s *Server) authenticate(c call) (call, error) {
	if c.identified != nil {
		return c, c.identified.session
	}
	cookie, ok := s.cookies.session(c.Request)
	if !ok {
		return c, shared.ErrUnauthorized
	}
	var extended bool
	var err error
	reading := isReadOnly(c.Request)
	c.Actor, extended, err = s.Accounts.Authenticate(c.Context(), c.Client, cookie.Token, reading)
	switch {
	case errors.Is(err, shared.ErrUnauthorized) && !errors.Is(err, account.ErrRotated):
		s.cookies.clearSession(c.w, c.Request)
	case err == nil && cookie.signedName != "" && !reading:
		return s.renewCookie(c)
	case extended:
		s.cookies.extendSession(c.w, c.Session, cookie)
	}
	return c, err
}

// renewCookie replaces a session's cookie that Better Auth has set. Calls that only read do not,
// because a back end that asks with the cookie of a user does not pass a new one on.
func (s *Server) renewCookie(c call) (call, error) {
	if !c.Session.RotatedAt.IsZero() { // another call has just replaced it
		return c, nil
	}
	o, err := s.Accounts.RenewToken(c.Context(), c.Actor, c.Session.Remember && !s.cookies.isBrief(c.Request))
	if err != nil {
		return c, err
	}
	c.Session, c.User = o.Session, o.User
	if o.Token != "" {
		s.issueSession(c, o)
	}
	return c, nil
}

// findPendingSignIn finds the pending sign-in of a call. It clears a cookie without one.
func (s *Server) findPendingSignIn(c call) (call, error) {
	if c.identified != nil {
		return c, c.identified.pendingSignIn
	}
	token, ok := s.cookies.pendingSignIn(c.Request)
	if !ok {
		return c, shared.ErrNoPendingSignIn
	}
	ch, user, err := s.Accounts.PendingSignIn(c.Context(), token)
	if errors.Is(err, shared.ErrNoPendingSignIn) {
		s.cookies.clearPendingSignIn(c.w)
	}
	if err == nil {
		c.PendingSignIn, c.User = &ch, user
	}
	return c, err
}

// reply responds with out as JSON.
func reply(w http.ResponseWriter, out any) {
	buffer := buffers.Get().(*[]byte)
	body := wire.AppendJSON((*buffer)[:0], out)
	w.Header()["Content-Type"] = jsonType
	w.Write(body)
	if cap(body) <= maxBuffer {
		*buffer = body
		buffers.Put(buffer)
	}
}

var (
	// jsonType is the Content-Type of JSON. Responses share it, and none may change it.
	jsonType = []string{"application/json"}
	// buffers holds buffers for bodies, each of which is a *[]byte.
	buffers = sync.Pool{New: func() any { return new([]byte) }}
)

// maxBuffer, in bytes, exceeds the usual bodies. The pool does not keep larger buffers.
const maxBuffer = 64 << 10

// serveAPI routes a request to its endpoint. If there is none, the response is a JSON
// error, never a page or a redirect.
func (s *Server) serveAPI(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	h, pattern := mux.Handler(r)
	if pattern != "" && r.URL.Path == path.Clean(r.URL.Path) {
		if strings.Contains(pattern, "{") {
			mux.ServeHTTP(w, r) // looks it up again, for the values in the path
			return
		}
		h.ServeHTTP(w, r)
		return
	}
	if err := s.limitInMemory(call{Request: r, ctx: r.Context(), Actor: account.Actor{Client: s.client(r)}}, "elsewhere"); err != nil {
		s.fail(w, r, err)
		return
	}
	answer := discardedBody{header: http.Header{}}
	h.ServeHTTP(&answer, r)
	if answer.status == http.StatusMethodNotAllowed {
		w.Header()["Allow"] = answer.header["Allow"]
		s.fail(w, r, shared.ErrMethod)
		return
	}
	s.fail(w, r, shared.ErrNotFound)
}

// discardedBody records the status and the header of a response, and discards its body.
type discardedBody struct {
	header http.Header
	status int
}

func (a *discardedBody) Header() http.Header         { return a.header }
func (a *discardedBody) WriteHeader(status int)      { a.status = status }
func (a *discardedBody) Write(b []byte) (int, error) { return len(b), nil }
