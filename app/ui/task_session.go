//go:build !js

package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

func drawRevokeTask(t *taskForm) []app.UI {
	var all []shared.Session
	t.answers.read(shared.ListSessions.Path, shared.None{}, &all)
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
	return t.noForm(message.ConfirmRevokeSession, message.SessionHasEnded)
}

func drawRevokeOthersTask(t *taskForm) []app.UI {
	var all []shared.Session
	t.answers.read(shared.ListSessions.Path, shared.None{}, &all)
	if len(all) < 2 {
		return t.noForm(message.ConfirmRevokeOtherSessions, message.NoOtherSessions)
	}
	return t.question(message.ConfirmRevokeOtherSessions, revokeOthersQuestion(t.env, len(all)-1))
}
