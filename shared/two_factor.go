package shared

// PendingSignInTries is how many codes a user can try for a pending sign-in.
const PendingSignInTries = 5

// FewBackupCodes is the number of remaining backup codes at which the user is advised to
// generate new ones.
const FewBackupCodes = 2

// FactorField is the field in the address of [PageTwoFactor] that names the factor that the page asks
// for: [FactorEmail], or a code of the authenticator by default.
const (
	FactorField = "by"
	FactorEmail = "email" // a code from an email
)

// TwoFactor is the state of an account's two-factor authentication.
type TwoFactor struct {
	Enabled         bool  `json:"enabled"`
	Since           *Time `json:"since"` // when it was enabled; null while it is not
	BackupCodesLeft int   `json:"backupCodesLeft"`
	Pending         bool  `json:"pending"` // a new authenticator waits for its first code in this session
}

// Enrollment asks for a new authenticator. It is pending until [VerifyTOTP] has verified one
// of its codes, in the same session and within an hour.
type Enrollment struct {
	Password string `json:"password"`
	Method   string `json:"method,omitempty" check:"totp|otp"` // "totp" if empty
	Issuer   string `json:"issuer,omitempty"`                  // the server's name in authenticator apps

	// Replace asks for a replacement of the account's authenticator, which remains valid
	// until the new one is verified. The backup codes stay.
	Replace *bool `json:"replace,omitempty"`
}

// Confirmation returns the password that confirms the caller's identity.
func (e Enrollment) Confirmation() *string { return &e.Password }

// WeakensFactor reports whether the call replaces an authenticator.
func (e Enrollment) WeakensFactor() bool { return e.Replace != nil && *e.Replace }

// EnrollmentStarted is the response to [Enrollment].
type EnrollmentStarted struct {
	Method      string   `json:"method"`      // "totp"
	TOTPURI     string   `json:"totpURI"`     // otpauth://totp/…, for a QR code
	BackupCodes []string `json:"backupCodes"` // not available later; none if the account keeps its codes
}

// TOTPURI is the authenticator's otpauth://totp/… URI.
type TOTPURI struct {
	TOTPURI string `json:"totpURI"`
}

// BackupCodes are new backup codes. They are not available later.
type BackupCodes struct {
	Status      bool     `json:"status"`
	BackupCodes []string `json:"backupCodes"`
}

// Code is a code from the authenticator or from an email. Without a session it completes a
// pending sign-in.
type Code struct {
	Code        string `json:"code"`
	TrustDevice *bool  `json:"trustDevice,omitempty"` // at sign-in only: do as [TrustDevice] does

	// Enroll means that the code is the first of a pending authenticator. If none is
	// pending, the call fails rather than check the code against the current one.
	Enroll *bool `json:"enrol,omitempty"`
}

// BackupCode is like [Code], but with a backup code, which works once.
type BackupCode struct {
	Code           string `json:"code"`
	TrustDevice    *bool  `json:"trustDevice,omitempty"`
	DisableSession *bool  `json:"disableSession,omitempty"` // complete the pending sign-in without opening a session
}

// Verified is the response to a correct code.
type Verified struct {
	Token string `json:"token,omitempty"` // the session's handle, as in [Session]; empty if no session was opened
	User  User   `json:"user"`
}

// PendingSignIn describes a sign-in that waits for a second factor, to the browser that has
// presented the first.
type PendingSignIn struct {
	Email   string   `json:"email"`            // of the account
	Methods []string `json:"twoFactorMethods"` // as in [SecondFactorDue]
}

// TrustedDevice is a browser that can sign in without a second factor.
type TrustedDevice struct {
	ID         string `json:"id"`
	Device     Device `json:"device"`
	IPAddress  string `json:"ipAddress"` // as last seen
	UserAgent  string `json:"userAgent"` // as last seen
	CreatedAt  Time   `json:"createdAt"`
	LastUsedAt Time   `json:"lastUsedAt"`
	ExpiresAt  Time   `json:"expiresAt"`
	IsCurrent  bool   `json:"isCurrent"` // it made the call
}

// TrustedDeviceID identifies one of the caller's trusted devices.
type TrustedDeviceID struct {
	ID string `json:"id"`
}
