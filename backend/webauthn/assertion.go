package webauthn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	library "github.com/go-webauthn/webauthn/webauthn"
)

// An Assertion is the response of an authenticator that used a passkey. Its
// contents are unverified until [RelyingParty.VerifyAssertion] accepts it.
type Assertion struct {
	Challenge      string
	CredentialID   []byte
	UserHandle     []byte // empty if the authenticator did not send it
	SignCount      uint32
	BackupEligible bool
	BackedUp       bool
	UserVerified   bool

	parsed *protocol.ParsedCredentialAssertionData
}

// ParseAssertion parses AuthenticationResponseJSON (WebAuthn Level 3, section
// 5.1). It fails with [ErrInvalid].
func ParseAssertion(response []byte) (Assertion, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Assertion{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	data := parsed.Response.AuthenticatorData
	return Assertion{
		Challenge: parsed.Response.CollectedClientData.Challenge, CredentialID: parsed.RawID, UserHandle: parsed.Response.UserHandle,
		SignCount: data.Counter, BackupEligible: data.Flags.HasBackupEligible(), BackedUp: data.Flags.HasBackupState(),
		UserVerified: data.Flags.HasUserVerified(), parsed: parsed,
	}, nil
}

// VerifyAssertion verifies an assertion by the ID, the public key and the backup
// eligibility of a stored passkey. The caller must have issued the challenge of
// the assertion, and must accept it only once. The caller also checks the counter
// and the owner of the passkey, because an attacker must learn neither from an
// error. VerifyAssertion fails with [ErrInvalid], [ErrSignature] or
// [ErrUserNotVerified]. Any other error means that the relying party is
// misconfigured.
func (rp RelyingParty) VerifyAssertion(a Assertion, stored Credential, v Verification) error {
	response := a.parsed.Response
	switch flags := response.AuthenticatorData.Flags; {
	case !rp.isOwnPage(response.CollectedClientData):
		return ErrInvalid
	case v == Required && flags.HasUserPresent() && !flags.HasUserVerified():
		return ErrUserNotVerified
	}
	handle := response.UserHandle
	session := library.SessionData{
		Challenge: a.Challenge, RelyingPartyID: rp.ID, UserID: handle, UserVerification: protocol.UserVerificationRequirement(v),
	}
	key := library.Credential{ID: stored.ID, PublicKey: stored.PublicKey}
	// A single-device passkey may become a synced one, for example when its owner
	// turns on iCloud Keychain. The library refuses any change of the flag.
	key.Flags.BackupEligible = stored.BackupEligible || a.BackupEligible
	verifier, err := rp.verifier(response.CollectedClientData.Origin)
	if err != nil {
		return err
	}
	_, err = verifier.ValidateLogin(user{handle: handle, keys: []library.Credential{key}}, session, a.parsed)
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.Type == protocol.ErrAssertionSignature.Type {
		return ErrSignature
	}
	if err != nil {
		return ErrInvalid
	}
	return nil
}

// DecoyKey returns a P-256 public key, in COSE, whose private key is discarded.
// If a passkey is unknown, verifying its assertion by the decoy takes as long as
// if it were known.
var DecoyKey = sync.OnceValue(func() []byte {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		panic(err)
	}
	key, err := webauthncbor.Marshal(webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
		Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:],
	})
	if err != nil {
		panic(err)
	}
	return key
})
