// Package betterauth reads the data of an application that uses Better Auth: the rows of
// its database, the values that its secret encrypts, and the cookies that it signs. It
// never writes.
//
// Better Auth has no fixed schema. [Open] accepts what its own adapter, and the generators
// for Drizzle and Prisma, create: names in camelCase or snake_case, in singular or plural,
// and dates as timestamps, text or numbers.
package betterauth

import "time"

// A Table is one of the tables that this package reads, by the name that Better Auth gives
// it by default.
type Table string

// The tables. All but TableUser and TableAccount can be missing: an application may not use
// the plugin, or it may keep its sessions outside of its database.
const (
	TableUser         Table = "user"
	TableAccount      Table = "account"
	TableTwoFactor    Table = "twoFactor"
	TablePasskey      Table = "passkey"
	TableSession      Table = "session"
	TableVerification Table = "verification"
)

// A User is a row of the table user. Nothing in it is checked but its types: the email may
// have capitals or be no address, and the name may be empty.
type User struct {
	ID               string
	Email            string
	EmailVerified    bool
	Name             string
	Image            *string
	TwoFactorEnabled bool // even if there is no TwoFactor, when codes are sent by email
	CreatedAt        time.Time
	UpdatedAt        time.Time

	// What the admin plugin adds.
	Role       string // "user", "admin", or several with commas; empty without the plugin
	Banned     bool
	BanReason  string
	BanExpires *time.Time // nil if the ban has no end

	Err error // why the row cannot be used
}

// ProviderCredential is the ProviderID of an [Account] with a password.
const ProviderCredential = "credential"

// An Account is a row of the table account, which is one way to sign in.
type Account struct {
	ID         string
	UserID     string
	ProviderID string // ProviderCredential, or the name of a social provider
	AccountID  string
	Password   string // its hash; empty without a password
	CreatedAt  time.Time
	UpdatedAt  time.Time

	Err error // why the row cannot be used
}

// A TwoFactor is a row of the table twoFactor, which is one authenticator app with its
// backup codes. A user can have several rows.
type TwoFactor struct {
	ID          string
	UserID      string
	Secret      string // for Secrets.TOTPKey
	BackupCodes string // for Secrets.BackupCodes
	Verified    bool   // false if the user has never finished setting it up

	Err error // why the row cannot be used
}

// A Passkey is a row of the table passkey. Two rows can have the same CredentialID.
type Passkey struct {
	ID           string
	UserID       string
	Name         *string
	CredentialID []byte
	PublicKey    []byte // in COSE (RFC 9052, section 7)
	Counter      int64
	MultiDevice  bool // the flag BE of its authenticator data
	BackedUp     bool // the flag BS
	Transports   []string
	AAGUID       string // as a UUID; empty in older rows
	CreatedAt    *time.Time

	Err error // why the row cannot be used
}

// A Session is a row of the table session.
type Session struct {
	ID             string
	UserID         string
	Token          string // in clear
	IP             string
	UserAgent      string
	ImpersonatedBy string // the ID of an administrator; empty otherwise
	CreatedAt      time.Time
	UpdatedAt      time.Time
	// About a day after CreatedAt if the user did not ask to be remembered. Better Auth takes
	// the time twice, so the difference is not exact.
	ExpiresAt time.Time

	Err error // why the row cannot be used
}

// A Verification is a row of the table verification: a one-time token, or a device that a
// user trusts. Its Identifier begins with what it is for.
type Verification struct {
	ID         string
	Identifier string
	Value      string
	CreatedAt  *time.Time
	ExpiresAt  time.Time

	Err error // why the row cannot be used
}

// The beginnings of the Identifier of a [Verification] that is of use after the import. The
// Value of both is the ID of the user.
const (
	PrefixTrustDevice   = "trust-device-"   // the whole Identifier is in the cookie
	PrefixResetPassword = "reset-password:" // the rest is the token in the link
)
