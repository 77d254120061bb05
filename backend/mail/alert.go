package mail

import (
	"latchkey/shared"
	"latchkey/shared/message"
)

// An Alert reports a change of the reader's account. It contains a link with
// which they can report that they did not make the change.
type Alert struct {
	Change Change
	// What confirmed the change, in the form that events store: what the user entered
	// for it, and the second factor that the session had presented before. Each can be
	// empty.
	Entered, Factor string
	NotMe           string // the link
}

func (a Alert) write(e *email) {
	a.Change.describe(e)
	entered, factor := shared.ProofText(e.language, a.Entered), shared.ProofText(e.language, a.Factor)
	switch {
	case entered != "" && factor != "":
		e.paragraph(message.MailConfirmedInSession, entered, factor)
	case entered != "":
		e.paragraph(message.MailConfirmedWith, entered)
	case factor != "":
		e.paragraph(message.MailInSession, factor)
	}
	e.requestContext()
	e.paragraph(message.MailIfNotYouOpenLink)
	e.link(a.NotMe, message.ItWasNotMe)
}

// A Change is a change of an account.
type Change interface {
	describe(e *email)
}

// plain is a [Change] or a [Notice] with fixed text. As a notice it adds the context of the
// request.
type plain struct{ subject, text message.ID }

func (p plain) describe(e *email) { e.begin(p.subject, p.text) }

func (p plain) write(e *email) {
	p.describe(e)
	e.requestContext()
}

// The changes that need no data.
var (
	// NewSignIn reports a sign-in from an unknown browser.
	NewSignIn Change = plain{message.MailNewSignInSubject, message.MailNewSignIn}
	// PasswordChanged reports a password change in a session.
	PasswordChanged Change = plain{message.MailPasswordChangedSubject, message.MailPasswordChanged}
	// PasswordReset reports a new password that was chosen through a link that the reader had requested.
	PasswordReset Change = plain{message.MailPasswordChangedSubject, message.MailPasswordReset}
	// PasswordSetAfterReport reports a new password that was chosen after the report that a
	// change was not the reader's.
	PasswordSetAfterReport Change = plain{message.MailPasswordChangedSubject, message.MailPasswordSetAfterReport}
	// PasswordSetByOperatorLink reports a new password that was chosen through the operator's
	// link.
	PasswordSetByOperatorLink Change = plain{message.MailPasswordChangedSubject, message.MailPasswordSetByOperatorLink}
	// TwoFactorEnabled reports that two-factor authentication was turned on.
	TwoFactorEnabled Change = plain{message.MailTwoFactorEnabledSubject, message.MailTwoFactorEnabled}
	// TwoFactorDisabled reports that two-factor authentication was turned off.
	TwoFactorDisabled Change = plain{message.MailTwoFactorDisabledSubject, message.MailTwoFactorDisabled}
	// AuthenticatorReplaced reports a new authenticator app in place of the old
	// one.
	AuthenticatorReplaced Change = plain{message.MailAuthenticatorReplacedSubject, message.MailAuthenticatorReplaced}
	// TOTPKeyShown reports that a session displayed the key of the authenticator
	// app.
	TOTPKeyShown Change = plain{message.MailTOTPKeyShownSubject, message.MailTOTPKeyShown}
	// BackupCodesMade reports new backup codes.
	BackupCodesMade Change = plain{message.MailBackupCodesMadeSubject, message.MailBackupCodesMade}
)

// EmailChanged reports a new email address. It is also a [Notice], without a
// link to report the change, for an old address that was never verified: it may
// belong to a stranger, who must not revert the change.
type EmailChanged struct{ New string }

func (c EmailChanged) describe(e *email) {
	e.begin(message.MailEmailChangedSubject, message.MailEmailChanged, c.New)
}

func (c EmailChanged) write(e *email) {
	c.describe(e)
	e.requestContext()
}

// BackupCodeUsed reports the use of a backup code.
type BackupCodeUsed struct {
	Left      int
	NewSignIn bool // it completed a sign-in from an unknown browser, which the email reports, too
}

func (c BackupCodeUsed) describe(e *email) {
	e.subject(message.EventBackupCodeUsed)
	if c.NewSignIn {
		e.begin(message.MailBackupCodeSignInSubject, message.MailNewSignIn)
	}
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
	e.begin(message.MailPasskeyAddedSubject, message.MailPasskeyAdded, e.passkey(c.Name))
}

// PasskeyRemoved reports that a passkey was removed.
type PasskeyRemoved struct {
	Name *string // nil if it has none
}

func (c PasskeyRemoved) describe(e *email) {
	e.begin(message.MailPasskeyRemovedSubject, message.MailPasskeyRemoved, e.passkey(c.Name))
}

// PasskeyCopied reports the refused use of a passkey that may have been copied.
type PasskeyCopied struct {
	Name *string // nil if it has none
}

func (c PasskeyCopied) describe(e *email) {
	e.begin(message.MailPasskeyCopiedSubject, message.MailPasskeyCopied, e.passkey(c.Name))
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
