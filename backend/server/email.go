package server

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"latchkey/backend/account"
	"latchkey/backend/language"
	"latchkey/backend/server/wire"
	"latchkey/shared"
	"latchkey/web"
)

// isLink reports whether a request opens a link of an email. What it answers
// depends on the link and on who is signed in.
func isLink(r *http.Request) bool {
	return r.URL.Path == shared.PageEmail || r.URL.Path == shared.PageResetPassword && r.URL.Query().Has("callbackURL")
}

var emailLinkSchema = wire.SchemaOf[shared.EmailLink]()

// refuseLinkMethod answers a link that was requested by a method other than GET and HEAD.
func refuseLinkMethod(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	allow := "GET, HEAD"
	if isForm(r) {
		allow += ", POST"
	}
	w.Header().Set("Allow", allow)
	http.Error(w, shared.ErrMethod.Message, http.StatusMethodNotAllowed)
}

// openResetLink leads on to the page that a front end has for new passwords, as
// [shared.OpenPasswordReset] does. It does not use the link.
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

// openEmailLink answers a link about an address or a deletion. It does what the
// link is for only if a person opens it in a browser that is signed in to the very
// account, and never deletes an account: programs that look into emails open
// links, too, and run the scripts of the pages.
func (s *Server) openEmailLink(c *call) error {
	if q := c.URL.Query(); !q.Has("token") && (q.Has("done") || q.Has("error")) {
		s.sendLink(*c, http.StatusOK, s.landed(*c))
		return nil
	}
	var in shared.EmailLink
	if err := s.decoder().Query(c.Request, emailLinkSchema, &in); err != nil {
		return err
	}
	if err := s.signedInAt(c); err != nil {
		return err
	}
	link, err := s.Accounts.EmailLink(c.Context(), in.Token)
	if err == nil {
		err = s.mayFollow(*c, link)
	}
	switch {
	case err != nil:
		return linkError{err, link}
	case link.Purpose != account.LinkDelete && c.User.ID == link.User.ID && byPerson(c.Request):
		return s.followLink(*c, in, link)
	}
	s.sendLink(*c, http.StatusOK, s.question(*c, in, link))
	return nil
}

// emailForm is the button of the page: it does what the link is for.
func (s *Server) emailForm(c call, in shared.EmailLink) (string, error) {
	if in.CallbackURL != "" && !s.mayRedirectTo(in.CallbackURL) {
		return "", shared.ErrCallbackURL
	}
	if err := s.signedInAt(&c); err != nil {
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

// signedInAt finds the session that a call came with, if it came with one.
func (s *Server) signedInAt(c *call) error {
	signedIn, err := s.authenticate(*c)
	if errors.Is(err, shared.ErrUnauthorized) {
		return nil
	}
	if err == nil {
		*c = signedIn
	}
	return err
}

// mayFollow fails unless the caller may do what a link is for: a link that changes
// an address is refused in a session of another account, and a deletion asks for a
// session of the account.
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
		return shared.ErrEnrolmentDue
	}
	return nil
}

// followLink does what a link is for, and answers with the page that says so.
func (s *Server) followLink(c call, in shared.EmailLink, link account.EmailLink) (err error) {
	if link.Purpose == account.LinkDelete {
		_, err = s.deleted(c, s.Accounts.DeleteUserByLink(c.Context(), c.Session, c.From, in.Token))
	} else {
		_, err = s.Accounts.VerifyEmail(c.Context(), c.From, c.User.ID, in.Token)
	}
	if errors.Is(err, shared.ErrNewPasswordDue) {
		link.PasswordDue, err = true, nil
	}
	if err != nil {
		return linkError{err, link}
	}
	s.sendLink(c, http.StatusOK, s.followed(c, in, link))
	return nil
}

// linkError is why a link did not do what it is for.
type linkError struct {
	error
	link account.EmailLink // as far as it is known
}

func (e linkError) Unwrap() error { return e.error }

// byPerson reports whether a person opens the page in a tab. Browsers that say
// nothing about it are believed: they send a session's cookie to a page of ours
// only when a person goes there.
func byPerson(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return r.Method == http.MethodGet && !isPrefetch(r) && (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// isPrefetch reports whether a browser fetches something that nobody has asked for yet:
// Sec-Purpose of the Fetch standard, and what browsers sent before there was that.
func isPrefetch(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// byScript fails with a [redirect] to our page unless a program calls an endpoint
// that does what a link is for. Emails of before have links to these endpoints,
// which people and programs open as they do any other.
func byScript(c call, in shared.EmailLink) error {
	mode, dest := c.Header.Get("Sec-Fetch-Mode"), c.Header.Get("Sec-Fetch-Dest")
	page := mode == "" && strings.Contains(c.Header.Get("Accept"), "text/html") // what older browsers ask a page with
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

// continueURL returns where *Continue* leads after a link. Older links name the page
// itself, which has nothing more to say: for those it is the start page.
func continueURL(callback string) string {
	if u, err := url.Parse(callback); err != nil || u.Host == "" && u.Path == shared.PageEmail {
		return shared.PageHome
	}
	return cmp.Or(callback, shared.PageHome)
}

// sendLink answers with the page of a link.
func (s *Server) sendLink(c call, status int, l web.Link) {
	s.site.AnswerLink(c.w, c.Request, status, l)
}

// question is the page that says what a link does, and asks for it.
func (s *Server) question(c call, in shared.EmailLink, link account.EmailLink) web.Link {
	l := languageOf(c.Request)
	q := web.Link{Token: in.Token, Callback: in.CallbackURL, Hint: l.Say("Nothing happens before you press the button. If this is not about you, close this page.")}
	switch link.Purpose {
	case account.LinkVerify:
		q.Title, q.Button = l.Say("Confirm your email address"), l.Say("Confirm")
		q.Text = verification(l, link)
	case account.LinkConfirmChange:
		q.Title, q.Button = l.Say("Change your email address"), l.Say("Agree to the change")
		q.Text = change(l, link) + " " + l.Say("The new address then gets an email, whose link makes the change.")
	case account.LinkChange:
		q.Title, q.Button = l.Say("Change your email address"), l.Say("Change the address")
		q.Text = change(l, link)
	case account.LinkDelete:
		q.Title, q.Button, q.Danger = l.Say("Delete your account?"), l.Say("Delete account"), true
		q.Text = l.Say("Your account, %s, and all of its sessions will be gone at once. This cannot be undone.", link.User.Email)
	}
	return q
}

// verification says what a link does that verifies an address.
func verification(l *language.Language, link account.EmailLink) string {
	if owner := strings.TrimSpace(link.User.Name); owner != "" {
		return l.Say("Confirm %s for %s's account.", link.Email, owner)
	}
	return l.Say("Confirm %s for your account.", link.Email)
}

// change says what a link does that is one of the two steps of another address.
func change(l *language.Language, link account.EmailLink) string {
	if owner := strings.TrimSpace(link.User.Name); owner != "" {
		return l.Say("Change the address of %s's account from %s to %s.", owner, link.Email, link.New)
	}
	return l.Say("Change the address of your account from %s to %s.", link.Email, link.New)
}

// followed is the page that says what a link has done.
func (s *Server) followed(c call, in shared.EmailLink, link account.EmailLink) web.Link {
	l := languageOf(c.Request)
	done := web.Link{Title: l.Say("Thank you"), Href: continueURL(in.CallbackURL), Label: l.Say("Continue")}
	switch {
	case link.PasswordDue:
		return passwordDue(l)
	case link.Purpose == account.LinkVerify:
		done.Hint = link.Email
	case link.Purpose != account.LinkDelete:
		done.Hint = link.New
	}
	done.Text = doneSentence(l, link.Purpose)
	return done
}

// doneSentence says what a link of a purpose has done.
func doneSentence(l *language.Language, purpose account.LinkPurpose) string {
	switch purpose {
	case account.LinkConfirmChange:
		return l.Say("An email is on its way to your new address. The link in it makes the change.")
	case account.LinkChange:
		return l.Say("Your account has its new address now. Sign in with it from now on.")
	case account.LinkDelete:
		return l.Say("Your account is deleted, with all that was in it.")
	default:
		return l.Say("Your email address is verified.")
	}
}

func passwordDue(l *language.Language) web.Link {
	return web.Link{
		Title: l.Say("Thank you"), Href: shared.PageForgotPassword, Label: l.Say("Choose a new password"),
		Text: l.Say("Your email address is verified. More than one person may have signed up with it, so no password is good yet: choose a new one."),
	}
}

// alreadyFollowed is the page of a link that has done its work before.
func alreadyFollowed(l *language.Language, in shared.EmailLink, link account.EmailLink) web.Link {
	done := web.Link{Title: l.Say("Nothing left to do"), Href: continueURL(in.CallbackURL), Label: l.Say("Continue")}
	switch {
	case link.PasswordDue:
		return passwordDue(l)
	case link.Purpose == account.LinkVerify:
		done.Text = l.Say("This address is confirmed already.")
		done.Hint = link.Email
	case link.User.Email == link.New:
		done.Text = l.Say("Your account has its new address already.")
		done.Hint = link.New
	case link.Purpose == account.LinkConfirmChange:
		done.Text = l.Say("You have agreed to this change already. The link in the email to %s makes it.", link.New)
	default: // the address was changed once more, or back
		done.Text = l.Say("This link has been used already.")
	}
	return done
}

// landed is the page to which an endpoint that did what a link is for redirects. Whatever else stands in the address is anybody's.
func (s *Server) landed(c call) web.Link {
	l := languageOf(c.Request)
	link := web.Link{Title: l.Say("Thank you"), Href: shared.PageHome, Label: l.Say("Continue")}
	if code := c.URL.Query().Get("error"); code == shared.ErrNewPasswordDue.Code { // the link has worked all the same
		return passwordDue(l)
	} else if code != "" {
		link.Title, link.Text = l.Say("This link did not work"), l.Say("The server could not do what it is for. Open it again a little later.")
		for _, known := range shared.Errors {
			if known.Code == code {
				link.Text = linkSentence(l, known)
			}
		}
		return link
	}
	link.Text = doneSentence(l, purposes[c.URL.Query().Get("done")])
	return link
}

// purposes are those of the links that the values of done in an address are of.
var purposes = map[string]account.LinkPurpose{
	"confirmed": account.LinkConfirmChange, "changed": account.LinkChange, "deleted": account.LinkDelete,
}

// refuseLink answers a link that did not do what it is for: with what a person can
// do about it.
func (s *Server) refuseLink(c call, in shared.EmailLink, err error) {
	e, status := s.explain(c.w, c.Request, err)
	why, _ := errors.AsType[linkError](err)
	l := languageOf(c.Request)
	if errors.Is(e, shared.ErrTokenUsed) && why.link.Purpose != account.LinkDelete {
		s.sendLink(c, http.StatusOK, alreadyFollowed(l, in, why.link))
		return
	}
	page := web.Link{Title: l.Say("This link did not work"), Text: linkSentence(l, e), Href: shared.PageSignIn, Label: l.Say("Go to sign-in")}
	if c.User.ID != "" {
		page.Href, page.Label = shared.PageSettings, l.Say("Go to your settings")
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInternalServerError:
		page.Href, page.Label = withQuery(withQuery(c.URL.Path, "token", in.Token), "callbackURL", in.CallbackURL), l.Say("Try again")
	}
	switch {
	case errors.Is(e, shared.ErrTokenExpired):
		status = http.StatusGone
	case errors.Is(e, shared.ErrValidation):
		status = http.StatusBadRequest
	}
	s.sendLink(c, status, page)
}

// linkSentence says what was wrong with a link, and what to do.
func linkSentence(l *language.Language, e *shared.Error) string {
	switch e.Code {
	case shared.ErrTokenExpired.Code:
		return l.Say("Its time is over, and nothing was changed. Ask for a new one: at sign-in, or in your settings.")
	case shared.ErrTokenUsed.Code:
		return l.Say("This link has been used already.")
	case shared.ErrToken.Code, shared.ErrValidation.Code:
		return l.Say("It has been used already or is incomplete. If you have opened it before, there is nothing left to do. Otherwise copy all of it from the email, or ask for a new one.")
	case shared.ErrUserExists.Code:
		return l.Say("Another account has this address meanwhile. Nothing was changed.")
	case shared.ErrUserNotFound.Code:
		return l.Say("The account that it is about no longer exists.")
	case shared.ErrInvalidUser.Code:
		return l.Say("It is about another account than the one that is signed in here. Sign out, then open it again.")
	case shared.ErrUserInfo.Code:
		return l.Say("Nothing was deleted. Open it in the browser in which you are signed in, or sign in here and open it again.")
	case shared.ErrCallbackURL.Code:
		return l.Say("It leads on to a website that this service does not trust, so nothing was done. Open the link as it is in the email, or ask for a new one.")
	case shared.ErrCrossSite.Code, shared.ErrOrigin.Code, shared.ErrNoOrigin.Code:
		return l.Say("The button was pressed on the page of another website, so nothing was done. Open the link in the email again.")
	case shared.ErrMethod.Code, shared.ErrMediaType.Code, shared.ErrBadRequest.Code, shared.ErrTooLarge.Code:
		return l.Say("This page was sent in a way that the server does not take, so nothing was done. Open the link in the email again.")
	}
	return sentence(l, e)
}
