// Package webauthn makes the options of passkey ceremonies and verifies what
// authenticators answer (WebAuthn Level 3). It keeps nothing: the caller stores
// challenges and passkeys, and decides what a passkey may do.
package webauthn

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	library "github.com/go-webauthn/webauthn/webauthn"
)

// Reasons why a response is refused.
var (
	ErrInvalid         = errors.New("the response of the authenticator is invalid")
	ErrSignature       = errors.New("the signature of the authenticator is wrong")
	ErrUserNotVerified = errors.New("the authenticator did not verify its user")
)

// RelyingParty is this server as authenticators know it (WebAuthn Level 3,
// section 4).
type RelyingParty struct {
	ID      string   // the domain that the passkeys belong to
	Origins []string // of the pages that may use them, each exactly as browsers write it
	Related []string // those of Origins at other domains; most relying parties have none
}

// Verification says whether an authenticator has to verify its user, by a PIN, a
// fingerprint or a face.
type Verification string

// The kinds of verification.
const (
	Required  Verification = "required"  // a response without it is refused
	Preferred Verification = "preferred" // a response without it is accepted
)

// Credential is a passkey: what its registration proved, or what is stored of it.
type Credential struct {
	ID             []byte
	PublicKey      []byte // COSE (RFC 9052, section 7)
	SignCount      uint32 // 0 for authenticators that do not count
	AAGUID         string // a UUID: the model of the authenticator
	Transports     []string
	BackupEligible bool // it can be on more than one device
	BackedUp       bool // it is
	UserVerified   bool
}

const challengeSize = 32 // bytes; at least 16 (WebAuthn Level 3, section 13.4.3)

// NewChallenge returns a random challenge in base64url.
func NewChallenge() string {
	raw := make([]byte, challengeSize)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// algorithms are those of passkeys, by preference: EdDSA, ES256, RS256.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// verifier returns the library's form of the relying party.
func (rp RelyingParty) verifier() (*library.WebAuthn, error) {
	return library.New(&library.Config{
		RPID: rp.ID, RPDisplayName: rp.ID, RPOrigins: rp.Origins,
		// The options ask for no extension with an output, and nothing here reads one.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// isOwnPage reports whether a page of the relying party asked, and not one in a
// frame of another page. The library does not check this, or less strictly.
func (rp RelyingParty) isOwnPage(c protocol.CollectedClientData) bool {
	return slices.Contains(rp.Origins, c.Origin) && !c.CrossOrigin && c.TopOrigin == ""
}

// user is a user in the form that the library wants.
type user struct {
	handle []byte
	keys   []library.Credential
}

func (u user) WebAuthnID() []byte                        { return u.handle }
func (u user) WebAuthnName() string                      { return "" }
func (u user) WebAuthnDisplayName() string               { return "" }
func (u user) WebAuthnCredentials() []library.Credential { return u.keys }
