package webauthn

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	library "github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
)

const (
	// maxCredentialID, in bytes, is from WebAuthn Level 3, section 7.1, step 25.
	maxCredentialID = 1023

	minRSA = 2048 // bits; the current minimum of NIST SP 800-57, part 1
	maxRSA = 4096 // bits; verifying a signature takes a tenth of a millisecond

	// maxTransports exceeds the six known transports (WebAuthn Level 3, section
	// 5.8.4).
	maxTransports = 8
)

// A Registration is the response of an authenticator that created a passkey. Its
// contents are unverified until [RelyingParty.VerifyRegistration] accepts it.
type Registration struct {
	Challenge string
	parsed    *protocol.ParsedCredentialCreationData
}

// ParseRegistration parses RegistrationResponseJSON (WebAuthn Level 3, section
// 5.1). It fails with [ErrInvalid].
func ParseRegistration(response []byte) (Registration, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Registration{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Registration{parsed.Response.CollectedClientData.Challenge, parsed}, nil
}

// A RegistrationPolicy states what a registration must satisfy.
type RegistrationPolicy struct {
	UserHandle   []byte
	Verification Verification
	// Conditional is set if the browser created the passkey without asking the
	// user. The user need then be neither present nor verified (WebAuthn Level
	// 3, section 7.1, step 14), and Verification is ignored.
	Conditional bool
}

// VerifyRegistration verifies a registration and returns the new passkey. The
// caller must have issued the challenge of the registration for this user, and
// must accept it only once. It fails with [ErrInvalid] or [ErrUserNotVerified].
// Any other error means that the relying party is misconfigured.
func (rp RelyingParty) VerifyRegistration(r Registration, policy RegistrationPolicy) (Credential, error) {
	response := r.parsed.Response
	if !rp.isOwnPage(response.CollectedClientData) {
		return Credential{}, ErrInvalid
	}
	session := library.SessionData{
		Challenge: r.Challenge, RelyingPartyID: rp.ID, UserID: policy.UserHandle, CredParams: algorithms,
		UserVerification: protocol.VerificationPreferred,
	}
	if policy.Conditional {
		session.Mediation = protocol.MediationConditional
	} else if policy.Verification == Required {
		session.UserVerification = protocol.VerificationRequired
		if flags := response.AttestationObject.AuthData.Flags; flags.HasUserPresent() && !flags.HasUserVerified() {
			return Credential{}, ErrUserNotVerified
		}
	}
	if o := response.AttestationObject; !isPlain(o) || !IsUsableKey(o.AuthData.AttData.CredentialPublicKey) {
		return Credential{}, ErrInvalid
	}
	verifier, err := rp.verifier(response.CollectedClientData.Origin)
	if err != nil {
		return Credential{}, err
	}
	made, err := verifier.CreateCredential(user{handle: policy.UserHandle}, session, r.parsed)
	if err != nil || !IsCredentialID(made.ID) {
		return Credential{}, ErrInvalid
	}
	return newCredential(made), nil
}

func newCredential(made *library.Credential) Credential {
	c := Credential{
		ID: made.ID, PublicKey: made.PublicKey, SignCount: made.Authenticator.SignCount, AAGUID: uuid.Nil.String(),
		BackupEligible: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState, UserVerified: made.Flags.UserVerified,
		Roaming: made.Authenticator.Attachment == protocol.CrossPlatform,
	}
	if id, err := uuid.FromBytes(made.Authenticator.AAGUID); err == nil {
		c.AAGUID = id.String()
	}
	var transports []string
	for _, t := range made.Transport {
		transports = append(transports, string(t))
	}
	c.Transports = ParseTransports(transports)
	return c
}

// IsCredentialID reports whether id has a length that a credential ID can have.
func IsCredentialID(id []byte) bool { return len(id) > 0 && len(id) <= maxCredentialID }

// ParseAAGUID returns an AAGUID in its usual form, or "" if it is not one.
func ParseAAGUID(s string) string {
	id, err := uuid.Parse(s)
	if err != nil {
		return ""
	}
	return id.String()
}

// ParseTransports returns those names that have the form of a transport, without duplicates. The
// browser reports the transports, and no signature covers them.
func ParseTransports(names []string) (transports []string) {
	for _, name := range names {
		if isTransport(name) && !slices.Contains(transports, name) && len(transports) < maxTransports {
			transports = append(transports, name)
		}
	}
	return transports
}

// isTransport reports whether s has the form of a transport. It accepts unknown
// transports, because new ones may be defined.
func isTransport(s string) bool {
	return s != "" && len(s) <= 16 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// isPlain reports whether an attestation is one that the options request: none,
// or self attestation. It refuses certificates: they prove nothing here, and an
// attacker can create some that take seconds to parse.
func isPlain(a protocol.AttestationObject) bool {
	_, certified := a.AttStatement["x5c"]
	return a.Format == string(protocol.AttestationFormatNone) || a.Format == string(protocol.AttestationFormatPacked) && !certified
}

// IsUsableKey reports whether a COSE key can sign in. It must be on its curve, and
// its type must fit its algorithm. It must not be so large that verifying
// signatures keeps the server busy.
func IsUsableKey(key []byte) bool {
	parsed, err := webauthncose.ParsePublicKey(key)
	if err != nil {
		return false
	}
	switch k := parsed.(type) {
	case webauthncose.OKPPublicKeyData:
		return k.Algorithm == int64(webauthncose.AlgEdDSA)
	case webauthncose.EC2PublicKeyData:
		return k.Algorithm == int64(webauthncose.AlgES256) && k.Curve == int64(webauthncose.P256)
	case webauthncose.RSAPublicKeyData:
		bits := new(big.Int).SetBytes(k.Modulus).BitLen()
		e := new(big.Int).SetBytes(k.Exponent)
		return k.Algorithm == int64(webauthncose.AlgRS256) && bits >= minRSA && bits <= maxRSA && e.Cmp(big.NewInt(65537)) == 0
	}
	return false
}
