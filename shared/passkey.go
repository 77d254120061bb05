package shared

import "encoding/json"

// PasskeysPerUser is how many passkeys an account can have.
const PasskeysPerUser = 20

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

// WeakensFactor reports whether the user is asked for the passkey. If the browser creates
// the passkey without asking, the answer is null where a second factor would be required.
func (q RegisterQuery) WeakensFactor() bool { return q.Mediation == "" }

// Registration is the browser's answer to [GenerateRegisterOptions], within
// five minutes and in the same session.
type Registration struct {
	Response      json.RawMessage `json:"response"`       // a RegistrationResponseJSON (WebAuthn Level 3, section 5.1)
	Name          string          `json:"name,omitempty"` // up to [MaxName]; none if blank
	CreateSession *bool           `json:"createSession,omitempty"`
}

// Registered is a passkey that was just added; with CreateSession, also the session that
// added it, which stays.
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

// Authentication is the browser's answer to [GenerateAuthenticateOptions], within five
// minutes. If the browser has a pending sign-in of the same account, the passkey completes
// it.
type Authentication struct {
	Response    json.RawMessage `json:"response"`              // an AuthenticationResponseJSON (WebAuthn Level 3, section 5.1)
	TrustDevice *bool           `json:"trustDevice,omitempty"` // as in [Code]
	RememberMe  *bool           `json:"rememberMe,omitempty"`  // as in [Credentials]; of a second factor, what the sign-in said
}

// Authenticated is the answer to a passkey that opened a session. Like [SignedIn], it can
// say that a second factor is required.
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

	LastUsedAt     *Time     `json:"lastUsedAt"`
	Provider       *Provider `json:"provider"`     // null if the AAGUID is not known
	Synced         bool      `json:"synced"`       // it is kept in more places than one device
	UserVerified   bool      `json:"userVerified"` // it has, at its last use, or when it was made
	LastCredential bool      `json:"lastWayIn"`    // without it nobody could sign in to the account, so it cannot be deleted

	// RPID and UserHandle (base64url) are what PublicKeyCredential's signal
	// methods call rpId and userId.
	RPID       string `json:"rpId"`
	UserHandle string `json:"userHandle"`
}

// Provider is the maker of the app or security key that stores a passkey.
type Provider struct {
	Name      string `json:"name"`      // "iCloud Keychain"
	IconLight string `json:"iconLight"` // the path of an image for light pages; empty if there is none
	IconDark  string `json:"iconDark"`  // and for dark ones
}

// PasskeyName gives one of the caller's passkeys another name.
type PasskeyName struct {
	ID   string `json:"id"`
	Name string `json:"name"` // 1 to [MaxName] characters
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

// AcceptedPasskeys is the argument of PublicKeyCredential's signalAllAcceptedCredentials
// (WebAuthn Level 3, section 5.1.11). Authenticators may delete passkeys that it does not
// list.
type AcceptedPasskeys struct {
	RPID                     string   `json:"rpId"`
	UserID                   string   `json:"userId"` // the account's handle, base64url
	AllAcceptedCredentialIDs []string `json:"allAcceptedCredentialIds"`
}

// PageOrigin is the origin of the calling page and the time on its device (RFC 3339).
// Browsers do not send the origin in a GET by themselves.
type PageOrigin struct {
	Origin string `json:"origin,omitempty"`
	Time   string `json:"time,omitempty"`
}

// SelfCheck says whether passkeys can work with the configuration of the server and the way
// that it is reached.
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
	Received string `json:"received"` // what came with the call; empty if nothing did
	Expected string `json:"expected"`
	Fix      string `json:"fix,omitempty"` // what to change, for the person who can
}
