package ui

import (
	"errors"
	"strings"
	"time"

	"latchkey/app/client"
	"latchkey/app/passkey"
	"latchkey/shared"
)

// words says what went wrong so that whoever reads it knows what to do. It is
// empty when nobody needs to be told.
func (t *translator) words(err error) string {
	tr := t.T
	var refused *passkey.Error
	if errors.As(err, &refused) {
		return t.passkeyWords(refused)
	}
	var e *shared.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Code {
	case errCancelled.Code, shared.ErrUnauthorized.Code:
		return "" // they know, or the sign-in page says so
	case client.ErrOffline.Code:
		return tr("This needs a connection, and the server cannot be reached. Check your network, then try again.")
	case client.ErrGarbled.Code:
		return tr("The server gave an answer that this page does not understand. Reload the page, then try again.")
	case shared.ErrUnavailable.Code:
		return tr("The service is not available at the moment. Nothing was changed. Try again shortly.")
	case shared.ErrTooManyRequests.Code, shared.ErrTooManyPasswords.Code:
		return tr(waits[e.Code]) + " " + t.tryAgain(e.RetryAfter)
	case shared.ErrLocked.Code:
		if e.RetryAfter == 0 {
			return tr(key(e.Message)) // waiting does not help; it says what does
		}
		return tr(waits[e.Code]) + " " + t.tryAgain(e.RetryAfter)
	case shared.ErrCredentials.Code:
		return tr("This email address and password do not belong together.")
	case shared.ErrInvalidPassword.Code:
		return tr("This is not your current password.")
	case shared.ErrInvalidEmail.Code:
		return t.emailWords(e)
	case shared.ErrValidation.Code:
		switch e.Field {
		case "email", "newEmail":
			return t.emailWords(e)
		case "name":
			return tr(key(e.Message))
		}
		return tr("Check what you entered: the server cannot use it.")
	case shared.ErrTwoFactorRequired.Code:
		return tr("Your password is right. Now enter a code from your authenticator app.")
	case shared.ErrInvalidCode.Code:
		if e.Message != shared.ErrInvalidCode.Message {
			return tr(key(e.Message)) // it knows more: that a clock is wrong, or that it was used
		}
		return tr("Invalid code. Please try again.")
	case shared.ErrInvalidBackupCode.Code:
		if e.Message != shared.ErrInvalidBackupCode.Message {
			return tr(key(e.Message)) // it knows that it was used
		}
		return tr("This is not one of your backup codes. In a code of ten characters, upper and lower case matter.")
	case shared.ErrChallenge.Code:
		return tr("This sign-in has expired, or was finished elsewhere. Sign in again.")
	case shared.ErrTooManyCodes.Code:
		return tr("Too many wrong codes for this sign-in. Sign in again.")
	case shared.ErrOTPExpired.Code:
		return tr("This code has expired. Ask for a new one.")
	case shared.ErrOTPNotConfigured.Code:
		return tr("This server does not send codes by email. Use your authenticator app or a backup code.")
	case shared.ErrTOTPEnabled.Code:
		return tr("Two-factor authentication is on already. Reload the page to see it.")
	case shared.ErrTOTPNotEnabled.Code:
		return tr("No authenticator app waits for a code. It may have taken too long: close this, then begin again.")
	case shared.ErrTwoFactorNotEnabled.Code:
		return tr("Two-factor authentication is not on for this account.")
	case shared.ErrBackupCodesNotEnabled.Code:
		return tr("This account has no backup codes.")
	case shared.ErrPasskeyChallenge.Code:
		return tr("That took too long, or was finished elsewhere. Try again.")
	case shared.ErrPasskeyNotFound.Code:
		return tr("This passkey is not known here: it may have been deleted. Use another one, or another way.")
	case shared.ErrPasskeyRegistered.Code:
		return tr("This passkey has been added already.")
	case shared.ErrRegistration.Code:
		if e.Message != shared.ErrRegistration.Message {
			return tr(key(e.Message)) // it knows what to do about it
		}
		return tr("The server did not accept this passkey. Try again, or with another device.")
	case shared.ErrAuthentication.Code:
		if e.Message != shared.ErrAuthentication.Message {
			return tr(key(e.Message)) // it knows what to do about it
		}
		return tr("This passkey was not accepted. Try again, or use another way.")
	case shared.ErrNotVerified.Code:
		return tr("Your email address has to be verified first: open the link in the mail that we sent you.")
	case shared.ErrNewPasswordDue.Code:
		return tr("This password may be known to others, so it opens nothing any more. Choose a new one: we send you a link for it.")
	case shared.ErrVerified.Code:
		return tr("This address is verified already. Reload the page to see it.")
	case shared.ErrSameEmail.Code:
		return tr("This is the address that your account has already.")
	case shared.ErrUserExists.Code:
		return tr("There is an account with this email address already. Sign in instead, or use another address.")
	case shared.ErrPasswordTooShort.Code:
		return tr("Passwords have at least 8 characters.")
	case shared.ErrPasswordTooLong.Code:
		return tr("This password is too long. Use at most 128 characters.")
	case shared.ErrPasswordTooCommon.Code:
		return tr("This password is among the first that an attacker tries. Choose another.")
	case shared.ErrInternal.Code:
		return tr("Something went wrong on the server. Try again.")
	default:
		return tr(key(e.Message))
	}
}

// emailWords says what is wrong with an address.
func (t *translator) emailWords(e *shared.Error) string {
	tr := t.T
	if strings.Contains(e.Message, shared.ASCIILocalPart) {
		return tr(shared.ASCIILocalPart)
	}
	return tr("Enter an email address like name@example.com.")
}

// waits are the refusals that end by themselves, and what they are for.
var waits = map[string]key{
	shared.ErrTooManyRequests.Code:  "Too many tries.",
	shared.ErrTooManyPasswords.Code: "Too many tries.",
	shared.ErrLocked.Code:           "Too many wrong codes. So that nobody can guess one, none is taken for a while.",
}

// tryAgain says how long to wait. It is said anew every second.
func (t *translator) tryAgain(seconds int) string {
	tr := t.T
	switch {
	case seconds <= 0:
		return tr("Try again later.")
	case seconds == 1:
		return tr("Try again in 1 second.")
	case seconds < 120:
		return tr("Try again in %d seconds.", seconds)
	case seconds < 3600:
		return tr("Try again in %d:%02d minutes.", seconds/60, seconds%60)
	default:
		return tr("Try again in %d:%02d:%02d hours.", seconds/3600, seconds/60%60, seconds%60)
	}
}

// again says when to try again, as roughly as people do.
func (t *translator) again(err error) string {
	tr := t.T
	var e *shared.Error
	errors.As(err, &e)
	switch s := e.RetryAfter; {
	case s <= 0:
		return tr("Try again later.")
	case s < 120:
		return tr("Try again in %d seconds.", s)
	case s < 120*60:
		return tr("Try again in about %d minutes.", (s+59)/60)
	default:
		return tr("Try again in about %d hours.", (s+3599)/3600)
	}
}

// usedWords says that a backup code was used, and how many are left.
func (t *translator) usedWords(left int) string {
	tr := t.T
	used := tr("You are signed in. That backup code is used up now.") + " "
	if left <= shared.FewBackupCodes {
		return used + t.fewWords(left)
	}
	return used + tr("%d are left.", left)
}

// deviceWords names a device by what its browser said of itself.
func (t *translator) deviceWords(d shared.Device) string {
	tr := t.T
	browser := d.Browser
	if browser == "" {
		browser = tr("Unknown browser")
	}
	if d.OS == "" {
		return browser
	}
	return tr("%s on %s", browser, d.OS)
}

// methodWords says how a session was signed in: with what, and what after it.
func (t *translator) methodWords(method string) string {
	tr := t.T
	first, second, _ := strings.Cut(method, "+")
	switch first {
	case "":
		return tr("Unknown")
	case "password":
		first = tr("Password")
	case "passkey":
		first = tr("Passkey")
	case "security-key":
		first = tr("Security key")
	}
	switch second {
	case "":
		return first
	case "totp":
		return tr("%s and authenticator app", first)
	case "backup-code":
		return tr("%s and backup code", first)
	case "email-code":
		return tr("%s and code by email", first)
	case "passkey":
		return tr("%s and passkey", first)
	case "trusted-device":
		return tr("%s on a trusted device", first)
	default:
		return tr("%s and %s", first, second)
	}
}

// ago says how long before now then was, as roughly as people do.
func (t *translator) ago(then, now time.Time) string {
	tr := t.T
	d := now.Sub(then)
	switch {
	case d < 45*time.Second: // also what a clock that is ahead says
		return tr("just now")
	case d < time.Hour-30*time.Second:
		return t.count(d, time.Minute, "1 minute ago", "%d minutes ago")
	case d < 24*time.Hour-30*time.Minute:
		return t.count(d, time.Hour, "1 hour ago", "%d hours ago")
	case d < 36*time.Hour:
		return tr("yesterday")
	case d < 30*24*time.Hour:
		return t.count(d, 24*time.Hour, "1 day ago", "%d days ago")
	case d < 365*24*time.Hour:
		return t.count(d, 30*24*time.Hour, "1 month ago", "%d months ago")
	default:
		return t.count(d, 365*24*time.Hour, "1 year ago", "%d years ago")
	}
}

// count rounds d to whole units, of which it says that there was one, or how many.
func (t *translator) count(d, unit time.Duration, one, many key) string {
	tr := t.T
	n := int((d + unit/2) / unit)
	if n <= 1 {
		return tr(one)
	}
	return tr(many, n)
}
