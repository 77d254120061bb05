package account

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
)

// keySize is 32 bytes: the key of every primitive that sub-keys are made for.
const keySize = 32

// Keys are the secrets of the server that are not in its database. The first
// is the current one; the others are kept to read what was made with them.
type Keys struct {
	keys []key
}

type key struct {
	id     string
	secret []byte
}

// NewKeys makes one fresh key.
func NewKeys() Keys {
	secret := make([]byte, keySize)
	rand.Read(secret)
	return Keys{[]key{{id: strings.ToLower(rand.Text()[:8]), secret: secret}}}
}

// ParseKeys reads a key file: a line a key, its id and then 32 bytes in
// base64, the current one first. Lines that begin with # are comments.
func ParseKeys(text string) (Keys, error) {
	var ks Keys
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, encoded, ok := strings.Cut(line, " ")
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if !ok || err != nil || len(secret) != keySize {
			return Keys{}, fmt.Errorf("line %d is not a key id followed by %d bytes in base64", n+1, keySize)
		}
		ks.keys = append(ks.keys, key{id, secret})
	}
	if len(ks.keys) == 0 {
		return Keys{}, errors.New("there is no key in it")
	}
	return ks, nil
}

// String does not print the keys.
func (ks Keys) String() string { return "[keys]" }

// Text is the keys in the form that [ParseKeys] reads.
func (ks Keys) Text() string {
	var b strings.Builder
	b.WriteString("# The keys of a Latchkey server. Keep a copy apart from the database's: without them it cannot be used.\n")
	for _, k := range ks.keys {
		fmt.Fprintf(&b, "%s %s\n", k.id, base64.StdEncoding.EncodeToString(k.secret))
	}
	return b.String()
}

// Check is the current key's id and a value that only the holder of the key
// can make. A database keeps it, so that a server with another key is refused
// at start.
func (ks Keys) Check() (id string, value []byte) {
	return ks.keys[0].id, ks.mac("key check", "")
}

// Knows reports whether one of the keys made a value of [Keys.Check].
func (ks Keys) Knows(id string, value []byte) bool {
	for _, k := range ks.keys {
		if k.id == id {
			return hmac.Equal(k.mac("key check", ""), value)
		}
	}
	return false
}

// mac is HMAC-SHA256 under a sub-key of the current key, so that a value made
// for one purpose is worthless for another.
func (ks Keys) mac(purpose, message string) []byte { return ks.keys[0].mac(purpose, message) }

// macs is what mac is, and was under each key before.
func (ks Keys) macs(purpose, message string) [][]byte {
	all := make([][]byte, 0, len(ks.keys))
	for _, k := range ks.keys {
		all = append(all, k.mac(purpose, message))
	}
	return all
}

// seal encrypts plain under the current key. Only who names the same place, a
// row's table, column and identity, can open it: a sealed value is worthless in
// another row.
func (ks Keys) seal(plain, place string) string {
	aead := ks.keys[0].aead()
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, []byte(plain), []byte(place))
	return sealedForm + "." + ks.keys[0].id + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// unseal opens what seal has made, under whichever of the keys it was made.
func (ks Keys) unseal(sealed, place string) (string, error) {
	form, rest, _ := strings.Cut(sealed, ".")
	id, encoded, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || form != sealedForm {
		return "", fmt.Errorf("the sealed value at %s has another form", place)
	}
	for _, k := range ks.keys {
		if k.id != id {
			continue
		}
		aead := k.aead()
		if len(b) < aead.NonceSize() {
			break
		}
		plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(place))
		if err != nil {
			return "", fmt.Errorf("the sealed value at %s was not made for that place by these keys: %w", place, err)
		}
		return string(plain), nil
	}
	return "", fmt.Errorf("there is no key for the sealed value at %s", place)
}

// sealedForm begins sealed values: XChaCha20-Poly1305, whose nonces are long
// enough to be random.
const sealedForm = "v1"

// aead is the cipher of sealed values.
func (k key) aead() cipher.AEAD {
	aead, err := chacha20poly1305.NewX(k.sub("seal"))
	if err != nil {
		panic(err) // only for keys of another size
	}
	return aead
}

func (k key) mac(purpose, message string) []byte {
	h := hmac.New(sha256.New, k.sub(purpose))
	h.Write([]byte(message))
	return h.Sum(nil)
}

// sub is the key of one purpose.
func (k key) sub(purpose string) []byte {
	sub, err := hkdf.Key(sha256.New, k.secret, nil, "latchkey "+purpose, keySize)
	if err != nil {
		panic(err) // only for lengths over 255 hashes
	}
	return sub
}
