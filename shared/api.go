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
	StepUp  = Endpoint[Password, Status]{"POST", "/api/auth/step-up"}

	GetSession          = Endpoint[None, *Current]{"GET", "/api/auth/get-session"}
	ListSessions        = Endpoint[None, []Session]{"GET", "/api/auth/list-sessions"}
	RevokeSession       = Endpoint[SessionHandle, Status]{"POST", "/api/auth/revoke-session"}
	RevokeSessions      = Endpoint[None, Status]{"POST", "/api/auth/revoke-sessions"}
	RevokeOtherSessions = Endpoint[None, Status]{"POST", "/api/auth/revoke-other-sessions"}

	UpdateUser     = Endpoint[UserChange, Status]{"POST", "/api/auth/update-user"}
	ChangePassword = Endpoint[PasswordChange, PasswordChanged]{"POST", "/api/auth/change-password"}
	VerifyPassword = Endpoint[Password, Status]{"POST", "/api/auth/verify-password"}
	DeleteUser     = Endpoint[UserDeletion, Deleted]{"POST", "/api/auth/delete-user"}
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

// SignedIn is the answer to a sign-in that opened a session.
type SignedIn struct {
	Redirect bool   `json:"redirect"`
	Token    string `json:"token"` // the session's handle, as in [Session]
	URL      string `json:"url,omitempty"`
	User     User   `json:"user"`
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
	Method       string `json:"method"` // how it signed in: "password"
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
