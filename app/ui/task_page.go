//go:build !js

package ui

import (
	"net/url"
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A taskPage draws the form of a call on a page of its own: see [Task].
type taskPage struct {
	page string // on which the call is made; "" for any
	draw func(t *taskForm) []app.UI
	done bool // draws only the response to the call, so it is no page to open
}

// taskPages are the calls with a page of their own, by the path of the endpoint.
var taskPages = map[string]taskPage{
	shared.RevokeSession.Path:        {page: shared.PageSessions, draw: drawRevokeTask},
	shared.RevokeOtherSessions.Path:  {page: shared.PageSessions, draw: drawRevokeOthersTask},
	shared.StepUp.Path:               {draw: drawStepUpTask},
	shared.SignUp.Path:               {page: shared.PageSignUp, draw: drawSignUpDone, done: true},
	shared.RequestPasswordReset.Path: {draw: drawResetRequested, done: true},
}

// taskPageOf returns the page of a call, or nil.
func taskPageOf(page, call string) *taskPage {
	path, _, _ := strings.Cut(call, "?")
	for pattern, p := range taskPages {
		if _, ok := shared.MatchPath(pattern, path); ok && (p.page == "" || p.page == page) {
			return &p
		}
	}
	return nil
}

// HasTask reports whether a call, as in [shared.FormCall], has a page of its own below the page at
// an address.
func HasTask(page, call string) bool {
	t := taskPageOf(page, call)
	return t != nil && !t.done
}

// A taskForm is the form of a task.
type taskForm struct {
	*env
	form
	title  message.ID // of the page
	fields url.Values // of the call
	task   *Task
	state  *shared.FormState // the refused form, or nil
	id     string            // in the path of the call
}

// task draws the page of the task, if the page has one.
func (s *shell) task() app.UI {
	if s.page.Task == nil {
		return nil
	}
	path, query, _ := strings.Cut(s.page.Task.Call, "?")
	t := &taskForm{env: s.env, task: s.page.Task}
	t.fields, _ = url.ParseQuery(query) // a part is as good as none
	for pattern := range taskPages {
		if id, ok := shared.MatchPath(pattern, path); ok {
			t.id = id
		}
	}
	t.form.init(s.env, "task", "password", "code", "backupCode", "name", "newEmail", "newPassword", "value")
	t.state = t.form.calls(s.page.Task.Call)
	content := taskPageOf(s.route.path, s.page.Task.Call).draw(t)
	s.state = t.title
	return narrow(append([]app.UI{heading(s.env.T(t.title))}, content...)...)
}

// question draws a task that the user only has to confirm.
func (t *taskForm) question(title message.ID, c confirmation) []app.UI {
	t.title = title
	return t.draw(c.Text, c.Yes, "danger")
}

// draw draws a form with parts above its button.
func (t *taskForm) draw(text, yes, class string, parts ...app.UI) []app.UI {
	return []app.UI{
		html.Form().Class("card").Attr("novalidate", "true").Body(slices.Concat(
			[]app.UI{html.P().Text(text)}, parts,
			[]app.UI{
				t.drawError(),
				div("buttons", html.A(t.page.Address.Path).Class("button").Text(t.T(message.CancelAction)), t.button(yes, class)),
			},
		)...),
	}
}

// gone draws that what the call is about does not exist any more.
func (t *taskForm) gone(title, text message.ID) []app.UI {
	t.title = title
	return []app.UI{div("card",
		html.P().Text(t.T(text)),
		html.A(t.page.Address.Path).Class("button").Text(t.T(message.GoBack)),
	)}
}

// answer stores the response to a request that came with the page in out.
func (t *taskForm) answer(path string, in, out any) bool { return t.answers.read(path, in, out) }

func drawRevokeTask(t *taskForm) []app.UI {
	var all []shared.Session
	t.answer(shared.ListSessions.Path, shared.None{}, &all)
	for _, one := range all {
		if one.Token != t.fields.Get("token") {
			continue
		}
		title := message.ConfirmRevokeSession
		if one.IsCurrent {
			title = message.ConfirmSignOutDevice
		}
		return t.question(title, revokeQuestion(t.env, one, t.now()))
	}
	return t.gone(message.ConfirmRevokeSession, message.SessionHasEnded)
}

func drawRevokeOthersTask(t *taskForm) []app.UI {
	var all []shared.Session
	t.answer(shared.ListSessions.Path, shared.None{}, &all)
	if len(all) < 2 {
		return t.gone(message.ConfirmRevokeOtherSessions, message.NoOtherSessions)
	}
	return t.question(message.ConfirmRevokeOtherSessions, revokeOthersQuestion(t.env, len(all)-1))
}

// drawStepUpTask draws the form in which the user confirms their identity.
func drawStepUpTask(t *taskForm) []app.UI {
	t.title = message.ConfirmIdentity
	twoFactor := t.identity.user != nil && t.identity.user.TwoFactorEnabled
	var overview shared.Overview
	t.answer(shared.GetOverview.Path, shared.None{}, &overview)
	d := stepUpDialog{Env: t.env, form: t.form, with: withPassword, TwoFactor: twoFactor}
	factor := t.fields.Get("need") == shared.NeedSecondFactor
	if factor {
		d.waiting = &stepUpRequest{Factor: true}
	}
	switch {
	case factor && !twoFactor, !factor && !twoFactor && !overview.Password.Set:
		return t.gone(message.ConfirmIdentity, message.ProofNeedsApp)
	case t.fields.Get("with") == "backupCode":
		d.with = byBackup
	case factor || t.fields.Get("with") == "code" || !overview.Password.Set:
		d.with = byApp
	}
	return append(
		t.draw(d.text(), t.T(message.ContinueAction), "main", username(t.identity.user.Email), d.field()),
		t.otherProofs(d.with, factor, twoFactor)...,
	)
}

// otherProofs draws links to the other ways to confirm the user's identity.
func (t *taskForm) otherProofs(with string, factor, twoFactor bool) (links []app.UI) {
	for _, other := range []struct {
		field string
		name  message.ID
		ok    bool
	}{
		{"password", message.UsePassword, !factor && with != withPassword},
		{"code", message.UseAuthenticatorCode, twoFactor && with != byApp},
		{"backupCode", message.UseBackupCode, twoFactor && factor && with != byBackup},
	} {
		if !other.ok {
			continue
		}
		fields := url.Values{}
		for name, value := range t.fields {
			fields[name] = value
		}
		fields.Set("with", other.field)
		href := t.page.Address.Path + "?" + url.Values{shared.FormCall: {shared.StepUp.Path + "?" + fields.Encode()}}.Encode()
		links = append(links, html.P().Class("aside").Body(html.A(href).Text(t.T(other.name))))
	}
	return links
}
