package shared

import (
	"bytes"
	"encoding/json"
	"slices"
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

	RequestPasswordReset  = Endpoint[ResetRequest, ResetRequested]{"POST", "/api/auth/request-password-reset"}
	ResetPassword         = Endpoint[PasswordReset, Status]{"POST", "/api/auth/reset-password"}
	SendVerificationEmail = Endpoint[EmailRequest, Status]{"POST", "/api/auth/send-verification-email"}
	ChangeEmail           = Endpoint[EmailChange, Status]{"POST", "/api/auth/change-email"}
	Disown                = Endpoint[LinkToken, Disowned]{"POST", "/api/auth/disown"}
	CheckLink             = Endpoint[LinkCheck, CheckedLink]{"POST", "/api/auth/check-link"}

	// These do what the links of emails are for, called by a script. They answer with
	// a redirect where they have a callbackURL. A browser that opens one of the last
	// two as a page, or ahead of time, is led to [PageEmail].
	OpenPasswordReset  = Endpoint[Callback, None]{"GET", "/api/auth/reset-password/{token}"}
	VerifyEmail        = Endpoint[EmailLink, EmailVerified]{"GET", "/api/auth/verify-email"}
	DeleteUserCallback = Endpoint[EmailLink, Deleted]{"GET", "/api/auth/delete-user/callback"}

	ListEvents = Endpoint[EventQuery, EventPage]{"GET", "/api/auth/list-events"}

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

	ListUsers    = Endpoint[UserQuery, UserPage]{"GET", "/api/users"}
	ResetFactors = Endpoint[None, Status]{"POST", "/api/users/{id}/reset-factors"}
	EndSessions  = Endpoint[None, Status]{"POST", "/api/users/{id}/end-sessions"}
	DisableUser  = Endpoint[None, Status]{"POST", "/api/users/{id}/disable"}
	EnableUser   = Endpoint[None, Status]{"POST", "/api/users/{id}/enable"}

	ListAllEvents = Endpoint[EventQuery, EventPage]{"GET", "/api/events"}
	ExportEvents  = Endpoint[None, None]{"GET", "/api/events.csv"} // answers CSV
)

// Fields without omitempty or omitzero are required: the server refuses a body
// that lacks them. The check tag asks for more than the right type. A GET
// carries its fields, which are strings, in the query.

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

// SignedUp is the answer to a sign-up. Where addresses have to be verified, it
// opens no session, and does not tell whether the address had an account already:
// User is then what it would be if it had not.
type SignedUp struct {
	Token *string `json:"token"` // the session's handle, as in [Session]; null if none was opened
	User  User    `json:"user"`
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
	TwoFactorMethods  []string `json:"twoFactorMethods"`  // "totp", "otp" (a code by mail), "passkey"
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

	// EnrolBy is there where the server requires a second factor
	// (REQUIRE_TWO_FACTOR) and the session has none: until then it is good for
	// everything, and after it for nothing but getting one.
	EnrolBy *Time `json:"enrolBy,omitempty"`
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

// UserChange holds what is to change of one's own account; what is absent
// stays. Email and TwoFactorEnabled are here to be refused: each has a route
// of its own.
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

// Proof is one of several ways to prove again who one is.
type Proof struct {
	Password *string `json:"password,omitempty"`
	Code     *string `json:"code,omitempty"` // of the authenticator app

	BackupCode *string `json:"backupCode,omitempty"` // which is then spent

	// Passkey is the browser's answer to [GenerateAuthenticateOptions] of the
	// same session, as in [Authentication].
	Passkey json.RawMessage `json:"passkey,omitempty"`
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

// UserDeletion confirms the deletion of the caller's account: by the token of a
// mail, or by password unless the session is fresh. Where people get what is
// mailed to them, a call with neither has a link mailed, and deletes nothing.
type UserDeletion struct {
	Password    *string `json:"password,omitempty"`
	Token       *string `json:"token,omitempty"`       // of the link in the mail about a deletion
	CallbackURL string  `json:"callbackURL,omitempty"` // where the link of a mail leads to in the end
}

// Confirmation is the password that confirms the caller's identity, nil if the
// body carries none.
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

// WeakensFactor reports whether the call replaces an authenticator.
func (e Enrolment) WeakensFactor() bool { return e.Replace != nil && *e.Replace }

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

// PasskeysPerUser is how many passkeys an account can have.
const PasskeysPerUser = 20

// MaxPasskeyName, in characters, is the longest name of a passkey.
const MaxPasskeyName = MaxName

// RegisterQuery asks for the options of navigator.credentials.create: a
// PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3, section 5.1.8).
type RegisterQuery struct {
	Name       string `json:"name,omitempty"` // what the authenticator calls the account; its address if empty
	Attachment string `json:"authenticatorAttachment,omitempty" check:"platform|cross-platform"`
	Context    string `json:"context,omitempty"` // Better Auth's client may send it; it means nothing here

	// Mediation "conditional" asks for options with which the browser makes a
	// passkey without asking. The answer is null where the server is set not to
	// (PASSKEY_AUTO_UPGRADE), the account has as many as it can have, or no
	// password was entered just now.
	Mediation string `json:"mediation,omitempty" check:"conditional"`
}

// WeakensFactor reports whether the user is asked for the passkey. Options of one
// that a browser makes unasked are null instead where a factor would have to be
// shown.
func (q RegisterQuery) WeakensFactor() bool { return q.Mediation == "" }

// Registration is the browser's answer to [GenerateRegisterOptions], within
// five minutes and in the same session.
type Registration struct {
	Response      json.RawMessage `json:"response"`       // a RegistrationResponseJSON (WebAuthn Level 3, section 5.1)
	Name          string          `json:"name,omitempty"` // up to [MaxPasskeyName]; none if blank
	CreateSession *bool           `json:"createSession,omitempty"`
}

// Registered is a passkey just added; with CreateSession, also the session that
// added it, which goes on.
type Registered struct {
	Passkey
	Session *Session `json:"session,omitempty"`
	User    *User    `json:"user,omitempty"`
}

// AuthenticateQuery asks for the options of navigator.credentials.get: a
// PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3, section 5.1.10). In a
// session they name the caller's passkeys, otherwise none.
type AuthenticateQuery struct {
	// SecondFactor "true" asks for options that name the passkeys of whoever
	// is asked for a second factor in this browser.
	SecondFactor string `json:"secondFactor,omitempty" check:"true"`
}

// Authentication is the browser's answer to [GenerateAuthenticateOptions],
// within five minutes. If the browser has a sign-in of the same account that
// waits for its second factor, it is that.
type Authentication struct {
	Response    json.RawMessage `json:"response"`              // an AuthenticationResponseJSON (WebAuthn Level 3, section 5.1)
	TrustDevice *bool           `json:"trustDevice,omitempty"` // as in [Code]
	RememberMe  *bool           `json:"rememberMe,omitempty"`  // as in [Credentials]; of a second factor, what the sign-in said
}

// Authenticated is the answer to a passkey that opened a session; or, as
// [SignedIn], that a second factor is due.
type Authenticated struct {
	Session Session `json:"session"`
	User    User    `json:"user"`

	*SecondFactorDue
}

// MarshalJSON implements [json.Marshaler].
func (a Authenticated) MarshalJSON() ([]byte, error) {
	if a.SecondFactorDue != nil {
		return json.Marshal(a.SecondFactorDue)
	}
	type plain Authenticated
	return json.Marshal(plain(a))
}

// Passkey is a passkey as its owner sees it.
type Passkey struct {
	ID           string  `json:"id"`
	Name         *string `json:"name"`
	PublicKey    string  `json:"publicKey"` // the COSE key, base64
	UserID       string  `json:"userId"`
	CredentialID string  `json:"credentialID"` // base64url
	Counter      uint32  `json:"counter"`
	DeviceType   string  `json:"deviceType"` // "singleDevice" or "multiDevice", which can be synced
	BackedUp     bool    `json:"backedUp"`   // as of its last use
	Transports   string  `json:"transports"` // comma-separated
	CreatedAt    Time    `json:"createdAt"`
	AAGUID       string  `json:"aaguid"` // of the authenticator's make, as a UUID; zeros if it does not say

	LastUsedAt   *Time     `json:"lastUsedAt"`
	Provider     *Provider `json:"provider"`     // null if the AAGUID is not known
	Synced       bool      `json:"synced"`       // it is kept in more places than one device
	UserVerified bool      `json:"userVerified"` // it has, at its last use, or when it was made
	LastWayIn    bool      `json:"lastWayIn"`    // without it nobody could sign in to the account, so it cannot be deleted

	// RPID and UserHandle (base64url) are what PublicKeyCredential's signal
	// methods call rpId and userId.
	RPID       string `json:"rpId"`
	UserHandle string `json:"userHandle"`
}

// Provider is who makes the app or the key that keeps a passkey.
type Provider struct {
	Name      string `json:"name"`      // "iCloud Keychain"
	IconLight string `json:"iconLight"` // the path of an image for light pages; empty if there is none
	IconDark  string `json:"iconDark"`  // and for dark ones
}

// PasskeyName gives one of the caller's passkeys another name.
type PasskeyName struct {
	ID   string `json:"id"`
	Name string `json:"name"` // 1 to [MaxPasskeyName] characters
}

// PasskeyUpdated is the answer to [PasskeyName].
type PasskeyUpdated struct {
	Passkey Passkey `json:"passkey"`
	AcceptedPasskeys
}

// PasskeyID names one of the caller's passkeys by its [Passkey].ID.
type PasskeyID struct {
	ID string `json:"id"`
}

// PasskeyDeleted is the answer to [DeletePasskey].
type PasskeyDeleted struct {
	Status bool `json:"status"`
	AcceptedPasskeys
}

// AcceptedPasskeys is the argument of PublicKeyCredential's
// signalAllAcceptedCredentials (WebAuthn Level 3, section 5.1.11): what
// authenticators need not keep any more is what is not in it.
type AcceptedPasskeys struct {
	RPID                     string   `json:"rpId"`
	UserID                   string   `json:"userId"` // the account's handle, base64url
	AllAcceptedCredentialIDs []string `json:"allAcceptedCredentialIds"`
}

// PageOrigin is where the page that calls is, as its browser calls it, and what
// the time is there (RFC 3339). The browser itself does not say so in a GET.
type PageOrigin struct {
	Origin string `json:"origin,omitempty"`
	Time   string `json:"time,omitempty"`
}

// SelfCheck is whether passkeys can work as the server is configured and
// reached.
type SelfCheck struct {
	OK     bool      `json:"ok"`
	RPID   string    `json:"rpId"`
	Origin string    `json:"origin"` // as configured
	Checks []Finding `json:"checks"`
}

// Finding is one thing that a self-check looked at.
type Finding struct {
	Name     string `json:"name"` // "Origin", "Host", "X-Forwarded-Proto", …
	OK       bool   `json:"ok"`
	Received string `json:"received"` // what came with the call; empty if nothing did
	Expected string `json:"expected"`
	Fix      string `json:"fix,omitempty"` // what to change, for the person who can
}

// ResetRequest asks for a mail by which a password can be replaced. The answer
// does not tell whether the address has an account.
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

// EmailRequest asks for a mail by which an address can be verified.
type EmailRequest struct {
	Email       string `json:"email" check:"email"`
	CallbackURL string `json:"callbackURL,omitempty"` // where the link leads to in the end
}

// EmailChange asks for the caller's account to have another address, which
// mails have to agree to: one to the address that it has, if that is verified,
// and one to the new one.
type EmailChange struct {
	NewEmail    string `json:"newEmail" check:"email"`
	CallbackURL string `json:"callbackURL,omitempty"`
}

// EmailLink is what the query of a link in a mail says.
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

// LinkToken is the one-time token of a link in a mail.
type LinkToken struct {
	Token string `json:"token"`
}

// LinkCheck asks whether the link of a mail can still be used. It does not use it.
type LinkCheck struct {
	Token   string `json:"token"`
	Purpose string `json:"purpose" check:"reset|disown"`
}

// CheckedLink is what [LinkCheck] finds out of a link that can be used. Email is the
// address of the account, for [LinkReset]: the link was sent to it, and password
// managers want to know whose password they keep.
type CheckedLink struct {
	Status bool   `json:"status"`
	Email  string `json:"email,omitempty"`
}

// What [LinkCheck] asks about: [ResetPassword] or [Disown].
const (
	LinkReset  = "reset"
	LinkDisown = "disown"
)

// Disowned is the answer to *This wasn't me*: what the mail told of is undone as
// far as it can be, and a new password is due. Token is for [ResetPassword].
type Disowned struct {
	Status bool   `json:"status"`
	Token  string `json:"token"`
}

// EventQuery asks for a page of the security log, the newest entries first.
type EventQuery struct {
	Kind   string `json:"kind,omitempty"`   // only those of a kind
	Before string `json:"before,omitempty"` // the [EventPage].Next of the page before
	User   string `json:"user,omitempty"`   // only those of an account, by its ID; everybody's log only
}

// EventPage is a page of the security log.
type EventPage struct {
	Events []Event `json:"events"`
	Next   string  `json:"next,omitempty"` // there is more
}

// Event is an entry of the security log.
type Event struct {
	ID        string  `json:"id"`
	At        Time    `json:"at"`
	Kind      string  `json:"kind"` // "sign-in", "passkey-added", …
	Text      string  `json:"text"` // the same for people
	IPAddress string  `json:"ipAddress"`
	Device    Device  `json:"device"`
	Subject   string  `json:"subject,omitempty"` // what it was done to: an ID, or a system key
	Detail    string  `json:"detail,omitempty"`  // for people: from what to what
	SessionID string  `json:"sessionId,omitempty"`
	Actor     *Person `json:"actor"`   // who did it, if that is known; null also for whoever runs the server
	Account   *Person `json:"account"` // whose account it was; null for an address without one
}

// Person names an account to others. Of one that is no more, only the ID is
// left.
type Person struct {
	ID    string `json:"id"`
	Email string `json:"email,omitempty"`
}

// AboutServer is what a page shows before anybody has signed in.
type AboutServer struct {
	Name   string `json:"name"`   // APP_NAME
	SignUp bool   `json:"signUp"` // anybody can create an account
}

// Settings are the system keys.
type Settings struct {
	Settings []Setting `json:"settings"`
}

// Setting is a system key with its value.
type Setting struct {
	Key         string   `json:"key"`
	Value       *string  `json:"value"` // null for a secret, always
	Type        string   `json:"type"`  // "string", "secret", "bool", "int", "duration" or "enum"
	Description string   `json:"description"`
	Default     string   `json:"default"`
	Secret      bool     `json:"secret"`
	IsSet       bool     `json:"isSet"`    // somebody has given it a value, which of a secret is all that is told
	Source      string   `json:"source"`   // "env", "database" or "default"
	Locked      bool     `json:"locked"`   // the environment sets it, and nothing else can
	Revision    int64    `json:"revision"` // 0 if nobody has set it
	UpdatedAt   *Time    `json:"updatedAt"`
	UpdatedBy   *string  `json:"updatedBy"`         // an address, or the ID of an account that is no more
	Group       string   `json:"group"`             // what it is about
	Options     []string `json:"options,omitempty"` // of an enum
	Min         string   `json:"min,omitempty"`     // of a number, of a duration, and of the length of a string
	Max         string   `json:"max,omitempty"`
}

// SettingChange gives a system key a value. A secret is taken away by "".
type SettingChange struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	Revision *int64 `json:"revision,omitempty"` // of what it is to replace; another is refused
}

// Exact says that nothing else is taken: one call changes one key.
func (SettingChange) Exact() {}

// factorSettings are the system keys that say what a second factor is, who needs
// one and for how long it counts.
var factorSettings = []string{
	"FRESH_WINDOW", "PASSKEY_USER_VERIFICATION", "REQUIRE_TWO_FACTOR", "REQUIRE_TWO_FACTOR_GRACE", "TWO_FACTOR_EMAIL_CODE",
}

// WeakensFactor reports whether the key is about second factors.
func (c SettingChange) WeakensFactor() bool { return slices.Contains(factorSettings, c.Key) }

// UserQuery asks for a page of the accounts, by address.
type UserQuery struct {
	Search string `json:"search,omitempty"` // in the address or the name
	After  string `json:"after,omitempty"`  // the [UserPage].Next of the page before
}

// UserPage is a page of the accounts.
type UserPage struct {
	Users []ManagedUser `json:"users"`
	Next  string        `json:"next,omitempty"` // there is more
}

// ManagedUser is an account as administrators see it.
type ManagedUser struct {
	User
	Passkeys     int      `json:"passkeys"`
	Sessions     int      `json:"sessions"`
	LastActiveAt *Time    `json:"lastActiveAt"` // of its sessions
	DisabledAt   *Time    `json:"disabledAt"`   // nobody can sign in to it since
	Permissions  []string `json:"permissions"`
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
