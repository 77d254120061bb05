package setting

import (
	"slices"
	"time"

	"latchkey/shared/message"
)

// The sections of the settings page.
const (
	groupGeneral  = message.GeneralSettings
	groupMail     = message.EmailSettings
	groupFactors  = message.TwoFactorAuthentication
	groupPasskeys = message.YourPasskeys
	groupSessions = message.SessionsShort
	groupLimits   = message.RateLimits
	groupLog      = message.SecurityLog
)

// The names of the settings on which others depend: [derive] adjusts the first two, and the
// others decide the first.
const (
	verifyEmail      = "VERIFY_EMAIL"
	requireTwoFactor = "REQUIRE_TWO_FACTOR"
	mailAPIKey       = "RESEND_API_KEY"
	smtpServer       = "SMTP_URL"
)

// registry has every setting, in the order of the settings page. To add a setting, add an
// entry here and the field of [Settings] that it sets. No setting may depend on the order:
// a value that depends on several settings belongs in [derive].
var registry = []Spec{
	text("APP_NAME", groupGeneral, message.SettingAppNameTitle, message.SettingAppName,
		func(s *Settings) *string { return &s.AppName }, "Latchkey", 1, 60),
	boolean("SIGN_UP_ENABLED", groupGeneral, message.SettingSignUpEnabledTitle, message.SettingSignUpEnabled,
		func(s *Settings) *bool { return &s.SignUpEnabled }, true),

	secret(mailAPIKey, groupMail, message.SettingResendAPIKeyTitle, message.SettingResendAPIKey,
		func(s *Settings) *string { return &s.MailAPIKey }),
	emailServer(smtpServer, groupMail, message.SettingSMTPURLTitle, message.SettingSMTPURL,
		func(s *Settings) *string { return &s.SMTPURL }),
	enum(verifyEmail, groupMail, message.SettingVerifyEmailTitle, message.SettingVerifyEmail,
		func(s *Settings) *string { return &s.VerifyEmail }, Off, Required),
	sender("MAIL_FROM", groupMail, message.SettingMailFromTitle, message.SettingMailFrom,
		func(s *Settings) *string { return &s.MailFrom }),
	boolean("NEW_DEVICE_MAIL", groupMail, message.SettingNewDeviceMailTitle, message.SettingNewDeviceMail,
		func(s *Settings) *bool { return &s.NewDeviceMail }, true),

	enum(requireTwoFactor, groupFactors, message.SettingRequireTwoFactorTitle, message.SettingRequireTwoFactor,
		func(s *Settings) *string { return &s.RequireTwoFactor }, Off, Admins, All),
	duration("REQUIRE_TWO_FACTOR_GRACE", groupFactors, message.SettingRequireTwoFactorGraceTitle, message.SettingRequireTwoFactorGrace,
		func(s *Settings) *time.Duration { return &s.RequireTwoFactorGrace }, 7*day, 0, 90*day),
	enum("TWO_FACTOR_SIGN_IN", groupFactors, message.SettingTwoFactorSignInTitle, message.SettingTwoFactorSignIn,
		func(s *Settings) *string { return &s.TwoFactorSignIn }, AsError, AsRedirect),
	boolean("TWO_FACTOR_EMAIL_CODE", groupFactors, message.SettingTwoFactorEmailCodeTitle, message.SettingTwoFactorEmailCode,
		func(s *Settings) *bool { return &s.TwoFactorEmailCode }, true),

	enum("PASSKEY_USER_VERIFICATION", groupPasskeys, message.SettingPasskeyUserVerificationTitle, message.SettingPasskeyUserVerification,
		func(s *Settings) *string { return &s.PasskeyVerification }, Required, Preferred),
	boolean("PASSKEY_AUTO_UPGRADE", groupPasskeys, message.SettingPasskeyAutoUpgradeTitle, message.SettingPasskeyAutoUpgrade,
		func(s *Settings) *bool { return &s.PasskeyAutoUpgrade }, true),

	duration("FRESH_WINDOW", groupSessions, message.SettingFreshWindowTitle, message.SettingFreshWindow,
		func(s *Settings) *time.Duration { return &s.FreshWindow }, FreshWindow, time.Minute, day),
	duration("SESSION_IDLE", groupSessions, message.SettingSessionIdleTitle, message.SettingSessionIdle,
		func(s *Settings) *time.Duration { return &s.SessionIdle }, SessionIdle, time.Hour, 90*day),
	duration("SESSION_LIFETIME", groupSessions, message.SettingSessionLifetimeTitle, message.SettingSessionLifetime,
		func(s *Settings) *time.Duration { return &s.SessionLifetime }, SessionLifetime, time.Hour, 365*day),
	number("SESSIONS_PER_USER", groupSessions, message.SettingSessionsPerUserTitle, message.SettingSessionsPerUser,
		func(s *Settings) *int { return &s.SessionsPerUser }, SessionsPerUser, 1, 1000),
	boolean("SHARED_ORIGIN", groupSessions, message.SettingSharedOriginTitle, message.SettingSharedOrigin,
		func(s *Settings) *bool { return &s.SharedOrigin }, false),

	// The defaults are Better Auth's where it has the same limit. The hourly limits stop a
	// client that stays just below the short-term limits.
	number("SIGN_IN_LIMIT", groupLimits, message.SettingSignInLimitTitle, message.SettingSignInLimit,
		func(s *Settings) *int { return &s.GuessesPerAddress }, 3, 1, 100),
	number("SIGN_IN_HOURLY_LIMIT", groupLimits, message.SettingSignInHourlyLimitTitle, message.SettingSignInHourlyLimit,
		func(s *Settings) *int { return &s.GuessesPerAddressHour }, 100, 10, 10_000),
	number("SIGN_UP_HOURLY_LIMIT", groupLimits, message.SettingSignUpHourlyLimitTitle, message.SettingSignUpHourlyLimit,
		func(s *Settings) *int { return &s.SignUpsPerAddressHour }, 20, 1, 10_000),
	number("EMAIL_HOURLY_LIMIT", groupLimits, message.SettingEmailHourlyLimitTitle, message.SettingEmailHourlyLimit,
		func(s *Settings) *int { return &s.EmailsPerAddressHour }, 10, 1, 1000),

	duration("EVENT_RETENTION", groupLog, message.SettingEventRetentionTitle, message.SettingEventRetention,
		func(s *Settings) *time.Duration { return &s.EventRetention }, 365*day, 30*day, 3650*day),
}

// Find returns the setting with the name, and reports whether there is one.
func Find(name string) (Spec, bool) {
	i := slices.IndexFunc(registry, func(s Spec) bool { return s.Name == name })
	if i < 0 {
		return Spec{}, false
	}
	return registry[i], true
}
