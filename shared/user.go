package shared

import "encoding/json"

// NewAccount is the input of sign-up.
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

// Credentials are the input of sign-in.
type Credentials struct {
	Email       string `json:"email"`
	Password    string `json:"password"`
	CallbackURL string `json:"callbackURL,omitempty"`
	RememberMe  *bool  `json:"rememberMe,omitempty"` // nil is yes
}

// SignedUp is the answer to a sign-up. Where addresses must be verified, it opens no session
// and does not reveal whether the address already had an account: User is then the same as
// for a new one.
type SignedUp struct {
	Token *string `json:"token"` // the session's handle, as in [Session]; null if none was opened
	User  User    `json:"user"`
}

// SignedIn is the answer to a sign-in that opened a session. Where TWO_FACTOR_SIGN_IN says
// so, it is also the answer that a second factor is required, with nothing else.
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

// User is an account as its owner sees it. Its members are those of Better Auth's user,
// which many answers have. What Latchkey adds about a user, such as the language, is a
// member of [Current].
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

// UserChange holds the changes to the caller's own account. Absent members stay as they are.
// Email and TwoFactorEnabled are here only to be refused: each has its own route.
type UserChange struct {
	Name             *string         `json:"name,omitempty"`
	Image            Nullable        `json:"image,omitzero"`
	Language         *string         `json:"language,omitempty"` // one of [Languages], or empty for as the browser says
	Email            json.RawMessage `json:"email,omitempty"`
	TwoFactorEnabled json.RawMessage `json:"twoFactorEnabled,omitempty"`
}

// Password is the current password of the caller.
type Password struct {
	Password string `json:"password"`
}

// Confirmation is the password that confirms the caller's identity.
func (p Password) Confirmation() *string { return &p.Password }

// PasswordChange replaces the caller's password. It always revokes the caller's other
// sessions. RevokeOtherSessions is accepted because Better Auth's client sends it.
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

// UserDeletion confirms the deletion of the caller's account: with the token of an email, or
// with the password unless the session is fresh. Where the server delivers emails, a call
// with neither deletes nothing and sends a link.
type UserDeletion struct {
	Password    *string `json:"password,omitempty"`
	Token       *string `json:"token,omitempty"`       // of the link in the email about a deletion
	CallbackURL string  `json:"callbackURL,omitempty"` // where the link in the email leads in the end
}

// Confirmation is the password that confirms the caller's identity, or nil if the body has
// none.
func (d UserDeletion) Confirmation() *string { return d.Password }

// Deleted is the answer to [UserDeletion].
type Deleted struct {
	Success bool   `json:"success"`
	Message string `json:"message"` // one of the following
}

// The messages of [Deleted] are Better Auth's. Programs read them: nothing else tells
// a deletion from an email that asks for one.
const (
	UserDeleted    = "User deleted"
	DeletionMailed = "Verification email sent"
)
