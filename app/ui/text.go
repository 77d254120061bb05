package ui

import (
	"errors"
	"time"
	"unicode/utf8"

	"latchkey/app/client"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// errorMessage returns what went wrong and what the user can do about it. It is empty if the
// user needs no message.
func (t *env) errorMessage(err error) string {
	var refused *passkey.Error
	if errors.As(err, &refused) {
		return t.passkeyErrorText(refused)
	}
	var e *shared.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Code {
	case errCanceled.Code:
		return "" // the user canceled
	case client.ErrOffline.Code:
		return t.T(message.ErrNoConnection)
	case errLanguage.Code:
		return t.T(message.ErrLanguageNotLoaded)
	case client.ErrGarbled.Code:
		return t.T(message.ErrInvalidResponse)
	}
	if why := e.WaitReason(); why != 0 {
		return t.T(why) + " " + t.retryIn(e.RetryAfter)
	}
	return e.Text(t.Language)
}

// wrongName returns what is wrong with the name of a user or a passkey, or "".
func (t *env) wrongName(name string) string {
	if _, ok := shared.ParseName(name); !ok {
		return t.T(message.ErrNameControlCharacters)
	}
	if utf8.RuneCountInString(name) > shared.MaxName { // passkeys have the same limit
		return t.T(message.ErrNameTooLong)
	}
	return ""
}

// retryIn returns how long to wait, to the second, for a countdown.
func (t *env) retryIn(seconds int) string {
	tr := t.T
	switch {
	case seconds <= 0:
		return tr(message.TryAgainLater)
	case seconds == 1:
		return tr(message.TryAgainSecondsOne)
	case seconds < 120:
		return tr(message.TryAgainSecondsMany, seconds)
	case seconds < 3600:
		return tr(message.TryAgainMinutes, seconds/60, seconds%60)
	default:
		return tr(message.TryAgainHours, seconds/3600, seconds/60%60, seconds%60)
	}
}

// usedText returns that a backup code was used and how many are left.
func (t *env) usedText(left int) string {
	tr := t.T
	used := tr(message.DoneBackupCodeUsed) + " "
	if left <= shared.FewBackupCodes {
		return used + t.fewText(left)
	}
	return used + tr(message.BackupCodesRemaining, left)
}

// deviceText returns the browser of a device with its version, and the operating system. Where
// the version is not the point, [env.deviceName] says what people call the device.
func (t *env) deviceText(d shared.Device) string {
	tr := t.T
	browser := d.Browser
	if browser == "" {
		browser = tr(message.BrowserUnknown)
	}
	if d.OS == "" {
		return browser
	}
	return tr(message.BrowserOnSystem, browser, d.OS)
}

// methodText returns the sign-in method of a session: the first factor and the second, if any.
func (t *env) methodText(method string) string { return shared.MethodText(t.Language, method, "") }

// sessionMethod is methodText for a session, with the name of its passkey.
func (t *env) sessionMethod(one shared.Session) string {
	if one.PasskeyName == nil {
		return t.methodText(one.Method)
	}
	return shared.MethodText(t.Language, one.Method, *one.PasskeyName)
}

// deviceName returns what people call a device and its browser. See [shared.Device.Name].
func (t *env) deviceName(d shared.Device) string { return d.Name(t.Language) }

// ago returns how long before now then was, rounded to one unit.
func (t *env) ago(then, now time.Time) string {
	tr := t.T
	d := now.Sub(then)
	switch {
	case d < 45*time.Second: // including times in the future
		return tr(message.JustNow)
	case d < time.Hour-30*time.Second:
		return t.count(d, time.Minute, message.MinutesAgoOne, message.MinutesAgoMany)
	case d < 24*time.Hour-30*time.Minute:
		return t.count(d, time.Hour, message.HoursAgoOne, message.HoursAgoMany)
	case d < 36*time.Hour:
		return tr(message.DaysAgoYesterday)
	case d < 30*24*time.Hour:
		return t.count(d, 24*time.Hour, message.DaysAgoOne, message.DaysAgoMany)
	case d < 365*24*time.Hour:
		return t.count(d, 30*24*time.Hour, message.MonthsAgoOne, message.MonthsAgoMany)
	default:
		return t.count(d, 365*24*time.Hour, message.YearsAgoOne, message.YearsAgoMany)
	}
}

// count returns the sentence one or many for d rounded to whole units.
func (t *env) count(d, unit time.Duration, one, many message.ID) string {
	return t.plural(int((d+unit/2)/unit), one, many)
}

// plural returns the sentence one, or many with n.
func (t *env) plural(n int, one, many message.ID) string {
	if n == 1 {
		return t.T(one)
	}
	return t.T(many, n)
}
