// Package keyring implements the secret keys of a server. With them it seals values, so
// that only a holder of the keys can read them, and computes MACs. Keys can be rotated: the
// current key makes new values, and former keys still open and verify the values that they
// made. The package does not know what the values are or where they are stored.
package keyring

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"latchkey/shared"
)

// keySize is in bytes. Every primitive takes a sub-key of this size.
const keySize = 32

// sealedForm is the prefix of sealed values. It stands for XChaCha20-Poly1305, whose nonces
// are long enough to be random.
const sealedForm = "v1"

// Keys are the secret keys of a server. They are not in its database. The first key is the
// current one. The others open and verify the values that they made while they were
// current.
type Keys struct {
	keys []key
}

type key struct {
	id     string
	secret []byte
}

// New returns Keys with one random key.
func New() Keys {
	secret := make([]byte, keySize)
	rand.Read(secret)
	return Keys{[]key{{id: strings.ToLower(rand.Text()[:8]), secret: secret}}}
}

// Rotated returns the keys with a new current key in front of them.
func (ks Keys) Rotated() Keys { return Keys{append(New().keys, ks.keys...)} }

// Parse parses a key file. Each line is a key: its ID, a space and 32 bytes in base64. The
// first key is the current one. Lines that begin with # are comments.
func Parse(text string) (Keys, error) {
	var ks Keys
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, encoded, ok := strings.Cut(line, " ")
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if !ok || err != nil || len(secret) != keySize {
			return Keys{}, fmt.Errorf("line %d must be a key ID, a space and %d bytes in base64", n+1, keySize)
		}
		ks.keys = append(ks.keys, key{id, secret})
	}
	if len(ks.keys) == 0 {
		return Keys{}, errors.New("the file contains no key")
	}
	return ks, nil
}

// String returns a placeholder, so that formatting does not reveal the keys.
func (ks Keys) String() string { return "[keys]" }

// Text returns the keys in the form that [Parse] reads.
func (ks Keys) Text() string {
	var b strings.Builder
	b.WriteString("# The keys of a Latchkey server. Back them up separately from the database, which is unusable without them.\n")
	for _, k := range ks.keys {
		fmt.Fprintf(&b, "%s %s\n", k.id, base64.StdEncoding.EncodeToString(k.secret))
	}
	return b.String()
}

// CurrentID returns the ID of the current key.
func (ks Keys) CurrentID() string { return ks.keys[0].id }

// CheckValue returns the ID of the current key and a value that only a holder of the key
// can compute. The database stores both, so that a server with another key does not start
// on it.
func (ks Keys) CheckValue() (id string, value []byte) {
	return ks.CurrentID(), ks.MAC(checkPurpose, "")
}

// HasCheckValue reports whether [Keys.CheckValue] returned the ID and the value for one of
// the keys.
func (ks Keys) HasCheckValue(id string, value []byte) bool {
	for _, k := range ks.keys {
		if k.id == id {
			return hmac.Equal(k.mac(checkPurpose, ""), value)
		}
	}
	return false
}

const checkPurpose = "key check"

// MAC returns the HMAC-SHA256 of message under a sub-key of the current key. Each purpose
// has its own sub-key, so that a MAC for one purpose is invalid for every other purpose.
func (ks Keys) MAC(purpose, message string) []byte { return ks.keys[0].mac(purpose, message) }

// MACs returns the MAC of message under each key, the current one first.
func (ks Keys) MACs(purpose, message string) [][]byte {
	all := make([][]byte, 0, len(ks.keys))
	for _, k := range ks.keys {
		all = append(all, k.mac(purpose, message))
	}
	return all
}

// Seal encrypts plain under the current key. aad is the additional authenticated data.
// [Keys.Unseal] requires the same aad, so that an attacker who can write to the database
// cannot move a sealed value to another row or column.
func (ks Keys) Seal(plain, aad string) string { return ks.SealFor(nil, plain, aad) }

// SealFor is Seal with a key that also depends on owner, a secret of the value's owner. Nobody
// can decrypt the value once owner is deleted.
func (ks Keys) SealFor(owner []byte, plain, aad string) string {
	aead := ks.keys[0].aead(owner)
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, []byte(plain), []byte(aad))
	return sealedForm + "." + ks.keys[0].id + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// Unseal decrypts a value of [Keys.Seal] with the key that sealed it. It fails with
// [MissingKeyError] if ks lacks that key.
func (ks Keys) Unseal(sealed, aad string) (string, error) { return ks.UnsealFor(nil, sealed, aad) }

// UnsealFor is Unseal for a value of [Keys.SealFor].
func (ks Keys) UnsealFor(owner []byte, sealed, aad string) (string, error) {
	form, rest, _ := strings.Cut(sealed, ".")
	id, encoded, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || form != sealedForm {
		return "", fmt.Errorf("the encrypted value %s is malformed", aad)
	}
	for _, k := range ks.keys {
		if k.id != id {
			continue
		}
		aead := k.aead(owner)
		if len(b) < aead.NonceSize() {
			break
		}
		plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(aad))
		if err != nil {
			return "", fmt.Errorf("cannot decrypt the value %s: %w", aad, err)
		}
		return string(plain), nil
	}
	return "", &MissingKeyError{Key: id, AAD: aad}
}

// IsCurrent reports whether the current key made a sealed value, according to the key ID in
// the value. It does not decrypt the value.
func (ks Keys) IsCurrent(sealed string) bool {
	return strings.HasPrefix(sealed, sealedForm+"."+ks.CurrentID()+".")
}

// MissingKeyError is the error for a sealed value whose key the server lacks. The value
// exists but cannot be read now, so a caller must neither treat it as absent nor overwrite
// it.
type MissingKeyError struct {
	Key string // the ID of the key
	AAD string // the additional authenticated data, which identifies the sealed value
}

func (e *MissingKeyError) Error() string {
	return fmt.Sprintf("the key %q of the encrypted value %s is missing", e.Key, e.AAD)
}

// Unwrap makes errors.Is find the shared error.
func (e *MissingKeyError) Unwrap() error { return shared.ErrUnavailable }

// aead returns the cipher of sealed values. owner is nil, or the secret of [Keys.SealFor].
func (k key) aead(owner []byte) cipher.AEAD {
	aead, err := chacha20poly1305.NewX(k.sub("seal", owner))
	if err != nil {
		panic(err) // fails only for keys of another size
	}
	return aead
}

func (k key) mac(purpose, message string) []byte {
	h := hmac.New(sha256.New, k.sub(purpose, nil))
	h.Write([]byte(message))
	return h.Sum(nil)
}

// sub derives the key of one purpose. salt may be nil.
func (k key) sub(purpose string, salt []byte) []byte {
	sub, err := hkdf.Key(sha256.New, k.secret, salt, "latchkey "+purpose, keySize)
	if err != nil {
		panic(err) // fails only for lengths over 255 hashes
	}
	return sub
}
