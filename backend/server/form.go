package server

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/shared"
	"latchkey/web"
)

// forms are the pages with a form that browsers send by themselves: before the
// app is there, or where it cannot run.
var forms = []string{shared.PageSignIn, shared.PageTwoFactor, shared.PageEmail}

func isForm(r *http.Request) bool { return slices.Contains(forms, r.URL.Path) }

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
	s.askAgain(call{Request: r, w: w}, r.URL.Path, nil, err)
}

// handleForm makes h answer the form of a page for those whom the policy lets
// in, as [handle] does an endpoint: h says where to go on, or "" if it has
// answered. Who may not go on gets the page again, with what was wrong.
func handleForm[In any](s *Server, mux *http.ServeMux, may policy, page string, h func(call, In) (string, error)) {
	schema := schemaOf[In]()
	answer := func(c *call) (typed url.Values, to string, err error) {
		defer func() { s.settle(*c, err) }()
		// Our own pages have these forms, and no page of a trusted origin has.
		if origin := c.Header.Get("Origin"); origin != "" && origin != "null" && origin != originOf(s.Origin) {
			return nil, "", shared.ErrOrigin
		}
		if err := s.limit(*c, counted[page]); err != nil {
			return nil, "", err
		}
		var in In
		if typed, err = decodeForm(c.Request, schema, &in); err != nil {
			return typed, "", err
		}
		if may.level != everyone {
			if *c, err = s.admit(*c, may, in); err != nil {
				return typed, "", err
			}
		}
		to, err = h(*c, in)
		return typed, to, err
	}
	mux.HandleFunc("POST "+page, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		c := call{Request: r, w: w, Actor: account.Actor{Client: s.client(r)}, guesses: new(guesses)}
		typed, to, err := answer(&c)
		if missing, ok := errors.AsType[*keyring.MissingKeyError](err); ok {
			err = errors.Join(err, s.Accounts.NoteMissingKey(r.Context(), c.Actor, missing))
		}
		if err != nil {
			s.askAgain(c, page, typed, err)
			return
		}
		if to == "" {
			return // h has answered by itself
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusSeeOther)
	})
}

// counted is the endpoint whose limits a form counts for, so that nobody has
// twice the tries who uses both.
var counted = map[string]string{
	shared.PageSignIn:    shared.SignIn.Path,
	shared.PageTwoFactor: shared.VerifyTOTP.Path,
	shared.PageEmail:     shared.VerifyEmail.Path,
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
		if err := s.limit(c, shared.VerifyBackupCode.Path); err != nil {
			return "", err
		}
		_, err := s.verifyBackupCode(c, shared.BackupCode{Code: in.BackupCode, TrustDevice: in.TrustDevice})
		return next(c), err
	}
	code, ok := shared.SixDigits(in.Code)
	if !ok {
		return "", shared.ErrCodeRequired
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

// decodeForm reads the body of a request, which a form sent, into in. It is as
// strict as the API is: each name once, valid UTF-8, no NUL. Unknown names are
// ignored. A box that is not ticked is not sent, and means no.
func decodeForm(r *http.Request, f schema, in any) (url.Values, error) {
	body, err := read(r)
	if err != nil {
		return nil, err
	}
	if !hasType(r, "application/x-www-form-urlencoded") {
		return nil, shared.ErrFormMediaType
	}
	garbled := shared.ErrFormUnreadable
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, garbled
	}
	for name, all := range values {
		for _, text := range append([]string{name}, all...) {
			if len(all) != 1 || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return nil, garbled
			}
		}
	}
	members := map[string]jsontext.Value{}
	for _, fd := range f {
		box := slices.Contains(fd.kinds, 't')
		switch {
		case box && (!values.Has(fd.name) || values.Get(fd.name) == "on"): // what browsers send for a box without a value
			members[fd.name] = jsontext.Value(strconv.FormatBool(values.Has(fd.name)))
		case values.Has(fd.name):
			text, err := json.Marshal(values.Get(fd.name))
			if err != nil {
				return nil, err
			}
			members[fd.name] = text
		}
	}
	if err := f.validate("body", members); err != nil {
		return values, err
	}
	whole, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	return values, strict.Unmarshal(whole, in)
}

// askAgain answers with the page, what was typed but for what is secret, and
// what was wrong.
func (s *Server) askAgain(c call, page string, typed url.Values, err error) {
	if page == shared.PageEmail {
		var in shared.EmailLink
		if typed == nil { // it was refused before anybody looked into it
			typed, _ = decodeForm(c.Request, emailLinkSchema, &in)
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
		Error: string(refusal), Words: e.Text(l), Field: e.FieldOf(fields[page]),
		Email: typed.Get("email"), Forget: typed != nil && !typed.Has("rememberMe"), Trust: typed.Has("trustDevice"),
		NewPassword: errors.Is(e, shared.ErrNewPasswordDue),
	}
	if c.URL.Query().Has("next") {
		t.Next = next(c)
	}
	t.Backup = typed.Get("backupCode") != ""
	t.Over = e.Explain().Final
	send(c.w, c.Request, status, "text/html; charset=utf-8", shells()[l].Again(page, s.name(), t), "")
}

// fields are those of each form.
var fields = map[string][]string{
	shared.PageSignIn:    {"email", "password"},
	shared.PageTwoFactor: {"code", "backupCode"},
}
