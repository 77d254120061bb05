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
	// maxCredentialID is in bytes: WebAuthn Level 3, section 7.1, step 25.
	maxCredentialID = 1023

	minRSA = 2048 // bits: NIST SP 800-57, part 1, for today
	maxRSA = 4096 // verifying a signature takes a tenth of a millisecond

	// maxTransports is above the six that there are (WebAuthn Level 3, section
	// 5.8.4).
	maxTransports = 8
)

// Registration is the response of an authenticator that made a passkey. Nothing
// that it says is verified.
type Registration struct {
	Challenge string
	parsed    *protocol.ParsedCredentialCreationData
}

// ParseRegistration reads RegistrationResponseJSON (WebAuthn Level 3, section
// 5.1). It fails with [ErrInvalid].
func ParseRegistration(response []byte) (Registration, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Registration{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Registration{parsed.Response.CollectedClientData.Challenge, parsed}, nil
}

// RegistrationPolicy is what a registration has to satisfy.
type RegistrationPolicy struct {
	UserHandle   []byte
	Verification Verification
	// Conditional says that the browser made the passkey without asking the user,
	// who was neither present nor verified (WebAuthn Level 3, section 7.1, step
	// 14). Verification does not count then.
	Conditional bool
}

// VerifyRegistration verifies a registration and returns the new passkey. The
// caller must have issued the challenge of the registration for this user, and
// accept it only once. It fails with [ErrInvalid] or [ErrUserNotVerified]; any
// other error is about the relying party.
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
	if o := response.AttestationObject; !isPlain(o) || !isUsable(o.AuthData.AttData.CredentialPublicKey) {
		return Credential{}, ErrInvalid
	}
	verifier, err := rp.verifier()
	if err != nil {
		return Credential{}, err
	}
	made, err := verifier.CreateCredential(user{handle: policy.UserHandle}, session, r.parsed)
	if err != nil || len(made.ID) == 0 || len(made.ID) > maxCredentialID {
		return Credential{}, ErrInvalid
	}
	return newCredential(made), nil
}

func newCredential(made *library.Credential) Credential {
	c := Credential{
		ID: made.ID, PublicKey: made.PublicKey, SignCount: made.Authenticator.SignCount, AAGUID: uuid.Nil.String(),
		BackupEligible: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState, UserVerified: made.Flags.UserVerified,
	}
	if id, err := uuid.FromBytes(made.Authenticator.AAGUID); err == nil {
		c.AAGUID = id.String()
	}
	for _, t := range made.Transport {
		// The browser says so, and no signature covers it.
		if name := string(t); isTransport(name) && !slices.Contains(c.Transports, name) && len(c.Transports) < maxTransports {
			c.Transports = append(c.Transports, name)
		}
	}
	return c
}

// isTransport reports whether s has the form of a transport. Transports that are
// not known yet are kept.
func isTransport(s string) bool {
	return s != "" && len(s) <= 16 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// isPlain reports whether an attestation is one that the options ask for: none,
// or the signature of the passkey's own key. Certificates say nothing here, and
// an attacker can make some that take seconds to parse.
func isPlain(a protocol.AttestationObject) bool {
	_, certified := a.AttStatement["x5c"]
	return a.Format == string(protocol.AttestationFormatNone) || a.Format == string(protocol.AttestationFormatPacked) && !certified
}

// isUsable reports whether a COSE key can sign in. It has to be on its curve, and
// of the type that goes with its algorithm. It must not be so large that
// verifying its signatures keeps the server busy.
func isUsable(key []byte) bool {
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
