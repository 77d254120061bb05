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
	e.begin(message.MailVerifyEmailSubject, message.MailVerifyEmail)
	e.requestLink(n.Link, message.ConfirmYourEmail, message.MailIfNotSignedUp)
}

// HaveAccount tells the reader that a caller tried to use their address for
// another account. The caller does not learn that the address already has one.
type HaveAccount struct {
	SignIn         string // a URL
	ForgotPassword string // a URL
}

func (n HaveAccount) write(e *email) {
	e.begin(message.MailHaveAccountSubject, message.MailHaveAccount)
	e.link(n.SignIn, message.SignIn)
	e.link(n.ForgotPassword, message.ChooseNewPassword)
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
	e.begin(message.MailAgreeEmailChangeSubject, message.MailAgreeEmailChange, n.New)
	e.requestLink(n.Link, message.AgreeToChange, message.MailIfNotYouRevokeSession)
}

// VerifyNewEmail asks the reader to verify the new address of an account.
type VerifyNewEmail struct{ Link string }

func (n VerifyNewEmail) write(e *email) {
	e.begin(message.MailVerifyNewEmailSubject, message.MailVerifyNewEmail)
	e.requestLink(n.Link, message.ChangeTheAddress, message.MailIfNoAccount)
}

// ForgotPassword contains a link to choose a new password.
type ForgotPassword struct{ Link string }

func (n ForgotPassword) write(e *email) {
	e.begin(message.ChooseNewPassword, message.MailForgotPassword)
	e.requestLink(n.Link, message.ChooseNewPassword, message.MailIfNotYouPasswordStays)
}

// DeleteAccount contains a link to delete the reader's account.
type DeleteAccount struct{ Link string }

func (n DeleteAccount) write(e *email) {
	e.begin(message.MailDeleteAccountSubject, message.MailDeleteAccount)
	e.requestLink(n.Link, message.DeleteAccount, message.MailIfNotYouRevokeSession)
}

// SignInCode contains a code that serves as a second factor.
type SignInCode struct {
	Code      string
	Lifetime  time.Duration
	InSession bool // requested in a session, not at sign-in
}

func (n SignInCode) write(e *email) {
	e.begin(message.MailSignInCodeSubject, message.MailSignInCode, n.Code, int(n.Lifetime.Minutes()))
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

// EmergencyAccess tells the reader that an operator has recovered their account.
type EmergencyAccess struct{}

func (EmergencyAccess) write(e *email) {
	e.begin(message.MailEmergencyAccessSubject, message.MailEmergencyAccess)
	e.requestTime()
	e.paragraph(message.MailIfEmergencyAccessNotRequested)
}

// The notices that need no data.
var (
	// AccountSecured confirms the effects of a report that the reader did not make a
	// change.
	AccountSecured Notice = plain{message.MailAccountSecuredSubject, message.MailAccountSecured}
	// AccountDeleted confirms that the reader's account was deleted in one of its sessions.
	AccountDeleted Notice = accountDeleted{}
	// Test is the email with which an administrator tests whether emails arrive.
	Test Notice = plain{message.MailTestSubject, message.MailTest}
	// SignedOutEverywhere tells the reader that an administrator has revoked all their
	// sessions.
	SignedOutEverywhere Notice = byAdministrator{message.MailSignedOutEverywhereSubject, message.MailSignedOutEverywhere}
	// AccountDisabled tells the reader that an administrator has disabled their
	// account.
	AccountDisabled Notice = byAdministrator{message.MailAccountDisabledSubject, message.MailAccountDisabled}
	// AccountEnabled tells the reader that an administrator has enabled their account.
	AccountEnabled Notice = byAdministrator{message.MailAccountEnabledSubject, message.MailAccountEnabled}
)

type accountDeleted struct{}

func (accountDeleted) write(e *email) {
	e.begin(message.MailAccountDeletedSubject, message.MailAccountDeleted)
	e.requestContext()
	e.paragraph(message.MailIfUnexpectedAsk)
}

// SecretSettingChanged tells an administrator that a secret setting was changed.
type SecretSettingChanged struct {
	Setting string
	By      string // an email address
}

func (n SecretSettingChanged) write(e *email) {
	e.begin(message.MailSecretSettingChangedSubject, message.MailSecretSettingChanged, n.Setting, n.By)
	e.requestContext()
	e.paragraph(message.MailIfNotYouAskForHelp)
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
	byAdministrator{message.MailFactorsResetSubject, what}.write(e)
}

// byAdministrator is a notice about an administrator's action. It omits the IP
// address and the device, because they are the administrator's.
type byAdministrator struct{ subject, text message.ID }

func (n byAdministrator) write(e *email) {
	e.begin(n.subject, n.text)
	e.requestTime()
	e.paragraph(message.MailIfUnexpectedAsk)
}
