package server

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"latchkey/backend/language"
	"latchkey/backend/site"
	"latchkey/shared"
	"latchkey/web"
)

func isForm(r *http.Request) bool { return site.HasForm(r.URL.Path) }

// formTypes are all that a form of HTML can send its body as.
var formTypes = []string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}

// sentByForm reports whether a request is what the form of a page sends.
func sentByForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return isForm(r) && err == nil && slices.Contains(formTypes, kind)
}

// refuse answers a request that is looked at no further. If a form sent it, a
// person reads the answer: they get the page again.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if !sentByForm(r) {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	s.redisplay(call{Request: r, w: w}, r.URL.Path, nil, err)
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
		return "", shared.ErrFieldRequired.Saying("Enter your email address.").In("email")
	case in.Password == "":
		return "", shared.ErrFieldRequired.Saying("Enter your password.").In("password")
	}
	out, err := s.signIn(c, shared.Credentials{Email: in.Email, Password: in.Password, RememberMe: in.RememberMe})
	if out.SecondFactorDue != nil || errors.Is(err, shared.ErrTwoFactorRequired) {
		return withNext(c, shared.PageTwoFactor), nil
	}
	return next(c), err
}

// secondFactor is the fields of the form on the page that asks for one.
type secondFactor struct {
	Code        string `json:"code,omitempty"`
	BackupCode  string `json:"backupCode,omitempty"`
	TrustDevice *bool  `json:"trustDevice,omitempty"`
}

func (s *Server) twoFactorForm(c call, in secondFactor) (string, error) {
	if c.Challenge == nil { // they are signed in: it was sent twice, or another tab was faster
		return next(c), nil
	}
	if in.BackupCode != "" {
		if err := s.limit(c, confirmRate, shared.VerifyBackupCode.Path); err != nil {
			return "", err
		}
		_, err := s.verifyBackupCode(c, shared.BackupCode{Code: in.BackupCode, TrustDevice: in.TrustDevice})
		return next(c), err
	}
	code, ok := shared.SixDigits(in.Code)
	if !ok {
		return "", shared.ErrFieldRequired.Saying("Enter the six digits of the code.").In("code")
	}
	_, err := s.verifyTOTP(c, shared.Code{Code: code, TrustDevice: in.TrustDevice})
	return next(c), err
}

// next is where signing in leads: the form is sent to the address of its page,
// which says so.
func next(c call) string { return shared.NextPage(c.URL.Query().Get("next")) }

// withNext is the address of a page that leads there, too.
func withNext(c call, page string) string {
	if !c.URL.Query().Has("next") {
		return page
	}
	return page + "?next=" + url.QueryEscape(next(c))
}

// formError returns what a person reads of a form that could not be decoded.
func formError(err error) error {
	switch {
	case errors.Is(err, shared.ErrMediaType):
		return shared.ErrMediaType.Saying("Content-Type is not allowed. Allowed types: application/x-www-form-urlencoded")
	case errors.Is(err, shared.ErrBadRequest):
		return shared.ErrBadRequest.Saying("The form cannot be read. Please fill it in again.")
	}
	return err
}

// redisplay answers with the page, what was typed but for what is secret, and
// what was wrong.
func (s *Server) redisplay(c call, page string, typed url.Values, err error) {
	if page == shared.PageEmail {
		var in shared.EmailLink
		if typed == nil { // it was refused before anybody looked into it
			typed, _ = s.decoder().Form(c.Request, emailLinkSchema, &in)
		}
		s.refuseLink(c, shared.EmailLink{Token: typed.Get("token"), CallbackURL: typed.Get("callbackURL")}, err)
		return
	}
	e, status := s.explain(c.w, c.Request, err)
	refusal, fault := json.Marshal(e)
	if fault != nil {
		panic(fault) // strings and a number
	}
	l := languageOf(c.Request)
	t := web.Try{
		Error: string(refusal), Words: sentence(l, e), Field: atFault(page, e),
		Email: typed.Get("email"), Forget: typed != nil && !typed.Has("rememberMe"), Trust: typed.Has("trustDevice"),
		NewPassword: errors.Is(e, shared.ErrNewPasswordDue),
	}
	if c.URL.Query().Has("next") {
		t.Next = next(c)
	}
	t.Backup = typed.Get("backupCode") != ""
	t.Over = slices.ContainsFunc(endings, func(ending *shared.Error) bool { return ending.Is(e) })
	s.site.AnswerForm(c.w, c.Request, status, page, t)
}

// endings are the refusals after which no code is taken any more.
var endings = []*shared.Error{shared.ErrChallenge, shared.ErrTooManyCodes, shared.ErrTOTPNotEnabled, shared.ErrTwoFactorNotEnabled}

// fields are those of each form.
var fields = map[string][]string{
	shared.PageSignIn:    {"email", "password"},
	shared.PageTwoFactor: {"code", "backupCode"},
}

// faults are the fields that errors are about, for those that do not say.
var faults = map[*shared.Error]string{
	shared.ErrCredentials:       "password",
	shared.ErrInvalidCode:       "code",
	shared.ErrInvalidBackupCode: "backupCode",
}

// atFault is the field of a page's form that an error is about, empty for none.
func atFault(page string, e *shared.Error) string {
	field := e.Field
	for known, at := range faults {
		if known.Is(e) {
			field = at
		}
	}
	if !slices.Contains(fields[page], field) {
		return ""
	}
	return field
}

// sentences are what the app says of errors whose own message is for programs.
// They are the app's words, but for what happens to forms alone: a test looks.
var sentences = map[*shared.Error]string{
	shared.ErrUnavailable:           "The service is not available at the moment. Nothing was changed. Try again shortly.",
	shared.ErrCredentials:           "This email address and password do not belong together.",
	shared.ErrInvalidEmail:          "Enter an email address like name@example.com.",
	shared.ErrPasswordTooLong:       "This password is too long. Use at most 128 characters.",
	shared.ErrNotVerified:           "Your email address has to be verified first: open the link in the mail that we sent you.",
	shared.ErrNewPasswordDue:        "This password may be known to others, so it opens nothing any more. Choose a new one: we send you a link for it.",
	shared.ErrInvalidCode:           "Invalid code. Please try again.",
	shared.ErrInvalidBackupCode:     "This is not one of your backup codes. In a code of ten characters, upper and lower case matter.",
	shared.ErrChallenge:             "This sign-in has expired, or was finished elsewhere. Sign in again.",
	shared.ErrTooManyCodes:          "Too many wrong codes for this sign-in. Sign in again.",
	shared.ErrBackupCodesNotEnabled: "This account has no backup codes.",
	shared.ErrTOTPNotEnabled:        "No authenticator app waits for a code. It may have taken too long: close this, then begin again.",
	shared.ErrTwoFactorNotEnabled:   "Two-factor authentication is not on for this account.",
	shared.ErrInternal:              "Something went wrong on the server. Try again.",
	shared.ErrCrossSite:             anotherSite,
	shared.ErrOrigin:                anotherSite,
	shared.ErrNoOrigin:              "Your browser did not say which page this form is from, so nothing was done with it. If you want to sign in, please fill it in here.",
	shared.ErrMethod:                "This form was sent in a way that this page does not take. Please fill it in again.",
}

const anotherSite = "This form was sent by the page of another website, so nothing was done with it. If you want to sign in, please fill it in here."

// waits are the refusals that end by themselves, and what the app says of them.
var waits = map[*shared.Error]string{
	shared.ErrTooManyRequests:  "Too many tries.",
	shared.ErrTooManyPasswords: "Too many tries.",
	shared.ErrLocked:           "Too many wrong codes. So that nobody can guess one, none is taken for a while.",
}

// sentence says what went wrong, as the app does.
func sentence(l *language.Language, e *shared.Error) string {
	if errors.Is(e, shared.ErrValidation) { // its message is for programs, always
		return l.Say("Check what you entered: the server cannot use it.")
	}
	for known, why := range waits {
		if known.Is(e) && e.RetryAfter > 0 {
			return l.Say(why) + " " + again(l, e.RetryAfter)
		}
	}
	for known, words := range sentences {
		if known.Is(e) && known.Message == e.Message { // else it knows more
			return l.Say(words)
		}
	}
	return l.Say(e.Message)
}

// again says when to try again, as roughly as people do.
func again(l *language.Language, seconds int) string {
	switch {
	case seconds < 120:
		return l.Say("Try again in %d seconds.", seconds)
	case seconds < 120*60:
		return l.Say("Try again in about %d minutes.", (seconds+59)/60)
	default:
		return l.Say("Try again in about %d hours.", (seconds+3599)/3600)
	}
}
