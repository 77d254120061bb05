package shared

import (
	"slices"

	"latchkey/shared/message"
)

// An EventKind is a kind of event in the security log.
type EventKind struct {
	Name   string // [Event.Kind]
	Group  EventGroup
	Weight EventWeight
	Text   message.ID // describes one event
	Filter message.ID // labels the kind in the list of filters

	// Server means that only the log of all accounts shows such events.
	Server bool
}

// In reports whether [EventQuery].Group selects the kind.
func (k EventKind) In(group EventGroup) bool {
	return k.Group == group || group == GroupWarnings && k.Weight == WeightAlarm
}

// An EventGroup is a group of kinds. [EventQuery].Group selects one.
type EventGroup string

// Each kind belongs to one group, and to GroupWarnings if it is an alarm.
const (
	GroupSignIns     EventGroup = "sign-ins"
	GroupCredentials EventGroup = "password-email"
	GroupFactors     EventGroup = "factors"  // two-factor authentication and passkeys
	GroupSessions    EventGroup = "sessions" // and trusted devices
	GroupAccounts    EventGroup = "accounts"
	GroupServer      EventGroup = "server"
	GroupWarnings    EventGroup = "warnings"
)

// EventGroups lists the groups in the order in which the pages offer them as filters.
var EventGroups = []struct {
	Name  EventGroup
	Label message.ID
	// Own means that the page of a user's own log offers the group. The other groups have
	// few or no events there.
	Own bool
}{
	{GroupSignIns, message.FilterSignIns, true},
	{GroupCredentials, message.GroupCredentials, true},
	{GroupFactors, message.GroupFactors, true},
	{GroupSessions, message.GroupSessions, true},
	{GroupAccounts, message.GroupAccounts, false},
	{GroupServer, message.GroupServer, false},
	{GroupWarnings, message.GroupWarnings, true},
}

// An EventWeight is how much attention a kind of event needs from the owner of the account.
type EventWeight int

const (
	WeightRoutine EventWeight = iota
	WeightChange              // something about the account is different now
	WeightAlarm               // a failed attempt, or something that makes the account less safe
)

// EventKinds lists every kind of event, in the order in which the page offers them as
// filters. It has room for all of them, because each start of the program fills it.
var EventKinds = make([]EventKind, 0, 64)

// newEvent adds a kind of event and returns its name. It is not inlined, because its copies
// would make the app larger.
//
//go:noinline
func newEvent(name string, group EventGroup, weight EventWeight, text, filter message.ID) string {
	EventKinds = append(EventKinds, EventKind{name, group, weight, text, filter, false})
	return name
}

// newServerEvent is newEvent for a kind that only the log of all accounts shows.
func newServerEvent(name string, group EventGroup, weight EventWeight, text, filter message.ID) string {
	EventKinds = append(EventKinds, EventKind{name, group, weight, text, filter, true})
	return name
}

// The kinds of events, as the database and the API name them.
var (
	EventSignIn = newEvent("sign-in", GroupSignIns, WeightRoutine,
		message.EventSignIn, message.FilterSignIns)
	EventSignInFailed = newEvent("sign-in-failed", GroupSignIns, WeightAlarm,
		message.EventSignInFailed, message.FilterSignInsWrongPassword)
	EventSignInLimited = newEvent("sign-in-limited", GroupSignIns, WeightAlarm,
		message.EventSignInLimited, message.FilterSignInsLimited)
	// The password or passkey was correct, but the account is disabled.
	EventSignInRefused = newEvent("sign-in-refused", GroupSignIns, WeightAlarm,
		message.EventSignInRefused, message.FilterSignInsRefused)
	// The user answered that it was them; Subject is the session that the sign-in opened.
	EventSignInConfirmed = newEvent("sign-in-confirmed", GroupSignIns, WeightRoutine,
		message.EventSignInConfirmed, message.FilterSignInsConfirmed)
	EventSecondFactorRequired = newEvent("challenged", GroupSignIns, WeightRoutine,
		message.EventSecondFactorRequired, message.FilterSecondFactorsRequired)
	EventSignOut = newEvent("sign-out", GroupSessions, WeightRoutine,
		message.EventSignOut, message.FilterSignOuts)
	EventSessionRevoked = newEvent("session-revoked", GroupSessions, WeightChange,
		message.EventSessionRevoked, message.FilterSessionsRevoked)
	EventSessionsRevoked = newEvent("sessions-revoked", GroupSessions, WeightChange,
		message.EventSessionsRevoked, message.FilterOtherSessionsRevoked)
	// By an administrator; the other two are by the user.
	EventUserSessionsRevoked = newEvent("sessions-ended", GroupSessions, WeightChange,
		message.EventUserSessionsRevoked, message.FilterUserSessionsRevoked)
	EventStepUp = newEvent("step-up", GroupSignIns, WeightRoutine,
		message.EventStepUp, message.FilterIdentityConfirmed)
	EventPasswordChanged = newEvent("password-changed", GroupCredentials, WeightChange,
		message.EventPasswordChanged, message.FilterPasswordChanged)
	EventPasswordFailed = newEvent("password-failed", GroupCredentials, WeightAlarm,
		message.EventPasswordFailed, message.FilterSessionWrongPasswords)
	EventResetRequested = newEvent("reset-requested", GroupCredentials, WeightChange,
		message.EventResetRequested, message.FilterPasswordResetRequested)
	EventPasswordReset = newEvent("password-reset", GroupCredentials, WeightChange,
		message.EventPasswordReset, message.FilterPasswordReset)
	EventTwoFactorPending = newEvent("two-factor-pending", GroupFactors, WeightRoutine,
		message.EventTwoFactorPending, message.FilterTwoFactorBegun)
	EventTwoFactorEnabled = newEvent("two-factor-enabled", GroupFactors, WeightChange,
		message.EventTwoFactorEnabled, message.FilterTwoFactorEnabled)
	EventTwoFactorDisabled = newEvent("two-factor-disabled", GroupFactors, WeightAlarm,
		message.EventTwoFactorDisabled, message.FilterTwoFactorDisabled)
	EventAuthenticatorReplaced = newEvent("authenticator-replaced", GroupFactors, WeightChange,
		message.EventAuthenticatorReplaced, message.FilterAuthenticatorAppReplaced)
	EventTOTPURIRead = newEvent("totp-uri-read", GroupFactors, WeightChange,
		message.EventTOTPKeyShown, message.FilterAuthenticatorKeyShown)
	EventCodeFailed = newEvent("code-failed", GroupFactors, WeightAlarm,
		message.EventCodeFailed, message.FilterWrongCodes)
	// Caused by a wrong code; replaces EventCodeFailed.
	EventLockout = newEvent("codes-locked", GroupFactors, WeightAlarm,
		message.EventLockout, message.FilterLockouts)
	EventLockoutLifted = newEvent("codes-unlocked", GroupFactors, WeightChange,
		message.EventLockoutLifted, message.FilterLockoutsLifted)
	EventCodeMailed = newEvent("code-mailed", GroupFactors, WeightRoutine,
		message.EventCodeEmailed, message.FilterCodesEmailed)
	EventBackupCodesMade = newEvent("backup-codes-made", GroupFactors, WeightChange,
		message.EventBackupCodesMade, message.FilterBackupCodesMade)
	EventBackupCodeUsed = newEvent("backup-code-used", GroupFactors, WeightChange,
		message.EventBackupCodeUsed, message.FilterBackupCodesUsed)
	EventFactorsReset = newEvent("factors-reset", GroupFactors, WeightAlarm,
		message.EventFactorsReset, message.FilterFactorsReset)
	EventDeviceTrusted = newEvent("device-trusted", GroupSessions, WeightChange,
		message.EventDeviceTrusted, message.FilterDevicesTrusted)
	EventTrustedDeviceRevoked = newEvent("trusted-device-revoked", GroupSessions, WeightChange,
		message.EventTrustedDeviceRevoked, message.FilterTrustedDevicesRevoked)
	EventPasskeyAdded = newEvent("passkey-added", GroupFactors, WeightChange,
		message.EventPasskeyAdded, message.FilterPasskeysAdded)
	EventPasskeyRenamed = newEvent("passkey-renamed", GroupFactors, WeightChange,
		message.EventPasskeyRenamed, message.FilterPasskeysRenamed)
	EventPasskeyDeleted = newEvent("passkey-deleted", GroupFactors, WeightChange,
		message.EventPasskeyDeleted, message.FilterPasskeysDeleted)
	EventPasskeyFailed = newEvent("passkey-failed", GroupFactors, WeightAlarm,
		message.EventPasskeyFailed, message.FilterPasskeysRefused)
	// Its counter suggests that a copy exists.
	EventPasskeyCopied = newEvent("passkey-copied", GroupFactors, WeightAlarm,
		message.EventPasskeyCopied, message.FilterPasskeysMaybeCopied)
	EventSignUp = newEvent("sign-up", GroupAccounts, WeightRoutine,
		message.EventSignUp, message.FilterAccountsCreated)
	EventUserUpdated = newEvent("user-updated", GroupAccounts, WeightChange,
		message.EventUserUpdated, message.FilterProfileChanged)
	EventEmailVerified = newEvent("email-verified", GroupCredentials, WeightChange,
		message.EventEmailVerified, message.FilterEmailVerified)
	EventEmailChangeRequested = newEvent("email-change-requested", GroupCredentials, WeightChange,
		message.EventEmailChangeRequested, message.FilterEmailChangeRequested)
	EventEmailChangeCanceled = newEvent("email-change-canceled", GroupCredentials, WeightChange,
		message.EventEmailChangeCanceled, message.FilterEmailChangeCanceled)
	EventEmailChanged = newEvent("email-changed", GroupCredentials, WeightChange,
		message.EventEmailChanged, message.FilterEmailChanged)
	// The owner reported a change as not their own.
	EventReportedNotMe = newEvent("disowned", GroupAccounts, WeightAlarm,
		message.EventReportedNotMe, message.FilterReportedNotMe)
	// On the host, by an operator.
	EventEmergencyAccess = newEvent("recovered", GroupAccounts, WeightAlarm,
		message.EventEmergencyAccess, message.FilterEmergencyAccess)
	EventUserDisabled = newEvent("user-disabled", GroupAccounts, WeightAlarm,
		message.EventUserDisabled, message.FilterAccountsDisabled)
	EventUserEnabled = newEvent("user-enabled", GroupAccounts, WeightChange,
		message.EventUserEnabled, message.FilterAccountsEnabled)
	EventUserDeletionRequested = newEvent("user-deletion-requested", GroupAccounts, WeightAlarm,
		message.EventUserDeletionRequested, message.FilterDeletionRequested)
	EventUserDeleted = newEvent("user-deleted", GroupAccounts, WeightChange,
		message.EventUserDeleted, message.FilterAccountsDeleted)
	EventPermissionGranted = newEvent("permission-granted", GroupAccounts, WeightChange,
		message.EventPermissionGranted, message.FilterPermissionsGranted)
	EventPermissionRevoked = newEvent("permission-revoked", GroupAccounts, WeightChange,
		message.EventPermissionRevoked, message.FilterPermissionsRevoked)

	// The address has an account already, which the response did not reveal.
	EventSignUpTaken = newServerEvent("sign-up-taken", GroupAccounts, WeightRoutine,
		message.EventSignUpTaken, message.FilterSignUpsTakenAddress)
	EventSettingChanged = newServerEvent("setting-changed", GroupServer, WeightChange,
		message.EventSettingChanged, message.FilterSettingsChanged)
	// Subject is the ID of the server key.
	EventServerKeyCreated = newServerEvent("server-key-created", GroupServer, WeightChange,
		message.EventServerKeyCreated, message.FilterServerKeysCreated)
	EventServerKeyRevoked = newServerEvent("server-key-revoked", GroupServer, WeightChange,
		message.EventServerKeyRevoked, message.FilterServerKeysRevoked)
	// The provider never accepted the email; Subject is its subject.
	EventMailDiscarded = newServerEvent("mail-dropped", GroupServer, WeightAlarm,
		message.EventMailDiscarded, message.FilterMailDiscarded)
	EventKeyRotated = newServerEvent("key-rotated", GroupServer, WeightChange,
		message.EventKeyRotated, message.FilterEncryptionKeysRotated)
	// The operator imported the accounts of another system, which Subject names.
	EventImported = newServerEvent("imported", GroupServer, WeightChange,
		message.EventImported, message.FilterImports)
	// The server lacks the key of a sealed value.
	EventKeyMissing = newServerEvent("key-missing", GroupServer, WeightAlarm,
		message.EventKeyMissing, message.FilterEncryptionKeysMissing)
)

// FindEventKind returns the kind with a name, or the zero EventKind for a kind that a newer
// server wrote.
func FindEventKind(name string) EventKind {
	i := slices.IndexFunc(EventKinds, func(k EventKind) bool { return k.Name == name })
	if i < 0 {
		return EventKind{}
	}
	return EventKinds[i]
}

// EventText returns the text of a kind of event, or zero for a kind that a newer server
// wrote.
func EventText(name string) message.ID { return FindEventKind(name).Text }

// KindsOf returns the names of the kinds in a group.
func KindsOf(group EventGroup) []string {
	var names []string
	for _, k := range EventKinds {
		if k.In(group) {
			names = append(names, k.Name)
		}
	}
	return names
}

// EventQuery asks for a page of the security log, the newest entries first. Several members
// select the events that match all of them.
type EventQuery struct {
	Kind string `json:"kind,omitempty"` // only events of this kind
	// Group selects events whose kinds are in this group.
	Group EventGroup `json:"group,omitempty" check:"sign-ins|password-email|factors|sessions|accounts|server|warnings"`
	// Session selects events that the session with this ID caused.
	Session string `json:"session,omitempty" check:"nonempty"`
	Before  string `json:"before,omitempty"` // the previous page's [EventPage].Next
	// User selects events of the account with this ID. Only [ListAllEvents] has it.
	User string `json:"user,omitempty"`
	// Until selects events before this time, in RFC 3339 format.
	Until string `json:"until,omitempty" check:"time"`
}

// EventPage is a page of the security log.
type EventPage struct {
	Events []Event `json:"events"`
	Next   string  `json:"next,omitempty"` // for [EventQuery].Before; empty on the last page

	// Account is the account that [EventQuery].User names, even if it has no events. It is absent
	// if the query names none.
	Account *Person `json:"account,omitempty"`
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
