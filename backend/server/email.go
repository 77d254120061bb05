package server

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"latchkey/backend/account"
	"latchkey/backend/server/wire"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// isLink reports whether a request opens an email link. The response depends on the link
// and on the caller's session, so package site does not serve it.
func isLink(r *http.Request) bool {
	return r.URL.Path == shared.PageEmail || r.URL.Path == shared.PageResetPassword && r.URL.Query().Has("callbackURL")
}

var emailLinkSchema = wire.SchemaOf[shared.EmailLink]()

// refuseLinkMethod responds to a request for a link with a method other than GET and
// HEAD.
func refuseLinkMethod(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	allow := "GET, HEAD"
	if isForm(r) {
		allow += ", POST"
	}
	w.Header().Set("Allow", allow)
	http.Error(w, shared.ErrMethod.Message, http.StatusMethodNotAllowed)
}

// openResetLink redirects to the link's callback, which is the front end's page for a new
// password, or else to our own page. Like [shared.OpenPasswordReset], it does not consume
// the token.
func (s *Server) openResetLink(c *call) error {
	var in shared.EmailLink
	if err := s.decoder().Query(c.Request, emailLinkSchema, &in); err != nil {
		return err
	}
	err := s.redirectToReset(*c, in.Token, cmp.Or(in.CallbackURL, shared.PageResetPassword))
	to, ok := errors.AsType[redirect](err)
	if !ok {
		return err
	}
	c.w.Header().Set("Location", string(to))
	c.w.WriteHeader(http.StatusFound)
	return nil
}

// openEmailLink handles a link that verifies or changes an email address, or deletes an
// account. Opening the link acts on it only if a user navigates to it in a browser that
// is signed in to the same account. Otherwise, and before every deletion, the page asks
// for confirmation: email scanners open links, too, and run the scripts of the pages.
func (s *Server) openEmailLink(c *call) error {
	if q := c.URL.Query(); !q.Has("token") && (q.Has("done") || q.Has("error")) {
		s.sendLinkPage(*c, http.StatusOK, s.landingPage(*c))
		return nil
	}
	var in shared.EmailLink
	if err := s.decoder().Query(c.Request, emailLinkSchema, &in); err != nil {
		return err
	}
	if err := s.authenticateOptional(c); err != nil {
		return err
	}
	link, err := s.Accounts.EmailLink(c.Context(), in.Token)
	if err == nil {
		err = s.mayFollow(*c, link)
	}
	switch {
	case err != nil:
		return linkError{err, link}
	case link.Purpose != account.LinkDelete && c.User.ID == link.User.ID && isNavigation(c.Request):
		return s.followLink(*c, in, link)
	}
	s.sendLinkPage(*c, http.StatusOK, s.confirmLinkPage(*c, in, link))
	return nil
}

// emailForm handles the button of the confirmation page. It acts on the link.
func (s *Server) emailForm(c call, in shared.EmailLink) (string, error) {
	if in.CallbackURL != "" && !s.mayRedirectTo(in.CallbackURL) {
		return "", shared.ErrCallbackURL
	}
	if err := s.authenticateOptional(&c); err != nil {
		return "", err
	}
	link, err := s.Accounts.EmailLink(c.Context(), in.Token)
	if err == nil {
		err = s.mayFollow(c, link)
	}
	if err != nil {
		return "", linkError{err, link}
	}
	return "", s.followLink(c, in, link)
}

// authenticateOptional finds the session of a call, if it has one.
func (s *Server) authenticateOptional(c *call) error {
	signedIn, err := s.authenticate(*c)
	if errors.Is(err, shared.ErrUnauthorized) {
		return nil
	}
	if err == nil {
		*c = signedIn
	}
	return err
}

// mayFollow fails unless the caller may act on a link. A session of another account may
// not follow a link that changes an address. A deletion requires a session of the account.
func (s *Server) mayFollow(c call, link account.EmailLink) error {
	switch {
	case link.Purpose == account.LinkVerify:
		return nil
	case c.User.ID != "" && c.User.ID != link.User.ID:
		return withStatus(http.StatusForbidden, shared.ErrInvalidUser)
	case link.Purpose != account.LinkDelete:
		return nil
	case c.User.ID == "":
		return withStatus(http.StatusUnauthorized, shared.ErrUserInfo)
	case s.enrollmentDue(c):
		return shared.ErrEnrollmentDue
	}
	return nil
}

// followLink acts on a link, and responds with a page that confirms it.
func (s *Server) followLink(c call, in shared.EmailLink, link account.EmailLink) (err error) {
	if link.Purpose == account.LinkDelete {
		_, err = s.respondDeleted(c, s.Accounts.DeleteUserByLink(c.Context(), c.Actor, in.Token))
	} else {
		_, err = s.Accounts.VerifyEmail(c.Context(), c.Actor, in.Token)
	}
	if errors.Is(err, shared.ErrNewPasswordDue) {
		link.PasswordDue, err = true, nil
	}
	if err != nil {
		return linkError{err, link}
	}
	s.sendLinkPage(c, http.StatusOK, s.linkDonePage(c, in, link))
	return nil
}

// linkError is the error of a link that failed, with what is known about the link.
type linkError struct {
	error
	link account.EmailLink // zero if its token is unknown
}

func (e linkError) Unwrap() error { return e.error }

// isNavigation reports whether a user navigated to the page. It trusts browsers without
// Fetch Metadata, because they send the session's SameSite cookie only with a navigation.
func isNavigation(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return r.Method == http.MethodGet && !isPrefetch(r) && (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// isPrefetch reports whether a browser prefetches a page. It then sends Sec-Purpose
// (Fetch standard) or one of the headers that preceded it.
func isPrefetch(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// requireScript fails with a [redirect] to the link's page unless a script sent the call.
// Older emails have links to the endpoints themselves, which users and email scanners
// open like any other link.
func requireScript(c call, in shared.EmailLink) error {
	mode, dest := c.Header.Get("Sec-Fetch-Mode"), c.Header.Get("Sec-Fetch-Dest")
	page := mode == "" && strings.Contains(c.Header.Get("Accept"), "text/html") // older browsers send this when they load a page
	switch mode {
	case "", "cors", "same-origin":
		if !page && !isPrefetch(c.Request) && (dest == "" || dest == "empty") {
			return nil
		}
	}
	to := withQuery(shared.PageEmail, "token", in.Token)
	if in.CallbackURL != "" {
		to = withQuery(to, "callbackURL", in.CallbackURL)
	}
	return redirect(to)
}

// continueURL returns the address of *Continue* on the page of a link. Older links have
// that page itself as their callback. For those, it is the home page.
func continueURL(callback string) string {
	if u, err := url.Parse(callback); err != nil || u.Host == "" && u.Path == shared.PageEmail {
		return shared.PageHome
	}
	return cmp.Or(callback, shared.PageHome)
}

// sendLinkPage responds with the page of a link.
func (s *Server) sendLinkPage(c call, status int, l web.Link) {
	s.site.AnswerLink(c.w, c.Request, status, l)
}

// confirmLinkPage returns the page that explains what a link does and asks the user to
// confirm it.
func (s *Server) confirmLinkPage(c call, in shared.EmailLink, link account.EmailLink) web.Link {
	l := languageOf(c.Request)
	q := web.Link{Token: in.Token, Callback: in.CallbackURL, Hint: l.T(message.HintCloseIfNotYours)}
	switch link.Purpose {
	case account.LinkVerify:
		q.Title, q.Button = l.T(message.ConfirmYourEmail), l.T(message.ConfirmButton)
		q.Text = verificationText(l, link)
	case account.LinkConfirmChange:
		q.Title, q.Button = l.T(message.ChangeYourEmail), l.T(message.AgreeToChange)
		q.Text = emailChangeText(l, link) + " " + l.T(message.HintNewEmailGetsLink)
	case account.LinkChange:
		q.Title, q.Button = l.T(message.ChangeYourEmail), l.T(message.ChangeTheAddress)
		q.Text = emailChangeText(l, link)
	case account.LinkDelete:
		q.Title, q.Button, q.Danger = l.T(message.ConfirmDeleteAccount), l.T(message.DeleteAccount), true
		q.Text = l.T(message.DeleteAccountExplanation, link.User.Email)
	}
	return q
}

// verificationText describes a link that verifies an email address.
func verificationText(l *message.Language, link account.EmailLink) string {
	if owner := strings.TrimSpace(link.User.Name); owner != "" {
		return l.T(message.ConfirmEmailOfUser, link.Email, owner)
	}
	return l.T(message.ConfirmEmailOfYours, link.Email)
}

// emailChangeText describes a link that is one of the two steps of an email change.
func emailChangeText(l *message.Language, link account.EmailLink) string {
	if owner := strings.TrimSpace(link.User.Name); owner != "" {
		return l.T(message.ConfirmEmailChangeOfUser, owner, link.Email, link.New)
	}
	return l.T(message.ConfirmEmailChangeOfYours, link.Email, link.New)
}

// linkDonePage returns the page that confirms what a link did.
func (s *Server) linkDonePage(c call, in shared.EmailLink, link account.EmailLink) web.Link {
	l := languageOf(c.Request)
	if link.PasswordDue {
		return passwordDuePage(l)
	}
	done := donePage(l, link.Purpose, continueURL(in.CallbackURL))
	switch link.Purpose {
	case account.LinkVerify:
		done.Hint = link.Email
	case account.LinkConfirmChange, account.LinkChange:
		done.Hint = link.New
	}
	return done
}

// donePage returns the page that confirms what a link of the given purpose did, and that leads
// on to next.
func donePage(l *message.Language, purpose account.LinkPurpose, next string) web.Link {
	done := web.Link{Title: l.T(message.ThankYou), Text: doneText(l, purpose), Href: next, Label: l.T(message.ContinueAction)}
	switch purpose {
	case account.LinkConfirmChange:
		done.Title = l.T(message.OneMoreStep)
	case account.LinkChange:
		done.Title = l.T(message.EventEmailChanged)
		if next == shared.PageHome {
			done.Href, done.Label = shared.PageSettings, l.T(message.GoToSettings)
		}
	}
	return done
}

// doneText describes what a link of the given purpose did.
func doneText(l *message.Language, purpose account.LinkPurpose) string {
	switch purpose {
	case account.LinkConfirmChange:
		return l.T(message.DoneNewEmailLinkSent)
	case account.LinkChange:
		return l.T(message.DoneEmailChanged)
	case account.LinkDelete:
		return l.T(message.DoneAccountDataDeleted)
	default:
		return l.T(message.DoneEmailVerified)
	}
}

func passwordDuePage(l *message.Language) web.Link {
	return web.Link{
		Title: l.T(message.OneMoreStep), Href: shared.PageForgotPassword, Label: l.T(message.ChooseNewPassword),
		Text: l.T(message.DoneVerifiedPasswordDue),
	}
}

// linkAlreadyDonePage returns the page of a link that was used before.
func linkAlreadyDonePage(l *message.Language, in shared.EmailLink, link account.EmailLink) web.Link {
	done := web.Link{Title: l.T(message.NothingLeftToDo), Href: continueURL(in.CallbackURL), Label: l.T(message.ContinueAction)}
	switch {
	case link.PasswordDue:
		return passwordDuePage(l)
	case link.Purpose == account.LinkVerify:
		done.Text = l.T(message.DoneEmailAlreadyVerified)
		done.Hint = link.Email
	case link.User.Email == link.New:
		done.Text = l.T(message.DoneEmailAlreadyChanged)
		done.Hint = link.New
	case link.Purpose == account.LinkConfirmChange:
		done.Text = l.T(message.DoneChangeAlreadyAgreed, link.New)
	default: // the address has changed again, or back
		done.Text = l.T(message.ErrLinkUsed)
	}
	return done
}

// landingPage returns the page to which an endpoint redirects after it has followed a
// link. It shows no text from the query, because anyone can write that.
func (s *Server) landingPage(c call) web.Link {
	l := languageOf(c.Request)
	if code := c.URL.Query().Get("error"); code == shared.ErrNewPasswordDue.Code { // the link has worked
		return passwordDuePage(l)
	} else if code != "" {
		return codePage(l, code, message.ErrLinkDidNotWork, message.ErrLinkServerFailed)
	}
	return donePage(l, linkPurposes[c.URL.Query().Get("done")], shared.PageHome)
}

// errorPage responds with a page about the error code in the query. Front ends of Better Auth name
// it as the page for errors. As Better Auth's, its status is 200: the page itself is no error.
func (s *Server) errorPage(c call, _ shared.None) (shared.None, error) {
	page := codePage(languageOf(c.Request), c.URL.Query().Get("error"), message.ErrUnknown, message.ErrUnknownGoBack)
	s.sendLinkPage(c, http.StatusOK, page)
	return shared.None{}, nil
}

// codePage returns a page that explains the error of a link, to which a redirect has led. The server
// redirects with the codes of [shared.Errors] only. For all else, the page has the other title and text:
// anyone can write an address, so the page contains nothing of it.
func codePage(l *message.Language, code string, title, text message.ID) web.Link {
	page := web.Link{Title: l.T(title), Text: l.T(text), Href: shared.PageHome, Label: l.T(message.ContinueAction)}
	for _, known := range shared.Errors {
		if known.Code == code {
			page.Title, page.Text = linkErrorTitle(l, known), linkErrorText(l, known)
		}
	}
	return page
}

// linkPurposes maps the values of the query parameter done to the purposes of links.
var linkPurposes = map[string]account.LinkPurpose{
	"confirmed": account.LinkConfirmChange, "changed": account.LinkChange, "deleted": account.LinkDelete,
}

// refuseLink responds to a link that failed with a page that explains what the user can
// do.
func (s *Server) refuseLink(c call, in shared.EmailLink, err error) {
	e, status := s.explain(c.w, c.Request, err)
	why, _ := errors.AsType[linkError](err)
	l := languageOf(c.Request)
	if errors.Is(e, shared.ErrTokenUsed) && why.link.Purpose != account.LinkDelete {
		s.sendLinkPage(c, http.StatusOK, linkAlreadyDonePage(l, in, why.link))
		return
	}
	page := web.Link{Title: linkErrorTitle(l, e), Text: linkErrorText(l, e), Href: shared.PageSignIn, Label: l.T(message.GoToSignIn)}
	if c.User.ID != "" {
		page.Href, page.Label = shared.PageSettings, l.T(message.GoToSettings)
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInternalServerError:
		page.Href, page.Label = withQuery(withQuery(c.URL.Path, "token", in.Token), "callbackURL", in.CallbackURL), l.T(message.TryAgain)
	}
	switch {
	case errors.Is(e, shared.ErrTokenExpired):
		status = http.StatusGone
	case errors.Is(e, shared.ErrValidation):
		status = http.StatusBadRequest
	}
	s.sendLinkPage(c, status, page)
}

// linkErrorTitle says that a link failed, or that it will never work again.
func linkErrorTitle(l *message.Language, e *shared.Error) string {
	switch e.Code {
	case shared.ErrToken.Code, shared.ErrTokenUsed.Code, shared.ErrTokenExpired.Code, shared.ErrTokenSuperseded.Code:
		return l.T(message.ErrLinkNoLongerWorks)
	}
	return l.T(message.ErrLinkDidNotWork)
}

// linkErrorText explains why a link failed, and what the user can do.
func linkErrorText(l *message.Language, e *shared.Error) string {
	switch e.Code {
	case shared.ErrTokenExpired.Code:
		return l.T(message.ErrLinkExpiredNoChange)
	case shared.ErrTokenUsed.Code:
		return l.T(message.ErrLinkUsed)
	case shared.ErrToken.Code, shared.ErrValidation.Code:
		return l.T(message.ErrLinkUsedOrIncomplete)
	case shared.ErrUserExists.Code:
		return l.T(message.ErrEmailTakenMeanwhile)
	case shared.ErrUserNotFound.Code:
		return l.T(message.ErrLinkAccountGone)
	case shared.ErrInvalidUser.Code:
		return l.T(message.ErrLinkOtherAccount)
	case shared.ErrUserInfo.Code, shared.ErrUnauthorized.Code: // the session has ended meanwhile
		return l.T(message.ErrLinkNothingDeleted)
	case shared.ErrCallbackURL.Code:
		return l.T(message.ErrLinkUntrustedRedirect)
	case shared.ErrCrossSite.Code, shared.ErrOrigin.Code, shared.ErrNoOrigin.Code:
		return l.T(message.ErrLinkCrossSite)
	case shared.ErrMethod.Code, shared.ErrMediaType.Code, shared.ErrBadRequest.Code, shared.ErrTooLarge.Code:
		return l.T(message.ErrLinkMalformedRequest)
	}
	return e.Text(l)
}
