package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"slices"
	"strconv"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/language"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A call is a request to an endpoint that its policy has let in.
type call struct {
	*http.Request
	w http.ResponseWriter

	// Who calls, where the policy asks for it: in a session, or else in the
	// challenge of a sign-in. The client is always known.
	account.Actor
	Challenge *account.Challenge

	guesses *guesses // that the call was admitted with
}

// language is the one that the caller reads: the one that they chose, wherever that
// was, or else the one of their browser.
func (c call) language() *message.Language {
	if slices.Contains(shared.Languages, c.User.Language) {
		return language.Of(c.User.Language, "")
	}
	return languageOf(c.Request)
}

// A policy is who may call an endpoint.
type policy struct {
	level
	permission string // that the caller must have, too; empty for none
	factor     bool   // a second factor was shown lately in the session, if the user has two-factor authentication
	enrolling  bool   // also for who has to get a second factor first (REQUIRE_TWO_FACTOR)
}

type level int

const (
	everyone level = iota
	withChallenge
	withSession
	withFreshSession
)

var (
	// anyone may call without a session; the handler may look for one.
	anyone = policy{level: everyone}
	// challenged asks for a session, or for a sign-in whose password was right
	// and whose second factor is due.
	challenged = policy{level: withChallenge}
	// signedIn asks for a session.
	signedIn = policy{level: withSession}
	// fresh asks for a session whose user has lately confirmed who they are,
	// or for the right password in the call itself.
	fresh = policy{level: withFreshSession}
)

// permitted asks for a session of a user who has a permission at this moment.
func permitted(p string) policy { return policy{level: withSession, permission: p} }

// freshly asks for what may does, and for a fresh session, too.
func freshly(may policy) policy {
	may.level = withFreshSession
	return may
}

// withFactor asks for what may does, and for a second factor that was shown lately
// in the session, whatever password the call carries. Users without two-factor
// authentication are not asked for one, and neither is a call whose In says that it
// weakens no factor.
func withFactor(may policy) policy {
	may.factor = true
	return may
}

// enrolling asks for what may does, and does not refuse who has to get a second
// factor first: it is of what there is to do for that.
func enrolling(may policy) policy {
	may.enrolling = true
	return may
}

// weakening is implemented by the In of an endpoint if only some of its calls weaken a
// factor.
type weakening interface{ WeakensFactor() bool }

// confirming is what an endpoint's In is if a password in it can confirm who
// calls.
type confirming interface{ Confirmation() *string }

// handle makes h answer the endpoint for those whom the policy lets in. The
// policy is an argument, not an option, so that no endpoint can be left open by
// forgetting. As in Better Auth, the body is judged before the caller is. Where
// there is nothing to answer in JSON, h has answered by itself.
func handle[In, Out any](s *Server, mux *http.ServeMux, may policy, e shared.Endpoint[In, Out], h func(call, In) (Out, error)) {
	schema := schemaOf[In]()
	answer := func(c *call) (out Out, err error) {
		defer func() { s.settle(*c, err) }()
		if err := s.limit(*c, e.Path); err != nil {
			return out, err
		}
		if err := knows(c.Request); err != nil {
			return out, err
		}
		var in In
		if reads(c.Request) {
			err = s.decodeQuery(c.Request, schema, &in)
		} else {
			err = s.decode(c.Request, schema, &in)
		}
		if err != nil {
			return out, err
		}
		if may.level != everyone {
			if *c, err = s.admit(*c, may, in); err != nil {
				return out, err
			}
		}
		return h(*c, in)
	}
	mux.HandleFunc(e.Method+" "+e.Path, func(w http.ResponseWriter, r *http.Request) {
		c := call{Request: r, w: w, Actor: account.Actor{Client: s.client(r)}, guesses: new(guesses)}
		out, err := answer(&c)
		if missing, ok := errors.AsType[*keyring.MissingKeyError](err); ok {
			err = errors.Join(err, s.Accounts.NoteMissingKey(r.Context(), c.Actor, missing))
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if _, answered := any(out).(shared.None); !answered {
			reply(w, out)
		}
	})
}

// knows refuses an app that would not understand the answer.
func knows(r *http.Request) error {
	said := r.Header.Get(shared.HeaderApp)
	if version, err := strconv.Atoi(said); said != "" && (err != nil || version < shared.AppVersion) {
		return shared.ErrAppTooOld
	}
	return nil
}

// admit lets the caller in or says why not.
func (s *Server) admit(c call, may policy, in any) (call, error) {
	c, err := s.authenticate(c)
	if may.level == withChallenge && errors.Is(err, shared.ErrUnauthorized) {
		return s.challenge(c)
	}
	if err != nil {
		return c, err
	}
	// Somebody else may have signed in in another tab. What one of them sees and
	// does must not be the other's.
	if account := c.Header.Get(shared.HeaderAccount); account != "" && account != c.User.ID {
		return c, shared.ErrOtherAccount
	}
	if !may.enrolling && s.mustEnrol(c) {
		return c, shared.ErrEnrolmentDue
	}
	if may.permission != "" && !c.Session.Permissions.Has(may.permission) {
		return c, shared.ErrForbidden
	}
	if w, ok := in.(weakening); may.factor && (!ok || w.WeakensFactor()) {
		if err := s.Accounts.CheckSecondFactor(c.Context(), c.Actor); err != nil {
			return c, err
		}
	}
	if may.level != withFreshSession {
		return c, nil
	}
	return c, s.confirmed(c, in)
}

// mustEnrol reports whether the caller has to get a second factor before anything
// else.
func (s *Server) mustEnrol(c call) bool {
	due := s.Accounts.EnrolBy(c.Actor)
	return !due.IsZero() && !s.Accounts.Now().Before(due)
}

// confirmed fails unless the caller has lately confirmed who they are, or does so
// in the call.
func (s *Server) confirmed(c call, in any) error {
	if cf, ok := in.(confirming); ok && cf.Confirmation() != nil {
		return s.Accounts.ConfirmPassword(c.Context(), c.Actor, *cf.Confirmation())
	}
	if !s.Accounts.Fresh(c.Session) {
		return shared.ErrNotFresh
	}
	return nil
}

// authenticate finds the session that the call came with. A cookie that stands
// for none is cleared, unless a newer one may be on its way; a database that
// does not answer clears nothing.
func (s *Server) authenticate(c call) (call, error) {
	token, ok := s.cookies.session(c.Request)
	if !ok {
		return c, shared.ErrUnauthorized
	}
	var extended bool
	var err error
	c.Actor, extended, err = s.Accounts.Authenticate(c.Context(), c.Client, token, reads(c.Request))
	switch {
	case errors.Is(err, shared.ErrUnauthorized) && !errors.Is(err, account.ErrRotated):
		s.cookies.clearSession(c.w)
	case extended:
		s.cookies.setSession(c.w, c.Session, token)
	}
	return c, err
}

// challenge finds the challenge that the call came with. A cookie that stands
// for none is cleared.
func (s *Server) challenge(c call) (call, error) {
	token, ok := s.cookies.challenge(c.Request)
	if !ok {
		return c, shared.ErrChallenge
	}
	ch, user, err := s.Accounts.Challenged(c.Context(), token)
	if errors.Is(err, shared.ErrChallenge) {
		s.cookies.clearChallenge(c.w)
	}
	c.Challenge, c.User = &ch, user
	return c, err
}

// reply writes an answer.
func reply(w http.ResponseWriter, out any) {
	body, err := json.Marshal(out)
	if err != nil {
		panic(err) // the types of package shared can all be marshalled
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

// serveAPI sends a request to its endpoint. What none of them is for is
// answered in JSON, never by a page or a redirect.
func (s *Server) serveAPI(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	h, pattern := mux.Handler(r)
	if pattern != "" && r.URL.Path == path.Clean(r.URL.Path) {
		mux.ServeHTTP(w, r)
		return
	}
	if err := s.limitHere(call{Request: r, Actor: account.Actor{Client: s.client(r)}}, "elsewhere"); err != nil {
		s.fail(w, r, err)
		return
	}
	refusal := refusal{header: http.Header{}}
	h.ServeHTTP(&refusal, r)
	if refusal.status == http.StatusMethodNotAllowed {
		w.Header()["Allow"] = refusal.header["Allow"]
		s.fail(w, r, shared.ErrMethod)
		return
	}
	s.fail(w, r, shared.ErrNotFound)
}

// refusal takes ServeMux's own answer, for what it says of the methods.
type refusal struct {
	header http.Header
	status int
}

func (f *refusal) Header() http.Header         { return f.header }
func (f *refusal) WriteHeader(status int)      { f.status = status }
func (f *refusal) Write(b []byte) (int, error) { return len(b), nil }
