//go:build !js

package ui

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// notAdmitted draws why the user cannot do the task, as the system page does, or returns nil.
func (t *taskForm) notAdmitted(permission string) []app.UI {
	switch {
	case t.identity.overdue(t.now()):
		return t.noForm(message.TwoFactorFirst, message.ReturnWhenTwoFactorOn)
	case !t.identity.may(permission):
		return t.noForm(message.NothingForYou, message.ErrNoPagePermission)
	}
	return nil
}

// drawTask draws the question whether to apply the action to an account. The account is on the page
// whose button has opened the task.
func (a *adminAction) drawTask(t *taskForm) []app.UI {
	t.title, t.section = a.yes, "users"
	if why := t.notAdmitted(manageUsers); why != nil {
		return why
	}
	var page shared.UserPage
	t.answers.read(shared.ListUsers.Path, userQuery(t.page.Address), &page)
	for _, one := range page.Users {
		if one.ID == t.id {
			c := a.question(t.env, one)
			return t.draw(c.Title, c.Yes, "danger", html.P().Text(c.Text))
		}
	}
	return t.noForm(a.yes, message.ErrNoSuchUser)
}

// drawSettingTask draws the form that changes a setting: a secret, which the page does not show, or the
// setting of a form that the server has refused.
func drawSettingTask(t *taskForm) []app.UI {
	t.title, t.section = message.SystemSettings, "system-settings"
	if why := t.notAdmitted(manageSettings); why != nil {
		return why
	}
	var all shared.Settings
	t.answers.read(shared.ListSettings.Path, shared.None{}, &all)
	i := slices.IndexFunc(all.Settings, func(one shared.Setting) bool { return one.Key == t.fields.Get("key") })
	if i < 0 {
		return t.noForm(t.title, message.ErrUnknownSetting)
	}
	k := &systemSetting{Env: t.env, Now: t.now(), base: all.Settings[i], mine: t.fields.Get("value")}
	switch value, given := t.fields["value"]; {
	case k.base.ReadOnly:
		return t.noForm(t.title, message.ErrSettingReadOnly)
	case !given:
		return t.drawSettingField(k)
	case k.base.Secret && value[0] == "":
		return t.drawSettingValue(k, "danger", t.T(message.RemoveValue),
			t.T(message.ConfirmRemoveValue, k.base.Title), t.T(message.RemoveValueConsequences))
	case k.base.Type == "bool":
		return t.drawSettingValue(k, "main", t.T(message.SaveChanges),
			t.T(message.ConfirmSaveValue, k.base.Title), k.base.Description, k.valueText(k.mine))
	}
	return t.noForm(t.title, message.ErrFormExpired) // a link must not choose the value
}

// drawSettingField draws a field for the value of a setting.
func (t *taskForm) drawSettingField(k *systemSetting) []app.UI {
	f, parts := k.input(), []app.UI(nil)
	if t.state != nil && !k.base.Secret {
		f.Value = t.typed("value")
	}
	k.mine = f.Value
	t.focus("value")
	if conflict := t.conflict(k); conflict != nil {
		t.wrong = map[string]string{"value": t.problem}
		t.problem, t.autofocus = "", "value"
		parts = append(parts, conflict)
	}
	text := cmp.Or(k.base.Consequence, t.T(message.ChangesApplyAtOnce))
	return t.draw(text, t.T(message.SaveChanges), "main", append([]app.UI{t.form.field(f)}, parts...)...)
}

// drawSettingValue draws the question whether to save the value of the call. text has its paragraphs.
func (t *taskForm) drawSettingValue(k *systemSetting, class, yes string, text ...string) []app.UI {
	var parts []app.UI
	for _, one := range text[1:] {
		parts = append(parts, html.P().Text(one))
	}
	if conflict := t.conflict(k); conflict != nil {
		parts = append(parts, conflict)
	}
	return t.draw(text[0], yes, class, parts...)
}

// conflict draws the present value of a setting beside the one that the server has refused because of it,
// or returns nil. The button then replaces the present value.
func (t *taskForm) conflict(k *systemSetting) app.UI {
	if t.state == nil || !errors.Is(t.state.Error, shared.ErrStaleRevision) || t.state.Error.Current == nil {
		return nil
	}
	theirs := *t.state.Error.Current
	k.base.Revision = theirs.Revision
	t.call = k.call()
	if t.fields.Has("value") {
		t.call = k.call("value", k.mine)
	}
	return k.compare(theirs)
}

// drawServerKeyTask draws a new server key, which the server does not keep for another page.
func drawServerKeyTask(t *taskForm) []app.UI {
	t.title = message.ServerKey
	var out shared.NewServerKey
	if json.Unmarshal(t.task.Answer, &out) != nil {
		return t.noForm(t.title, message.ErrFormExpired)
	}
	return []app.UI{div("card new-key",
		t.drawServerKey(out),
		// Without a fragment, with which browsers would only scroll.
		html.A(t.page.Address.Path).Class("button", "main").Text(t.T(message.FinishSetup)),
	)}
}

// drawRevokeKeyTask asks whether to revoke a server key.
func drawRevokeKeyTask(t *taskForm) []app.UI {
	t.title, t.section = message.ServerKey, "server-keys"
	if why := t.notAdmitted(manageSettings); why != nil {
		return why
	}
	var all []shared.ServerKey
	t.answers.read(shared.ListServerKeys.Path, shared.None{}, &all)
	for _, one := range all {
		if one.ID == t.fields.Get("id") {
			c := revokeKeyQuestion(t.env, one)
			return t.draw(c.Title, c.Yes, "danger", html.P().Text(c.Text))
		}
	}
	return t.noForm(t.title, message.ErrServerKeyRevoked)
}
