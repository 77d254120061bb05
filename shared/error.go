package shared

import "time"

// An Error is a failure that the API reports to its caller. It crosses the wire unchanged, so
// errors.Is(err, ErrInvalidPassword) works in the browser as it does on the server.
type Error struct {
	Message string `json:"message"`         // for users; may change
	Code    string `json:"code"`            // for programs; does not change
	Field   string `json:"field,omitempty"` // the invalid input, if any

	// RetryAfter is how many seconds to wait before a retry. It is zero if waiting does
	// not help.
	RetryAfter int `json:"retryAfter,omitempty"`

	// RequestID is the ID of the request in the server's log. Only errors with a 5xx
	// status have it.
	RequestID string `json:"requestId,omitempty"`

	// Need is [NeedSecondFactor] in [ErrFactorNotFresh], and empty in all other errors.
	Need string `json:"need,omitempty"`

	// SecondFactorDue is set in [ErrTwoFactorRequired] only.
	*SecondFactorDue

	// Current is the current setting. It is set in [ErrStaleRevision] only.
	Current *Setting `json:"current,omitempty"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Is reports whether target is an Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// In returns a copy of the error with Field set.
func (e *Error) In(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// WithMessage returns a copy of the error with another message. Users see the message in
// their language only if explanations (explanation.go) lists an error with exactly that
// message. Otherwise they see the general text for an [ErrValidation], and the English
// message for any other error.
func (e *Error) WithMessage(message string) *Error {
	c := *e
	c.Message = message
	return &c
}

// NeedSecondFactor means that the session needs a recent second factor.
const NeedSecondFactor = "second-factor"

func (e *Error) withNeed(need, message string) *Error {
	c := *e
	c.Need, c.Message = need, message
	return &c
}

// OfRequest returns a copy of the error with RequestID set.
func (e *Error) OfRequest(id string) *Error {
	c := *e
	c.RequestID = id
	return &c
}

// After returns a copy of the error with RetryAfter set. It rounds up to seconds, so that a
// client which waits that long has waited long enough.
func (e *Error) After(wait time.Duration) *Error {
	c := *e
	c.RetryAfter = int((wait + time.Second - 1) / time.Second)
	return &c
}

// Errors lists the errors that the API returns, one for each code. Codes and messages that
// Better Auth has, too, are the same as there. It has room for all of them, because each start
// of the program fills it.
var Errors = make([]*Error, 0, 128)

// newError adds an error. It is not inlined, because its copies would make the app larger.
//
//go:noinline
func newError(code, message string) *Error {
	e := &Error{Code: code, Message: message}
	Errors = append(Errors, e)
	return e
}

var (
	// Requests that the server cannot process.
	ErrBadRequest    = newError("BAD_REQUEST", "Invalid JSON in request body")
	ErrValidation    = newError("VALIDATION_ERROR", "Invalid input")
	ErrFieldRequired = newError("FIELD_REQUIRED", "Fill this in.")
	ErrMediaType     = newError("UNSUPPORTED_MEDIA_TYPE", "Content-Type is not allowed. Allowed types: application/json")
	ErrTooLarge      = newError("PAYLOAD_TOO_LARGE", "The request is larger than 64 KiB.")
	ErrNotFound      = newError("NOT_FOUND", "There is nothing at this address.")
	ErrMethod        = newError("METHOD_NOT_ALLOWED", "This address does not take that method.")
	ErrHost          = newError("UNKNOWN_HOST",
		"This server does not serve that host name. Open the address in its configuration (-origin).")
	ErrInternal    = newError("INTERNAL_SERVER_ERROR", "Something went wrong on our side. Please try again.")
	ErrUnavailable = newError("SERVICE_UNAVAILABLE",
		"The service is not available at the moment. Nothing was changed. Please try again shortly.")
	ErrTooManyRequests  = newError("TOO_MANY_REQUESTS", "Too many requests. Please try again later.")
	ErrTooManyPasswords = newError("TOO_MANY_ATTEMPTS", "Too many wrong passwords. Please try again later.")

	// The calling app is older than the server, or shows another user's page.
	ErrAppTooOld    = newError("APP_TOO_OLD", "This page is from an older version than the server. Reload it.")
	ErrOtherAccount = newError("OTHER_ACCOUNT",
		"Another user has signed in in this browser in the meantime. Nothing was changed. Reload the page.")

	// The origin of a request.
	ErrNoOrigin  = newError("MISSING_OR_NULL_ORIGIN", "Missing or null Origin")
	ErrOrigin    = newError("INVALID_ORIGIN", "Invalid origin")
	ErrCrossSite = newError("CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
		"Cross-site navigation login blocked. This request appears to be a CSRF attack.")

	// The addresses that a request would redirect a browser to.
	ErrCallbackURL        = newError("INVALID_CALLBACK_URL", "Invalid callbackURL")
	ErrRedirectURL        = newError("INVALID_REDIRECT_URL", "Invalid redirectURL")
	ErrErrorCallbackURL   = newError("INVALID_ERROR_CALLBACK_URL", "Invalid errorCallbackURL")
	ErrNewUserCallbackURL = newError("INVALID_NEW_USER_CALLBACK_URL", "Invalid newUserCallbackURL")

	// Authentication and authorization.
	ErrUnauthorized = newError("UNAUTHORIZED", "Unauthorized")
	ErrNotFresh     = newError("SESSION_NOT_FRESH", "Session is not fresh")
	// ErrFactorNotFresh is an [ErrNotFresh] that requires [StepUp] with a second
	// factor: a password is not enough.
	ErrFactorNotFresh = ErrNotFresh.withNeed(NeedSecondFactor, "Confirm this with your authenticator app, a backup code or a passkey.")
	ErrForbidden      = newError("FORBIDDEN", "Your account does not have the permission for this.")
	// ErrConfirmDeletion is for a deletion of an account that the call itself does not
	// confirm. A step-up does not help.
	ErrConfirmDeletion = newError("CONFIRMATION_REQUIRED", "Confirm the deletion with your password or a passkey.")
	// ErrSessionEnded is for a session to report that has ended or never existed.
	ErrSessionEnded = newError("SESSION_NOT_FOUND", "That session has already ended. If in doubt, change your password.")
	ErrCredentials  = newError("INVALID_EMAIL_OR_PASSWORD", "Invalid email or password")
	ErrToken        = newError("INVALID_TOKEN", "Invalid token")
	ErrInvite       = newError("INVALID_INVITE",
		"This link has been used or has expired. While there is no administrator, the server prints a new one "+
			"when it starts.")

	ErrNotVerified    = newError("EMAIL_NOT_VERIFIED", "Email not verified")
	ErrDisabled       = newError("ACCOUNT_DISABLED", "This account is disabled. Contact the administrator of this service.")
	ErrNewPasswordDue = newError("NEW_PASSWORD_REQUIRED",
		"This password may have been exposed and has been disabled. Choose a new one with “Forgot "+
			"password?”.")
	ErrEnrollmentDue = newError("TWO_FACTOR_ENROLMENT_REQUIRED",
		"To continue, turn on two-factor authentication in the settings, or sign in with a passkey. Your account "+
			"requires it.")

	// Links in emails, and requests for them.
	ErrTokenExpired = newError("TOKEN_EXPIRED", "Token expired")
	ErrTokenUsed    = newError("TOKEN_USED", "This link has already been used.")
	// ErrTokenSuperseded is for a link that was revoked, because how its user signs in has
	// changed. It has other messages for other reasons.
	ErrTokenSuperseded = newError("TOKEN_SUPERSEDED", "How you sign in has changed since this link was sent, so it no longer works.")
	ErrUserNotFound    = newError("USER_NOT_FOUND", "User not found")
	ErrInvalidUser     = newError("INVALID_USER", "Invalid user")
	ErrUserInfo        = newError("FAILED_TO_GET_USER_INFO", "Failed to get user info")
	ErrEmailMismatch   = newError("EMAIL_MISMATCH", "Email mismatch")
	ErrVerified        = newError("EMAIL_ALREADY_VERIFIED", "Email is already verified")
	ErrSameEmail       = newError("EMAIL_IS_THE_SAME", "Email is the same")
	ErrNoEmailChange   = newError("NO_EMAIL_CHANGE_PENDING", "No change of the address is pending.")

	// The second factor.
	ErrTwoFactorRequired = newError("TWO_FACTOR_REQUIRED", "twoFactorRequired")
	ErrNoPendingSignIn   = newError("INVALID_TWO_FACTOR_COOKIE", "Invalid two factor cookie")
	ErrTooManyCodes      = newError("TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE", "Too many attempts. Please request a new code.")
	ErrLockedOut         = newError("ACCOUNT_TEMPORARILY_LOCKED",
		"Too many failed verification attempts. Your account is temporarily locked. Please try again later.")
	ErrInvalidCode       = newError("INVALID_CODE", "Invalid code")
	ErrInvalidBackupCode = newError("INVALID_BACKUP_CODE", "Invalid backup code")
	ErrTOTPNotEnabled    = newError("TOTP_NOT_ENABLED", "TOTP not enabled")
	ErrTOTPEnabled       = newError("TOTP_ALREADY_ENABLED", "TOTP is already enabled")
	ErrLastSecondFactor  = newError("LAST_SECOND_FACTOR",
		"Your account needs a second factor, and this is the only one. Add a passkey first, or move to a new "+
			"phone instead.")
	ErrTwoFactorNotEnabled   = newError("TWO_FACTOR_NOT_ENABLED", "Two factor isn't enabled")
	ErrBackupCodesNotEnabled = newError("BACKUP_CODES_NOT_ENABLED", "Backup codes aren't enabled")
	ErrOTPNotConfigured      = newError("OTP_NOT_CONFIGURED", "otp isn't configured")
	ErrOTPExpired            = newError("OTP_HAS_EXPIRED", "OTP has expired")

	// Passkeys. ErrPasskeyNotFound is distinct from other failures of a sign-in, such as
	// a wrong signature: only an unknown passkey, which can never sign in, may be deleted
	// by its authenticator.
	ErrPasskeyChallenge  = newError("CHALLENGE_NOT_FOUND", "Challenge not found")
	ErrPasskeyOfAnother  = newError("YOU_ARE_NOT_ALLOWED_TO_REGISTER_THIS_PASSKEY", "You are not allowed to register this passkey")
	ErrPasskeyRegistered = newError("PREVIOUSLY_REGISTERED", "This passkey is already registered.")
	ErrRegistration      = newError("FAILED_TO_VERIFY_REGISTRATION", "Failed to verify registration")
	ErrAuthentication    = newError("AUTHENTICATION_FAILED", "Authentication failed")
	ErrPasskeyNotFound   = newError("PASSKEY_NOT_FOUND", "Passkey not found")
	ErrTooManyPasskeys   = newError("TOO_MANY_PASSKEYS",
		"You have reached the maximum number of passkeys. Delete one that you no longer use first.")
	ErrLastCredential = newError("LAST_WAY_IN", "Without this passkey you could no longer sign in. Add another passkey first.")

	// Account rules.
	ErrInvalidEmail       = newError("INVALID_EMAIL", "Invalid email")
	ErrUserExists         = newError("USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "User already exists. Use another email.")
	ErrPasswordTooShort   = newError("PASSWORD_TOO_SHORT", "Password too short")
	ErrPasswordTooLong    = newError("PASSWORD_TOO_LONG", "Password too long")
	ErrPasswordTooCommon  = newError("PASSWORD_TOO_COMMON", "This password is too common: attackers try it first. Please choose another one.")
	ErrSamePassword       = newError("PASSWORD_IS_THE_SAME", "This is your password already. Please choose another one.")
	ErrInvalidPassword    = newError("INVALID_PASSWORD", "Invalid password")
	ErrCredentialNotFound = newError("CREDENTIAL_ACCOUNT_NOT_FOUND", "Credential account not found")
	ErrEmailNotUpdatable  = newError("EMAIL_CAN_NOT_BE_UPDATED", "Email can not be updated")
	ErrFieldNotAllowed    = newError("FIELD_NOT_ALLOWED", "twoFactorEnabled is not allowed to be set")
	ErrNothingToUpdate    = newError("NO_FIELDS_TO_UPDATE", "No fields to update")
	ErrSignUpDisabled     = newError("EMAIL_PASSWORD_SIGN_UP_DISABLED",
		"Sign-up is disabled. Ask the administrator of this service for an account.")

	// Settings.
	ErrUnknownSetting  = newError("UNKNOWN_SETTING", "There is no setting with that name.")
	ErrInvalidSetting  = newError("INVALID_SETTING", "This value is not valid for that setting.")
	ErrSettingReadOnly = newError("SETTING_LOCKED", "The server's environment sets this setting. It can be changed only there.")
	ErrStaleRevision   = newError("STALE_REVISION", "Someone else has changed this setting in the meantime.")
	ErrMailRefused     = newError("MAIL_NOT_SENT", "The email was not sent.")

	// Server keys. The first three are for an application's back end.
	ErrServerKey = newError("INVALID_SERVER_KEY",
		"This server key is wrong or has been revoked. Give the back end a key from the system page.")
	ErrServerKeyInBrowser = newError("SERVER_KEY_IN_BROWSER",
		"A browser has sent a server key. Only the application's back end may have it, so revoke this key.")
	ErrServerKeyEndpoint = newError("SERVER_KEY_NOT_ALLOWED",
		"A server key is for get-session only. Send this request without it.")
	ErrServerKeyName     = newError("SERVER_KEY_EXISTS", "There is already a server key with this name. Choose another one.")
	ErrTooManyServerKeys = newError("TOO_MANY_SERVER_KEYS", "There are 50 server keys. Revoke one that is no longer used first.")
	ErrNoSuchServerKey   = newError("NO_SUCH_SERVER_KEY", "This server key has already been revoked.")

	// Actions of administrators on other users.
	ErrNoSuchUser = newError("NO_SUCH_USER", "This account no longer exists.")
	ErrYourself   = newError("NOT_TO_YOURSELF", "You cannot do this to your own account. Use its settings.")
	// ErrLastAdministrator is for the deletion of the last enabled account with a
	// permission without which the server cannot be managed.
	ErrLastAdministrator = newError("LAST_ADMINISTRATOR",
		"You're the only user who can manage users or settings. Give these permissions to another user first: "+
			"“latchkey grant” on the server does that.")
)

// LinkErrors are the codes of the errors that mean that a link in an email can never work.
var LinkErrors = []string{ErrToken.Code, ErrTokenExpired.Code, ErrTokenUsed.Code, ErrTokenSuperseded.Code}

// Errors that have the code of an error above and a more specific message. Each has a line
// in explanations.
var (
	ErrFormUnreadable = ErrBadRequest.WithMessage("The form cannot be read. Please fill it in again.")
	ErrFormMediaType  = ErrMediaType.WithMessage("Content-Type is not allowed. Allowed types: application/x-www-form-urlencoded")

	ErrFormExpired = ErrBadRequest.WithMessage("This form is no longer valid. Please fill it in again.")

	ErrEmailRequired      = ErrFieldRequired.WithMessage("Enter your email address.").In("email")
	ErrPasswordRequired   = ErrFieldRequired.WithMessage("Enter your password.").In("password")
	ErrCodeRequired       = ErrFieldRequired.WithMessage("Enter the six digits of the code.").In("code")
	ErrBackupCodeRequired = ErrFieldRequired.WithMessage("Enter a backup code.").In("backupCode")
	// Reasons for which a link was revoked.
	ErrTokenReplaced = ErrTokenSuperseded.WithMessage("A newer email has replaced this link.")
	ErrTokenCanceled = ErrTokenSuperseded.WithMessage("This change was canceled.")

	ErrPasskeyNameRequired   = ErrValidation.WithMessage("A passkey needs a name.").In("name")
	ErrServerKeyNameRequired = ErrValidation.WithMessage("A server key needs a name.").In("name")
	ErrNameTooLong           = ErrValidation.WithMessage("Names have at most 100 characters.").In("name")
	// ErrNameControls is for a name that [ParseName] refuses.
	ErrNameControls = ErrValidation.WithMessage(
		"Names cannot contain control characters, such as line breaks or those that change the direction of text.").In("name")
	// ErrEmailLocalPart is for an address with characters before the @ that package
	// address does not accept.
	ErrEmailLocalPart = ErrInvalidEmail.WithMessage(
		"Only the letters a to z, digits and signs are allowed before the @: most mail servers do not accept " +
			"other characters.")
	ErrPasswordIsName = ErrPasswordTooCommon.WithMessage("This password is too close to your name or email address. Choose another one.")

	ErrClockOff = ErrInvalidCode.WithMessage(
		"Invalid code. Your phone's clock seems to be wrong. Set it to automatic, then use the next code.")
	ErrCodeTooEarly = ErrInvalidCode.WithMessage(
		"This code was entered too early and no longer works. Wait for the next one.")
	ErrCodeTooOld             = ErrInvalidCode.WithMessage("This code is too old. Use the one that your app shows now.")
	ErrCodeOfOldAuthenticator = ErrInvalidCode.WithMessage("This code is from your old authenticator. Enter the one from the new entry.")
	ErrCodeUsed               = ErrInvalidCode.WithMessage("This code has already been used. Wait for the next one.")
	ErrBackupCodeUsed         = ErrInvalidBackupCode.WithMessage("This backup code has already been used. Each code works only once.")
	ErrBackupCodeReplaced     = ErrInvalidBackupCode.WithMessage("This code is from an older set. Use one of your newest codes.")
	// ErrLockedOutForGood is an [ErrLockedOut] that does not expire.
	ErrLockedOutForGood = ErrLockedOut.WithMessage(
		"There were too many wrong codes, so your account accepts no more. Change your password where you " +
			"are signed in, or ask the administrator of this service to unlock it.")

	// The authenticator did not verify the user.
	ErrRegistrationUnverified   = ErrRegistration.WithMessage(unverified)
	ErrAuthenticationUnverified = ErrAuthentication.WithMessage(unverified)
	// ErrPasskeyCopied is for a passkey whose signature counter decreased.
	ErrPasskeyCopied = ErrAuthentication.WithMessage(
		"This passkey was refused, because there may be a copy of it. Sign in another way, then delete it.")
	// ErrLastRequiredPasskey is for the only second factor of a user who needs one.
	ErrLastRequiredPasskey = ErrLastCredential.WithMessage(
		"Your account needs a second factor, and this passkey is the only one. Turn on two-factor authentication " +
			"or add another passkey first.")

	// ErrSessionUnconfirmed is for a session that cannot confirm another one: see
	// [ConfirmSignIn].
	ErrSessionUnconfirmed = ErrForbidden.WithMessage(
		"This browser is not confirmed itself, so it can't confirm another sign-in. Answer on a device that you have used before.")
	// ErrMorePermissions is for an administrator who tries to manage a user with a
	// permission that the administrator lacks.
	ErrMorePermissions = ErrForbidden.WithMessage(
		"This account has a permission that yours lacks. Only an administrator with all of its permissions can do this.")
)

const unverified = "Your device did not verify that it is you. Set up a PIN, fingerprint or face recognition on it, and try again."
