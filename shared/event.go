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
// filters. The names are those of the constants in package audit.
var EventKinds = []EventKind{
	{"sign-in", message.EventSignIn, message.FilterSignIns, false},
	{"sign-in-failed", message.EventSignInFailed, message.FilterSignInsWrongPassword, false},
	{"sign-in-limited", message.EventSignInLimited, message.FilterSignInsLimited, false},
	{"sign-in-refused", message.EventSignInRefused, message.FilterSignInsRefused, false},
	{"challenged", message.EventSecondFactorRequired, message.FilterSecondFactorsRequired, false},
	{"sign-out", message.EventSignOut, message.FilterSignOuts, false},
	{"session-revoked", message.EventSessionRevoked, message.FilterSessionsRevoked, false},
	{"sessions-revoked", message.EventSessionsRevoked, message.FilterOtherSessionsRevoked, false},
	{"sessions-ended", message.EventUserSessionsRevoked, message.FilterUserSessionsRevoked, false},
	{"step-up", message.EventStepUp, message.FilterIdentityConfirmed, false},
	{"password-changed", message.EventPasswordChanged, message.FilterPasswordChanged, false},
	{"password-failed", message.EventPasswordFailed, message.FilterSessionWrongPasswords, false},
	{"reset-requested", message.EventResetRequested, message.FilterPasswordResetRequested, false},
	{"password-reset", message.EventPasswordReset, message.FilterPasswordReset, false},
	{"two-factor-pending", message.EventTwoFactorPending, message.FilterTwoFactorBegun, false},
	{"two-factor-enabled", message.EventTwoFactorEnabled, message.FilterTwoFactorEnabled, false},
	{"two-factor-disabled", message.EventTwoFactorDisabled, message.FilterTwoFactorDisabled, false},
	{"authenticator-replaced", message.EventAuthenticatorReplaced, message.FilterAuthenticatorAppReplaced, false},
	{"totp-uri-read", message.EventTOTPKeyShown, message.FilterAuthenticatorKeyShown, false},
	{"code-failed", message.EventCodeFailed, message.FilterWrongCodes, false},
	{"codes-locked", message.EventLockout, message.FilterLockouts, false},
	{"codes-unlocked", message.EventLockoutLifted, message.FilterLockoutsLifted, false},
	{"code-mailed", message.EventCodeEmailed, message.FilterCodesEmailed, false},
	{"backup-codes-made", message.EventBackupCodesMade, message.FilterBackupCodesMade, false},
	{"backup-code-used", message.EventBackupCodeUsed, message.FilterBackupCodesUsed, false},
	{"factors-reset", message.EventFactorsReset, message.FilterFactorsReset, false},
	{"device-trusted", message.EventDeviceTrusted, message.FilterDevicesTrusted, false},
	{"trusted-device-revoked", message.EventTrustedDeviceRevoked, message.FilterTrustedDevicesRevoked, false},
	{"passkey-added", message.EventPasskeyAdded, message.FilterPasskeysAdded, false},
	{"passkey-renamed", message.EventPasskeyRenamed, message.FilterPasskeysRenamed, false},
	{"passkey-deleted", message.EventPasskeyDeleted, message.FilterPasskeysDeleted, false},
	{"passkey-failed", message.EventPasskeyFailed, message.FilterPasskeysRefused, false},
	{"passkey-copied", message.EventPasskeyCopied, message.FilterPasskeysMaybeCopied, false},
	{"sign-up", message.EventSignUp, message.FilterAccountsCreated, false},
	{"user-updated", message.EventUserUpdated, message.FilterProfileChanged, false},
	{"email-verified", message.EventEmailVerified, message.FilterEmailVerified, false},
	{"email-change-requested", message.EventEmailChangeRequested, message.FilterEmailChangeRequested, false},
	{"email-changed", message.EventEmailChanged, message.FilterEmailChanged, false},
	{"disowned", message.EventReportedNotMe, message.FilterReportedNotMe, false},
	{"recovered", message.EventEmergencyAccess, message.FilterEmergencyAccess, false},
	{"user-disabled", message.EventUserDisabled, message.FilterAccountsDisabled, false},
	{"user-enabled", message.EventUserEnabled, message.FilterAccountsEnabled, false},
	{"user-deletion-requested", message.EventUserDeletionRequested, message.FilterDeletionRequested, false},
	{"user-deleted", message.EventUserDeleted, message.FilterAccountsDeleted, false},
	{"permission-granted", message.EventPermissionGranted, message.FilterPermissionsGranted, false},
	{"permission-revoked", message.EventPermissionRevoked, message.FilterPermissionsRevoked, false},
	{"sign-up-taken", message.EventSignUpTaken, message.FilterSignUpsTakenAddress, true},
	{"setting-changed", message.EventSettingChanged, message.FilterSettingsChanged, true},
	{"mail-dropped", message.EventMailDiscarded, message.FilterMailDiscarded, true},
	{"key-rotated", message.EventKeyRotated, message.FilterServerKeysRotated, true},
	{"key-missing", message.EventKeyMissing, message.FilterServerKeysMissing, true},
}

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
