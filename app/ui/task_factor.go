//go:build !js

package ui

import (
	"encoding/json"
	"net/url"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// enrollChange returns the change of a form that adds an authenticator.
func (t *taskForm) enrollChange() *factorChange {
	if t.fields.Has("replace") {
		return moveChange
	}
	return enableChange
}

// enrollCall returns a call that adds an authenticator, for the same change as the form's.
func (t *taskForm) enrollCall(path string, fields ...string) string {
	if t.enrollChange() == moveChange {
		fields = append(fields, "replace", "on")
	}
	return t.formCall(path, fields...)
}

// drawEnableTask draws the form that adds an authenticator, and then its key.
func drawEnableTask(t *taskForm) []app.UI {
	change := t.enrollChange()
	var out shared.EnrollmentStarted
	if t.task.Answer != nil && json.Unmarshal(t.task.Answer, &out) == nil {
		return t.drawKey(out)
	}
	if enabled, known := t.twoFactor(); known && enabled != (change == moveChange) {
		why := message.ErrTwoFactorAlreadyOn
		if change == moveChange {
			why = message.ErrTwoFactorNotOn
		}
		return t.noForm(change.title, why)
	}
	return t.askPassword(change, "main")
}

// twoFactor reports whether two-factor authentication is on, if the page knows it.
func (t *taskForm) twoFactor() (enabled, known bool) {
	var state shared.TwoFactor
	known = t.answers.read(shared.TwoFactorStatus.Path, shared.None{}, &state)
	return state.Enabled, known
}

// askPassword draws the first step of a change, in which the user enters the password.
func (t *taskForm) askPassword(change *factorChange, class string) []app.UI {
	t.title = change.title
	t.focus("password")
	return t.draw(t.T(change.text), t.T(change.yes), class,
		username(t.email()),
		t.field(field{Name: "password", Label: t.T(message.AccountPassword), Type: "password", Complete: "current-password"}),
	)
}

// drawKey draws a new key with its backup codes, if there are any, and the form for the first code.
// Unlike in the app, the backup codes come before that code, because the server does not keep them
// for another page.
func (t *taskForm) drawKey(out shared.EnrollmentStarted) []app.UI {
	t.title, t.form.call = message.AddKeyToAuthenticatorApp, t.enrollCall(shared.VerifyTOTP.Path, "enrol", "on")
	path, side := qrPath(out.TOTPURI)
	same := ""
	if t.enrollChange() == moveChange {
		same = t.T(message.DeleteOldEntry)
	}
	parts := []app.UI{
		div("qr-box", qrCode(path, side, t.T(message.QRCodeOfKey))),
		html.A(out.TOTPURI).Class("otpauth").Text(t.T(message.OpenInAuthenticatorApp)),
		html.Details().Class("key").Body(
			html.Summary().Class("link").Text(t.T(message.EnterKeyInstead)),
			div("", html.Code().ID("task-key").Attr("translate", "no").Text(inFours(keyOf(out.TOTPURI)))),
		),
		app.If(same != "", func() app.UI { return hint(same) }),
	}
	if len(out.BackupCodes) > 0 {
		parts = append(parts,
			html.H2().Text(t.T(message.SaveBackupCodes)),
			html.P().Text(t.T(message.SaveBackupCodesExplanation)+" "+t.T(message.BackupCodesAfterSetup)),
		)
		parts = append(parts, t.backupCodes(out.BackupCodes)...)
	}
	return t.draw(t.T(message.ScanWithApp), t.T(message.VerifyCode), "main", append(parts, t.firstCode())...)
}

// firstCode draws the field for the first code of a new authenticator.
func (t *taskForm) firstCode() app.UI {
	return t.code(t.T(message.AuthenticatorCode), t.T(message.HintSixDigitsNow), nil)
}

// backupCodes draws new backup codes, and a link that saves them as a file. The file is in the
// address of the link, so that the server does not have to keep it.
func (t *taskForm) backupCodes(codes []string) []app.UI {
	file := "data:text/plain;charset=utf-8," + url.PathEscape(t.codesText(t.email(), codes))
	return []app.UI{
		t.drawCodes(codes),
		html.A(file).Class("button").ID("task-download").Attr("download", codesFile).Text(t.T(message.DownloadCodes)),
	}
}

// drawFirstCodeTask draws the form for the first code of a new authenticator, after a wrong one. The
// key is not shown again.
func drawFirstCodeTask(t *taskForm) []app.UI {
	change := t.enrollChange()
	t.title = change.title
	parts := t.draw(t.T(message.EnterCodeOfNewEntry), t.T(message.VerifyCode), "main", t.firstCode())
	if change == enableChange {
		parts = append(parts, html.P().Class("aside").Text(t.T(message.BackupCodesNotShownAgain)))
	}
	return append(parts, t.link(t.enrollCall(shared.EnableTwoFactor.Path), message.StartOverWithNewKey))
}

// drawRenewTask draws the form for new backup codes, and then the codes.
func drawRenewTask(t *taskForm) []app.UI {
	var out shared.BackupCodes
	if t.task.Answer != nil && json.Unmarshal(t.task.Answer, &out) == nil {
		t.title = message.SaveBackupCodes
		parts := []app.UI{
			drawStatus(t.T(message.DoneBackupCodesReady)),
			html.P().Text(t.T(message.SaveBackupCodesExplanation)),
		}
		parts = append(parts, t.backupCodes(out.BackupCodes)...)
		return []app.UI{div("card", append(parts, html.A(t.page.Address.Path).Class("button", "main").Text(t.T(message.FinishSetup)))...)}
	}
	if enabled, known := t.twoFactor(); known && !enabled {
		return t.noForm(renewChange.title, message.ErrTwoFactorNotOn)
	}
	return t.askPassword(renewChange, "main")
}

func drawDisableTask(t *taskForm) []app.UI {
	if enabled, known := t.twoFactor(); known && !enabled {
		return t.noForm(disableChange.title, message.ErrTwoFactorNotOn)
	}
	return t.askPassword(disableChange, "danger")
}

func drawUntrustTask(t *taskForm) []app.UI {
	for _, one := range t.trusted() {
		if one.ID == t.fields.Get("id") {
			return t.question(message.ConfirmUntrustDevice, untrustQuestion(t.env, one))
		}
	}
	return t.noForm(message.ConfirmUntrustDevice, message.DoneDeviceNotTrusted)
}

func drawUntrustAllTask(t *taskForm) []app.UI {
	all := t.trusted()
	if len(all) == 0 {
		return t.noForm(message.ConfirmRevokeTrustedDevices, message.DoneTrustedDevicesRevoked)
	}
	return t.question(message.ConfirmRevokeTrustedDevices, untrustAllQuestion(t.env, len(all)))
}

// trusted returns the trusted devices, as far as the page knows them.
func (t *taskForm) trusted() (all []shared.TrustedDevice) {
	t.answers.read(shared.ListTrustedDevices.Path, shared.None{}, &all)
	return all
}
