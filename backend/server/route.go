package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/server/wire"
	"latchkey/shared"
)

// A route is an endpoint, a form or a link, with all that holds for its calls.
type route struct {
	policy policy
	method string // GET stands for HEAD, too
	path   string // as [http.ServeMux] reads it

	// rate limits the calls of an address. They are counted under a path, which forms
	// and links share with the endpoint that does the same.
	rate      rate
	limitPath string

	// writes is whether calls change something. Such a call is finished when the
	// caller hangs up: a guess must not get out of being counted.
	writes bool
	// streams is whether the handler sends a long answer in parts. The server's
	// timeout then ends with the admission of the call, and the handler sets one
	// for each part.
	streams bool

	// admit checks a call, and returns what to do for it.
	admit func(*Server, route, *call) (action, error)
	// respond writes the result of the action, or the error of either.
	respond func(s *Server, rt route, c call, out any, err error)
}

// An action is what a route does for a call that it has admitted.
type action func(*call) (any, error)

// streaming returns the route with a handler that sends its answer in parts.
func (rt route) streaming() route {
	rt.streams = true
	return rt
}

// handle makes h answer an endpoint for the callers that the policy admits. The
// policy and the rate are arguments, not options, so that no endpoint can be left
// open by forgetting them. As in Better Auth, the server checks the body before the
// caller. If h returns [shared.None], it has written the answer itself.
func handle[In, Out any](p policy, limit rate, e shared.Endpoint[In, Out], h func(call, In) (Out, error)) route {
	schema := wire.SchemaOf[In]()
	admit := func(s *Server, rt route, c *call) (action, error) {
		if err := s.limit(*c, rt.rate, rt.limitPath); err != nil {
			return nil, err
		}
		if err := checkAppVersion(c.Request); err != nil {
			return nil, err
		}
		decode := s.decoder().Body
		if rt.method == http.MethodGet {
			decode = s.decoder().Query
		}
		var in In
		err := decode(c.Request, schema, &in)
		if err != nil {
			return nil, err
		}
		if *c, err = s.admit(*c, rt.policy, in); err != nil {
			return nil, err
		}
		return func(c *call) (any, error) { return h(*c, in) }, nil
	}
	return route{
		policy: p, method: e.Method, path: e.Path, rate: limit, limitPath: e.Path, writes: e.Method != http.MethodGet,
		admit: admit, respond: (*Server).respondJSON,
	}
}

func (s *Server) respondJSON(_ route, c call, out any, err error) {
	if err != nil {
		s.fail(c.w, c.Request, err)
		return
	}
	if _, written := out.(shared.None); !written {
		reply(c.w, out)
	}
}

// handleForm makes h answer the form of a page, as [handle] does an endpoint. A form
// counts as a call of an endpoint, so that a caller who uses both has no more tries.
// h returns where to go next, or "" if it has written the answer itself. A caller who
// is refused gets the page again, with what was wrong.
func handleForm[In any](p policy, limit rate, page, limitPath string, h func(call, In) (string, error)) route {
	schema := wire.SchemaOf[In]()
	admit := func(s *Server, rt route, c *call) (action, error) {
		c.w.Header().Set("Cache-Control", "no-store")
		if err := s.checkFormOrigin(c.Request); err != nil {
			return nil, err
		}
		if err := s.limit(*c, rt.rate, rt.limitPath); err != nil {
			return nil, err
		}
		var in In
		var err error
		if c.typed, err = s.decoder().Form(c.Request, schema, &in); err != nil {
			return nil, formError(err)
		}
		if *c, err = s.admit(*c, rt.policy, in); err != nil {
			return nil, err
		}
		return func(c *call) (any, error) { return h(*c, in) }, nil
	}
	return route{
		policy: p, method: http.MethodPost, path: page, rate: limit, limitPath: limitPath, writes: true,
		admit: admit, respond: (*Server).respondForm,
	}
}

// checkFormOrigin fails unless a form is one of our own pages: no page of a trusted
// origin has one.
func (s *Server) checkFormOrigin(r *http.Request) error {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "null" && origin != originOf(s.Origin) {
		return shared.ErrOrigin
	}
	return nil
}

func (s *Server) respondForm(rt route, c call, out any, err error) {
	if err != nil {
		s.redisplay(c, rt.path, c.typed, err)
		return
	}
	if to := out.(string); to != "" {
		c.w.Header().Set("Location", to)
		c.w.WriteHeader(http.StatusSeeOther)
	}
}

// handleLink makes open answer a link of an email, which leads to a page. It counts as
// a call of an endpoint. open writes the answer unless it fails.
func handleLink(p policy, limit rate, page, limitPath string, open func(*call) error) route {
	admit := func(s *Server, rt route, c *call) (action, error) {
		c.w.Header().Set("Cache-Control", "no-store")
		if err := s.limit(*c, rt.rate, rt.limitPath); err != nil {
			return nil, err
		}
		var err error
		if *c, err = s.admit(*c, rt.policy, nil); err != nil {
			return nil, err
		}
		return func(c *call) (any, error) { return nil, open(c) }, nil
	}
	return route{
		policy: p, method: http.MethodGet, path: page, rate: limit, limitPath: limitPath,
		admit: admit, respond: (*Server).respondLink,
	}
}

func (s *Server) respondLink(_ route, c call, _ any, err error) {
	if err != nil {
		q := c.URL.Query()
		s.refuseLink(c, shared.EmailLink{Token: q.Get("token"), CallbackURL: q.Get("callbackURL")}, err)
	}
}

// register has mux send the calls of the routes to them.
func (s *Server) register(mux *http.ServeMux) {
	for _, rt := range s.routes() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { s.serve(rt, w, r) })
	}
}

// serve answers a call of a route.
func (s *Server) serve(rt route, w http.ResponseWriter, r *http.Request) {
	whole := r.Context()
	if rt.writes {
		whole = context.WithoutCancel(whole)
	}
	ctx, cancel := context.WithTimeout(whole, s.RequestTimeout)
	defer cancel()
	c := call{Request: r.WithContext(ctx), w: w, Actor: account.Actor{Client: s.client(r)}, guesses: new(guesses)}
	out, err := s.perform(whole, rt, &c)
	if missing, ok := errors.AsType[*keyring.MissingKeyError](err); ok {
		err = errors.Join(err, s.Accounts.AuditMissingKey(ctx, c.Actor, missing))
	}
	rt.respond(s, rt, c, out, err)
}

// perform admits a call and does what its route is for. whole is the context of the
// call without the timeout.
func (s *Server) perform(whole context.Context, rt route, c *call) (out any, err error) {
	defer func() { s.settle(whole, c.guesses, err) }()
	do, err := rt.admit(s, rt, c)
	if err != nil {
		return nil, err
	}
	if rt.streams {
		c.Request = c.WithContext(whole)
	}
	return do(c)
}

// checkAppVersion refuses an app that would not understand the answer.
func checkAppVersion(r *http.Request) error {
	sent := r.Header.Get(shared.HeaderApp)
	if version, err := strconv.Atoi(sent); sent != "" && (err != nil || version < shared.AppVersion) {
		return shared.ErrAppTooOld
	}
	return nil
}
