package shared

import "encoding/json"

// PasskeysPerUser is the maximum number of passkeys of an account.
const PasskeysPerUser = 20

// RegisterQuery asks for the options of navigator.credentials.create: a
// PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3, section 5.1.8).
type RegisterQuery struct {
	Name       string `json:"name,omitempty"` // the name of the account in the authenticator; its email address if empty
	Attachment string `json:"authenticatorAttachment,omitempty" check:"platform|cross-platform"`
	Context    string `json:"context,omitempty"` // Better Auth's client may send it; ignored

	// Mediation "conditional" asks for options with which the browser creates a passkey
	// without asking the user. The response is null if one of these holds:
	//
	//   - PASSKEY_AUTO_UPGRADE is off
	//   - the account has [PasskeysPerUser] passkeys
	//   - the session did not begin with a password within FRESH_WINDOW
	//   - the session needs a recent second factor
	Mediation string `json:"mediation,omitempty" check:"conditional"`
}

// WeakensFactor reports whether the call needs a recent second factor. With Mediation it does
// not fail for lack of one: the response is null.
func (q RegisterQuery) WeakensFactor() bool { return q.Mediation == "" }

// Registration is the browser's response to the options of [GenerateRegisterOptions]. It is
// accepted within five minutes and in the same session.
type Registration struct {
	Response      json.RawMessage `json:"response"`       // a RegistrationResponseJSON (WebAuthn Level 3, section 5.1)
	Name          string          `json:"name,omitempty"` // up to [MaxName] characters; no name if blank
	CreateSession *bool           `json:"createSession,omitempty"`

	// SuggestName asks the server to name a passkey without a name after its provider or,
	// if that is unknown, after what it is stored on. No other passkey of the user has the
	// name.
	SuggestName *bool `json:"suggestName,omitempty"`
}

// Registered is the passkey that [VerifyRegistration] added. With CreateSession it also has
// the current session, which stays as it is.
type Registered struct {
	Passkey
	Session *Session `json:"session,omitempty"`
	User    *User    `json:"user,omitempty"`
}

// AuthenticateQuery asks for the options of navigator.credentials.get: a
// PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3, section 5.1.10). In a
// session they list the caller's passkeys, otherwise none.
type AuthenticateQuery struct {
	// SecondFactor "true" asks for options that list the passkeys of the user with a
	// pending sign-in in this browser.
	SecondFactor string `json:"secondFactor,omitempty" check:"true"`
}

// Authentication is the browser's response to the options of [GenerateAuthenticateOptions].
// It is accepted within five minutes. If the browser has a pending sign-in of the same
// account, the passkey completes it.
type Authentication struct {
	Response    json.RawMessage `json:"response"`              // an AuthenticationResponseJSON (WebAuthn Level 3, section 5.1)
	TrustDevice *bool           `json:"trustDevice,omitempty"` // as in [Code]
	RememberMe  *bool           `json:"rememberMe,omitempty"`  // as in [Credentials]; ignored if it completes a pending sign-in
}

// Authenticated is the response to a passkey that opened a session. Like [SignedIn], it can
// instead say that a second factor is required.
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
	DeviceType   string  `json:"deviceType"` // "singleDevice", or "multiDevice" for one that can be synced
	BackedUp     bool    `json:"backedUp"`   // as of its last use
	Transports   string  `json:"transports"` // comma-separated
	CreatedAt    Time    `json:"createdAt"`
	AAGUID       string  `json:"aaguid"` // the authenticator's model, as a UUID; zeros if unknown

	LastUsedAt     *Time     `json:"lastUsedAt"`
	Provider       *Provider `json:"provider"`     // null if the AAGUID is unknown
	Synced         bool      `json:"synced"`       // the same as BackedUp: it is stored beyond one device
	UserVerified   bool      `json:"userVerified"` // at its last use or, before that, at its registration
	LastCredential bool      `json:"lastWayIn"`    // it is the account's only way to sign in, so it cannot be deleted

	// RPID and UserHandle (base64url) are the rpId and userId for PublicKeyCredential's
	// signal methods.
	RPID       string `json:"rpId"`
	UserHandle string `json:"userHandle"`
}

// Provider is the maker of the app or security key that stores a passkey.
type Provider struct {
	Name      string `json:"name"`      // "iCloud Keychain"
	IconLight string `json:"iconLight"` // the path of an image for the light color scheme; empty if there is none
	IconDark  string `json:"iconDark"`  // the same for the dark color scheme
}

// PasskeyName renames one of the caller's passkeys.
type PasskeyName struct {
	ID   string `json:"id"`
	Name string `json:"name"` // 1 to [MaxName] characters
}

// PasskeyUpdated is the response to [PasskeyName].
type PasskeyUpdated struct {
	Passkey Passkey `json:"passkey"`
	AcceptedPasskeys
}

// PasskeyID identifies one of the caller's passkeys by its [Passkey].ID.
type PasskeyID struct {
	ID string `json:"id"`
}

// PasskeyDeleted is the response to [DeletePasskey].
type PasskeyDeleted struct {
	Status bool `json:"status"`
	AcceptedPasskeys
}

// AcceptedPasskeys is the argument of PublicKeyCredential's signalAllAcceptedCredentials
// (WebAuthn Level 3, section 5.1.11). Authenticators may delete passkeys that it does not
// list.
type AcceptedPasskeys struct {
	RPID                     string   `json:"rpId"`
	UserID                   string   `json:"userId"` // the user handle, base64url
	AllAcceptedCredentialIDs []string `json:"allAcceptedCredentialIds"`
}

// PageOrigin is the origin of the calling page and its device's time (RFC 3339). Browsers do
// not send an Origin header with a GET.
type PageOrigin struct {
	Origin string `json:"origin,omitempty"`
	Time   string `json:"time,omitempty"`
}

// SelfCheck reports whether passkeys can work with the server's configuration and with the
// proxies in front of it.
type SelfCheck struct {
	OK     bool      `json:"ok"`
	RPID   string    `json:"rpId"`
	Origin string    `json:"origin"` // as configured
	Checks []Finding `json:"checks"`
}

// Finding is the result of one check of a self-check.
type Finding struct {
	Name     string `json:"name"` // "Origin", "Host", "X-Forwarded-Proto", …
	OK       bool   `json:"ok"`
	Received string `json:"received"` // the value in the request; empty if it has none
	Expected string `json:"expected"`
	Fix      string `json:"fix,omitempty"` // what to change, for the administrator
}
