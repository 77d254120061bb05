package audit

// The kinds of events, as the database and the API name them. Each has an entry in
// [shared.EventKinds], with the text that users see.
const (
	EventSignUp          = "sign-up"
	EventSignIn          = "sign-in"
	EventSignInFailed    = "sign-in-failed"
	EventSignInLimited   = "sign-in-limited"
	EventSignOut         = "sign-out"
	EventStepUp          = "step-up"
	EventPasswordFailed  = "password-failed"
	EventPasswordChanged = "password-changed"
	EventSessionRevoked  = "session-revoked"
	EventSessionsRevoked = "sessions-revoked"
	EventUserUpdated     = "user-updated"
	EventUserDeleted     = "user-deleted"

	EventTwoFactorPending      = "two-factor-pending"
	EventTwoFactorEnabled      = "two-factor-enabled"
	EventTwoFactorDisabled     = "two-factor-disabled"
	EventAuthenticatorReplaced = "authenticator-replaced"
	EventTOTPURIRead           = "totp-uri-read"
	EventBackupCodesMade       = "backup-codes-made"
	EventBackupCodeUsed        = "backup-code-used"
	EventSecondFactorRequired  = "challenged"
	EventCodeFailed            = "code-failed"
	EventLockout               = "codes-locked" // caused by a wrong code; replaces EventCodeFailed
	EventLockoutLifted         = "codes-unlocked"
	EventCodeMailed            = "code-mailed"
	EventDeviceTrusted         = "device-trusted"
	EventTrustedDeviceRevoked  = "trusted-device-revoked"

	EventPasskeyAdded   = "passkey-added"
	EventPasskeyRenamed = "passkey-renamed"
	EventPasskeyDeleted = "passkey-deleted"
	EventPasskeyFailed  = "passkey-failed"
	EventPasskeyCopied  = "passkey-copied" // its counter suggests that a copy exists

	EventSignUpTaken           = "sign-up-taken" // the address has an account already, which the response did not reveal
	EventResetRequested        = "reset-requested"
	EventPasswordReset         = "password-reset"
	EventEmailVerified         = "email-verified"
	EventEmailChangeRequested  = "email-change-requested"
	EventEmailChanged          = "email-changed"
	EventUserDeletionRequested = "user-deletion-requested"
	EventReportedNotMe         = "disowned" // the owner reported a change as not their own

	EventSettingChanged = "setting-changed"

	EventMailDiscarded       = "mail-dropped"    // the provider never accepted the email; Subject is its subject
	EventSignInRefused       = "sign-in-refused" // the password or passkey was correct, but the account is disabled
	EventFactorsReset        = "factors-reset"
	EventUserSessionsRevoked = "sessions-ended" // by an administrator
	EventUserDisabled        = "user-disabled"
	EventUserEnabled         = "user-enabled"
	EventPermissionGranted   = "permission-granted"
	EventPermissionRevoked   = "permission-revoked"
	EventEmergencyAccess     = "recovered" // on the host, by an operator
	EventKeyRotated          = "key-rotated"
	EventKeyMissing          = "key-missing" // the server lacks the key of a sealed value
)
