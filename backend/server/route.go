package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/server/wire"
	"latchkey/shared"
)

// A route is an endpoint, a form or an email link, with the policy and the limits of
// its calls.
type route struct {
	policy policy
	method string // GET includes HEAD
	path   string // a pattern of [http.ServeMux]

	// rate limits the calls from an address. limitPath is the path under which they
	// are counted. A form or link shares it with the endpoint that does the same.
	rate      rate
	limitPath string

	// writes is set if calls change state. Such a call continues if the client
	// disconnects: otherwise an attacker could keep a guess from being counted.
	writes bool
	// streams is set if the handler sends a long response in parts. The server's
	// timeout then covers only the admission of the call, and the handler sets one for
	// each part.
	streams bool
	// waits is set if the action waits for another server. The action then sets a timeout of
	// its own, and the response has the server's timeout again.
	waits bool
	// page is set if the route draws a page of the app.
	page bool

	// admit checks a call and returns its action.
	admit func(*Server, route, *call) (action, error)
	// respond writes the result of the action, or the error of admit or the action.
	respond func(s *Server, rt route, c call, out any, err error)
	// answer performs a call for a page that shows the response. The page has identified the
	// caller. answer is nil unless the route is a GET endpoint.
	answer func(s *Server, rt route, c call) (any, error)
	// admitForm admits a form that calls the endpoint with fields, as admit does with a body.
	// admitForm is nil unless the route is an endpoint that changes state.
	admitForm func(s *Server, rt route, c *call, fields url.Values) (action, error)
}

// An action performs a call that the route has admitted.
type action func(*call) (any, error)

// streaming returns the route, marked as one whose handler streams its response.
func (rt route) streaming() route {
	rt.streams = true
	return rt
}

// waiting returns the route, marked as one whose action waits for another server.
func (rt route) waiting() route {
	rt.waits = true
	return rt
}

// handle returns a route that calls h for the callers that the policy admits. The
// policy and the rate are arguments, not options, so that no endpoint can omit them.
// As in Better Auth, the server checks the body before the caller. If h returns
// [shared.None], it has written the response itself.
func handle[In, Out any](p policy, limit rate, e shared.Endpoint[In, Out], h func(call, In) (Out, error)) route {
	schema := wire.SchemaOf[In]()
	admitCaller := func(s *Server, rt route, c *call, in In) (do action, err error) {
		if *c, err = s.admit(*c, rt.policy, in); err != nil {
			return nil, err
		}
		return func(c *call) (any, error) { return h(*c, in) }, nil
	}
	admitDecoded := func(s *Server, rt route, c *call) (action, error) {
		decode := s.decoder().Body
		if rt.method == http.MethodGet {
			decode = s.decoder().Query
		}
		var in In
		if err := decode(c.Request, schema, &in); err != nil {
			return nil, err
		}
		return admitCaller(s, rt, c, in)
	}
	admit := func(s *Server, rt route, c *call) (action, error) {
		if err := s.limit(*c, rt.rate, rt.limitPath); err != nil {
			return nil, err
		}
		if err := checkAppVersion(c.Request); err != nil {
			return nil, err
		}
		return admitDecoded(s, rt, c)
	}
	rt := route{
		policy: p, method: e.Method, path: e.Path, rate: limit, limitPath: e.Path, writes: e.Method != http.MethodGet,
		admit: admit, respond: (*Server).respondJSON,
	}
	if !rt.writes {
		rt.answer = func(s *Server, rt route, c call) (any, error) {
			do, err := admitDecoded(s, rt, &c)
			if err != nil {
				return nil, err
			}
			return do(&c)
		}
		return rt
	}
	rt.admitForm = func(s *Server, rt route, c *call, fields url.Values) (action, error) {
		if err := s.limit(*c, rt.rate, rt.limitPath); err != nil {
			return nil, err
		}
		var in In
		if err := s.decoder().Values(fields, schema, &in); err != nil {
			return nil, formError(err)
		}
		return admitCaller(s, rt, c, in)
	}
	return rt
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

// handleForm returns a route that calls h for the form of a page, as [handle] does for
// an endpoint. A form counts toward the limit of an endpoint, so that a caller who
// uses both gets no more tries. h returns the address to redirect to, or "" if it has
// written the response itself. If the call is refused, the response is the page with
// an error message. A form of the page can also call an endpoint: see [shared.FormCall].
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
		if c.typed, err = wire.ReadForm(c.Request); err != nil {
			return nil, formError(err)
		}
		if c.typed.Has(shared.FormCall) {
			return s.admitFormCall(c)
		}
		if err := s.decoder().Values(c.typed, schema, &in); err != nil {
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

// checkFormOrigin fails if the Origin header names any origin but our own: trusted
// origins call the API, and have no forms.
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

// handleLink returns a route that calls open for an email link to a page. It counts
// toward the limit of an endpoint. open writes the response unless it fails.
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

// register adds the routes to mux. The routes of pages are not in mux, because other requests for
// the same paths go to the site or to email links.
func (s *Server) register(mux *http.ServeMux) {
	s.pages, s.reads, s.writes = map[string]route{}, map[string]route{}, map[string]route{}
	for _, rt := range s.routes() {
		if rt.page {
			s.pages[rt.path] = rt
			continue
		}
		if rt.answer != nil {
			s.reads[rt.path] = rt
		}
		if rt.admitForm != nil {
			s.writes[rt.path] = rt
		}
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { s.serve(rt, w, r) })
	}
}

// serve handles a call of a route.
func (s *Server) serve(rt route, w http.ResponseWriter, r *http.Request) {
	whole := r.Context()
	if rt.writes {
		whole = context.WithoutCancel(whole)
	}
	ctx, cancel := context.WithTimeout(whole, s.RequestTimeout)
	defer cancel()
	c := call{Request: r, ctx: ctx, w: w, Actor: account.Actor{Client: s.client(r)}, guesses: new(guesses)}
	c.guesses.deadline = time.Now().Add(s.RequestTimeout + settleTimeout)
	out, err := s.perform(whole, rt, &c)
	if missing, ok := errors.AsType[*keyring.MissingKeyError](err); ok {
		err = errors.Join(err, s.Accounts.AuditMissingKey(ctx, c.Actor, missing))
	}
	rt.respond(s, rt, c, out, err)
}

// perform admits a call and runs its action. whole is the context of the call without
// the timeout.
func (s *Server) perform(whole context.Context, rt route, c *call) (out any, err error) {
	defer func() { s.settle(whole, c.guesses, err) }()
	if err := s.authenticateBackEnd(c); err != nil {
		return nil, err
	}
	do, err := rt.admit(s, rt, c)
	if err != nil {
		return nil, err
	}
	if rt.streams {
		c.ctx = whole
	}
	return do(c)
}

// checkAppVersion refuses an app whose protocol version is too old to parse the
// response.
func checkAppVersion(r *http.Request) error {
	sent := r.Header.Get(shared.HeaderApp)
	if sent == "" {
		return nil
	}
	if version, err := strconv.Atoi(sent); err != nil || version < shared.AppVersion {
		return shared.ErrAppTooOld
	}
	return nil
}
