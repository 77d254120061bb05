package passhash

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"
)

// A Form is the form of a stored hash. Verify recognizes it from the hash itself.
type Form int

const (
	// Unknown is a hash that Verify refuses, whatever the password.
	Unknown Form = iota
	// Argon2id is a PHC string (github.com/P-H-C/phc-string-format), which all new hashes are:
	//
	//	$argon2id$v=19$m=19456,t=2,p=1$SALT$KEY
	Argon2id
	// Bcrypt is the form of OpenBSD and its successors, with the prefix $2a$, $2b$ or $2y$.
	Bcrypt
	// BetterAuth is Better Auth's form of scrypt: the salt, a colon and the key, both in
	// hexadecimal.
	BetterAuth
	// Expensive is an argon2id or bcrypt hash that would take more than about a second or
	// 256 MiB. Verify refuses it: a few sign-ins would keep the server from all else.
	Expensive
)

const (
	maxMemory     = 256 * 1024  // KiB
	maxWork       = 1024 * 1024 // KiB times passes; argon2id needs about a second for it
	maxBcryptCost = 14          // about a second
)

// FormOf returns the form of a hash.
func FormOf(hash string) Form {
	if betterAuthForm().MatchString(hash) {
		return BetterAuth
	}
	if m := bcryptForm().FindStringSubmatch(hash); m != nil {
		if cost, _ := strconv.Atoi(m[1]); cost > maxBcryptCost {
			return Expensive
		}
		return Bcrypt
	}
	a, ok := parseArgon2id(hash)
	switch {
	case !ok:
		return Unknown
	case a.cost.memory() > maxMemory || uint64(a.cost.memory())*uint64(a.cost.Time) > maxWork:
		return Expensive
	}
	return Argon2id
}

func verify(hash, password string) bool {
	switch FormOf(hash) {
	case Argon2id:
		a, _ := parseArgon2id(hash)
		return a.verify(password)
	case Bcrypt:
		// bcrypt reads 72 bytes of a password.
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	case BetterAuth:
		return verifyBetterAuth(hash, password)
	}
	return false
}

var bcryptForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\$2[aby]\$(\d\d)\$[./0-9A-Za-z]{53}$`) })

var betterAuthForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{32}:[0-9a-f]{128}$`) })

// verifyBetterAuth reports whether a hash from Better Auth is the hash of password. The
// salt is the 32 hexadecimal digits themselves, not the bytes that they encode.
func verifyBetterAuth(hash, password string) bool {
	salt, key, _ := strings.Cut(hash, ":")
	want, err1 := hex.DecodeString(key)
	got, err2 := scrypt.Key([]byte(norm.NFKC.String(password)), []byte(salt), 1<<14, 16, 1, len(want))
	return err1 == nil && err2 == nil && subtle.ConstantTimeCompare(got, want) == 1
}

// An argon2idHash is a PHC string, parsed.
type argon2idHash struct {
	cost      Cost
	salt, key []byte
}

// parseArgon2id parses a PHC string. RFC 9106, section 3.1, recommends a salt of 16 bytes, and
// allows shorter ones. A key of 16 bytes is the shortest that nobody finds by trying.
func parseArgon2id(hash string) (a argon2idHash, ok bool) {
	part := strings.Split(hash, "$") // "", argon2id, v=19, m=…,t=…,p=…, salt, key
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return a, false
	}
	c := &a.cost
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads); err != nil || c.Time < 1 || c.Threads < 1 {
		return a, false
	}
	var err1, err2 error
	a.salt, err1 = base64.RawStdEncoding.DecodeString(part[4])
	a.key, err2 = base64.RawStdEncoding.DecodeString(part[5])
	if err1 != nil || err2 != nil || a.cost.format(a.salt, a.key) != hash { // Sscanf and DecodeString ignore some text
		return a, false
	}
	return a, len(a.salt) >= 8 && len(a.salt) <= 64 && len(a.key) >= 16 && len(a.key) <= 64
}

// memory returns the memory in KiB that argon2id really uses: at least eight blocks for each thread
// (RFC 9106, section 3.1).
func (c Cost) memory() uint32 { return max(c.Memory, 8*uint32(c.Threads)) }

// verify tries the NFKC form of the password, which our own hashes are of, and the password as
// it is, which the hashes of most other systems are of.
func (a argon2idHash) verify(password string) bool {
	normal := norm.NFKC.String(password)
	if subtle.ConstantTimeCompare(a.cost.rawKey(normal, a.salt, len(a.key)), a.key) == 1 {
		return true
	}
	return normal != password && subtle.ConstantTimeCompare(a.cost.rawKey(password, a.salt, len(a.key)), a.key) == 1
}
