package shared

import (
	"bytes"
	"encoding/json"
	"time"
)

// The endpoints of the API. To add one, add a line here and a handler in backend/server.
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

	// For front ends that ask whether the user has a password.
	ListAccounts = Endpoint[None, []SignInAccount]{"GET", "/api/auth/list-accounts"}

	UpdateUser     = Endpoint[UserChange, Status]{"POST", "/api/auth/update-user"}
	ChangePassword = Endpoint[PasswordChange, PasswordChanged]{"POST", "/api/auth/change-password"}
	VerifyPassword = Endpoint[Password, Status]{"POST", "/api/auth/verify-password"}
	DeleteUser     = Endpoint[UserDeletion, Deleted]{"POST", "/api/auth/delete-user"}

	RequestPasswordReset  = Endpoint[ResetRequest, ResetRequested]{"POST", "/api/auth/request-password-reset"}
	ResetPassword         = Endpoint[PasswordReset, Status]{"POST", "/api/auth/reset-password"}
	SendVerificationEmail = Endpoint[EmailRequest, Status]{"POST", "/api/auth/send-verification-email"}
	ChangeEmail           = Endpoint[EmailChange, Status]{"POST", "/api/auth/change-email"}
	ReportNotMe           = Endpoint[LinkToken, NotMeReport]{"POST", "/api/auth/disown"}
	CheckLink             = Endpoint[LinkCheck, CheckedLink]{"POST", "/api/auth/check-link"}

	// For scripts that follow the links in emails. With a callbackURL the response is a
	// redirect. VerifyEmail and DeleteUserCallback redirect a browser that navigates to
	// them or prefetches them to [PageEmail].
	OpenPasswordReset  = Endpoint[Callback, None]{"GET", "/api/auth/reset-password/{token}"}
	VerifyEmail        = Endpoint[EmailLink, EmailVerified]{"GET", "/api/auth/verify-email"}
	DeleteUserCallback = Endpoint[EmailLink, Deleted]{"GET", "/api/auth/delete-user/callback"}

	// A page about the error code in the parameter error.
	ErrorPage = Endpoint[None, None]{"GET", "/api/auth/error"}

	ListEvents = Endpoint[EventQuery, EventPage]{"GET", "/api/auth/list-events"}

	GetOverview = Endpoint[None, Overview]{"GET", "/api/auth/overview"}
	// The answers to "Was this you?" about a session with [Session].IsNew. ConfirmSignIn
	// fails with [ErrSessionUnconfirmed] where the caller's session cannot confirm the other
	// one, and succeeds if there is nothing to confirm. ReportSignIn does what [ReportNotMe]
	// does, and also reverts what the session has changed. It signs the caller out, too, and
	// its token is for [ResetPassword]. It fails with [ErrSessionEnded].
	ConfirmSignIn = Endpoint[SessionHandle, Status]{"POST", "/api/auth/confirm-sign-in"}
	ReportSignIn  = Endpoint[SessionHandle, NotMeReport]{"POST", "/api/auth/report-sign-in"}

	ResendEmailChange = Endpoint[None, Status]{"POST", "/api/auth/resend-email-change"}
	CancelEmailChange = Endpoint[None, Status]{"POST", "/api/auth/cancel-email-change"}

	TwoFactorStatus     = Endpoint[None, TwoFactor]{"GET", "/api/auth/two-factor/status"}
	EnableTwoFactor     = Endpoint[Enrollment, EnrollmentStarted]{"POST", "/api/auth/two-factor/enable"}
	DisableTwoFactor    = Endpoint[Password, Status]{"POST", "/api/auth/two-factor/disable"}
	GetTOTPURI          = Endpoint[Password, TOTPURI]{"POST", "/api/auth/two-factor/get-totp-uri"}
	GenerateBackupCodes = Endpoint[Password, BackupCodes]{"POST", "/api/auth/two-factor/generate-backup-codes"}

	VerifyTOTP       = Endpoint[Code, Verified]{"POST", "/api/auth/two-factor/verify-totp"}
	VerifyBackupCode = Endpoint[BackupCode, Verified]{"POST", "/api/auth/two-factor/verify-backup-code"}
	SendOTP          = Endpoint[None, Status]{"POST", "/api/auth/two-factor/send-otp"}
	VerifyOTP        = Endpoint[Code, Verified]{"POST", "/api/auth/two-factor/verify-otp"}

	GetPendingSignIn = Endpoint[None, *PendingSignIn]{"GET", "/api/auth/two-factor/pending"}
	TrustDevice      = Endpoint[None, Status]{"POST", "/api/auth/two-factor/trust-device"}

	ListTrustedDevices   = Endpoint[None, []TrustedDevice]{"GET", "/api/auth/list-trusted-devices"}
	RevokeTrustedDevice  = Endpoint[TrustedDeviceID, Status]{"POST", "/api/auth/revoke-trusted-device"}
	RevokeTrustedDevices = Endpoint[None, Status]{"POST", "/api/auth/revoke-trusted-devices"}

	GenerateRegisterOptions     = Endpoint[RegisterQuery, json.RawMessage]{"GET", "/api/auth/passkey/generate-register-options"}
	VerifyRegistration          = Endpoint[Registration, Registered]{"POST", "/api/auth/passkey/verify-registration"}
	GenerateAuthenticateOptions = Endpoint[AuthenticateQuery, json.RawMessage]{"GET", "/api/auth/passkey/generate-authenticate-options"}
	VerifyAuthentication        = Endpoint[Authentication, Authenticated]{"POST", "/api/auth/passkey/verify-authentication"}
	ListPasskeys                = Endpoint[None, []Passkey]{"GET", "/api/auth/passkey/list-user-passkeys"}
	UpdatePasskey               = Endpoint[PasskeyName, PasskeyUpdated]{"POST", "/api/auth/passkey/update-passkey"}
	DeletePasskey               = Endpoint[PasskeyID, PasskeyDeleted]{"POST", "/api/auth/passkey/delete-passkey"}

	About = Endpoint[None, AboutServer]{"GET", "/api/about"}

	ListSettings = Endpoint[None, Settings]{"GET", "/api/settings"}
	PutSetting   = Endpoint[SettingChange, Setting]{"PUT", "/api/settings"}
	SendTestMail = Endpoint[None, Status]{"POST", "/api/settings/test-mail"}
	PasskeyCheck = Endpoint[PageOrigin, SelfCheck]{"GET", "/api/passkey-check"}

	ListServerKeys  = Endpoint[None, []ServerKey]{"GET", "/api/server-keys"}
	CreateServerKey = Endpoint[ServerKeyName, NewServerKey]{"POST", "/api/server-keys"}
	RevokeServerKey = Endpoint[ServerKeyID, Status]{"POST", "/api/server-keys/revoke"}

	ListUsers          = Endpoint[UserQuery, UserPage]{"GET", "/api/users"}
	ResetFactors       = Endpoint[None, Status]{"POST", "/api/users/{id}/reset-factors"}
	RevokeUserSessions = Endpoint[None, Status]{"POST", "/api/users/{id}/end-sessions"}
	DisableUser        = Endpoint[None, Status]{"POST", "/api/users/{id}/disable"}
	EnableUser         = Endpoint[None, Status]{"POST", "/api/users/{id}/enable"}

	ListAllEvents = Endpoint[EventQuery, EventPage]{"GET", "/api/events"}
	ExportEvents  = Endpoint[None, None]{"GET", "/api/events.csv"} // the response is CSV
)

// In the types below, fields without omitempty or omitzero are required: the server refuses
// a body that lacks them. The check tag restricts the value further than its type does. A
// GET sends its fields, which are strings, in the query.

// Alive is the response of a running server.
type Alive struct {
	OK      bool   `json:"ok"`
	Version string `json:"version,omitempty"` // of the program; only /readyz has it, for internal callers
}

// Status is the response of calls that only succeed or fail.
type Status struct {
	Status bool `json:"status"`
}

// Success is the response of [SignOut]: a [Status] with another member name.
type Success struct {
	Success bool `json:"success"`
}

// Time is a time in JSON. It is in UTC with exactly three decimals, the only form that
// Better Auth's client converts into a Date.
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

// Nullable is a string member that can be absent (the zero value), null or present.
type Nullable struct {
	Given bool
	Value *string // nil for null
}

// IsZero reports whether the member is absent. The JSON encoder calls it for omitzero.
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
