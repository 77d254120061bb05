// Package setting holds the settings of a server, which the environment and the
// administrators can change. It has their registry, reads their values, and derives
// what follows from several of them.
package setting

import "time"

const day = 24 * time.Hour

// The defaults that other packages need.
const (
	// FreshWindow is how long a confirmed identity counts as confirmed
	// (FRESH_WINDOW).
	FreshWindow = 15 * time.Minute
	// SessionIdle is how long a remembered session lives without being used, and the
	// age of its cookie (SESSION_IDLE).
	SessionIdle = 7 * day
	// SessionLifetime is how long a session lives even if it is used
	// (SESSION_LIFETIME).
	SessionLifetime = 30 * day
	// SessionsPerUser is how many sessions a user can have (SESSIONS_PER_USER). Beyond
	// it, the session that was unused for longest ends.
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

	MailAPIKey    string // for Resend; empty if the server writes emails to files
	MailFrom      string // empty for APP_NAME <no-reply@host>
	NewDeviceMail bool

	RequireTwoFactor      string
	RequireTwoFactorGrace time.Duration
	RequiredSince         time.Time // when RequireTwoFactor got its value
	TwoFactorSignIn       string
	TwoFactorEmailCode    bool

	PasskeyVerification string
	PasskeyAutoUpgrade  bool

	FreshWindow     time.Duration
	SessionIdle     time.Duration
	SessionLifetime time.Duration
	SessionsPerUser int

	// What one IP address can do: guesses in ten seconds and in an hour, and
	// sign-ups and requests for emails in an hour.
	GuessesPerAddress     int
	GuessesPerAddressHour int
	SignUpsPerAddressHour int
	EmailsPerAddressHour  int

	EventRetention time.Duration

	// Version is the sum of the revisions of the rows that the values are from. It
	// changes with every change of a setting, because revisions only grow and no row is
	// deleted.
	Version int64
}

// DeliversEmail reports whether emails reach their recipients, as far as the settings
// can tell.
func (s *Settings) DeliversEmail() bool { return s.MailAPIKey != "" || s.VerifyEmail == Required }
