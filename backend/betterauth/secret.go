package betterauth

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Secrets are the secrets of an application.
type Secrets struct {
	single   string         // BETTER_AUTH_SECRET
	versions map[int]string // BETTER_AUTH_SECRETS; nil if it is not set
	current  int            // the version that encrypts and signs
}

var (
	// ErrSecret means that a value was encrypted with another secret.
	ErrSecret = errors.New("encrypted with another secret")
	// ErrVersion means that a value was encrypted with a version of BETTER_AUTH_SECRETS that
	// is not among the secrets. Errors that wrap it name the version.
	ErrVersion = errors.New("made with BETTER_AUTH_SECRETS")
	// ErrOpaque means that the application stores a value in a way of its own.
	ErrOpaque = errors.New("not stored as Better Auth does by default")
)

// defaultSecret is what Better Auth uses if an application has no secret.
const defaultSecret = "better-auth-secret-12345678901234567890"

// ParseSecrets returns the secrets of an application that has these two in its environment:
// BETTER_AUTH_SECRET, whose text is used as it is, and BETTER_AUTH_SECRETS, as in
// "2:new,1:old". One of them can be empty.
func ParseSecrets(secret, versioned string) (Secrets, error) {
	s := Secrets{single: secret}
	if versioned == "" {
		if secret == "" {
			return Secrets{}, errors.New("there is no secret")
		}
		return s, nil
	}
	s.versions = make(map[int]string)
	for i, entry := range strings.Split(versioned, ",") {
		number, value, _ := strings.Cut(strings.TrimSpace(entry), ":")
		version, err := strconv.Atoi(number)
		value = strings.TrimSpace(value)
		if err != nil || version < 0 || value == "" {
			return Secrets{}, fmt.Errorf("entry %d of BETTER_AUTH_SECRETS must be a number, a colon and a secret", i+1)
		}
		if _, exists := s.versions[version]; exists {
			return Secrets{}, fmt.Errorf("BETTER_AUTH_SECRETS has version %d twice", version)
		}
		if i == 0 {
			s.current = version
		}
		s.versions[version] = value
	}
	return s, nil
}

// String returns a placeholder, so that no secret is printed.
func (Secrets) String() string { return "(secrets)" }

// GoString returns a placeholder, so that no secret is printed.
func (Secrets) GoString() string { return "(secrets)" }

// MarshalText returns a placeholder, so that no secret is logged.
func (Secrets) MarshalText() ([]byte, error) { return []byte("(secrets)"), nil }

// Signing returns the secret that signs cookies.
func (s Secrets) Signing() string {
	if s.versions != nil {
		return s.versions[s.current]
	}
	return s.single
}

// IsDefault reports whether cookies are signed with the secret that Better Auth uses if an
// application has none. It is public, so anyone can forge such a cookie.
func (s Secrets) IsDefault() bool { return s.Signing() == defaultSecret }

// prefixBase32 precedes a TOTP secret that another product has made.
const prefixBase32 = "base32:"

// TOTPKey decrypts the Secret of a [TwoFactor], and returns the key of its codes (RFC 6238).
// It fails with [ErrSecret], [ErrVersion] or [ErrOpaque].
func (s Secrets) TOTPKey(stored string) ([]byte, error) {
	plain, err := s.decrypt(stored)
	if err != nil {
		return nil, err
	}
	key := []byte(plain)
	if encoded, ok := strings.CutPrefix(plain, prefixBase32); ok {
		if key, err = decodeBase32(encoded); err != nil {
			return nil, ErrOpaque
		}
	}
	if len(key) == 0 {
		return nil, ErrOpaque
	}
	return key, nil
}

// decodeBase32 decodes base32 as Better Auth does: in any case, up to the padding, and
// without the bits of an incomplete byte.
func decodeBase32(s string) ([]byte, error) {
	s, _, _ = strings.Cut(strings.ToUpper(s), "=")
	switch len(s) % 8 {
	case 1, 3, 6: // the last character completes no byte
		s = s[:len(s)-1]
	}
	if strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return nil, ErrOpaque
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
}

// BackupCodes decrypts the BackupCodes of a [TwoFactor], and returns those that are not
// used. They may also be stored in clear. It fails with [ErrSecret], [ErrVersion] or
// [ErrOpaque].
func (s Secrets) BackupCodes(stored string) ([]string, error) {
	plain := stored
	if !strings.HasPrefix(stored, "[") {
		var err error
		if plain, err = s.decrypt(stored); err != nil {
			return nil, err
		}
	}
	var codes []string
	if err := json.Unmarshal([]byte(plain), &codes); err != nil || codes == nil {
		return nil, ErrOpaque // without err, which may quote a code
	}
	return codes, nil
}

// prefixVersion precedes the version of the secret in an encrypted value.
const prefixVersion = "$ba$"

// decrypt returns the plain text of an encrypted value.
func (s Secrets) decrypt(stored string) (string, error) {
	secret := s.single
	if envelope, ok := strings.CutPrefix(stored, prefixVersion); ok {
		number, rest, _ := strings.Cut(envelope, "$")
		version, err := strconv.Atoi(number)
		if err != nil || version < 0 {
			return "", ErrOpaque
		}
		stored = rest
		if secret, ok = s.versions[version]; !ok && s.versions != nil {
			return "", fmt.Errorf("%w: it has no version %d", ErrVersion, version)
		} else if !ok {
			return s.withoutVersions(stored, version)
		}
	} else if secret == "" {
		return "", fmt.Errorf("%w: with BETTER_AUTH_SECRET, before there was BETTER_AUTH_SECRETS", ErrSecret)
	}
	return open(secret, stored)
}

// withoutVersions decrypts a value of some version of BETTER_AUTH_SECRETS with the single
// secret, which may be that version's.
func (s Secrets) withoutVersions(encrypted string, version int) (string, error) {
	plain, err := open(s.single, encrypted)
	if errors.Is(err, ErrSecret) {
		return "", fmt.Errorf("%w: version %d", ErrVersion, version)
	}
	return plain, err
}

// open decrypts hex of a nonce, a ciphertext and its tag.
func open(secret, encrypted string) (string, error) {
	sealed, err := hex.DecodeString(encrypted)
	if err != nil || len(sealed) < chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead {
		return "", ErrOpaque
	}
	key := sha256.Sum256([]byte(secret))
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return "", err
	}
	nonce, ciphertext := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	plain, err := aead.Open(nil, nonce, ciphertext, nil)
	if err != nil {
		return "", ErrSecret
	}
	return string(plain), nil
}
