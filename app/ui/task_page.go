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
	shared.ChangeEmail.Path:          {page: shared.PageProfile, draw: drawChangeEmailTask},
	shared.DeleteUser.Path:           {page: shared.PageProfile, draw: drawDeleteAccountTask},
	shared.ReportSignIn.Path:         {draw: drawReportSignInTask},
	shared.SignUp.Path:               {page: shared.PageSignUp, draw: drawSignUpDone, done: true},
	shared.RequestPasswordReset.Path: {draw: drawResetRequested, done: true},
	shared.EnableTwoFactor.Path:      {page: shared.PageTwoFactorSettings, draw: drawEnableTask},
	shared.VerifyTOTP.Path:           {page: shared.PageTwoFactorSettings, draw: drawFirstCodeTask},
	shared.GenerateBackupCodes.Path:  {page: shared.PageTwoFactorSettings, draw: drawRenewTask},
	shared.DisableTwoFactor.Path:     {page: shared.PageTwoFactorSettings, draw: drawDisableTask},
	shared.RevokeTrustedDevice.Path:  {page: shared.PageTwoFactorSettings, draw: drawUntrustTask},
	shared.RevokeTrustedDevices.Path: {page: shared.PageTwoFactorSettings, draw: drawUntrustAllTask},
	shared.UpdatePasskey.Path:        {page: shared.PagePasskeys, draw: drawRenamePasskeyTask},
	shared.DeletePasskey.Path:        {page: shared.PagePasskeys, draw: drawDeletePasskeyTask},
	shared.PutSetting.Path:           {page: shared.PageSystem, draw: drawSettingTask},
	shared.CreateServerKey.Path:      {page: shared.PageSystem, draw: drawServerKeyTask, done: true},
	shared.RevokeServerKey.Path:      {page: shared.PageSystem, draw: drawRevokeKeyTask},
	shared.ResetFactors.Path:         {page: shared.PageSystem, draw: resetFactors.drawTask},
	shared.RevokeUserSessions.Path:   {page: shared.PageSystem, draw: endSessions.drawTask},
	shared.DisableUser.Path:          {page: shared.PageSystem, draw: disableUser.drawTask},
	shared.EnableUser.Path:           {page: shared.PageSystem, draw: enableUser.drawTask},
}

// taskPageOf returns the page of a call, or nil, and the ID in the path of the call.
func taskPageOf(page, call string) (t *taskPage, id string) {
	path, _, _ := strings.Cut(call, "?")
	for pattern, p := range taskPages {
		if id, ok := shared.MatchPath(pattern, path); ok && (p.page == "" || p.page == page) {
			return &p, id
		}
	}
	return nil, ""
}

// HasTask reports whether a call, as in [shared.FormCall], has a page of its own below the page at
// an address.
func HasTask(page, call string) bool {
	t, _ := taskPageOf(page, call)
	return t != nil && !t.done
}

// IsCallOf reports whether the forms of a page call the endpoint at a path. A call with a page of its own
// is made only on the page that this one belongs to.
func IsCallOf(page, path string) bool {
	for pattern, p := range taskPages {
		if _, ok := shared.MatchPath(pattern, path); ok && p.page != "" && p.page != page {
			return false
		}
	}
	return page != shared.PageEmail // not a page of the app
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

	section string // to which the user goes back; "" for the beginning of the page
}

// back returns the address of the page without the task.
func (t *taskForm) back() string {
	query := t.page.Address.Query()
	query.Del(shared.FormCall)
	return requestURI(&url.URL{Path: t.page.Address.Path, RawQuery: query.Encode(), Fragment: t.section})
}

// task draws the page of the task, if the page has one.
func (s *shell) task() app.UI {
	if s.page.Task == nil {
		return nil
	}
	page, id := taskPageOf(s.route.path, s.page.Task.Call)
	t := &taskForm{env: s.env, task: s.page.Task, id: id}
	_, query, _ := strings.Cut(t.task.Call, "?")
	t.fields, _ = url.ParseQuery(query) // without the fields that are malformed
	t.form.init(s.env, "task", "email", "password", "code", "backupCode", "name", "newEmail", "newPassword", "value")
	t.state = t.form.calls(t.task.Call)
	content := page.draw(t)
	s.state = t.title
	return narrow(append([]app.UI{heading(s.env.T(t.title))}, content...)...)
}

// question draws a task that the user only has to confirm.
func (t *taskForm) question(title message.ID, c confirmation) []app.UI {
	t.title = title
	return t.draw(c.Text, c.Yes, "danger")
}

// draw draws a form with a text, which may be empty, and parts above its button.
func (t *taskForm) draw(text, yes, class string, parts ...app.UI) []app.UI {
	return []app.UI{
		html.Form().Class("card").Attr("novalidate", "true").Body(slices.Concat(
			[]app.UI{drawSentence(text)}, parts,
			[]app.UI{
				t.drawError(),
				div("buttons", html.A(t.back()).Class("button").Text(t.T(message.CancelAction)), t.button(yes, class)),
			},
		)...),
	}
}

// noForm draws why the page has no form, such as that another tab has made the call.
func (t *taskForm) noForm(title, why message.ID) []app.UI {
	t.title = title
	return []app.UI{div("card",
		html.P().Text(t.T(why)),
		html.A(t.back()).Class("button").Text(t.T(message.GoBack)),
	)}
}

// link draws a link to the page of another task.
func (t *taskForm) link(call string, name message.ID) app.UI {
	query := t.page.Address.Query()
	query.Set(shared.FormCall, call)
	href := t.page.Address.Path + "?" + query.Encode()
	return html.P().Class("aside").Body(html.A(href).Text(t.T(name)))
}

// typed returns what the user typed into a field of the refused form, or "".
func (t *taskForm) typed(field string) string {
	if t.state == nil {
		return ""
	}
	return t.state.Typed[field]
}

// email returns the address of the user, or "" if the page does not know it.
func (t *taskForm) email() string {
	if t.identity.user == nil {
		return ""
	}
	return t.identity.user.Email
}
