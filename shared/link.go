package shared

// ResetRequest asks for an email with a link to replace the password. The answer does not
// reveal whether the address has an account.
type ResetRequest struct {
	Email      string `json:"email" check:"email"`
	RedirectTo string `json:"redirectTo,omitempty"` // where the link leads to, with the token in its query; [PageResetPassword] if empty
}

// ResetRequested is the answer to [ResetRequest].
type ResetRequested struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
}

// PasswordReset replaces a forgotten password. It opens no session.
type PasswordReset struct {
	NewPassword string  `json:"newPassword"`
	Token       *string `json:"token,omitempty"` // or in the query
}

// EmailRequest asks for an email with a link to verify an address.
type EmailRequest struct {
	Email       string `json:"email" check:"email"`
	CallbackURL string `json:"callbackURL,omitempty"` // where the link leads to in the end
}

// EmailChange asks to change the caller's address. The owner confirms it by email: at the
// current address, if that is verified, and at the new one.
type EmailChange struct {
	NewEmail    string `json:"newEmail" check:"email"`
	CallbackURL string `json:"callbackURL,omitempty"`
}

// EmailLink is the query of a link in an email.
type EmailLink struct {
	Token       string `json:"token"`
	CallbackURL string `json:"callbackURL,omitempty"`
}

// Callback is where a link leads to.
type Callback struct {
	CallbackURL string `json:"callbackURL"`
}

// EmailVerified is the answer to a link that verifies an address. User is there
// if it is the new address of an account, and null otherwise.
type EmailVerified struct {
	Status bool  `json:"status"`
	User   *User `json:"user"`
}

// LinkToken is the one-time token of a link in an email.
type LinkToken struct {
	Token string `json:"token"`
}

// LinkCheck asks whether the link of an email still works. It does not use the link.
type LinkCheck struct {
	Token   string `json:"token"`
	Purpose string `json:"purpose" check:"reset|disown"`
}

// CheckedLink is the answer to [LinkCheck] about a link that works. Email is the address of
// the account, for [LinkReset]: the link was sent to it, and password managers need it to
// save the new password.
type CheckedLink struct {
	Status bool   `json:"status"`
	Email  string `json:"email,omitempty"`
}

// What [LinkCheck] asks about: [ResetPassword] or [ReportNotMe].
const (
	LinkReset       = "reset"
	LinkReportNotMe = "disown"
)

// NotMeReport is the answer to a report that "this wasn't me". The server has reverted the
// change as far as possible, and the user must choose a new password. Token is for
// [ResetPassword].
type NotMeReport struct {
	Status bool   `json:"status"`
	Token  string `json:"token"`
}
