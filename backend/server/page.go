package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"latchkey/backend/language"
	"latchkey/backend/server/wire"
	"latchkey/backend/site"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// handlePage returns a route that draws a page for its caller.
func handlePage(p policy, limit rate, page string) route {
	admit := func(s *Server, rt route, c *call) (action, error) {
		c.w.Header().Set("Cache-Control", "private, no-store")
		if err := s.limit(*c, rt.rate, rt.limitPath); err != nil {
			return nil, err
		}
		var err error
		if *c, err = s.admit(*c, rt.policy, nil); err != nil {
			return nil, err
		}
		return func(c *call) (any, error) { return nil, s.openPage(c) }, nil
	}
	return route{
		policy: p, method: http.MethodGet, path: page, rate: limit, limitPath: page, page: true,
		admit: admit, respond: (*Server).respondPage,
	}
}

// respondPage responds to a call that exceeds the limit of a page. [Server.openPage] has written
// the response to any other call.
func (s *Server) respondPage(_ route, c call, _ any, err error) {
	if err == nil {
		return
	}
	e, status := s.explain(c.w, c.Request, err)
	l := languageOf(c.Request)
	s.site.AnswerLink(c.w, c.Request, status, web.Link{
		Title: l.T(message.ErrTooManyPages), Text: e.Text(l), Href: addressOf(c.Request).RequestURI(), Label: l.T(message.TryAgain),
	})
}

// openPage draws the page of a call, or redirects to another one if that page is not for the caller.
func (s *Server) openPage(c *call) error {
	address := addressOf(c.Request)
	if isLeaving(c.Request) {
		s.drawPage(*c, http.StatusOK, shared.PageState{})
		return nil
	}
	if err := s.identifyOnce(c); err != nil {
		// A page without data is more useful than an error, because the app asks again.
		s.explain(&discardedBody{header: http.Header{}}, c.Request, err) // logs it
		s.drawPage(*c, http.StatusOK, shared.PageState{})
		return nil
	}
	signedIn := c.Session.ID != ""
	if to := s.leadTo(*c, shared.Redirect(address, shared.NextOf(address), signedIn)); to != "" {
		if !signedIn && shared.NeedsSession(address.Path) {
			to += "?next=" + url.QueryEscape(address.RequestURI())
		}
		c.w.Header().Set("Location", to)
		c.w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	if request := address.Query().Get(shared.FormCall); signedIn && site.HasTask(address.Path, request) {
		s.drawTask(*c, http.StatusOK, site.Task{Call: request}, nil)
		return nil
	}
	done := s.cookies.takeDone(c.w, c.Request)
	state := s.pageState(*c)
	if done != 0 {
		state.Done = s.pageLanguage(*c).T(done)
	}
	s.drawPage(*c, http.StatusOK, state)
	return nil
}

// isLeaving reports whether the user of the browser that sent a request has signed out without a
// connection. No page may show the data of the session, which goes on until the app ends it.
func isLeaving(r *http.Request) bool {
	_, err := r.Cookie(shared.LeavingCookie)
	return err == nil
}

// addressOf returns the address of the page that a request is for: a path and a query.
func addressOf(r *http.Request) *url.URL { return &url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery} }

// An identification is what a call of a page has found about its caller. The endpoints whose
// responses the page shows use it, so that they do not look again.
type identification struct {
	session       error // why there is no session
	pendingSignIn error // why there is no pending sign-in
}

// identifyOnce finds the session of a call or, on the page for the second factor, the pending
// sign-in, unless the route has found one. It fails only if the server could not look. Afterwards,
// [Server.authenticate] and [Server.findPendingSignIn] return the same result.
func (s *Server) identifyOnce(c *call) error {
	found := identification{session: shared.ErrUnauthorized, pendingSignIn: shared.ErrNoPendingSignIn}
	switch {
	case c.Session.ID != "":
		found.session = nil
	case c.PendingSignIn != nil:
		found.pendingSignIn = nil
	default:
		*c, found.session = s.authenticate(*c)
		if errors.Is(found.session, shared.ErrUnauthorized) && c.URL.Path == shared.PageTwoFactor {
			*c, found.pendingSignIn = s.findPendingSignIn(*c)
		}
	}
	for _, err := range []error{found.session, found.pendingSignIn} {
		if err != nil && !errors.Is(err, shared.ErrUnauthorized) && !errors.Is(err, shared.ErrNoPendingSignIn) {
			return err
		}
	}
	c.identified = &found
	return nil
}

// pageState collects the data that the page of a call shows. A response that the caller may not
// read, or that fails, is missing. The app requests it and shows the error.
func (s *Server) pageState(c call) shared.PageState {
	state := shared.PageState{At: shared.Time{Time: s.Accounts.Now()}, Answers: map[string]json.RawMessage{}}
	state.Link = s.linkState(c)
	address := addressOf(c.Request)
	if c.Session.ID != "" && slices.Contains(shared.SettingsPages, address.Path) && s.enrollmentDue(c) {
		address.Path = shared.PageTwoFactorSettings // all settings pages show what the caller has to do
	}
	requests := site.Requests(address, zoneOf(c.Request), c.Session.ID != "")
	// The page may ask the user to confirm their identity. The ways to do so depend on the account.
	confirms := c.typed.Has(shared.FormCall) || address.Query().Has(shared.FormCall)
	if confirms && !slices.Contains(requests, shared.GetOverview.Path) {
		requests = append(requests, shared.GetOverview.Path)
	}
	for _, request := range requests {
		if answer, err := s.answer(c, request); err == nil {
			state.Answers[request] = answer
		}
	}
	return state
}

// checkedLinks are the purposes of the links in emails that open pages, by page.
var checkedLinks = map[string]string{
	shared.PageResetPassword: shared.LinkReset,
	shared.PageNotMe:         shared.LinkReportNotMe,
}

// linkState returns the state of the link that has opened the page of a call, or nil. If it could
// not be found, the app asks again.
func (s *Server) linkState(c call) *shared.LinkState {
	purpose, token := checkedLinks[c.URL.Path], c.URL.Query().Get("token")
	if purpose == "" || token == "" {
		return nil
	}
	rt := s.writes[shared.CheckLink.Path]
	do, err := rt.admitForm(s, rt, &c, url.Values{"token": {token}, "purpose": {purpose}})
	var out any
	if err == nil {
		out, err = do(&c)
	}
	if e, ok := errors.AsType[*shared.Error](err); ok && slices.Contains(shared.LinkErrors, e.Code) {
		return &shared.LinkState{Error: e}
	} else if err != nil {
		s.explain(&discardedBody{header: http.Header{}}, c.Request, err) // logs it, unless the caller has caused it
		return nil
	}
	return &shared.LinkState{Email: out.(shared.CheckedLink).Email}
}

// answer returns the response to a GET request of the API, a path with a query, for the
// caller of a page. Its route admits the caller as it does for a call of its own.
func (s *Server) answer(c call, request string) (json.RawMessage, error) {
	address, err := url.Parse(request)
	if err != nil {
		return nil, err
	}
	rt, exists := s.reads[address.Path]
	if !exists {
		return nil, shared.ErrNotFound
	}
	r := *c.Request
	r.Method, r.URL = http.MethodGet, address
	c.Request, c.w = &r, &discardedBody{header: http.Header{}} // the page has its own header
	out, err := rt.answer(s, rt, c)
	if _, written := out.(shared.None); written { // the handler has written to the discarded response
		err = shared.ErrNotFound
	}
	if err != nil {
		s.explain(c.w, c.Request, err) // logs it, unless the caller has caused it
		return nil, err
	}
	return wire.AppendJSON(nil, out), nil
}

// drawPage responds with the page of a call, which shows only the data in state.
func (s *Server) drawPage(c call, status int, state shared.PageState) {
	s.draw(c, status, site.Page{State: state})
}

// draw responds with a page whose state and task are set.
func (s *Server) draw(c call, status int, p site.Page) {
	p.Address, p.Language, p.Zone = addressOf(c.Request), s.pageLanguage(c), zoneOf(c.Request)
	p.Address.Scheme, p.Address.Host = s.Origin.Scheme, s.Origin.Host // as in browsers
	p.Locale = language.Locale(p.Language, c.Header.Get("Accept-Language"))
	s.site.Draw(c.w, c.Request, status, p, c.Session.ID == "")
}

// pageLanguage returns the language of a page. As in the app, it is the user's choice only in a
// session: the user of a pending sign-in is not signed in yet.
func (s *Server) pageLanguage(c call) *message.Language {
	if c.Session.ID != "" {
		return c.language()
	}
	return languageOf(c.Request)
}
