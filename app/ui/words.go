package ui

import (
	"errors"
	"strconv"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

// words says what went wrong so that whoever reads it knows what to do. It is
// empty when nobody needs to be told.
func words(err error) string {
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
		return tooMany(e.RetryAfter)
	case shared.ErrCredentials.Code:
		return "This email address and password do not belong together."
	case shared.ErrInvalidPassword.Code:
		return "This is not your current password."
	case shared.ErrInvalidEmail.Code:
		return wrongEmail
	case shared.ErrValidation.Code:
		switch e.Field {
		case "email":
			return wrongEmail
		case "name":
			return e.Message
		}
		return "Check what you entered: the server cannot use it."
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

// tooMany says how long to wait. It is said anew every second.
func tooMany(seconds int) string {
	switch {
	case seconds <= 0:
		return "Too many tries. Try again later."
	case seconds == 1:
		return "Too many tries. Try again in 1 second."
	case seconds < 120:
		return "Too many tries. Try again in " + strconv.Itoa(seconds) + " seconds."
	default:
		return "Too many tries. Try again in " + strconv.Itoa((seconds+59)/60) + " minutes."
	}
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

// methodWords says how a session was signed in.
func methodWords(method string) string {
	switch method {
	case "password":
		return "Password"
	case "":
		return "Unknown"
	default:
		return method
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
