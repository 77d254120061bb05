package mail

import (
	"latchkey/shared"
	"latchkey/shared/message"
)

// Alert tells the reader about a change of their account. It brings a link by
// which they can say that it was not them.
type Alert struct {
	Change      Change
	ConfirmedBy Factor // the second factor that confirmed the change
	NotMe       string // the link
}

// Factor is a second factor as it is stored in events. The empty one is none.
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

// Change is what has changed about an account.
type Change interface {
	describe(e *email)
}

// NewSignIn is a sign-in with a browser that the account did not know.
type NewSignIn struct{}

func (NewSignIn) describe(e *email) {
	e.subject(message.MailNewSignInSubject)
	e.paragraph(message.MailNewSignIn)
}

// PasswordChanged is a new password that was chosen in a session.
type PasswordChanged struct{}

func (PasswordChanged) describe(e *email) {
	e.subject(message.MailPasswordChangedSubject)
	e.paragraph(message.MailPasswordChanged)
}

// PasswordReset is a new password that was chosen by a link.
type PasswordReset struct{}

func (PasswordReset) describe(e *email) {
	e.subject(message.MailPasswordChangedSubject)
	e.paragraph(message.MailPasswordReset)
}

// EmailChanged is a new address. It is also a [Notice], for an address that was
// never verified: it may be a stranger's, who must not undo the change.
type EmailChanged struct{ New string }

func (c EmailChanged) describe(e *email) {
	e.subject(message.MailEmailChangedSubject)
	e.paragraph(message.MailEmailChanged, c.New)
}

func (c EmailChanged) write(e *email) {
	c.describe(e)
	e.requestContext()
}

// TwoFactorEnabled is two-factor authentication turned on.
type TwoFactorEnabled struct{}

func (TwoFactorEnabled) describe(e *email) {
	e.subject(message.MailTwoFactorEnabledSubject)
	e.paragraph(message.MailTwoFactorEnabled)
}

// TwoFactorDisabled is two-factor authentication turned off.
type TwoFactorDisabled struct{}

func (TwoFactorDisabled) describe(e *email) {
	e.subject(message.MailTwoFactorDisabledSubject)
	e.paragraph(message.MailTwoFactorDisabled)
}

// AuthenticatorReplaced is another authenticator app.
type AuthenticatorReplaced struct{}

func (AuthenticatorReplaced) describe(e *email) {
	e.subject(message.MailAuthenticatorReplacedSubject)
	e.paragraph(message.MailAuthenticatorReplaced)
}

// TOTPKeyShown is the key of the authenticator app shown in a session.
type TOTPKeyShown struct{}

func (TOTPKeyShown) describe(e *email) {
	e.subject(message.MailTOTPKeyShownSubject)
	e.paragraph(message.MailTOTPKeyShown)
}

// BackupCodesMade is new backup codes.
type BackupCodesMade struct{}

func (BackupCodesMade) describe(e *email) {
	e.subject(message.MailBackupCodesMadeSubject)
	e.paragraph(message.MailBackupCodesMade)
}

// BackupCodeUsed is the use of a backup code.
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

// PasskeyAdded is a new passkey.
type PasskeyAdded struct {
	Name *string // nil if it has none
}

func (c PasskeyAdded) describe(e *email) {
	e.subject(message.MailPasskeyAddedSubject)
	e.paragraph(message.MailPasskeyAdded, e.passkey(c.Name))
}

// PasskeyRemoved is a passkey removed.
type PasskeyRemoved struct {
	Name *string // nil if it has none
}

func (c PasskeyRemoved) describe(e *email) {
	e.subject(message.MailPasskeyRemovedSubject)
	e.paragraph(message.MailPasskeyRemoved, e.passkey(c.Name))
}

// PasskeyCopied is the refused use of a passkey that may have a copy.
type PasskeyCopied struct {
	Name *string // nil if it has none
}

func (c PasskeyCopied) describe(e *email) {
	e.subject(message.MailPasskeyCopiedSubject)
	e.paragraph(message.MailPasskeyCopied, e.passkey(c.Name))
	e.paragraph(message.MailIfPasskeyRestored)
}

// passkey returns the name of a passkey in brackets after a space, or nothing.
func (e *email) passkey(name *string) string {
	if name == nil {
		return ""
	}
	return e.language.T(message.MailPasskeyName, *name)
}
