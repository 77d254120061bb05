package shared

import (
	"bytes"
	"encoding/json"
	"time"
)

// The API, whole. To add a call: a line here, a handler in backend/server.
var (
	OK = Endpoint[None, Alive]{"GET", "/api/auth/ok"}

	SignUp  = Endpoint[NewAccount, SignedUp]{"POST", "/api/auth/sign-up/email"}
	SignIn  = Endpoint[Credentials, SignedIn]{"POST", "/api/auth/sign-in/email"}
	SignOut = Endpoint[None, Success]{"POST", "/api/auth/sign-out"}
	StepUp  = Endpoint[Proof, Status]{"POST", "/api/auth/step-up"}

	GetSession          = Endpoint[None, *Current]{"GET", "/api/auth/get-session"}
	ListSessions        = Endpoint[None, []Session]{"GET", "/api/auth/list-sessions"}
	RevokeSession       = Endpoint[SessionHandle, Status]{"POST", "/api/auth/revoke-session"}
	RevokeSessions      = Endpoint[None, Status]{"POST", "/api/auth/revoke-sessions"}
	RevokeOtherSessions = Endpoint[None, Status]{"POST", "/api/auth/revoke-other-sessions"}

	UpdateUser     = Endpoint[UserChange, Status]{"POST", "/api/auth/update-user"}
	ChangePassword = Endpoint[PasswordChange, PasswordChanged]{"POST", "/api/auth/change-password"}
	VerifyPassword = Endpoint[Password, Status]{"POST", "/api/auth/verify-password"}
	DeleteUser     = Endpoint[UserDeletion, Deleted]{"POST", "/api/auth/delete-user"}

	TwoFactorStatus     = Endpoint[None, TwoFactor]{"GET", "/api/auth/two-factor/status"}
	EnableTwoFactor     = Endpoint[Enrolment, Enrolling]{"POST", "/api/auth/two-factor/enable"}
	DisableTwoFactor    = Endpoint[Password, Status]{"POST", "/api/auth/two-factor/disable"}
	GetTOTPURI          = Endpoint[Password, TOTPURI]{"POST", "/api/auth/two-factor/get-totp-uri"}
	GenerateBackupCodes = Endpoint[Password, BackupCodes]{"POST", "/api/auth/two-factor/generate-backup-codes"}

	VerifyTOTP       = Endpoint[Code, Verified]{"POST", "/api/auth/two-factor/verify-totp"}
	VerifyBackupCode = Endpoint[BackupCode, Verified]{"POST", "/api/auth/two-factor/verify-backup-code"}
	SendOTP          = Endpoint[None, Status]{"POST", "/api/auth/two-factor/send-otp"}
	VerifyOTP        = Endpoint[Code, Verified]{"POST", "/api/auth/two-factor/verify-otp"}

	ListTrustedDevices   = Endpoint[None, []TrustedDevice]{"GET", "/api/auth/list-trusted-devices"}
	RevokeTrustedDevice  = Endpoint[TrustedDeviceID, Status]{"POST", "/api/auth/revoke-trusted-device"}
	RevokeTrustedDevices = Endpoint[None, Status]{"POST", "/api/auth/revoke-trusted-devices"}
)

// Fields without omitempty or omitzero are required: the server refuses a body
// that lacks them. The check tag asks for more than the right type.

// Alive is the answer of a server that runs.
type Alive struct {
	OK bool `json:"ok"`
}

// NewAccount is what sign-up asks for.
type NewAccount struct {
	Name        string  `json:"name"` // may be empty
	Email       string  `json:"email" check:"email"`
	Password    string  `json:"password" check:"nonempty"`
	Image       *string `json:"image,omitempty"`
	CallbackURL string  `json:"callbackURL,omitempty"`
	RememberMe  *bool   `json:"rememberMe,omitempty"` // nil is yes

	// Invite is the one-time token of the link that makes the first
	// administrator; other accounts are made without one.
	Invite string `json:"invite,omitempty"`
}

// Credentials are what sign-in asks for.
type Credentials struct {
	Email       string `json:"email"`
	Password    string `json:"password"`
	CallbackURL string `json:"callbackURL,omitempty"`
	RememberMe  *bool  `json:"rememberMe,omitempty"` // nil is yes
}

// SignedUp is the answer to a sign-up that opened a session.
type SignedUp struct {
	Token string `json:"token"` // the session's handle, as in [Session]
	User  User   `json:"user"`
}

// SignedIn is the answer to a sign-in that opened a session; or, where the
// server is set to answer so (TWO_FACTOR_SIGN_IN), that a second factor is due
// and nothing else.
type SignedIn struct {
	Redirect bool   `json:"redirect"`
	Token    string `json:"token"` // the session's handle, as in [Session]
	URL      string `json:"url,omitempty"`
	User     User   `json:"user"`

	*SecondFactorDue
}

// MarshalJSON implements [json.Marshaler].
func (s SignedIn) MarshalJSON() ([]byte, error) {
	if s.SecondFactorDue != nil {
		return json.Marshal(s.SecondFactorDue)
	}
	type plain SignedIn
	return json.Marshal(plain(s))
}

// SecondFactorDue tells that the password was right, and that a second factor
// is asked for at [PageTwoFactor].
type SecondFactorDue struct {
	TwoFactorRedirect bool     `json:"twoFactorRedirect"` // true
	TwoFactorMethods  []string `json:"twoFactorMethods"`  // "totp", "otp" (a code by mail)
}

// User is an account as its owner sees it.
type User struct {
	ID               string  `json:"id"`
	Name             string  `json:"name"`
	Email            string  `json:"email"`
	EmailVerified    bool    `json:"emailVerified"`
	Image            *string `json:"image"`
	CreatedAt        Time    `json:"createdAt"`
	UpdatedAt        Time    `json:"updatedAt"`
	TwoFactorEnabled bool    `json:"twoFactorEnabled"`
}

// Session is one signed-in browser as its owner sees it.
type Session struct {
	ID string `json:"id"`
	// Token is the handle that [RevokeSession] takes. It is the session's id,
	// and worthless as a cookie.
	Token     string `json:"token"`
	UserID    string `json:"userId"`
	ExpiresAt Time   `json:"expiresAt"`
	CreatedAt Time   `json:"createdAt"`
	UpdatedAt Time   `json:"updatedAt"`
	IPAddress string `json:"ipAddress"` // the one last seen
	UserAgent string `json:"userAgent"` // the one last seen

	IsCurrent    bool   `json:"isCurrent"`
	LastActiveAt Time   `json:"lastActiveAt"`
	Device       Device `json:"device"`
	// Method is how it signed in: "password", alone or with a second factor
	// after a plus: "totp", "backup-code", "email-code", "trusted-device".
	Method string `json:"method"`
}

// Device is what a session's user agent says of itself, in words for people.
// A part that it does not say is empty.
type Device struct {
	Browser string `json:"browser"` // "Firefox 153"
	OS      string `json:"os"`      // "Windows"
	Kind    string `json:"kind"`    // "desktop", "mobile", "tablet", "bot", "unknown"
}

// Current is the session that a call came with, and whose it is.
type Current struct {
	Session Session `json:"session"`
	User    User    `json:"user"`
}

// SessionHandle names one of the caller's sessions by its [Session].Token.
type SessionHandle struct {
	Token string `json:"token"`
}

// UserChange holds what is to change of one's own account; what is absent
// stays. Email and TwoFactorEnabled are here to be refused: each has a route
// of its own.
type UserChange struct {
	Name             *string         `json:"name,omitempty"`
	Image            Nullable        `json:"image,omitzero"`
	Email            json.RawMessage `json:"email,omitempty"`
	TwoFactorEnabled json.RawMessage `json:"twoFactorEnabled,omitempty"`
}

// Password is the current password of the caller.
type Password struct {
	Password string `json:"password"`
}

// Confirmation is the password that confirms the caller's identity.
func (p Password) Confirmation() *string { return &p.Password }

// Proof is one of several ways to prove again who one is.
type Proof struct {
	Password *string `json:"password,omitempty"`
	Code     *string `json:"code,omitempty"` // of the authenticator app
}

// PasswordChange replaces the caller's password. It always ends the caller's
// other sessions; RevokeOtherSessions is accepted because Better Auth's client
// sends it.
type PasswordChange struct {
	NewPassword         string `json:"newPassword"`
	CurrentPassword     string `json:"currentPassword"`
	RevokeOtherSessions *bool  `json:"revokeOtherSessions,omitempty"`
}

// PasswordChanged is the answer to [PasswordChange].
type PasswordChanged struct {
	Token string `json:"token"` // the current session's handle
	User  User   `json:"user"`
}

// UserDeletion confirms the deletion of the caller's account, by password
// unless the session is fresh.
type UserDeletion struct {
	Password    *string `json:"password,omitempty"`
	Token       *string `json:"token,omitempty"` // of a link in a mail; there are none yet, so each is refused
	CallbackURL string  `json:"callbackURL,omitempty"`
}

// Confirmation is the password that confirms the caller's identity, nil if the
// body carries none.
func (d UserDeletion) Confirmation() *string { return d.Password }

// Deleted is the answer to [UserDeletion].
type Deleted struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

// ChallengeTries is how many codes a sign-in takes.
const ChallengeTries = 5

// FewBackupCodes are so few that it is time to make new ones.
const FewBackupCodes = 2

// TwoFactor is how an account's two-factor authentication stands.
type TwoFactor struct {
	Enabled         bool  `json:"enabled"`
	Since           *Time `json:"since"` // when it was enabled; null while it is not
	BackupCodesLeft int   `json:"backupCodesLeft"`
	Pending         bool  `json:"pending"` // a new authenticator waits for its first code, in this session
}

// Enrolment asks for a new authenticator. It is pending until [VerifyTOTP] has
// seen a code of it, in the same session and within an hour.
type Enrolment struct {
	Password string `json:"password"`
	Method   string `json:"method,omitempty" check:"totp|otp"` // "totp" if empty
	Issuer   string `json:"issuer,omitempty"`                  // what authenticator apps call this server

	// Replace asks for the new authenticator of an account that has one, which
	// is good until the new one is proved. The backup codes stay.
	Replace *bool `json:"replace,omitempty"`
}

// Confirmation is the password that confirms the caller's identity.
func (e Enrolment) Confirmation() *string { return &e.Password }

// Enrolling is the answer to [Enrolment].
type Enrolling struct {
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

// Code is a code of the authenticator, or one that came by mail. Without a
// session it answers the challenge of a sign-in.
type Code struct {
	Code        string `json:"code"`
	TrustDevice *bool  `json:"trustDevice,omitempty"` // ask this browser no more for 30 days; of a sign-in only

	// Enrol says that the code is the first of a new authenticator. If none
	// waits for it any more, no other is taken in its place.
	Enrol *bool `json:"enrol,omitempty"`
}

// BackupCode is [Code] with a backup code, which is then spent.
type BackupCode struct {
	Code           string `json:"code"`
	TrustDevice    *bool  `json:"trustDevice,omitempty"`
	DisableSession *bool  `json:"disableSession,omitempty"` // end the challenge without opening a session
}

// Verified is the answer to a right code.
type Verified struct {
	Token string `json:"token,omitempty"` // the session's handle, as in [Session]; empty if none was opened
	User  User   `json:"user"`
}

// TrustedDevice is a browser that is not asked for a second factor.
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

// Status is the answer of calls that only succeed or fail.
type Status struct {
	Status bool `json:"status"`
}

// Success is [Status] as sign-out spells it.
type Success struct {
	Success bool `json:"success"`
}

// Time is an instant as the wire writes it: UTC, with exactly three decimals,
// because Better Auth's client turns just that form into a Date.
type Time struct{ time.Time }

const timeFormat = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements [json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"` + timeFormat + `"`)), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Time) UnmarshalJSON(b []byte) (err error) {
	t.Time, err = time.Parse(`"`+time.RFC3339+`"`, string(b))
	return err
}

// Nullable is a string that can be absent (the zero value), null, or there.
type Nullable struct {
	Given bool
	Value *string // nil for null
}

// IsZero tells encoders that the value is absent.
func (n Nullable) IsZero() bool { return !n.Given }

// MarshalJSON implements [json.Marshaler].
func (n Nullable) MarshalJSON() ([]byte, error) { return json.Marshal(n.Value) }

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Nullable) UnmarshalJSON(b []byte) error {
	n.Given = true
	if bytes.Equal(b, []byte("null")) {
		n.Value = nil
		return nil
	}
	return json.Unmarshal(b, &n.Value)
}
