package shared

import "encoding/json"

// SecondFactorDue says that the password was correct and that the user has to enter a second
// factor at [PageTwoFactor].
type SecondFactorDue struct {
	TwoFactorRedirect bool     `json:"twoFactorRedirect"` // true
	TwoFactorMethods  []string `json:"twoFactorMethods"`  // "totp", "otp" (a code by email), "passkey"
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
	// Method is how it signed in: "passkey", which has verified its user;
	// "security-key", a passkey that has not; or "password". The last two alone or
	// with a second factor after a plus: "totp", "backup-code", "email-code",
	// "passkey", "trusted-device".
	Method string `json:"method"`

	// ConfirmedAt is when the user last proved who they are.
	ConfirmedAt Time `json:"confirmedAt"`
	// SecondFactorAt is when a second factor was last shown in the session, and
	// SecondFactorBy which: "totp", "backup-code" or "passkey"; null if none was.
	SecondFactorAt *Time   `json:"secondFactorAt"`
	SecondFactorBy *string `json:"secondFactorBy"`
}

// Device is what a user agent says about the device, in words for people. Unknown parts are
// empty.
type Device struct {
	Browser string `json:"browser"` // "Firefox 153"
	OS      string `json:"os"`      // "Windows"
	Kind    string `json:"kind"`    // "desktop", "mobile", "tablet", "bot", "unknown"
}

// Current is the session of a call, with its user.
type Current struct {
	Session Session `json:"session"`
	User    User    `json:"user"`

	// EnrollmentDeadline is there where the server requires a second factor
	// (REQUIRE_TWO_FACTOR) and the session has none: until then it is good for
	// everything, and after it for nothing but getting one.
	EnrollmentDeadline *Time `json:"enrolBy,omitempty"`
	// Permissions are the caller's. A page shows what they open; the server asks
	// the database each time.
	Permissions []string `json:"permissions,omitempty"`
	// Language is one of [Languages] that the user has chosen; empty for as the
	// browser says.
	Language string `json:"language,omitempty"`
	// Remember tells that the session outlives the browser's run, and so may what
	// a page keeps of it.
	Remember bool `json:"remember"`
}

// SessionHandle names one of the caller's sessions by its [Session].Token.
type SessionHandle struct {
	Token string `json:"token"`
}

// Proof is one of several ways for a user to prove their identity again.
type Proof struct {
	Password *string `json:"password,omitempty"`
	Code     *string `json:"code,omitempty"` // of the authenticator app

	BackupCode *string `json:"backupCode,omitempty"` // which is then spent

	// Passkey is the browser's answer to [GenerateAuthenticateOptions] of the
	// same session, as in [Authentication].
	Passkey json.RawMessage `json:"passkey,omitempty"`
}
