//go:build !js

package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// drawSignUpDone draws that the address of a new account has to be verified first.
func drawSignUpDone(t *taskForm) []app.UI {
	t.title = message.CheckYourEmail
	email := t.task.Typed["email"]
	again := t.formCall(shared.SendVerificationEmail.Path, "email", email)
	return []app.UI{
		div("card",
			html.P().Text(t.T(message.DoneSignUpEmailSent, email)),
			hint(t.T(message.HintSpamFolder)),
			makeCall(html.Button().Text(t.T(message.SendEmailAgain)), again).Attr("form", callsForm),
		),
		html.P().Class("aside").Body(html.A(shared.PageSignIn).Text(t.T(message.GoToSignIn))),
	}
}

// drawResetRequested draws that a link to choose a new password has been sent, if the address has
// an account. A button of the password page names the address in its call.
func drawResetRequested(t *taskForm) []app.UI {
	t.title = message.CheckYourEmail
	if own := t.fields.Get("email"); own != "" {
		return []app.UI{div("card",
			html.P().Text(t.T(message.DoneOwnResetLinkSent, own)),
			hint(t.T(message.HintSpamFolder)),
			html.A(t.page.Address.Path).Class("button").Text(t.T(message.GoBack)),
		)}
	}
	return []app.UI{
		div("card",
			html.P().Text(t.T(message.DoneResetLinkSent, t.task.Typed["email"])),
			hint(t.T(message.HintCheckSpamAndAddress)),
			html.A(shared.PageForgotPassword).Class("button").Text(t.T(message.UseAnotherAddress)),
		),
		html.P().Class("aside").Body(html.A(shared.PageSignIn).Text(t.T(message.BackToSignIn))),
	}
}
