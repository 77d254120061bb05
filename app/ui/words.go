package ui

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"latchkey/app/client"
	"latchkey/app/passkey"
	"latchkey/shared"
)

// words says what went wrong so that whoever reads it knows what to do. It is
// empty when nobody needs to be told.
func words(err error) string {
	var refused *passkey.Error
	if errors.As(err, &refused) {
		return passkeyWords(refused)
	}
	var e *shared.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Code {
	case errCancelled.Code, shared.ErrUnauthorized.Code:
		return "" // they know, or the sign-in page says so
	case client.ErrOffline.Code:
		return "This needs a connection, and the server cannot be reached. Check your network, then try again."
	case client.ErrGarbled.Code:
		return "The server gave an answer that this page does not understand. Reload the page, then try again."
	case shared.ErrUnavailable.Code:
		return "The service is not available at the moment. Nothing was changed. Try again shortly."
	case shared.ErrTooManyRequests.Code, shared.ErrTooManyPasswords.Code:
		return waits[e.Code] + " " + tryAgain(e.RetryAfter)
	case shared.ErrLocked.Code:
		if e.RetryAfter == 0 {
			return e.Message // waiting does not help; it says what does
		}
		return waits[e.Code] + " " + tryAgain(e.RetryAfter)
	case shared.ErrCredentials.Code:
		return "This email address and password do not belong together."
	case shared.ErrInvalidPassword.Code:
		return "This is not your current password."
	case shared.ErrInvalidEmail.Code:
		return wrongEmail
	case shared.ErrValidation.Code:
		switch e.Field {
		case "email", "newEmail":
			return wrongEmail
		case "name":
			return e.Message
		}
		return "Check what you entered: the server cannot use it."
	case shared.ErrTwoFactorRequired.Code:
		return "Your password is right. Now enter a code from your authenticator app."
	case shared.ErrInvalidCode.Code:
		if e.Message != shared.ErrInvalidCode.Message {
			return e.Message // it knows more: that a clock is wrong, or that it was used
		}
		return "Invalid code. Please try again."
	case shared.ErrInvalidBackupCode.Code:
		if e.Message != shared.ErrInvalidBackupCode.Message {
			return e.Message // it knows that it was used
		}
		return "This is not one of your backup codes. Upper and lower case matter."
	case shared.ErrChallenge.Code:
		return "This sign-in has expired, or was finished elsewhere. Sign in again."
	case shared.ErrTooManyCodes.Code:
		return "Too many wrong codes for this sign-in. Sign in again."
	case shared.ErrOTPExpired.Code:
		return "This code has expired. Ask for a new one."
	case shared.ErrOTPNotConfigured.Code:
		return "This server does not send codes by email. Use your authenticator app or a backup code."
	case shared.ErrTOTPEnabled.Code:
		return "Two-factor authentication is on already. Reload the page to see it."
	case shared.ErrTOTPNotEnabled.Code:
		return "No authenticator app waits for a code. It may have taken too long: close this, then begin again."
	case shared.ErrTwoFactorNotEnabled.Code:
		return "Two-factor authentication is not on for this account."
	case shared.ErrBackupCodesNotEnabled.Code:
		return "This account has no backup codes."
	case shared.ErrPasskeyChallenge.Code:
		return "That took too long, or was finished elsewhere. Try again."
	case shared.ErrPasskeyNotFound.Code:
		return "This passkey is not known here: it may have been deleted. Use another one, or another way."
	case shared.ErrPasskeyRegistered.Code:
		return "This passkey has been added already."
	case shared.ErrRegistration.Code:
		if e.Message != shared.ErrRegistration.Message {
			return e.Message // it knows what to do about it
		}
		return "The server did not accept this passkey. Try again, or with another device."
	case shared.ErrAuthentication.Code:
		if e.Message != shared.ErrAuthentication.Message {
			return e.Message // it knows what to do about it
		}
		return "This passkey was not accepted. Try again, or use another way."
	case shared.ErrNotVerified.Code:
		return "Your email address has to be verified first: open the link in the mail that we sent you."
	case shared.ErrNewPasswordDue.Code:
		return "This password may be known to others, so it opens nothing any more. Choose a new one: we send you a link for it."
	case shared.ErrVerified.Code:
		return "This address is verified already. Reload the page to see it."
	case shared.ErrSameEmail.Code:
		return "This is the address that your account has already."
	case shared.ErrUserExists.Code:
		return "There is an account with this email address already. Sign in instead, or use another address."
	case shared.ErrPasswordTooShort.Code:
		return "Passwords have at least 8 characters."
	case shared.ErrPasswordTooLong.Code:
		return "This password is too long. Use at most 128 characters."
	case shared.ErrPasswordTooCommon.Code:
		return "This password is among the first that an attacker tries. Choose another."
	case shared.ErrInternal.Code:
		return "Something went wrong on the server. Try again."
	default:
		return e.Message
	}
}

const wrongEmail = "Enter an email address like name@example.com."

// waits are the refusals that end by themselves, and what they are for.
var waits = map[string]string{
	shared.ErrTooManyRequests.Code:  "Too many tries.",
	shared.ErrTooManyPasswords.Code: "Too many tries.",
	shared.ErrLocked.Code:           "Too many wrong codes. So that nobody can guess one, none is taken for a while.",
}

// tryAgain says how long to wait. It is said anew every second.
func tryAgain(seconds int) string {
	switch {
	case seconds <= 0:
		return "Try again later."
	case seconds == 1:
		return "Try again in 1 second."
	case seconds < 120:
		return "Try again in " + strconv.Itoa(seconds) + " seconds."
	case seconds < 3600:
		return fmt.Sprintf("Try again in %d:%02d minutes.", seconds/60, seconds%60)
	default:
		return fmt.Sprintf("Try again in %d:%02d:%02d hours.", seconds/3600, seconds/60%60, seconds%60)
	}
}

// again says when to try again, as roughly as people do.
func again(err error) string {
	var e *shared.Error
	errors.As(err, &e)
	switch s := e.RetryAfter; {
	case s <= 0:
		return "Try again later."
	case s < 120:
		return "Try again in " + strconv.Itoa(s) + " seconds."
	case s < 120*60:
		return "Try again in about " + strconv.Itoa((s+59)/60) + " minutes."
	default:
		return "Try again in about " + strconv.Itoa((s+3599)/3600) + " hours."
	}
}

// usedWords says that a backup code was used, and how many are left.
func usedWords(left int) string {
	const used = "You are signed in. That backup code is used up now. "
	if left <= shared.FewBackupCodes {
		return used + fewWords(left)
	}
	return used + strconv.Itoa(left) + " are left."
}

// deviceWords names a device by what its browser said of itself.
func deviceWords(d shared.Device) string {
	browser := d.Browser
	if browser == "" {
		browser = "Unknown browser"
	}
	if d.OS == "" {
		return browser
	}
	return browser + " on " + d.OS
}

// methodWords says how a session was signed in: with what, and what after it.
func methodWords(method string) string {
	first, second, _ := strings.Cut(method, "+")
	switch first {
	case "":
		return "Unknown"
	case "password":
		first = "Password"
	case "passkey":
		first = "Passkey"
	case "security-key":
		first = "Security key"
	}
	switch second {
	case "":
		return first
	case "totp":
		return first + " and authenticator app"
	case "backup-code":
		return first + " and backup code"
	case "email-code":
		return first + " and code by email"
	case "passkey":
		return first + " and passkey"
	case "trusted-device":
		return first + " on a trusted device"
	default:
		return first + " and " + second
	}
}

// ago says how long before now then was, as roughly as people do.
func ago(then, now time.Time) string {
	d := now.Sub(then)
	switch {
	case d < 45*time.Second: // also what a clock that is ahead says
		return "just now"
	case d < time.Hour-30*time.Second:
		return count(d, time.Minute, "minute")
	case d < 24*time.Hour-30*time.Minute:
		return count(d, time.Hour, "hour")
	case d < 36*time.Hour:
		return "yesterday"
	case d < 30*24*time.Hour:
		return count(d, 24*time.Hour, "day")
	case d < 365*24*time.Hour:
		return count(d, 30*24*time.Hour, "month")
	default:
		return count(d, 365*24*time.Hour, "year")
	}
}

// count rounds d to whole units, "5 minutes ago".
func count(d, unit time.Duration, name string) string {
	n := int((d + unit/2) / unit)
	if n <= 1 {
		return "1 " + name + " ago"
	}
	return strconv.Itoa(n) + " " + name + "s ago"
}
