package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// The functions below draw content for browsers without the app. All but backup return nil in the
// app.

// passkeysNeedApp draws that passkeys need the app.
func (t *env) passkeysNeedApp() app.UI {
	if app.IsClient {
		return nil
	}
	return html.WithoutApp(html.P().Class("aside", "no-script").Text(t.T(message.PasskeysNeedApp)))
}

// addingNeedsApp draws that only the app can add passkeys.
func (t *env) addingNeedsApp() app.UI {
	if app.IsClient {
		return nil
	}
	return html.WithoutApp(hint(t.T(message.AddingPasskeyNeedsApp)))
}

// saveLanguageButton draws the button that saves the choice of a language. The app saves it at once.
func (t *env) saveLanguageButton() app.UI {
	if app.IsClient {
		return nil
	}
	call := t.formCall(shared.UpdateUser.Path, "form", "language") // tells it from the form of the name
	return html.WithoutApp(makeCall(html.Button().Text(t.T(message.SaveChanges)), call))
}

// trustBox draws the check box by which the user trusts the browser. The app asks after the code.
func (p *secondFactor) trustBox() app.UI {
	if app.IsClient {
		return nil
	}
	e, id := p.Env, p.form.inputID("trust")
	return html.WithoutApp(html.Div().Class("field").Body(
		html.Label().Class("check").Body(
			html.Input("checkbox").ID(id).Attr("name", "trustDevice").Attr("checked", p.trustDevice).Aria("describedby", id+"-hint"),
			html.Span().Text(e.T(message.TrustDevice)),
		),
		hint(e.T(message.HintTrustDevice)).ID(id+"-hint"),
	))
}

// backup draws the button for a backup code. Without the app, the browser opens the field below it.
func (p *secondFactor) backup() app.UI {
	e := p.Env
	return html.Details().ID("second-factor-backup").Body(
		html.Summary().Class("link").Text(e.T(message.UseBackupCode)).OnClick(on(p.useBackup)),
		p.backupField(),
		html.Button().Attr("type", "submit").Class("main").Text(e.T(message.VerifyBackupCode)),
	)
}

// backToCode draws a link from the field for another code back to that for the app's code.
func (p *secondFactor) backToCode() app.UI {
	if app.IsClient {
		return nil
	}
	e := p.Env
	return html.WithoutApp(html.A(secondFactorPath(e.address().Query().Get("next"))).Text(e.T(message.UseAuthenticatorApp)))
}
