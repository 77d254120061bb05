//go:build !js

package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

func drawRenamePasskeyTask(t *taskForm) []app.UI {
	one := t.passkey()
	if one == nil {
		return t.noForm(message.RenamePasskey, message.DonePasskeyGone)
	}
	t.title = message.RenamePasskey
	t.focus("name")
	name := t.passkeyName(*one)
	if t.state != nil {
		name = t.state.Typed["name"]
	}
	return t.draw(t.T(message.PasskeyNamed, t.passkeyName(*one)), t.T(message.SaveChanges), "main",
		t.field(field{
			Name: "name", Label: t.T(message.PasskeyName), Type: "text", Complete: "off", Value: name,
		}),
	)
}

func drawDeletePasskeyTask(t *taskForm) []app.UI {
	if one := t.passkey(); one != nil {
		return t.question(message.ConfirmDeletePasskey, deletePasskeyQuestion(t.env, *one))
	}
	return t.noForm(message.ConfirmDeletePasskey, message.DonePasskeyGone)
}

// passkey returns the passkey that the form is about, or nil if there is none.
func (t *taskForm) passkey() *shared.Passkey {
	var all []shared.Passkey
	t.answers.read(shared.ListPasskeys.Path, shared.None{}, &all)
	for i := range all {
		if all[i].ID == t.fields.Get("id") {
			return &all[i]
		}
	}
	return nil
}
