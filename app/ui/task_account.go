//go:build !js

package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// focus gives the focus to a field when the browser loads the page, as it has in the dialog of the app,
// unless an error gives it to another element.
func (t *taskForm) focus(field string) {
	if t.state == nil {
		t.autofocus = field
	}
}

// drawChangeEmailTask draws the form for a new address.
func drawChangeEmailTask(t *taskForm) []app.UI {
	user := t.identity.user
	if user == nil {
		return t.noForm(message.ChangeEmailAddress, message.ErrServiceUnavailable)
	}
	t.title = message.ChangeEmailAddress
	t.focus("newEmail")
	return t.draw("", t.T(message.SendLink), "main", t.field(field{
		Name: "newEmail", Label: t.T(message.NewEmailAddress), Type: "email", Complete: "email",
		Hint: t.newEmailHint(*user), Value: t.typed("newEmail"),
	}))
}

// drawDeleteAccountTask draws the form that deletes the account. Without a password, the user
// confirms the deletion with a link in an email.
func drawDeleteAccountTask(t *taskForm) []app.UI {
	const title = message.ConfirmDeleteAccount
	var o shared.Overview
	switch known := t.answers.read(shared.GetOverview.Path, shared.None{}, &o); {
	case !known:
		return t.noForm(title, message.ErrServiceUnavailable)
	case o.Last:
		return t.noForm(title, message.ErrLastAdministrator)
	case !o.Password.Set && !o.Delivers:
		return t.noForm(title, message.ProofNeedsApp)
	}
	t.title = title
	t.focus("email")
	if t.state != nil && t.state.Error.Code == shared.ErrEmailMismatch.Code {
		t.wrong["email"] = t.T(message.ErrTypeYourAddress, o.User.Email)
	}
	yes, class := message.SendLink, "main"
	var proof app.UI = html.P().Text(t.T(message.DeletionNeedsLink))
	if o.Password.Set {
		yes, class = message.DeleteAccount, "danger"
		proof = t.field(field{
			Name: "password", Label: t.T(message.AccountPassword), Type: "password", Complete: "current-password",
		})
	}
	return t.draw(t.deletionText(&o), t.T(yes), class,
		username(o.User.Email),
		t.field(field{
			Name: "email", Label: t.T(message.TypeYourAddress), Type: "email", Complete: "off",
			Hint: o.User.Email, Value: t.typed("email"),
		}),
		proof,
	)
}

// drawReportSignInTask asks whether to secure the account, because a sign-in was not the user's.
func drawReportSignInTask(t *taskForm) []app.UI {
	return t.question(message.ConfirmSecureAccount, reportQuestion(t.env))
}
