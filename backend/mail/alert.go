package mail

import (
	"latchkey/shared"
	"latchkey/shared/message"
)

// An Alert reports a change of the reader's account. It contains a link with
// which they can report that they did not make the change.
type Alert struct {
	Change      Change
	ConfirmedBy Factor // the second factor that confirmed the change
	NotMe       string // the link
}

// A Factor is a second factor, in the form that events store. The empty string
// means none.
type Factor string

func (a Alert) write(e *email) {
	a.Change.describe(e)
	switch a.ConfirmedBy {
	case "totp":
		e.paragraph(message.MailConfirmedByTOTP)
	case "backup-code":
		e.paragraph(message.MailConfirmedByBackupCode)
	case "passkey":
		e.paragraph(message.MailConfirmedByPasskey)
	}
	e.requestContext()
	e.paragraph(message.MailIfNotYouOpenLink)
	e.link(a.NotMe)
}

// A Change is a change of an account.
type Change interface {
	describe(e *email)
}

// NewSignIn reports a sign-in from an unknown browser.
type NewSignIn struct{}

func (NewSignIn) describe(e *email) {
	e.subject(message.MailNewSignInSubject)
	e.paragraph(message.MailNewSignIn)
}

// PasswordChanged reports a password change in a session.
type PasswordChanged struct{}

func (PasswordChanged) describe(e *email) {
	e.subject(message.MailPasswordChangedSubject)
	e.paragraph(message.MailPasswordChanged)
}

// PasswordReset reports a new password that was chosen through a reset link.
type PasswordReset struct{}

func (PasswordReset) describe(e *email) {
	e.subject(message.MailPasswordChangedSubject)
	e.paragraph(message.MailPasswordReset)
}

// EmailChanged reports a new email address. It is also a [Notice], without a
// link to report the change, for an old address that was never verified: it may
// belong to a stranger, who must not revert the change.
type EmailChanged struct{ New string }

func (c EmailChanged) describe(e *email) {
	e.subject(message.MailEmailChangedSubject)
	e.paragraph(message.MailEmailChanged, c.New)
}

func (c EmailChanged) write(e *email) {
	c.describe(e)
	e.requestContext()
}

// TwoFactorEnabled reports that two-factor authentication was turned on.
type TwoFactorEnabled struct{}

func (TwoFactorEnabled) describe(e *email) {
	e.subject(message.MailTwoFactorEnabledSubject)
	e.paragraph(message.MailTwoFactorEnabled)
}

// TwoFactorDisabled reports that two-factor authentication was turned off.
type TwoFactorDisabled struct{}

func (TwoFactorDisabled) describe(e *email) {
	e.subject(message.MailTwoFactorDisabledSubject)
	e.paragraph(message.MailTwoFactorDisabled)
}

// AuthenticatorReplaced reports a new authenticator app in place of the old
// one.
type AuthenticatorReplaced struct{}

func (AuthenticatorReplaced) describe(e *email) {
	e.subject(message.MailAuthenticatorReplacedSubject)
	e.paragraph(message.MailAuthenticatorReplaced)
}

// TOTPKeyShown reports that a session displayed the key of the authenticator
// app.
type TOTPKeyShown struct{}

func (TOTPKeyShown) describe(e *email) {
	e.subject(message.MailTOTPKeyShownSubject)
	e.paragraph(message.MailTOTPKeyShown)
}

// BackupCodesMade reports new backup codes.
type BackupCodesMade struct{}

func (BackupCodesMade) describe(e *email) {
	e.subject(message.MailBackupCodesMadeSubject)
	e.paragraph(message.MailBackupCodesMade)
}

// BackupCodeUsed reports the use of a backup code.
type BackupCodeUsed struct{ Left int }

func (c BackupCodeUsed) describe(e *email) {
	e.subject(message.EventBackupCodeUsed)
	switch {
	case c.Left == 0:
		e.paragraph(message.MailBackupCodesNoneLeft)
	case c.Left == 1:
		e.paragraph(message.MailBackupCodesLowOne)
	case c.Left <= shared.FewBackupCodes:
		e.paragraph(message.MailBackupCodesLowMany, c.Left)
	default:
		e.paragraph(message.MailBackupCodeUsed, c.Left)
	}
}

// PasskeyAdded reports a new passkey.
type PasskeyAdded struct {
	Name *string // nil if it has none
}

func (c PasskeyAdded) describe(e *email) {
	e.subject(message.MailPasskeyAddedSubject)
	e.paragraph(message.MailPasskeyAdded, e.passkey(c.Name))
}

// PasskeyRemoved reports that a passkey was removed.
type PasskeyRemoved struct {
	Name *string // nil if it has none
}

func (c PasskeyRemoved) describe(e *email) {
	e.subject(message.MailPasskeyRemovedSubject)
	e.paragraph(message.MailPasskeyRemoved, e.passkey(c.Name))
}

// PasskeyCopied reports the refused use of a passkey that may have been copied.
type PasskeyCopied struct {
	Name *string // nil if it has none
}

func (c PasskeyCopied) describe(e *email) {
	e.subject(message.MailPasskeyCopiedSubject)
	e.paragraph(message.MailPasskeyCopied, e.passkey(c.Name))
	e.paragraph(message.MailIfPasskeyRestored)
}

// passkey returns the name of a passkey, formatted to follow a word, or "" if
// it has none.
func (e *email) passkey(name *string) string {
	if name == nil {
		return ""
	}
	return e.language.T(message.MailPasskeyName, *name)
}
