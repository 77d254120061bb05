package server

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server/wire"
	"latchkey/backend/site"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A formCall is what follows when a form of a page has called an endpoint. The zero value opens the
// page again.
type formCall struct {
	// done has the message of the next page, by a field of the call. The one of "" is for all
	// other calls.
	done messages
	// next returns the address to open, or "" to show the response. If next is nil, that is the
	// page of the form.
	next func(c call, out any) string
	// shows is set if the page shows the response, which has secrets that are not available
	// later.
	shows bool
	// required has the errors for fields that the form has, but that the user has left empty. The
	// call would count as a wrong guess, or lack the field: see [wire.Decoder.Values].
	required []*shared.Error
	// adapt changes the fields of a form where they are not those of the call. It may be nil.
	adapt func(fields url.Values)
	// after runs after a successful call. It may be nil.
	after func(s *Server, c call, fields url.Values)
	// check fails if the app would not make the call with what the user has typed. It may be nil.
	check func(c call, fields url.Values) error
}

// formCalls are the endpoints that the forms of pages can call, by path.
var formCalls = sync.OnceValue(func() map[string]formCall {
	return map[string]formCall{
		shared.SignOut.Path: {next: func(call, any) string { return shared.PageSignIn }},
		shared.StepUp.Path: { // continues with another call: see [Server.resume]
			required: []*shared.Error{shared.ErrPasswordRequired, shared.ErrCodeRequired, shared.ErrBackupCodeRequired},
		},
		shared.SignUp.Path:                {next: afterSignUp},
		shared.SendVerificationEmail.Path: {done: messages{"": message.DoneVerificationSent}},
		shared.RequestPasswordReset.Path:  {shows: true},
		shared.ResetPassword.Path: {
			done: messages{"": message.DonePasswordReset}, next: func(call, any) string { return shared.PageSignIn },
		},
		shared.ReportNotMe.Path: {done: messages{"": message.DoneAccountSecured}, next: afterReport},

		shared.RevokeSession.Path:       {done: messages{"": message.DoneSessionRevoked}},
		shared.RevokeOtherSessions.Path: {done: messages{"": message.DoneOtherSessionsRevoked}},
		shared.ConfirmSignIn.Path:       {done: messages{"": message.DoneSignInConfirmed}},
		shared.UpdatePasskey.Path:       {done: messages{"": message.DonePasskeyRenamed}},
		shared.DeletePasskey.Path:       {done: messages{"": message.DonePasskeyGone}},

		shared.EnableTwoFactor.Path:      {shows: true, required: []*shared.Error{shared.ErrPasswordRequired}},
		shared.GenerateBackupCodes.Path:  {shows: true, required: []*shared.Error{shared.ErrPasswordRequired}},
		shared.RevokeTrustedDevice.Path:  {done: messages{"": message.DoneDeviceNotTrusted}},
		shared.RevokeTrustedDevices.Path: {done: messages{"": message.DoneTrustedDevicesRevoked}},
		shared.DisableTwoFactor.Path: {
			done: messages{"": message.DoneTwoFactorDisabled}, required: []*shared.Error{shared.ErrPasswordRequired},
		},
		shared.SendOTP.Path: {done: messages{"": message.DoneCodeEmailed}, next: emailCodePage},
		shared.VerifyTOTP.Path: {
			done:     messages{"": message.DoneTwoFactorEnabled, "replace": message.DoneMovedToNewPhone},
			required: []*shared.Error{shared.ErrCodeRequired},
		},

		shared.UpdateUser.Path: {
			done:  messages{"": message.DoneProfileSaved, "image": message.DonePictureRemoved, "language": message.DoneLanguageSaved},
			adapt: adaptLanguage, check: checkProfile, after: (*Server).keepLanguage,
		},
		shared.ChangePassword.Path: {
			done:     messages{"": message.DonePasswordChangedAlone, "revokeOtherSessions": message.DonePasswordChanged},
			required: []*shared.Error{shared.ErrFieldRequired.In("currentPassword"), shared.ErrFieldRequired.In("newPassword")},
		},
		shared.DeleteUser.Path: {
			done:     messages{"": message.DoneVerificationSent, "password": message.DoneAccountDeleted},
			required: []*shared.Error{shared.ErrPasswordRequired}, check: checkDeletion, next: afterDeletion,
		},
		shared.ChangeEmail.Path:       {done: messages{"": message.DoneVerificationSent}},
		shared.ResendEmailChange.Path: {done: messages{"": message.DoneVerificationSent}},
		shared.CancelEmailChange.Path: {done: messages{"": message.DoneEmailChangeCanceled}},
		shared.ReportSignIn.Path:      {done: messages{"": message.DoneAccountSecured}, next: afterReport},

		shared.PutSetting.Path: {done: messages{"": message.DoneSettingChanged}, check: checkSetting},
		shared.SendTestMail.Path: {
			done: messages{"": message.DoneTestEmailAccepted, shared.FormToFile: message.DoneEmailWrittenToFile},
		},
		shared.CreateServerKey.Path:    {shows: true},
		shared.RevokeServerKey.Path:    {done: messages{"": message.DoneServerKeyRevoked}},
		shared.ResetFactors.Path:       {done: messages{"": message.DoneFactorsGone}},
		shared.RevokeUserSessions.Path: {done: messages{"": message.DoneSessionsGone}},
		shared.DisableUser.Path:        {done: messages{"": message.DoneDisabled}},
		shared.EnableUser.Path:         {done: messages{"": message.DoneEnabled}},
	}
})

// afterSignUp opens the page to open after sign-in, or shows that the address has to be verified first.
func afterSignUp(c call, out any) string {
	if out.(shared.SignedUp).Token == nil {
		return ""
	}
	return nextPage(c)
}

// afterReport opens the page for a new password, as the email with a link to that page does.
func afterReport(_ call, out any) string {
	return withQuery(shared.PageResetPassword, "token", out.(shared.NotMeReport).Token)
}

type messages = map[string]message.ID

// message returns what a call has done, or 0.
func (f formCall) message(fields url.Values) message.ID {
	for field, done := range f.done {
		if field != "" && fields.Has(field) {
			return done
		}
	}
	return f.done[""]
}

// unknownForms is the path under which the limits count forms that call no endpoint.
const unknownForms = "form"

// handleCalls returns a route for the forms of a page, each of which calls an endpoint: see
// [shared.FormCall]. The policy and the limits are those of the endpoint.
func handleCalls(page string) route {
	admit := func(s *Server, _ route, c *call) (action, error) {
		c.w.Header().Set("Cache-Control", "no-store")
		if err := s.checkFormOrigin(c.Request); err != nil {
			return nil, err
		}
		var err error
		if c.typed, err = wire.ReadForm(c.Request); err != nil {
			return nil, cmp.Or(s.limit(*c, defaultRate, unknownForms), formError(err))
		}
		return s.admitFormCall(c)
	}
	return route{
		policy: anyone, method: http.MethodPost, path: page, rate: defaultRate, limitPath: unknownForms, writes: true,
		admit: admit, respond: (*Server).respondForm,
	}
}

// admitFormCall admits a call that a form makes.
func (s *Server) admitFormCall(c *call) (action, error) {
	path, fields, err := wire.FormCall(c.typed)
	rt, id, exists := s.formRoute(path)
	if err != nil || !exists || !site.IsCallOf(c.URL.Path, path) {
		if err := s.limit(*c, defaultRate, unknownForms); err != nil {
			return nil, err
		}
		return nil, shared.ErrFormUnreadable
	}
	if id != "" {
		c.SetPathValue("id", id)
	}
	f := formCalls()[rt.path]
	for _, empty := range f.required {
		if fields.Has(empty.Field) && fields.Get(empty.Field) == "" {
			return nil, cmp.Or(s.limit(*c, rt.rate, rt.limitPath), error(empty))
		}
	}
	// As in a call of the app, [Server.permit] compares it with the user of the session.
	c.Header.Set(shared.HeaderAccount, fields.Get(shared.FormAccount))
	if f.adapt != nil {
		f.adapt(fields)
	}
	do, err := rt.admitForm(s, rt, c, fields)
	if e, ok := errors.AsType[*shared.Error](err); ok && e.Code == shared.ErrValidation.Code && e.Field != "" && fields.Get(e.Field) == "" {
		return nil, shared.ErrFieldRequired.In(e.Field)
	} else if err != nil {
		return nil, err
	}
	return func(c *call) (any, error) {
		if f.check != nil {
			if err := f.check(*c, fields); err != nil {
				return nil, err
			}
		}
		out, err := do(c)
		if rt.waits { // otherwise no time is left to draw the page
			ctx, cancel := context.WithCancel(context.WithoutCancel(c.ctx))
			time.AfterFunc(s.RequestTimeout, cancel)
			c.ctx = ctx
		}
		if err != nil {
			return nil, err
		}
		return s.afterFormCall(c, rt.path, fields, out)
	}, nil
}

// formRoute returns the route of an endpoint that forms can call, and the ID in its path.
func (s *Server) formRoute(path string) (rt route, id string, ok bool) {
	for pattern := range formCalls() {
		if id, ok := shared.MatchPath(pattern, path); ok {
			return s.writes[pattern], id, true
		}
	}
	return route{}, "", false
}

// afterFormCall continues after a call that a form has made. It returns the address to open, or ""
// if it has written the response.
func (s *Server) afterFormCall(c *call, path string, fields url.Values, out any) (string, error) {
	if path == shared.StepUp.Path {
		return s.resume(c, fields.Get("pending"))
	}
	f := formCalls()[path]
	if f.after != nil {
		f.after(s, *c, fields)
	}
	next := pageOf(c.URL)
	if f.next != nil {
		next = f.next(*c, out)
	}
	if f.shows || next == "" {
		t := site.Task{Call: c.typed.Get(shared.FormCall), Answer: wire.AppendJSON(nil, out), Typed: typedText(c.typed)}
		s.drawTask(*c, http.StatusOK, t, nil)
		return "", nil
	}
	if done := f.message(fields); done != 0 {
		s.cookies.setDone(c.w, done)
	}
	return next, nil
}

// pageOf returns the address of the page of a form: without the call whose form the page shows.
func pageOf(u *url.URL) string {
	query := u.Query()
	query.Del(shared.FormCall)
	return (&url.URL{Path: u.Path, RawQuery: query.Encode()}).String()
}

// drawTask responds with the form of a call on a page of its own, or with the response of that call.
func (s *Server) drawTask(c call, status int, t site.Task, form *shared.FormState) {
	_ = s.identifyOnce(&c) // does not fail in a session; the call may have given it a token that is not in the request
	state := s.pageState(c)
	state.Form = form
	s.draw(c, status, site.Page{State: state, Task: &t})
}

// askProof responds with the page on which the user confirms their identity, because err requires
// it. The server keeps the form until then.
func (s *Server) askProof(c call, err *shared.Error) error {
	typed := maps.Clone(c.typed)
	typed.Del(shared.FormCall)
	form := account.PendingForm{Call: c.typed.Get(shared.FormCall), Fields: typed.Encode()}
	token, keepErr := s.Accounts.KeepForm(c.Context(), c.Actor, form)
	if keepErr != nil {
		return keepErr
	}
	query := url.Values{"pending": {string(token)}, shared.FormAccount: {c.User.ID}}
	if err.Need != "" {
		query.Set("need", err.Need)
	}
	s.drawTask(c, http.StatusOK, site.Task{Call: shared.StepUp.Path + "?" + query.Encode()}, nil)
	return nil
}

// resume makes the call of a form that has waited until its user confirmed their identity. The
// session of c has just got another token, which the response sets.
func (s *Server) resume(c *call, pending string) (string, error) {
	token, ok := s.cookies.issued(c.w)
	if !ok {
		return "", shared.ErrUnauthorized
	}
	actor, _, err := s.Accounts.Authenticate(c.Context(), c.Client, token, false)
	if err != nil {
		return "", err
	}
	c.Actor, c.identified = actor, &identification{pendingSignIn: shared.ErrNoPendingSignIn}
	form, err := s.Accounts.TakeForm(c.Context(), c.Actor, pending)
	if err != nil {
		return "", err
	}
	if c.typed, err = url.ParseQuery(form.Fields); err != nil {
		return "", err
	}
	c.typed.Set(shared.FormCall, form.Call)
	do, err := s.admitFormCall(c)
	if err != nil {
		return "", err
	}
	out, err := do(c)
	if err != nil {
		return "", err
	}
	return out.(string), nil
}
