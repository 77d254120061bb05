package webauthn

import (
	"encoding/base64"
	"encoding/json"

	"github.com/go-webauthn/webauthn/protocol"
)

// timeout, in milliseconds, is the same as Better Auth's. Browsers treat it as a hint.
const timeout = 60_000

// A Descriptor identifies a passkey to a browser.
type Descriptor struct {
	ID         []byte
	Transports []string
}

// A Creation holds the parameters of a new passkey.
type Creation struct {
	Challenge    string
	RPName       string
	UserHandle   []byte
	UserName     string // the authenticator's label for the account
	DisplayName  string
	Exclude      []Descriptor // an authenticator that has one of them creates no other
	Attachment   string       // "platform", "cross-platform", or empty for either
	Verification Verification
}

// creationOptions is PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3, section
// 5.1.8).
type creationOptions struct {
	Challenge              string                         `json:"challenge"`
	RP                     map[string]string              `json:"rp"`
	User                   map[string]string              `json:"user"`
	PubKeyCredParams       []protocol.CredentialParameter `json:"pubKeyCredParams"`
	Timeout                int                            `json:"timeout"`
	Attestation            string                         `json:"attestation"`
	ExcludeCredentials     []descriptor                   `json:"excludeCredentials"`
	AuthenticatorSelection selection                      `json:"authenticatorSelection"`
	Extensions             map[string]bool                `json:"extensions"`
	Hints                  []string                       `json:"hints"`
}

type selection struct {
	Attachment         string `json:"authenticatorAttachment,omitempty"`
	ResidentKey        string `json:"residentKey"`
	RequireResidentKey bool   `json:"requireResidentKey"`
	UserVerification   string `json:"userVerification"`
}

// requestOptions is PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3,
// section 5.1.10).
type requestOptions struct {
	RPID             string       `json:"rpId"`
	Challenge        string       `json:"challenge"`
	AllowCredentials []descriptor `json:"allowCredentials,omitempty"`
	Timeout          int          `json:"timeout"`
	UserVerification string       `json:"userVerification"`
}

type descriptor struct {
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
	Type       string   `json:"type"`
}

func descriptors(all []Descriptor) []descriptor {
	out := make([]descriptor, len(all))
	for i, d := range all {
		out[i] = descriptor{
			ID: base64.RawURLEncoding.EncodeToString(d.ID), Transports: d.Transports, Type: string(protocol.PublicKeyCredentialType),
		}
	}
	return out
}

// CreationOptions returns the options that make a browser create a passkey, as JSON.
func (rp RelyingParty) CreationOptions(c Creation) (json.RawMessage, error) {
	handle := base64.RawURLEncoding.EncodeToString(c.UserHandle)
	return json.Marshal(creationOptions{
		Challenge:          c.Challenge,
		RP:                 map[string]string{"id": rp.ID, "name": c.RPName},
		User:               map[string]string{"id": handle, "name": c.UserName, "displayName": c.DisplayName},
		PubKeyCredParams:   algorithms,
		Timeout:            timeout,
		Attestation:        string(protocol.PreferNoAttestation),
		ExcludeCredentials: descriptors(c.Exclude),
		AuthenticatorSelection: selection{
			// Users do not type their email at sign-in, so the authenticator has to
			// find the passkey by itself (a discoverable credential).
			Attachment: c.Attachment, ResidentKey: string(protocol.ResidentKeyRequirementRequired), RequireResidentKey: true,
			UserVerification: string(c.Verification),
		},
		Extensions: map[string]bool{"credProps": true},
		Hints:      []string{},
	})
}

// RequestOptions returns the options that make a browser use a passkey, as JSON: one
// of those in allow, or any passkey if allow is empty.
func (rp RelyingParty) RequestOptions(challenge string, allow []Descriptor, v Verification) (json.RawMessage, error) {
	return json.Marshal(requestOptions{
		RPID: rp.ID, Challenge: challenge, AllowCredentials: descriptors(allow), Timeout: timeout, UserVerification: string(v),
	})
}
