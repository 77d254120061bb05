package main_test

import (
	"cmp"
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
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/google/uuid"
)

// A ceremony is what an authenticator and its browser said when an exchange was
// recorded. What they sign is of the server that asks: so they say it anew.
type ceremony struct {
	Options    string // the ceremony that it answers, by p1, p2 …
	Challenge  string // instead of what that ceremony asks
	Type       string // as client data has it
	Origin     string // the page's, if it is not ours
	RPID       string // if it is not localhost
	Credential string // base64url
	Key        string // the credential whose key signs, if it is another
	Algorithm  int64  // that of the key (COSE), if it is not ES256
	AAGUID     string // zeros if empty
	Flags      byte
	Counter    uint32
	Transports []string
	UserHandle string // base64url, if it is not what the passkey was made for
	Forged     bool   // something else is signed
	Without    string // the member that is left out
}

// passkeys are those of a replay.
type passkeys struct {
	cookies map[string]string  // by p1, p2 …
	options map[string]options // likewise
	ids     map[string]string  // by %1, %2 …
	held    map[string]*held   // by credential id
}

// options is what we need of the options of a ceremony.
type options struct {
	Challenge string
	User      struct{ ID string }
}

// held is a passkey as its authenticator has it.
type held struct {
	private crypto.Signer
	public  []byte // COSE
	handle  string // of the account that it was first made for
}

func newPasskeys() passkeys {
	return passkeys{cookies: make(map[string]string), options: make(map[string]options), ids: make(map[string]string), held: make(map[string]*held)}
}

// asked notes the ceremony that an answer begins.
func (p passkeys) asked(t *testing.T, name, cookie string, answer []byte) {
	t.Helper()
	var o options
	if err := json.Unmarshal(answer, &o); err != nil || o.Challenge == "" {
		t.Fatalf("%s are no options: %v", answer, err)
	}
	p.cookies[name], p.options[name] = cookie, o
}

// keep notes the id of the passkey that is in an answer.
func (p passkeys) keep(t *testing.T, name string, answer []byte) {
	t.Helper()
	var made struct{ ID string }
	if err := json.Unmarshal(answer, &made); err != nil {
		t.Fatal(err)
	}
	p.ids[name] = made.ID
}

// fill puts ids and the response of the authenticator in a body.
func (p passkeys) fill(t *testing.T, e exchange, content, origin string) string {
	t.Helper()
	for name, id := range p.ids {
		content = strings.ReplaceAll(content, `"`+name+`"`, `"`+id+`"`)
	}
	if e.Authenticator == nil {
		return content
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(content), &body); err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	body["response"] = p.response(t, *e.Authenticator, origin)
	filled, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(filled)
}

// response is RegistrationResponseJSON or AuthenticationResponseJSON (WebAuthn
// Level 3, section 5.1), as much of it as Better Auth's client sends.
func (p passkeys) response(t *testing.T, a ceremony, origin string) map[string]any {
	t.Helper()
	asked, ok := p.options[a.Options]
	if !ok && a.Challenge == "" {
		t.Fatalf("there is no ceremony %q", a.Options)
	}
	clientData, err := json.Marshal(map[string]any{
		"type": a.Type, "challenge": cmp.Or(a.Challenge, asked.Challenge), "origin": cmp.Or(a.Origin, origin), "crossOrigin": false,
	})
	if err != nil {
		t.Fatal(err)
	}
	credential := cmp.Or(a.Key, a.Credential)
	key, ok := p.held[credential]
	if !ok {
		key = newHeld(t, a.Algorithm)
		key.handle = asked.User.ID
		p.held[credential] = key
	}

	rp := sha256.Sum256([]byte(cmp.Or(a.RPID, "localhost")))
	data := binary.BigEndian.AppendUint32(append(rp[:], a.Flags), a.Counter)
	response := map[string]any{"clientDataJSON": base64url(clientData)}
	if a.Transports != nil { // browsers tell them of what is made
		response["transports"] = a.Transports
		response["attestationObject"] = base64url(attestation(t, data, a, key.public))
	} else {
		hash := sha256.Sum256(clientData)
		response["authenticatorData"] = base64url(data)
		response["signature"] = base64url(key.sign(t, append(data, hash[:]...), a.Forged))
		response["userHandle"] = cmp.Or(a.UserHandle, key.handle)
	}
	delete(response, a.Without)
	return map[string]any{
		"id": a.Credential, "rawId": a.Credential, "type": "public-key", "authenticatorAttachment": "platform", "response": response,
	}
}

// attestation is an attestation object of no attestation (WebAuthn Level 3,
// sections 6.5.4 and 8.7).
func attestation(t *testing.T, data []byte, a ceremony, key []byte) []byte {
	t.Helper()
	aaguid := make([]byte, 16)
	if a.AAGUID != "" {
		parsed, err := uuid.Parse(a.AAGUID)
		if err != nil {
			t.Fatal(err)
		}
		aaguid = parsed[:]
	}
	id, err := base64.RawURLEncoding.DecodeString(a.Credential)
	if err != nil {
		t.Fatal(err)
	}
	data = binary.BigEndian.AppendUint16(append(data, aaguid...), uint16(len(id)))
	data = append(append(data, id...), key...)
	return cbor(t, map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
}

func newHeld(t *testing.T, algorithm int64) *held {
	t.Helper()
	switch webauthncose.COSEAlgorithmIdentifier(algorithm) {
	case webauthncose.AlgEdDSA:
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return &held{private: private, public: cbor(t, map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(public)})}
	case webauthncose.AlgRS256:
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		return &held{private: private, public: cbor(t, map[int]any{1: 3, 3: -257, -1: private.N.Bytes(), -2: []byte{1, 0, 1}})}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		t.Fatal(err)
	}
	return &held{private: private, public: cbor(t, map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})}
}

// sign signs what an authenticator is asked to, by ES256; or, if it is forged,
// something else.
func (h *held) sign(t *testing.T, message []byte, forged bool) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	if forged {
		digest[0] ^= 1
	}
	signature, err := h.private.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func cbor(t *testing.T, v any) []byte {
	t.Helper()
	encoded, err := webauthncbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
