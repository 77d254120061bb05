package shared

import (
	"slices"

	"latchkey/shared/message"
)

// An EventKind is a kind of event in the security log.
type EventKind struct {
	Name   string     // [Event.Kind]
	Text   message.ID // describes one event
	Filter message.ID // labels the kind in the list of filters

	// Server means that only the log of all accounts shows such events.
	Server bool
}

// EventKinds lists every kind of event, in the order in which the page offers them as
// filters.
var EventKinds []EventKind

// newEvent adds a kind of event and returns its name.
func newEvent(name string, text, filter message.ID) string {
	EventKinds = append(EventKinds, EventKind{name, text, filter, false})
	return name
}

// newServerEvent is newEvent for a kind that only the log of all accounts shows.
func newServerEvent(name string, text, filter message.ID) string {
	EventKinds = append(EventKinds, EventKind{name, text, filter, true})
	return name
}

// The kinds of events, as the database and the API name them.
var (
	EventSignIn        = newEvent("sign-in", message.EventSignIn, message.FilterSignIns)
	EventSignInFailed  = newEvent("sign-in-failed", message.EventSignInFailed, message.FilterSignInsWrongPassword)
	EventSignInLimited = newEvent("sign-in-limited", message.EventSignInLimited, message.FilterSignInsLimited)
	// The password or passkey was correct, but the account is disabled.
	EventSignInRefused        = newEvent("sign-in-refused", message.EventSignInRefused, message.FilterSignInsRefused)
	EventSecondFactorRequired = newEvent("challenged", message.EventSecondFactorRequired, message.FilterSecondFactorsRequired)
	EventSignOut              = newEvent("sign-out", message.EventSignOut, message.FilterSignOuts)
	EventSessionRevoked       = newEvent("session-revoked", message.EventSessionRevoked, message.FilterSessionsRevoked)
	EventSessionsRevoked      = newEvent("sessions-revoked", message.EventSessionsRevoked, message.FilterOtherSessionsRevoked)
	// By an administrator; the other two are by the user.
	EventUserSessionsRevoked   = newEvent("sessions-ended", message.EventUserSessionsRevoked, message.FilterUserSessionsRevoked)
	EventStepUp                = newEvent("step-up", message.EventStepUp, message.FilterIdentityConfirmed)
	EventPasswordChanged       = newEvent("password-changed", message.EventPasswordChanged, message.FilterPasswordChanged)
	EventPasswordFailed        = newEvent("password-failed", message.EventPasswordFailed, message.FilterSessionWrongPasswords)
	EventResetRequested        = newEvent("reset-requested", message.EventResetRequested, message.FilterPasswordResetRequested)
	EventPasswordReset         = newEvent("password-reset", message.EventPasswordReset, message.FilterPasswordReset)
	EventTwoFactorPending      = newEvent("two-factor-pending", message.EventTwoFactorPending, message.FilterTwoFactorBegun)
	EventTwoFactorEnabled      = newEvent("two-factor-enabled", message.EventTwoFactorEnabled, message.FilterTwoFactorEnabled)
	EventTwoFactorDisabled     = newEvent("two-factor-disabled", message.EventTwoFactorDisabled, message.FilterTwoFactorDisabled)
	EventAuthenticatorReplaced = newEvent("authenticator-replaced", message.EventAuthenticatorReplaced, message.FilterAuthenticatorAppReplaced)
	EventTOTPURIRead           = newEvent("totp-uri-read", message.EventTOTPKeyShown, message.FilterAuthenticatorKeyShown)
	EventCodeFailed            = newEvent("code-failed", message.EventCodeFailed, message.FilterWrongCodes)
	// Caused by a wrong code; replaces EventCodeFailed.
	EventLockout              = newEvent("codes-locked", message.EventLockout, message.FilterLockouts)
	EventLockoutLifted        = newEvent("codes-unlocked", message.EventLockoutLifted, message.FilterLockoutsLifted)
	EventCodeMailed           = newEvent("code-mailed", message.EventCodeEmailed, message.FilterCodesEmailed)
	EventBackupCodesMade      = newEvent("backup-codes-made", message.EventBackupCodesMade, message.FilterBackupCodesMade)
	EventBackupCodeUsed       = newEvent("backup-code-used", message.EventBackupCodeUsed, message.FilterBackupCodesUsed)
	EventFactorsReset         = newEvent("factors-reset", message.EventFactorsReset, message.FilterFactorsReset)
	EventDeviceTrusted        = newEvent("device-trusted", message.EventDeviceTrusted, message.FilterDevicesTrusted)
	EventTrustedDeviceRevoked = newEvent("trusted-device-revoked", message.EventTrustedDeviceRevoked, message.FilterTrustedDevicesRevoked)
	EventPasskeyAdded         = newEvent("passkey-added", message.EventPasskeyAdded, message.FilterPasskeysAdded)
	EventPasskeyRenamed       = newEvent("passkey-renamed", message.EventPasskeyRenamed, message.FilterPasskeysRenamed)
	EventPasskeyDeleted       = newEvent("passkey-deleted", message.EventPasskeyDeleted, message.FilterPasskeysDeleted)
	EventPasskeyFailed        = newEvent("passkey-failed", message.EventPasskeyFailed, message.FilterPasskeysRefused)
	// Its counter suggests that a copy exists.
	EventPasskeyCopied        = newEvent("passkey-copied", message.EventPasskeyCopied, message.FilterPasskeysMaybeCopied)
	EventSignUp               = newEvent("sign-up", message.EventSignUp, message.FilterAccountsCreated)
	EventUserUpdated          = newEvent("user-updated", message.EventUserUpdated, message.FilterProfileChanged)
	EventEmailVerified        = newEvent("email-verified", message.EventEmailVerified, message.FilterEmailVerified)
	EventEmailChangeRequested = newEvent("email-change-requested", message.EventEmailChangeRequested, message.FilterEmailChangeRequested)
	EventEmailChanged         = newEvent("email-changed", message.EventEmailChanged, message.FilterEmailChanged)
	// The owner reported a change as not their own.
	EventReportedNotMe = newEvent("disowned", message.EventReportedNotMe, message.FilterReportedNotMe)
	// On the host, by an operator.
	EventEmergencyAccess       = newEvent("recovered", message.EventEmergencyAccess, message.FilterEmergencyAccess)
	EventUserDisabled          = newEvent("user-disabled", message.EventUserDisabled, message.FilterAccountsDisabled)
	EventUserEnabled           = newEvent("user-enabled", message.EventUserEnabled, message.FilterAccountsEnabled)
	EventUserDeletionRequested = newEvent("user-deletion-requested", message.EventUserDeletionRequested, message.FilterDeletionRequested)
	EventUserDeleted           = newEvent("user-deleted", message.EventUserDeleted, message.FilterAccountsDeleted)
	EventPermissionGranted     = newEvent("permission-granted", message.EventPermissionGranted, message.FilterPermissionsGranted)
	EventPermissionRevoked     = newEvent("permission-revoked", message.EventPermissionRevoked, message.FilterPermissionsRevoked)

	// The address has an account already, which the response did not reveal.
	EventSignUpTaken    = newServerEvent("sign-up-taken", message.EventSignUpTaken, message.FilterSignUpsTakenAddress)
	EventSettingChanged = newServerEvent("setting-changed", message.EventSettingChanged, message.FilterSettingsChanged)
	// The provider never accepted the email; Subject is its subject.
	EventMailDiscarded = newServerEvent("mail-dropped", message.EventMailDiscarded, message.FilterMailDiscarded)
	EventKeyRotated    = newServerEvent("key-rotated", message.EventKeyRotated, message.FilterServerKeysRotated)
	// The server lacks the key of a sealed value.
	EventKeyMissing = newServerEvent("key-missing", message.EventKeyMissing, message.FilterServerKeysMissing)
)

// EventText returns the text of a kind of event, or zero for a kind that a newer server
// wrote.
func EventText(name string) message.ID {
	i := slices.IndexFunc(EventKinds, func(k EventKind) bool { return k.Name == name })
	if i < 0 {
		return 0
	}
	return EventKinds[i].Text
}

// EventQuery asks for a page of the security log, the newest entries first.
type EventQuery struct {
	Kind   string `json:"kind,omitempty"`   // only events of this kind
	Before string `json:"before,omitempty"` // the previous page's [EventPage].Next
	User   string `json:"user,omitempty"`   // only events of the account with this ID; in [ListAllEvents] and [ExportEvents] only
}

// EventPage is a page of the security log.
type EventPage struct {
	Events []Event `json:"events"`
	Next   string  `json:"next,omitempty"` // for [EventQuery].Before; empty on the last page
}

// Event is an entry of the security log.
type Event struct {
	ID        string  `json:"id"`
	At        Time    `json:"at"`
	Kind      string  `json:"kind"` // "sign-in", "passkey-added", …
	Text      string  `json:"text"` // the event in the user's language
	IPAddress string  `json:"ipAddress"`
	Device    Device  `json:"device"`
	Subject   string  `json:"subject,omitempty"` // the target: an ID, or the name of a setting
	Detail    string  `json:"detail,omitempty"`  // for users, such as the old and the new value
	SessionID string  `json:"sessionId,omitempty"`
	Actor     *Person `json:"actor"`   // the user who did it; null if unknown, and for the operator
	Account   *Person `json:"account"` // the account concerned; null for an address without an account
}

// Person identifies an account to others. If the account is deleted, only the ID is left.
type Person struct {
	ID    string `json:"id"`
	Email string `json:"email,omitempty"`
}
