// Package setting defines the settings of a server, which the environment and the
// administrators can change. It has the registry of settings, parses their values, derives
// values that depend on several settings, and caches the result. It does not store
// settings: the caller passes it the stored rows.
package setting

import "time"

const day = 24 * time.Hour

// The defaults that other packages use.
const (
	// FreshWindow is how long a session is fresh after the user has confirmed their
	// identity (FRESH_WINDOW).
	FreshWindow = 15 * time.Minute
	// SessionIdle is how long an unused remembered session lives. It is also the maximum
	// age of the session's cookie (SESSION_IDLE).
	SessionIdle = 7 * day
	// SessionLifetime is the maximum lifetime of a remembered session, even if it is used
	// (SESSION_LIFETIME).
	SessionLifetime = 30 * day
	// SessionsPerUser is how many sessions a user can have (SESSIONS_PER_USER). A further
	// sign-in ends the least recently used session.
	SessionsPerUser = 50
)

// The options of enums.
const (
	Off        = "off"
	Required   = "required"
	Preferred  = "preferred"
	Admins     = "admins"
	All        = "all"
	AsError    = "error"
	AsRedirect = "redirect"
)

// Settings are the values of all settings at one moment.
type Settings struct {
	AppName       string
	SignUpEnabled bool
	VerifyEmail   string

	MailAPIKey    string // for Resend; empty for none
	SMTPURL       string // of the email server, which takes precedence over Resend; empty for none
	MailFrom      string // empty for APP_NAME <no-reply@host>
	NewDeviceMail bool

	RequireTwoFactor      string
	RequireTwoFactorGrace time.Duration
	RequiredSince         time.Time // when RequireTwoFactor was set to its value
	TwoFactorSignIn       string
	TwoFactorEmailCode    bool

	PasskeyVerification string
	PasskeyAutoUpgrade  bool

	FreshWindow     time.Duration
	SessionIdle     time.Duration
	SessionLifetime time.Duration
	SessionsPerUser int
	SharedOrigin    bool // an application has the origin, too

	// The limits per IP address: guesses in ten seconds and in an hour, and sign-ups and
	// requests for emails in an hour.
	GuessesPerAddress     int
	GuessesPerAddressHour int
	SignUpsPerAddressHour int
	EmailsPerAddressHour  int

	EventRetention time.Duration

	// Version is the sum of the revisions of the rows from which the values were read. It
	// changes with every change of a setting, because revisions only increase and rows are
	// never deleted.
	Version int64
}

// SendsEmail reports whether this server sends emails. Otherwise it writes them to files.
func (s *Settings) SendsEmail() bool { return s.SMTPURL != "" || s.MailAPIKey != "" }

// DeliversEmail reports whether emails reach their recipients, as far as the settings
// can tell.
func (s *Settings) DeliversEmail() bool { return s.SendsEmail() || s.VerifyEmail == Required }
