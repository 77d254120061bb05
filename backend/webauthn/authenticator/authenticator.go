// Package authenticator simulates an authenticator and its browser for tests. It
// answers the options of passkey ceremonies with the result of
// PublicKeyCredential.toJSON (WebAuthn Level 3, section 5.1).
//
//	device := authenticator.New("https://example.test")
//	answer, err := device.Create(options)
//
// A test can change each part of the response before it is signed:
//
//	answer, err := device.Get(options, func(s *authenticator.Statement) { s.Flags &^= authenticator.UserVerified })
package authenticator

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/google/uuid"
)

// Flags are the flags of authenticator data (WebAuthn Level 3, section 6.1).
type Flags byte

// The flags.
const (
	UserPresent    Flags = 1 << 0
	UserVerified   Flags = 1 << 2
	BackupEligible Flags = 1 << 3
	BackedUp       Flags = 1 << 4
	Attested       Flags = 1 << 6 // the data of a new passkey follows
	Extended       Flags = 1 << 7 // extensions follow

	// Synced is the flags of synced passkeys.
	Synced = UserPresent | UserVerified | BackupEligible | BackedUp
)

// An Algorithm is a signature algorithm, by its number in COSE (RFC 9053).
type Algorithm int64

// The algorithms that an [Authenticator] supports.
const (
	ES256 Algorithm = -7
	EdDSA Algorithm = -8
	RS256 Algorithm = -257
)

// An Authenticator creates and uses passkeys.
type Authenticator struct {
	Origin     string    // of the requesting page
	Algorithm  Algorithm // of new passkeys
	Flags      Flags
	Counts     bool // its passkeys have signature counters
	AAGUID     uuid.UUID
	Transports []string

	Keys []*Key // the oldest one first
}

// A Key is a passkey.
type Key struct {
	ID         []byte
	RPID       string
	UserHandle []byte
	Counter    uint32
	Algorithm  Algorithm
	private    crypto.Signer
}

// New returns an authenticator of the most common kind: it verifies its user,
// syncs its passkeys and does not count their uses.
func New(origin string) *Authenticator {
	return &Authenticator{Origin: origin, Algorithm: ES256, Flags: Synced, Transports: []string{"internal", "hybrid"}}
}

// Copy returns another authenticator with copies of the same passkeys.
func (a *Authenticator) Copy() *Authenticator {
	c := *a
	c.Keys = nil
	for _, k := range a.Keys {
		same := *k
		c.Keys = append(c.Keys, &same)
	}
	return &c
}

// Errors of the browser, which then sends nothing.
var (
	ErrExcluded = errors.New("the authenticator has an excluded passkey")
	ErrNone     = errors.New("the authenticator has no requested passkey")
)

// A Statement holds all parts of a response before it is signed and encoded.
type Statement struct {
	ID, RawID  string // base64url
	Type       string
	Attachment string

	// Client is the client data. If ClientJSON is not nil, it replaces Client.
	Client     map[string]any
	ClientJSON []byte

	// Fields of authenticator data.
	RPID       string // its hash begins the data
	Flags      Flags
	Counter    uint32
	AAGUID     uuid.UUID
	AttestedID []byte
	PublicKey  map[int]any // COSE
	Trailing   []byte      // appended to the data

	// Fields of registrations only.
	Format      string         // of the attestation
	Attestation map[string]any // if nil, self attestation
	Transports  []string

	// Fields of assertions only.
	UserHandle []byte // omitted if nil
	Signature  []byte // replaces the correct one if not nil

	Key *Key // signs the response

	// Sent changes any part of the response after it is signed.
	Sent func(answer, response map[string]any)
}

// descriptor identifies a passkey in options.
type descriptor struct {
	ID string `json:"id"`
}

// Create creates a passkey from PublicKeyCredentialCreationOptionsJSON, and
// returns RegistrationResponseJSON. It keeps the passkey even if the changes
// invalidate the response.
func (a *Authenticator) Create(options []byte, changes ...func(*Statement)) (json.RawMessage, error) {
	var o struct {
		Challenge string
		RP        struct{ ID string }
		User      struct{ ID string }

		PubKeyCredParams   []struct{ Alg Algorithm }
		ExcludeCredentials []descriptor
	}
	if err := json.Unmarshal(options, &o); err != nil || o.Challenge == "" {
		return nil, fmt.Errorf("invalid creation options %s: %w", options, err)
	}
	handle, err := decode(o.User.ID)
	if err != nil {
		return nil, err
	}
	offered := false
	for _, p := range o.PubKeyCredParams {
		offered = offered || p.Alg == a.Algorithm
	}
	if !offered {
		return nil, fmt.Errorf("the options do not allow algorithm %d", a.Algorithm)
	}
	for _, d := range o.ExcludeCredentials {
		if a.find(o.RP.ID, d.ID) != nil {
			return nil, ErrExcluded
		}
	}
	key := &Key{ID: make([]byte, 32), RPID: o.RP.ID, UserHandle: handle, Algorithm: a.Algorithm, private: newPrivate(a.Algorithm)}
	rand.Read(key.ID)
	if a.Counts {
		key.Counter = 1
	}
	a.Keys = append(a.Keys, key)

	s := a.state("webauthn.create", o.Challenge, key)
	s.Flags |= Attested
	s.AAGUID, s.AttestedID, s.PublicKey, s.Transports = a.AAGUID, key.ID, key.Public(), a.Transports
	s.Format, s.Attestation = "none", map[string]any{}
	for _, change := range changes {
		change(&s)
	}
	data := s.data()
	if s.Flags&Attested != 0 {
		data = append(data, s.AAGUID[:]...)
		data = binary.BigEndian.AppendUint16(data, uint16(len(s.AttestedID)))
		data = append(append(data, s.AttestedID...), encode(s.PublicKey)...)
	}
	data = append(data, s.Trailing...)
	client := s.clientJSON()
	if s.Attestation == nil {
		hash := sha256.Sum256(client)
		s.Attestation = map[string]any{"alg": int64(s.Key.Algorithm), "sig": s.Key.sign(slices.Concat(data, hash[:]))}
	}
	return s.send(map[string]any{
		"clientDataJSON":    text(client),
		"attestationObject": text(encode(map[string]any{"fmt": s.Format, "attStmt": s.Attestation, "authData": data})),
		"transports":        s.Transports,
	})
}

// Get uses the newest passkey that PublicKeyCredentialRequestOptionsJSON allows,
// and returns AuthenticationResponseJSON.
func (a *Authenticator) Get(options []byte, changes ...func(*Statement)) (json.RawMessage, error) {
	var o struct {
		Challenge        string
		RPID             string
		AllowCredentials []descriptor
	}
	if err := json.Unmarshal(options, &o); err != nil || o.Challenge == "" {
		return nil, fmt.Errorf("invalid request options %s: %w", options, err)
	}
	var key *Key
	for _, k := range slices.Backward(a.Keys) {
		allowed := len(o.AllowCredentials) == 0 || slices.Contains(o.AllowCredentials, descriptor{text(k.ID)})
		if k.RPID == o.RPID && allowed {
			key = k
			break
		}
	}
	if key == nil {
		return nil, ErrNone
	}
	if a.Counts {
		key.Counter++
	}
	s := a.state("webauthn.get", o.Challenge, key)
	s.UserHandle = key.UserHandle
	for _, change := range changes {
		change(&s)
	}
	data, client := append(s.data(), s.Trailing...), s.clientJSON()
	signature := s.Signature
	if signature == nil {
		hash := sha256.Sum256(client)
		signature = s.Key.sign(slices.Concat(data, hash[:]))
	}
	response := map[string]any{"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(signature)}
	if s.UserHandle != nil {
		response["userHandle"] = text(s.UserHandle)
	}
	return s.send(response)
}

// state returns the parts of a response that both ceremonies have.
func (a *Authenticator) state(kind, challenge string, key *Key) Statement {
	return Statement{
		ID: text(key.ID), RawID: text(key.ID), Type: "public-key", Attachment: "platform",
		Client: map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false},
		RPID:   key.RPID, Flags: a.Flags, Counter: key.Counter, Key: key,
	}
}

func (a *Authenticator) find(rp, id string) *Key {
	for _, k := range a.Keys {
		if k.RPID == rp && text(k.ID) == id {
			return k
		}
	}
	return nil
}

func (s *Statement) data() []byte {
	hash := sha256.Sum256([]byte(s.RPID))
	return binary.BigEndian.AppendUint32(append(hash[:], byte(s.Flags)), s.Counter)
}

func (s *Statement) clientJSON() []byte {
	if s.ClientJSON != nil {
		return s.ClientJSON
	}
	return must(json.Marshal(s.Client))
}

func (s *Statement) send(response map[string]any) (json.RawMessage, error) {
	answer := map[string]any{
		"id": s.ID, "rawId": s.RawID, "type": s.Type, "authenticatorAttachment": s.Attachment,
		"response": response, "clientExtensionResults": map[string]any{},
	}
	if s.Sent != nil {
		s.Sent(answer, response)
	}
	return json.Marshal(answer)
}

// NewKey returns a passkey that was created without options. Another passkey may
// have the same id.
func NewKey(id []byte, rp string, handle []byte, by Algorithm) *Key {
	return &Key{ID: bytes.Clone(id), RPID: rp, UserHandle: bytes.Clone(handle), Algorithm: by, private: newPrivate(by)}
}

// Public returns the public key in COSE (RFC 9052, section 7).
func (k *Key) Public() map[int]any {
	switch public := k.private.Public().(type) {
	case ed25519.PublicKey:
		return map[int]any{1: 1, 3: int64(EdDSA), -1: 6, -2: []byte(public)}
	case *rsa.PublicKey:
		return map[int]any{1: 3, 3: int64(RS256), -1: public.N.Bytes(), -2: []byte{1, 0, 1}}
	case *ecdsa.PublicKey:
		point := must(public.Bytes()) // 4, X, Y
		return map[int]any{1: 2, 3: int64(ES256), -1: 1, -2: point[1:33], -3: point[33:]}
	}
	panic("unsupported key type")
}

func (k *Key) sign(message []byte) []byte {
	if k.Algorithm == EdDSA {
		return must(k.private.Sign(nil, message, crypto.Hash(0)))
	}
	hash := sha256.Sum256(message)
	return must(k.private.Sign(rand.Reader, hash[:], crypto.SHA256))
}

func newPrivate(by Algorithm) crypto.Signer {
	switch by {
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return must(private, err)
	case RS256:
		return rsaKey()
	case ES256:
		return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	panic(fmt.Sprintf("unsupported algorithm %d", by))
}

// rsaKey returns the private key of all RS256 passkeys. They share one, because
// generating a key is slow.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

func encode(v any) []byte { return must(webauthncbor.Marshal(v)) }

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

// must panics if err is not nil, which only a bug in this package can cause.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
