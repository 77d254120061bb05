package shared

import "encoding/json"

// SecondFactorDue means that the first factor was correct and that the user has to provide a
// second factor at [PageTwoFactor].
type SecondFactorDue struct {
	TwoFactorRedirect bool     `json:"twoFactorRedirect"` // always true
	TwoFactorMethods  []string `json:"twoFactorMethods"`  // "totp", "otp" (a code by email), "passkey"
}

// Session is a session as its user sees it.
type Session struct {
	ID string `json:"id"`
	// Token is the handle for [RevokeSession]. It is the session's ID, and is worthless
	// as a cookie.
	Token     string `json:"token"`
	UserID    string `json:"userId"`
	ExpiresAt Time   `json:"expiresAt"`
	CreatedAt Time   `json:"createdAt"`
	UpdatedAt Time   `json:"updatedAt"`
	IPAddress string `json:"ipAddress"` // as last seen
	UserAgent string `json:"userAgent"` // as last seen

	IsCurrent    bool   `json:"isCurrent"`
	LastActiveAt Time   `json:"lastActiveAt"`
	Device       Device `json:"device"`
	// Method is the sign-in method: "passkey", which verified its user;
	// "security-key", a passkey that did not; or "password". After the last two, a plus
	// sign and a second factor may follow: "totp", "backup-code", "email-code",
	// "passkey" or "trusted-device".
	Method string `json:"method"`

	// ConfirmedAt is when the user last confirmed their identity.
	ConfirmedAt Time `json:"confirmedAt"`
	// SecondFactorAt is when the session last verified a second factor. SecondFactorBy
	// is that factor: "totp", "backup-code" or "passkey". Both are null if there was none.
	SecondFactorAt *Time   `json:"secondFactorAt"`
	SecondFactorBy *string `json:"secondFactorBy"`

	// IsNew means that a browser opened the session in which the account had not been known
	// for a week, and that the user has not yet said whether it was them: see
	// [ConfirmSignIn].
	IsNew bool `json:"isNew"`
	// PasskeyName is the name of the passkey that opened the session. It is null if there
	// was none, or if the passkey has been deleted or has no name. Only [ListSessions] and
	// [GetOverview] have it.
	PasskeyName *string `json:"passkeyName"`
}

// Current is the caller's session, with its user.
type Current struct {
	Session Session `json:"session"`
	User    User    `json:"user"`

	// EnrollmentDeadline is set if the server requires a second factor
	// (REQUIRE_TWO_FACTOR) and the user has none. After this time the session is
	// limited to enrolling one.
	EnrollmentDeadline *Time `json:"enrolBy,omitempty"`
	// Permissions are the caller's. Pages use them to decide what to show; the server
	// checks the database at each call.
	Permissions []string `json:"permissions,omitempty"`
	// Language is the user's choice from [Languages]. It is empty if the browser's
	// preference applies.
	Language string `json:"language,omitempty"`
	// Remember means that the session outlives the browser process, and so may the data
	// that a page stores.
	Remember bool `json:"remember"`
}

// SessionHandle identifies one of the caller's sessions by its [Session].Token.
type SessionHandle struct {
	Token string `json:"token"`
}

// Proof confirms the caller's identity in one of several ways.
type Proof struct {
	Password *string `json:"password,omitempty"`
	Code     *string `json:"code,omitempty"` // from the authenticator app

	BackupCode *string `json:"backupCode,omitempty"` // is used up by the call

	// Passkey is the browser's response to the options of [GenerateAuthenticateOptions]
	// from the same session, as in [Authentication].
	Passkey json.RawMessage `json:"passkey,omitempty"`
}
