// Package webauthn creates the options of passkey ceremonies and verifies the
// responses of authenticators (WebAuthn Level 3). It stores nothing: the caller stores
// challenges and passkeys, and decides what a passkey may do.
package webauthn

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	library "github.com/go-webauthn/webauthn/webauthn"
)

// Errors of a response that is refused.
var (
	ErrInvalid         = errors.New("invalid authenticator response")
	ErrSignature       = errors.New("invalid authenticator signature")
	ErrUserNotVerified = errors.New("the authenticator did not verify the user")
)

// A RelyingParty is the server in the terms of WebAuthn (Level 3, section 4).
type RelyingParty struct {
	ID      string   // the domain that the passkeys belong to
	Origins []string // that may use them, each exactly as browsers serialize it; the first is the server's
	Related []string // the Origins at other domains; usually empty

	// Trusts reports whether an origin is one of those at the domain or below it that may use the
	// passkeys, too. It is nil if there are none.
	Trusts func(origin string) bool
}

// Verification states whether an authenticator has to verify its user, by a PIN, a
// fingerprint or a face.
type Verification string

// The kinds of verification.
const (
	Required  Verification = "required"  // a response without it is refused
	Preferred Verification = "preferred" // a response without it is accepted
)

// A Credential is a passkey, as a registration proved it or as the caller stored it.
type Credential struct {
	ID             []byte
	PublicKey      []byte // COSE (RFC 9052, section 7)
	SignCount      uint32 // 0 for authenticators that do not count
	AAGUID         string // the model of the authenticator, a UUID
	Transports     []string
	BackupEligible bool // it may be synced to more than one device
	BackedUp       bool // it is synced now
	UserVerified   bool
	Roaming        bool // at its registration: the authenticator is not part of the user's device
}

const challengeSize = 32 // bytes; at least 16 (WebAuthn Level 3, section 13.4.3)

// NewChallenge returns a random challenge in base64url.
func NewChallenge() string {
	raw := make([]byte, challengeSize)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// algorithms lists the algorithms of passkeys, the preferred one first.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// MayUse reports whether pages of an origin may use the passkeys.
func (rp RelyingParty) MayUse(origin string) bool {
	if slices.Contains(rp.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || rp.Trusts == nil {
		return false
	}
	host := u.Hostname()
	return (host == rp.ID || strings.HasSuffix(host, "."+rp.ID)) && rp.Trusts(origin)
}

// verifier returns the relying party in the library's type. The caller has checked that origin is
// one that [RelyingParty.MayUse] the passkeys.
func (rp RelyingParty) verifier(origin string) (*library.WebAuthn, error) {
	return library.New(&library.Config{
		RPID: rp.ID, RPDisplayName: rp.ID, RPOrigins: []string{origin},
		// Nothing here reads the output of an extension, including credProps, so
		// outputs that the session did not request do no harm.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// isOwnPage reports whether the request came from a page of the relying party that is
// not in a cross-origin frame. The library's own check is less strict.
func (rp RelyingParty) isOwnPage(c protocol.CollectedClientData) bool {
	return rp.MayUse(c.Origin) && !c.CrossOrigin && c.TopOrigin == ""
}

// user implements the library's interface of a user.
type user struct {
	handle []byte
	keys   []library.Credential
}

func (u user) WebAuthnID() []byte                        { return u.handle }
func (u user) WebAuthnName() string                      { return "" }
func (u user) WebAuthnDisplayName() string               { return "" }
func (u user) WebAuthnCredentials() []library.Credential { return u.keys }
