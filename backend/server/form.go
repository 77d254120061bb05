package server

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/backend/server/wire"
	"latchkey/backend/setting"
	"latchkey/backend/site"
	"latchkey/shared"
	"latchkey/shared/message"
)

func isForm(r *http.Request) bool { return site.HasForm(r.URL.Path) }

// formTypes lists the content types that an HTML form can send.
var formTypes = []string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}

// sentByForm reports whether an HTML form sent a request to a page that has one.
func sentByForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return isForm(r) && err == nil && slices.Contains(formTypes, kind)
}

// refuse responds to a request that a guard refuses. If a form sent the request, the
// response is the page, because a user reads it.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if !sentByForm(r) {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	s.redisplay(call{Request: r, ctx: r.Context(), w: w}, r.URL.Path, nil, err)
}

// credentials are the fields of the form on the sign-in page.
type credentials struct {
	Email      string `json:"email"`
	Password   string `json:"password"`
	RememberMe *bool  `json:"rememberMe,omitempty"`
}

func (s *Server) signInForm(c call, in credentials) (string, error) {
	switch {
	case in.Email == "":
		return "", shared.ErrEmailRequired
	case in.Password == "":
		return "", shared.ErrPasswordRequired
	}
	out, err := s.signIn(c, shared.Credentials{Email: in.Email, Password: in.Password, RememberMe: in.RememberMe})
	if out.SecondFactorDue != nil || errors.Is(err, shared.ErrTwoFactorRequired) {
		return withNext(c, shared.PageTwoFactor), nil
	}
	return s.signedInByForm(c, err)
}

// secondFactor is the fields of the form on the second-factor page.
type secondFactor struct {
	Code        string `json:"code,omitempty"`
	BackupCode  string `json:"backupCode,omitempty"`
	TrustDevice *bool  `json:"trustDevice,omitempty"`
}

func (s *Server) twoFactorForm(c call, in secondFactor) (string, error) {
	if c.PendingSignIn == nil { // the user is signed in already: the form was sent twice, or another tab was faster
		return nextPage(c), nil
	}
	if in.BackupCode != "" {
		if err := s.limit(c, confirmRate, shared.VerifyBackupCode.Path); err != nil {
			return "", err
		}
		_, err := s.verifyBackupCode(c, shared.BackupCode{Code: in.BackupCode, TrustDevice: in.TrustDevice})
		return s.signedInByForm(c, err)
	}
	code, ok := shared.SixDigits(in.Code)
	if !ok {
		return "", shared.ErrCodeRequired
	}
	verify := s.verifyTOTP
	if c.URL.Query().Get(shared.FactorField) == shared.FactorEmail {
		if err := s.limit(c, confirmRate, shared.VerifyOTP.Path); err != nil {
			return "", err
		}
		verify = s.verifyOTP
	}
	_, err := verify(c, shared.Code{Code: code, TrustDevice: in.TrustDevice})
	return s.signedInByForm(c, err)
}

// emailCodePage returns the address of the page that asks for a code from an email.
func emailCodePage(c call, _ any) string {
	query := url.Values{shared.FactorField: {shared.FactorEmail}}
	if shared.NextOf(c.URL) != "" {
		query.Set("next", nextPage(c))
	}
	return shared.PageTwoFactor + "?" + query.Encode()
}

// signedInByForm returns the page to open after a form that signs the user in, if err is nil. An earlier
// sign-out of the browser without a connection concerns an older session, so pages have data again.
func (s *Server) signedInByForm(c call, err error) (string, error) {
	if err == nil && isLeaving(c.Request) {
		http.SetCookie(c.w, &http.Cookie{Name: shared.LeavingCookie, Path: "/", MaxAge: -1, SameSite: http.SameSiteLaxMode})
	}
	return nextPage(c), err
}

// leadTo returns the address of an application in place of a page that only leads to it, if the
// application may be opened. It returns other pages as they are. A user who first has to turn on a second
// factor gets the page for that: the application would send them back.
func (s *Server) leadTo(c call, page string) string {
	callback := shared.CallbackOf(page)
	switch {
	case callback == "":
		return page
	case s.mayRedirectTo(callback) && !s.enrollmentDue(c):
		return callback
	}
	return shared.PageSettings
}

// formPolicy returns the Content-Security-Policy of a page with forms. Browsers apply form-action to
// redirects, too, so it allows the trusted origin that opens after sign-in.
func (s *Server) formPolicy(r *http.Request) string {
	callback := shared.CallbackOf(shared.NextOf(r.URL))
	if u, err := url.Parse(callback); callback != "" && err == nil && u.Host != "" && s.mayRedirectTo(callback) {
		return strings.Replace(site.FormSecurityPolicy, "form-action 'self'", "form-action 'self' "+u.Scheme+"://"+u.Host, 1)
	}
	return site.FormSecurityPolicy
}

// nextPage returns the page to open after sign-in, from the query of the form's address.
func nextPage(c call) string { return shared.NextPage(shared.NextOf(c.URL)) }

// withNext returns the address of a page, with the caller's next page in its query.
func withNext(c call, page string) string {
	if shared.NextOf(c.URL) == "" {
		return page
	}
	return page + "?next=" + url.QueryEscape(nextPage(c))
}

// formError returns the error to show for a form that could not be decoded.
func formError(err error) error {
	switch {
	case errors.Is(err, shared.ErrMediaType):
		return shared.ErrFormMediaType
	case errors.Is(err, shared.ErrBadRequest):
		return shared.ErrFormUnreadable
	}
	return err
}

// redisplay responds with the page of a refused form. The page shows the error, and what
// the user typed except secrets.
func (s *Server) redisplay(c call, page string, typed url.Values, err error) {
	if page == shared.PageEmail {
		if typed == nil { // a guard refused it before it was read
			typed, _ = wire.ReadForm(c.Request)
		}
		s.refuseLink(c, shared.EmailLink{Token: typed.Get("token"), CallbackURL: typed.Get("callbackURL")}, err)
		return
	}
	e, status := s.explain(c.w, c.Request, err)
	if typed.Has(shared.FormCall) && isSignedOut(page, err) { // keeps the cookie: see [account.ErrRotated]
		c.w.Header().Set("Location", shared.PageSignIn+"?next="+url.QueryEscape(pageOf(c.URL)))
		c.w.WriteHeader(http.StatusSeeOther)
		return
	}
	if typed.Has(shared.FormCall) && errors.Is(err, shared.ErrNotFresh) && s.identifyOnce(&c) == nil && c.Session.ID != "" {
		if err = s.askProof(c, e); err == nil {
			return
		}
		e, status = s.explain(c.w, c.Request, err)
	}
	state := shared.PageState{At: shared.Time{Time: s.Accounts.Now()}}
	// The page shows no data of the caller if the server is busy, or does not trust the request, or
	// the caller has left. A caller whom the server has identified has not exceeded the limits of
	// their address.
	identified := c.Session.ID != "" || c.PendingSignIn != nil
	trusted := typed != nil && !isLeaving(c.Request) && (status != http.StatusTooManyRequests || identified)
	if trusted && status < http.StatusInternalServerError && s.identifyOnce(&c) == nil {
		state = s.pageState(c)
	}
	state.Form = &shared.FormState{
		Error: e, Text: formText(s.pageLanguage(c), e), Email: typed.Get("email"),
		Call: typed.Get(shared.FormCall), Typed: typedText(typed),
		Forget: typed != nil && !typed.Has("rememberMe"), TrustDevice: typed.Has("trustDevice"), BackupCode: typed.Get("backupCode") != "",
	}
	if page == shared.PageTwoFactor && c.PendingSignIn != nil {
		state.Form.Email = c.User.Email
	}
	// A form that has waited for too long is lost, so the user begins again on the page.
	if state.Answers != nil && c.Session.ID != "" && site.HasTask(page, state.Form.Call) && !errors.Is(err, shared.ErrFormExpired) {
		s.draw(c, status, site.Page{State: state, Task: &site.Task{Call: state.Form.Call}})
		return
	}
	s.drawPage(c, status, state)
}

// isSignedOut reports whether err means that a form of the page needs a session. An endpoint that
// also continues a pending sign-in says that there is none.
func isSignedOut(page string, err error) bool {
	return errors.Is(err, shared.ErrUnauthorized) || errors.Is(err, shared.ErrNoPendingSignIn) && shared.NeedsSession(page)
}

// keptFields lists the fields of forms that a page shows again. Secrets are not among them.
var keptFields = []string{"name", "email", "newEmail"}

// typedText returns what the user has typed into a form, except secrets.
func typedText(typed url.Values) map[string]string {
	kept := map[string]string{}
	for _, field := range keptFields {
		if typed.Has(field) {
			kept[field] = typed.Get(field)
		}
	}
	if spec, ok := typedSetting(typed); ok && !spec.Secret() {
		kept["value"] = typed.Get("value")
	}
	return kept
}

// typedSetting returns the setting whose value a form has a field for, and reports whether there is one.
func typedSetting(typed url.Values) (spec setting.Spec, ok bool) {
	path, fields, err := wire.FormCall(typed)
	if err != nil || path != shared.PutSetting.Path || !typed.Has("value") {
		return setting.Spec{}, false
	}
	return setting.Find(fields.Get("key"))
}

// checkSetting fails if the field for a secret is empty. A call with an empty value removes the secret,
// which has a button of its own.
func checkSetting(c call, _ url.Values) error {
	if spec, ok := typedSetting(c.typed); ok && spec.Secret() && c.typed.Get("value") == "" {
		return shared.ErrInvalidSetting.WithMessage(c.language().T(message.ErrNewValueRequired)).In("value")
	}
	return nil
}

// formText returns the message for a form that failed without the app. Some errors have
// another message there than in the app.
func formText(l *message.Language, e *shared.Error) string {
	switch e.Code {
	case shared.ErrMethod.Code:
		return l.T(message.ErrFormMethod)
	case shared.ErrNoOrigin.Code:
		return l.T(message.ErrFormNoOrigin)
	case shared.ErrOrigin.Code, shared.ErrCrossSite.Code:
		return l.T(message.ErrFormCrossSite)
	}
	return e.Text(l)
}
