//go:build !js

package ui

import (
	"net/url"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// drawStepUpTask draws the form in which the user confirms their identity.
func drawStepUpTask(t *taskForm) []app.UI {
	t.title = message.ConfirmIdentity
	twoFactor := t.identity.user != nil && t.identity.user.TwoFactorEnabled
	var overview shared.Overview
	// Without the overview, which is not for users who must enroll a second factor, the user may have
	// a password.
	password := !t.answers.read(shared.GetOverview.Path, shared.None{}, &overview) || overview.Password.Set
	d := stepUpDialog{Env: t.env, form: t.form, with: withPassword, TwoFactor: twoFactor}
	factor := t.fields.Get("need") == shared.NeedSecondFactor
	if factor {
		d.waiting = &stepUpRequest{Factor: true}
	}
	switch {
	case factor && !twoFactor, !factor && !twoFactor && !password:
		return t.noForm(message.ConfirmIdentity, message.ProofNeedsApp)
	case t.fields.Get("with") == "backupCode":
		d.with = byBackup
	case factor || t.fields.Get("with") == "code" || !password:
		d.with = byApp
	}
	if t.state == nil {
		d.form.autofocus = map[string]string{withPassword: "password", byApp: "code", byBackup: "backupCode"}[d.with]
	}
	return append(
		t.draw(d.text(), t.T(message.ContinueAction), "main", username(t.email()), d.field()),
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
		links = append(links, t.link(shared.StepUp.Path+"?"+fields.Encode(), other.name))
	}
	return links
}
