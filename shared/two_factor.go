package shared

// PendingSignInTries is how many codes a sign-in takes.
const PendingSignInTries = 5

// FewBackupCodes is the number of remaining backup codes at which a user should generate new
// ones.
const FewBackupCodes = 2

// TwoFactor is the state of an account's two-factor authentication.
type TwoFactor struct {
	Enabled         bool  `json:"enabled"`
	Since           *Time `json:"since"` // when it was enabled; null while it is not
	BackupCodesLeft int   `json:"backupCodesLeft"`
	Pending         bool  `json:"pending"` // a new authenticator waits for its first code, in this session
}

// Enrollment asks for a new authenticator. It is pending until [VerifyTOTP] has verified one
// of its codes, in the same session and within an hour.
type Enrollment struct {
	Password string `json:"password"`
	Method   string `json:"method,omitempty" check:"totp|otp"` // "totp" if empty
	Issuer   string `json:"issuer,omitempty"`                  // what authenticator apps call this server

	// Replace asks for the new authenticator of an account that has one, which
	// is good until the new one is proved. The backup codes stay.
	Replace *bool `json:"replace,omitempty"`
}

// Confirmation is the password that confirms the caller's identity.
func (e Enrollment) Confirmation() *string { return &e.Password }

// WeakensFactor reports whether the call replaces an authenticator.
func (e Enrollment) WeakensFactor() bool { return e.Replace != nil && *e.Replace }

// EnrollmentStarted is the answer to [Enrollment].
type EnrollmentStarted struct {
	Method      string   `json:"method"`      // "totp"
	TOTPURI     string   `json:"totpURI"`     // otpauth://totp/…, for a QR code
	BackupCodes []string `json:"backupCodes"` // shown this once; none if they stay as they are
}

// TOTPURI is the authenticator's otpauth://totp/… URI.
type TOTPURI struct {
	TOTPURI string `json:"totpURI"`
}

// BackupCodes are new backup codes, shown this once.
type BackupCodes struct {
	Status      bool     `json:"status"`
	BackupCodes []string `json:"backupCodes"`
}

// Code is a code from the authenticator or from an email. Without a session it completes a
// pending sign-in.
type Code struct {
	Code        string `json:"code"`
	TrustDevice *bool  `json:"trustDevice,omitempty"` // do not ask this browser for 30 days; at sign-in only

	// Enroll says that the code is the first of a new authenticator. If none
	// waits for it any more, no other is taken in its place.
	Enroll *bool `json:"enrol,omitempty"`
}

// BackupCode is like [Code], with a backup code, which works once.
type BackupCode struct {
	Code           string `json:"code"`
	TrustDevice    *bool  `json:"trustDevice,omitempty"`
	DisableSession *bool  `json:"disableSession,omitempty"` // end the challenge without opening a session
}

// Verified is the answer to a correct code.
type Verified struct {
	Token string `json:"token,omitempty"` // the session's handle, as in [Session]; empty if none was opened
	User  User   `json:"user"`
}

// TrustedDevice is a browser that can sign in without a second factor.
type TrustedDevice struct {
	ID         string `json:"id"`
	Device     Device `json:"device"`
	IPAddress  string `json:"ipAddress"` // the one last seen
	UserAgent  string `json:"userAgent"` // the one last seen
	CreatedAt  Time   `json:"createdAt"`
	LastUsedAt Time   `json:"lastUsedAt"`
	ExpiresAt  Time   `json:"expiresAt"`
	IsCurrent  bool   `json:"isCurrent"` // the call came from it
}

// TrustedDeviceID names one of the caller's trusted devices.
type TrustedDeviceID struct {
	ID string `json:"id"`
}
