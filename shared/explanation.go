package shared

import (
	"slices"
	"strings"

	"latchkey/shared/message"
)

// An Explanation is what an error means to the user.
type Explanation struct {
	err *Error

	// Text says what went wrong and what to do about it. It is zero for
	// [ErrUnauthorized], which needs no text, and for an unknown error.
	Text message.ID
	// Fields are the inputs that the error can be about, besides [Error.Field]. The
	// form shows it at the first of these that the form has.
	Fields []string
	// Wait says why the user has to wait, if the error has a RetryAfter.
	Wait message.ID
	// Final means that the pending sign-in has ended.
	Final bool
	// Retype means that the user has to enter another code.
	Retype bool
}

// explanations has a line for each error, including those from [Error.WithMessage]. Lines
// with the same code differ by message. The first of them applies to messages without a
// line, but its Text does so for [ErrValidation] only.
var explanations = []Explanation{
	{err: ErrBadRequest, Text: message.ErrInvalidJSON},
	{err: ErrFormUnreadable, Text: message.ErrFormUnreadable},
	{err: ErrFormExpired, Text: message.ErrFormExpired},
	{err: ErrValidation, Text: message.ErrInvalidInput},
	{err: ErrNameTooLong, Text: message.ErrNameTooLong},
	{err: ErrNameControls, Text: message.ErrNameControlCharacters},
	{err: ErrPasskeyNameRequired, Text: message.ErrEnterName},
	{err: ErrServerKeyNameRequired, Text: message.ErrEnterServerKeyName},
	{err: ErrFieldRequired, Text: message.ErrFieldRequired},
	{err: ErrEmailRequired, Text: message.ErrEnterEmailAddress},
	{err: ErrPasswordRequired, Text: message.ErrEnterPassword},
	{err: ErrCodeRequired, Text: message.ErrEnterSixDigits},
	{err: ErrBackupCodeRequired, Text: message.ErrEnterBackupCode},
	{err: ErrMediaType, Text: message.ErrContentTypeJSON},
	{err: ErrFormMediaType, Text: message.ErrFormMediaType},
	{err: ErrTooLarge, Text: message.ErrRequestTooLarge},
	{err: ErrNotFound, Text: message.ErrAddressNotFound},
	{err: ErrMethod, Text: message.ErrMethodNotAllowed},
	{err: ErrHost, Text: message.ErrUnknownHost},
	{err: ErrInternal, Text: message.ErrServerFault},
	{err: ErrUnavailable, Text: message.ErrServiceUnavailable},
	{err: ErrTooManyRequests, Text: message.ErrTooManyTries, Wait: message.ErrTooManyTries},
	{err: ErrTooManyPasswords, Text: message.ErrTooManyTries, Wait: message.ErrTooManyTries},

	{err: ErrAppTooOld, Text: message.ErrAppTooOld},
	{err: ErrOtherAccount, Text: message.ErrOtherUserSignedIn},

	{err: ErrNoOrigin, Text: message.ErrOriginMissing},
	{err: ErrOrigin, Text: message.ErrOriginInvalid},
	{err: ErrCrossSite, Text: message.ErrCrossSiteBlocked},

	{err: ErrCallbackURL, Text: message.ErrCallbackURL},
	{err: ErrRedirectURL, Text: message.ErrRedirectURL},
	{err: ErrErrorCallbackURL, Text: message.ErrErrorCallbackURL},
	{err: ErrNewUserCallbackURL, Text: message.ErrNewUserCallbackURL},

	{err: ErrUnauthorized}, // the sign-in page, which opens, says so
	{err: ErrNotFresh, Text: message.ErrSessionNotFresh},
	{err: ErrFactorNotFresh, Text: message.ErrFactorNotFresh},
	{err: ErrConfirmDeletion, Text: message.ErrConfirmDeletion, Fields: []string{"password"}},
	{err: ErrSessionEnded, Text: message.ErrReportedSessionEnded},
	{err: ErrForbidden, Text: message.ErrPermissionDenied},
	{err: ErrMorePermissions, Text: message.ErrMorePermissions},
	{err: ErrSessionUnconfirmed, Text: message.ErrSessionUnconfirmed},
	{err: ErrCredentials, Text: message.ErrInvalidCredentials, Fields: []string{"password"}},
	{err: ErrToken, Text: message.ErrInvalidToken},
	{err: ErrInvite, Text: message.ErrInviteExpired},

	{err: ErrNotVerified, Text: message.ErrEmailNotVerified},
	{err: ErrDisabled, Text: message.ErrAccountDisabled},
	{err: ErrNewPasswordDue, Text: message.ErrPasswordCompromised},
	{err: ErrEnrollmentDue, Text: message.ErrTwoFactorEnrollmentRequired},

	{err: ErrTokenExpired, Text: message.ErrTokenExpired},
	{err: ErrTokenUsed, Text: message.ErrLinkUsed},
	{err: ErrTokenSuperseded, Text: message.ErrLinkSuperseded},
	{err: ErrTokenReplaced, Text: message.ErrLinkReplaced},
	{err: ErrTokenCanceled, Text: message.ErrLinkCanceled},
	{err: ErrUserNotFound, Text: message.ErrUserNotFound},
	{err: ErrInvalidUser, Text: message.ErrInvalidUser},
	{err: ErrUserInfo, Text: message.ErrUserInfoFailed},
	{err: ErrEmailMismatch, Text: message.ErrEmailMismatch},
	{err: ErrVerified, Text: message.ErrEmailVerifiedAlready},
	{err: ErrSameEmail, Text: message.ErrEmailUnchanged, Fields: []string{"newEmail"}},

	{err: ErrNoEmailChange, Text: message.ErrNoEmailChange},

	{err: ErrTwoFactorRequired, Text: message.ErrSecondFactorRequired},
	{err: ErrNoPendingSignIn, Text: message.ErrSignInExpired, Final: true},
	{err: ErrTooManyCodes, Text: message.ErrSignInCodesExhausted, Final: true, Retype: true},
	{err: ErrLockedOut, Text: message.ErrLockoutAccount, Wait: message.ErrLockoutCodes, Retype: true},
	{err: ErrLockedOutForGood, Text: message.ErrLockoutIndefinite, Wait: message.ErrLockoutCodes, Retype: true},
	{err: ErrInvalidCode, Text: message.ErrInvalidCode, Fields: []string{"code"}, Retype: true},
	{err: ErrClockOff, Text: message.ErrCodeClockOff, Fields: []string{"code"}, Retype: true},
	{err: ErrCodeTooEarly, Text: message.ErrCodeTooEarly, Fields: []string{"code"}, Retype: true},
	{err: ErrCodeTooOld, Text: message.ErrCodeTooOld, Fields: []string{"code"}, Retype: true},
	{err: ErrCodeOfOldAuthenticator, Text: message.ErrCodeFromOldAuthenticator, Fields: []string{"code"}, Retype: true},
	{err: ErrCodeUsed, Text: message.ErrCodeUsed, Fields: []string{"code"}, Retype: true},
	{err: ErrInvalidBackupCode, Text: message.ErrInvalidBackupCode, Fields: []string{"backupCode"}},
	{err: ErrBackupCodeUsed, Text: message.ErrBackupCodeUsed, Fields: []string{"backupCode"}},
	{err: ErrBackupCodeReplaced, Text: message.ErrBackupCodeReplaced, Fields: []string{"backupCode"}},
	{err: ErrTOTPNotEnabled, Text: message.ErrNoPendingAuthenticator, Final: true},
	{err: ErrTOTPEnabled, Text: message.ErrTwoFactorAlreadyOn},
	{err: ErrLastSecondFactor, Text: message.ErrLastSecondFactor},
	{err: ErrTwoFactorNotEnabled, Text: message.ErrTwoFactorNotOn, Final: true},
	{err: ErrBackupCodesNotEnabled, Text: message.ErrNoBackupCodes},
	{err: ErrOTPNotConfigured, Text: message.ErrEmailCodesUnavailable},
	{err: ErrOTPExpired, Text: message.ErrCodeExpired, Fields: []string{"code"}, Retype: true},

	{err: ErrPasskeyChallenge, Text: message.ErrPasskeyChallengeExpired},
	{err: ErrPasskeyOfAnother, Text: message.ErrPasskeyRegistrationForbidden},
	{err: ErrPasskeyRegistered, Text: message.ErrPasskeyAlreadyAdded},
	{err: ErrRegistration, Text: message.ErrPasskeyRegistrationRejected},
	{err: ErrRegistrationUnverified, Text: message.ErrUserNotVerified},
	{err: ErrAuthentication, Text: message.ErrPasskeyRejected},
	{err: ErrAuthenticationUnverified, Text: message.ErrUserNotVerified},
	{err: ErrPasskeyCopied, Text: message.ErrPasskeyCopied},
	{err: ErrPasskeyNotFound, Text: message.ErrUnknownPasskey},
	{err: ErrTooManyPasskeys, Text: message.ErrTooManyPasskeys},
	{err: ErrLastCredential, Text: message.ErrLastPasskey},
	{err: ErrLastRequiredPasskey, Text: message.ErrLastRequiredPasskey},

	{err: ErrInvalidEmail, Text: message.ErrInvalidEmail, Fields: []string{"email", "newEmail"}},
	{err: ErrEmailLocalPart, Text: message.ErrEmailLocalPart, Fields: []string{"email", "newEmail"}},
	{err: ErrUserExists, Text: message.ErrAccountExists, Fields: []string{"email", "newEmail"}},
	{err: ErrPasswordTooShort, Text: message.ErrPasswordTooShort, Fields: []string{"newPassword", "password"}},
	{err: ErrPasswordTooLong, Text: message.ErrPasswordTooLong, Fields: []string{"newPassword", "password"}},
	{err: ErrPasswordTooCommon, Text: message.ErrPasswordTooCommon, Fields: []string{"newPassword", "password"}},
	{err: ErrPasswordIsName, Text: message.ErrPasswordIsName, Fields: []string{"newPassword", "password"}},
	{err: ErrSamePassword, Text: message.ErrSamePassword, Fields: []string{"newPassword"}},
	{err: ErrInvalidPassword, Text: message.ErrWrongCurrentPassword, Fields: []string{"currentPassword", "password"}},
	{err: ErrCredentialNotFound, Text: message.ErrCredentialAccountNotFound},
	{err: ErrEmailNotUpdatable, Text: message.ErrEmailNotUpdatable},
	{err: ErrFieldNotAllowed, Text: message.ErrTwoFactorNotSettable},
	{err: ErrNothingToUpdate, Text: message.ErrNothingToUpdate},
	{err: ErrSignUpDisabled, Text: message.ErrSignUpDisabled},

	{err: ErrUnknownSetting, Text: message.ErrUnknownSetting},
	{err: ErrInvalidSetting, Text: message.ErrInvalidSetting},
	{err: ErrSettingReadOnly, Text: message.ErrSettingReadOnly},
	{err: ErrStaleRevision, Text: message.ErrSettingConflict},
	{err: ErrMailRefused, Text: message.ErrEmailNotSent},

	{err: ErrServerKey, Text: message.ErrServerKeyInvalid},
	{err: ErrServerKeyInBrowser, Text: message.ErrServerKeyInBrowser},
	{err: ErrServerKeyEndpoint, Text: message.ErrServerKeyNotAllowed},
	{err: ErrServerKeyName, Text: message.ErrServerKeyExists, Fields: []string{"name"}},
	{err: ErrTooManyServerKeys, Text: message.ErrTooManyServerKeys},
	{err: ErrNoSuchServerKey, Text: message.ErrServerKeyRevoked},

	{err: ErrNoSuchUser, Text: message.ErrNoSuchUser},
	{err: ErrYourself, Text: message.ErrOwnAccount},
	{err: ErrLastAdministrator, Text: message.ErrLastAdministrator},
}

// Explain returns what the error means to the user. An error with a message that this
// version does not know, such as a newer server's, has no Text: the user sees its message.
// An [ErrValidation] always has a Text, because its messages are for programs.
func (e *Error) Explain() Explanation {
	if e.Code == ErrValidation.Code && slices.Contains([]string{"email", "newEmail"}, e.Field) {
		if strings.Contains(e.Message, ErrEmailLocalPart.Message) {
			return ErrEmailLocalPart.Explain()
		}
		return ErrInvalidEmail.Explain()
	}
	var of Explanation
	for _, x := range explanations {
		if x.err.Code != e.Code {
			continue
		}
		if x.err.Message == e.Message {
			return x
		}
		if of.err == nil {
			of = x
		}
	}
	if e.Code != ErrValidation.Code { // its messages are for programs
		of.Text = 0
	}
	return of
}

// Text returns the text for the user in a language. It is empty for [ErrUnauthorized].
func (e *Error) Text(l *message.Language) string {
	if why := e.WaitReason(); why != 0 {
		return l.T(why) + " " + RetryIn(l, e.RetryAfter)
	}
	x := e.Explain()
	if x.err == ErrInternal && e.RequestID != "" {
		return l.T(x.Text) + " " + l.T(message.HintRequestID, e.RequestID)
	}
	if x.Text != 0 || x.err == ErrUnauthorized {
		return l.T(x.Text)
	}
	return e.Message
}

// WaitReason returns why the user has to wait before a retry. It is zero if waiting does
// not help.
func (e *Error) WaitReason() message.ID {
	x := e.Explain()
	if e.RetryAfter > 0 || x.Wait == x.Text {
		return x.Wait
	}
	return 0
}

// FieldOf returns the field of a form that the error is about, or "" if there is none.
func (e *Error) FieldOf(fields []string) string {
	for _, field := range append([]string{e.Field}, e.Explain().Fields...) {
		if slices.Contains(fields, field) {
			return field
		}
	}
	return ""
}

// RetryIn returns a sentence that says when to retry: in seconds below two minutes,
// otherwise rounded up to minutes or hours.
func RetryIn(l *message.Language, seconds int) string {
	switch {
	case seconds <= 0:
		return l.T(message.TryAgainLater)
	case seconds < 120:
		return l.T(message.TryAgainSecondsMany, seconds)
	case seconds < 120*60:
		return l.T(message.TryAgainAboutMinutes, (seconds+59)/60)
	default:
		return l.T(message.TryAgainAboutHours, (seconds+3599)/3600)
	}
}
