package mail

import (
	"time"

	"latchkey/shared/message"
)

// A Notice is one kind of email, with its data.
type Notice interface {
	write(e *email)
}

// VerifyEmail asks the reader to verify the address of a new account.
type VerifyEmail struct{ Link string }

func (n VerifyEmail) write(e *email) {
	e.subject(message.MailVerifyEmailSubject)
	e.paragraph(message.MailVerifyEmail)
	e.link(n.Link)
	e.paragraph(message.MailIfNotSignedUp)
	e.requestContext()
}

// HaveAccount tells the reader that a caller tried to use their address for
// another account. The caller does not learn that the address already has one.
type HaveAccount struct {
	SignIn         string // a URL
	ForgotPassword string // a URL
}

func (n HaveAccount) write(e *email) {
	e.subject(message.MailHaveAccountSubject)
	e.paragraph(message.MailHaveAccount)
	e.link(n.SignIn)
	e.link(n.ForgotPassword)
	e.paragraph(message.MailIfNotYouNotRevealed)
	e.requestContext()
}

// AgreeEmailChange asks the reader, at the current address of an account, to agree
// to a new one.
type AgreeEmailChange struct {
	New  string
	Link string
}

func (n AgreeEmailChange) write(e *email) {
	e.subject(message.MailAgreeEmailChangeSubject)
	e.paragraph(message.MailAgreeEmailChange, n.New)
	e.link(n.Link)
	e.paragraph(message.MailIfNotYouRevokeSession)
	e.requestContext()
}

// VerifyNewEmail asks the reader to verify the new address of an account.
type VerifyNewEmail struct{ Link string }

func (n VerifyNewEmail) write(e *email) {
	e.subject(message.MailVerifyNewEmailSubject)
	e.paragraph(message.MailVerifyNewEmail)
	e.link(n.Link)
	e.paragraph(message.MailIfNoAccount)
	e.requestContext()
}

// ForgotPassword contains a link to choose a new password.
type ForgotPassword struct{ Link string }

func (n ForgotPassword) write(e *email) {
	e.subject(message.ChooseNewPassword)
	e.paragraph(message.MailForgotPassword)
	e.link(n.Link)
	e.paragraph(message.MailIfNotYouPasswordStays)
	e.requestContext()
}

// DeleteAccount contains a link to delete the reader's account.
type DeleteAccount struct{ Link string }

func (n DeleteAccount) write(e *email) {
	e.subject(message.MailDeleteAccountSubject)
	e.paragraph(message.MailDeleteAccount)
	e.link(n.Link)
	e.paragraph(message.MailIfNotYouRevokeSession)
	e.requestContext()
}

// SignInCode contains a code that serves as a second factor.
type SignInCode struct {
	Code      string
	Lifetime  time.Duration
	InSession bool // requested in a session, not at sign-in
}

func (n SignInCode) write(e *email) {
	e.subject(message.MailSignInCodeSubject)
	e.paragraph(message.MailSignInCode, n.Code, int(n.Lifetime.Minutes()))
	if n.InSession {
		e.paragraph(message.MailIfCodeNotRequested)
	} else {
		e.paragraph(message.MailIfNotSigningIn)
	}
	e.requestContext()
}

// CodeGuessing tells the reader that too many wrong codes have locked their second
// factor.
type CodeGuessing struct {
	InSession bool // the codes came from a session, not from a sign-in
	Permanent bool // the lockout does not expire
}

func (n CodeGuessing) write(e *email) {
	e.subject(message.MailCodeGuessingSubject)
	if n.InSession {
		e.paragraph(message.MailCodeGuessingInSession)
	} else {
		e.paragraph(message.MailCodeGuessingAtSignIn)
	}
	if n.Permanent {
		e.paragraph(message.MailLockoutUntilUnlocked)
	} else {
		e.paragraph(message.MailLockoutTemporary)
	}
	e.requestContext()
}

// AccountSecured confirms the effects of a report that the reader did not make a
// change.
type AccountSecured struct{}

func (AccountSecured) write(e *email) {
	e.subject(message.MailAccountSecuredSubject)
	e.paragraph(message.MailAccountSecured)
	e.requestContext()
}

// EmergencyAccess tells the reader that an operator has recovered their account.
type EmergencyAccess struct{}

func (EmergencyAccess) write(e *email) {
	e.subject(message.MailEmergencyAccessSubject)
	e.paragraph(message.MailEmergencyAccess)
	e.requestTime()
	e.paragraph(message.MailIfEmergencyAccessNotRequested)
}

// SecretSettingChanged tells an administrator that a secret setting was changed.
type SecretSettingChanged struct {
	Setting string
	By      string // an email address
}

func (n SecretSettingChanged) write(e *email) {
	e.subject(message.MailSecretSettingChangedSubject)
	e.paragraph(message.MailSecretSettingChanged, n.Setting, n.By)
	e.requestContext()
	e.paragraph(message.MailIfNotYouAskForHelp)
}

// Test is the email with which an administrator tests whether emails arrive.
type Test struct{}

func (Test) write(e *email) {
	e.subject(message.MailTestSubject)
	e.paragraph(message.MailTest)
	e.requestContext()
}

// FactorsReset tells the reader that an administrator has removed their second
// factors.
type FactorsReset struct {
	Passkeys bool // whether passkeys were removed, too
}

func (n FactorsReset) write(e *email) {
	what := message.MailFactorsReset
	if n.Passkeys {
		what = message.MailFactorsAndPasskeysReset
	}
	e.byAdministrator(message.MailFactorsResetSubject, what)
}

// SignedOutEverywhere tells the reader that an administrator has revoked all their
// sessions.
type SignedOutEverywhere struct{}

func (SignedOutEverywhere) write(e *email) {
	e.byAdministrator(message.MailSignedOutEverywhereSubject, message.MailSignedOutEverywhere)
}

// AccountDisabled tells the reader that an administrator has disabled their
// account.
type AccountDisabled struct{}

func (AccountDisabled) write(e *email) {
	e.byAdministrator(message.MailAccountDisabledSubject, message.MailAccountDisabled)
}

// AccountEnabled tells the reader that an administrator has enabled their account.
type AccountEnabled struct{}

func (AccountEnabled) write(e *email) {
	e.byAdministrator(message.MailAccountEnabledSubject, message.MailAccountEnabled)
}

// byAdministrator writes a notice about an administrator's action. It omits the IP
// address and the device, because they are the administrator's.
func (e *email) byAdministrator(subject, what message.ID) {
	e.subject(subject)
	e.paragraph(what)
	e.requestTime()
	e.paragraph(message.MailIfUnexpectedAsk)
}
