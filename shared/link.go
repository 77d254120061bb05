package shared

// ResetRequest asks for an email with a link to replace the password. The response does
// not reveal whether the address has an account.
type ResetRequest struct {
	Email      string `json:"email" check:"email"`
	RedirectTo string `json:"redirectTo,omitempty"` // the link's target, which gets the token in its query; [PageResetPassword] if empty
}

// ResetRequested is the response to [ResetRequest].
type ResetRequested struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
}

// PasswordReset replaces a forgotten password. It opens no session.
type PasswordReset struct {
	NewPassword string  `json:"newPassword"`
	Token       *string `json:"token,omitempty"` // may be in the query instead
}

// EmailRequest asks for an email with a link to verify an address.
type EmailRequest struct {
	Email       string `json:"email" check:"email"`
	CallbackURL string `json:"callbackURL,omitempty"` // where the link leads after the verification
}

// EmailChange asks to change the caller's address. The user confirms the change by email: at
// the current address, if that is verified, and at the new one.
type EmailChange struct {
	NewEmail    string `json:"newEmail" check:"email"`
	CallbackURL string `json:"callbackURL,omitempty"`
}

// EmailLink is the query of a link in an email.
type EmailLink struct {
	Token       string `json:"token"`
	CallbackURL string `json:"callbackURL,omitempty"`
}

// Callback is the query of a link that redirects to CallbackURL.
type Callback struct {
	CallbackURL string `json:"callbackURL"`
}

// EmailVerified is the response to a link that verifies an address. User is null unless the
// link changed the address of the account.
type EmailVerified struct {
	Status bool  `json:"status"`
	User   *User `json:"user"`
}

// LinkToken is the one-time token of a link in an email.
type LinkToken struct {
	Token string `json:"token"`
}

// LinkCheck asks whether a link in an email still works. It does not use up the link.
type LinkCheck struct {
	Token   string `json:"token"`
	Purpose string `json:"purpose" check:"reset|disown"`
}

// CheckedLink is the response to [LinkCheck] for a link that works. Email is set for
// [LinkReset] only: it is the account's address, to which the link was sent. Password
// managers need it to save the new password.
type CheckedLink struct {
	Status bool   `json:"status"`
	Email  string `json:"email,omitempty"`
}

// The purposes of [LinkCheck]: a link for [ResetPassword] or for [ReportNotMe].
const (
	LinkReset       = "reset"
	LinkReportNotMe = "disown"
)

// NotMeReport is the response to a "this wasn't me" report. The server has reverted the
// change as far as possible, and the user must choose a new password. Token is for
// [ResetPassword].
type NotMeReport struct {
	Status bool   `json:"status"`
	Token  string `json:"token"`
}
