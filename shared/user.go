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

	// Invite is the one-time token from the link that creates the first administrator.
	// It is empty for other accounts.
	Invite string `json:"invite,omitempty"`
}

// Credentials are the input of sign-in.
type Credentials struct {
	Email       string `json:"email"`
	Password    string `json:"password"`
	CallbackURL string `json:"callbackURL,omitempty"`
	RememberMe  *bool  `json:"rememberMe,omitempty"` // nil is yes
}

// SignedUp is the response to a sign-up. Where addresses must be verified, the sign-up opens
// no session, and the response does not reveal whether the address already had an account:
// User looks the same as for a new account.
type SignedUp struct {
	Token *string `json:"token"` // the session's handle, as in [Session]; null if none was opened
	User  User    `json:"user"`
}

// SignedIn is the response to a sign-in that opened a session. With
// TWO_FACTOR_SIGN_IN=redirect, it is also the response that a second factor is required, and
// then has only the members of SecondFactorDue.
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

// User is an account as its user sees it. It has the members of Better Auth's user, which
// many responses include. Latchkey's own additions, such as the language, are in [Current].
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

// SignInAccount is what Better Auth calls an account: a way to sign in other than by passkey.
// The only one here is the password.
type SignInAccount struct {
	ID         string   `json:"id"`         // the user's, who has one password at most
	ProviderID string   `json:"providerId"` // always [ProviderCredential]
	AccountID  string   `json:"accountId"`  // the user's ID, as in Better Auth
	UserID     string   `json:"userId"`
	CreatedAt  Time     `json:"createdAt"`
	UpdatedAt  Time     `json:"updatedAt"` // when the password was last changed
	Scopes     []string `json:"scopes"`    // always empty
}

// ProviderCredential is Better Auth's name for the password.
const ProviderCredential = "credential"

// UserChange changes the caller's account. Absent members stay as they are. Email and
// TwoFactorEnabled exist only to be refused: they have their own endpoints.
type UserChange struct {
	Name             *string         `json:"name,omitempty"`
	Image            Nullable        `json:"image,omitzero"`
	Language         *string         `json:"language,omitempty"` // one of [Languages], or empty for the browser's preference
	Email            json.RawMessage `json:"email,omitempty"`
	TwoFactorEnabled json.RawMessage `json:"twoFactorEnabled,omitempty"`
}

// Password is the current password of the caller.
type Password struct {
	Password string `json:"password"`
}

// Confirmation returns the password that confirms the caller's identity.
func (p Password) Confirmation() *string { return &p.Password }

// PasswordChange replaces the caller's password. It always revokes the caller's other
// sessions. RevokeOtherSessions is accepted because Better Auth's client sends it.
type PasswordChange struct {
	NewPassword         string `json:"newPassword"`
	CurrentPassword     string `json:"currentPassword"`
	RevokeOtherSessions *bool  `json:"revokeOtherSessions,omitempty"`
}

// PasswordChanged is the response to [PasswordChange].
type PasswordChanged struct {
	Token string `json:"token"` // the current session's handle
	User  User   `json:"user"`
}

// UserDeletion asks to delete the caller's account. The password, a passkey or the token
// from an email has to confirm it in the call, even in a fresh session. Errors of a call with
// none of them:
//
//   - [ErrNotFresh]: the session is not fresh
//   - [ErrConfirmDeletion]: the session is fresh, and the server delivers no emails
//
// In a fresh session of a server that delivers emails, such a call deletes nothing, and sends
// a link. The last administrator cannot delete their account: [ErrLastAdministrator].
type UserDeletion struct {
	Password    *string         `json:"password,omitempty"`
	Passkey     json.RawMessage `json:"passkey,omitempty"`     // as in [Proof]
	Token       *string         `json:"token,omitempty"`       // from the link in the deletion email
	CallbackURL string          `json:"callbackURL,omitempty"` // where the link in the email leads after the deletion
}

// Deleted is the response to [UserDeletion].
type Deleted struct {
	Success bool   `json:"success"`
	Message string `json:"message"` // one of the following
}

// The messages of [Deleted] are Better Auth's. Programs depend on them: nothing else
// distinguishes a deletion from an email with a link for one.
const (
	UserDeleted    = "User deleted"
	DeletionMailed = "Verification email sent"
)
