// Package passhash hashes passwords with argon2id and verifies them. It also verifies the
// hashes that other systems have made: see [Form]. It limits how many hashes run at once, and
// recognizes common passwords. It does not know which user has a password, and does not store
// hashes.
package passhash

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"

	"latchkey/shared"
)

// Cost is the cost of an argon2id hash. The hash of a password records its cost, so that
// the cost of new hashes can increase. The key of a legacy backup code does not (see
// [Slot.Key]): another cost invalidates the legacy backup codes that users have.
type Cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// OWASP is the minimum cost that the OWASP Password Storage Cheat Sheet recommends.
var OWASP = Cost{Memory: 19 * 1024, Time: 2, Threads: 1}

// The sizes of a salt and of a hash, in bytes.
const (
	saltSize = 16
	hashSize = 32
)

// MaxWait is how long a call waits for a slot before it fails. A request may take four
// seconds in total, and the database needs the rest. During MaxWait, two processors compute
// about two hundred hashes.
const MaxWait = 3 * time.Second

// Hasher computes and verifies password hashes, and limits how many run at once. A hash
// takes 19 MiB, and a flood of sign-ins must not take the memory or the processors from all
// other requests.
type Hasher struct {
	slots *semaphore.Weighted
	// large is the memory, in KiB, for the hashes of other systems that take more of it than our
	// own. There may be many slots.
	large *semaphore.Weighted
	cost  Cost
	wait  time.Duration
	decoy string
}

// New returns a Hasher that runs at most as many hashes at once as there are processors.
// wait is how long a call waits for a slot.
func New(cost Cost, wait time.Duration) *Hasher {
	return &Hasher{
		slots: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		large: semaphore.NewWeighted(maxMemory),
		cost:  cost,
		wait:  wait,
		decoy: cost.format(random(saltSize), random(hashSize)),
	}
}

// Slot is the right to compute one hash at a time. The caller must return it with
// [Slot.Release].
type Slot struct {
	hasher *Hasher
}

// Acquire waits for a slot. It fails with [shared.ErrUnavailable] if none becomes free in
// time.
func (h *Hasher) Acquire(ctx context.Context) (Slot, error) {
	ctx, cancel := context.WithTimeout(ctx, h.wait)
	defer cancel()
	if h.slots.Acquire(ctx, 1) != nil {
		return Slot{}, shared.ErrUnavailable.After(h.wait)
	}
	return Slot{h}, nil
}

// Release gives the slot to the next call.
func (s Slot) Release() { s.hasher.slots.Release(1) }

// Verify reports whether hash is the hash of password. It uses the parameters in the hash,
// so that hashes with an older cost, and those of other systems, stay valid.
func (s Slot) Verify(hash, password string) bool {
	if a, ok := parseArgon2id(hash); ok && a.cost.memory() > s.hasher.cost.Memory && FormOf(hash) == Argon2id {
		memory := int64(a.cost.memory())
		if s.hasher.large.Acquire(context.Background(), memory) != nil { // the holders need no more than a second each
			return false
		}
		defer s.hasher.large.Release(memory)
	}
	return verify(hash, password)
}

// Key returns the argon2id key of secret and salt at the cost of the Hasher. Unlike a hash,
// the key records neither the salt nor the cost.
func (s Slot) Key(secret string, salt []byte) []byte { return s.hasher.cost.key(secret, salt) }

// Hash waits for a slot and hashes password. It fails with [shared.ErrUnavailable] if no
// slot becomes free in time.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	slot, err := h.Acquire(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Release()
	return h.cost.hash(password), nil
}

// Decoy returns a hash of the Hasher's cost that matches no known password, because its key
// is random. To verify the decoy in place of a missing hash takes the same time, so that the
// timing of a response does not reveal whether an account exists.
func (h *Hasher) Decoy() string { return h.decoy }

// NeedsRehash reports whether a hash has another algorithm or cost than the Hasher's.
func (h *Hasher) NeedsRehash(hash string) bool { return !strings.HasPrefix(hash, h.cost.prefix()) }

func (c Cost) hash(password string) string {
	salt := random(saltSize)
	return c.format(salt, c.key(password, salt))
}

// format returns the hash that consists of a salt and a key.
func (c Cost) format(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return c.prefix() + b64.EncodeToString(salt) + "$" + b64.EncodeToString(key)
}

// random returns n random bytes.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// key hashes the NFKC form, so that a password typed on another keyboard is the
// same password (NIST SP 800-63B-4, section 3.1.1.2).
func (c Cost) key(password string, salt []byte) []byte {
	return c.rawKey(norm.NFKC.String(password), salt, hashSize)
}

// rawKey hashes the password as it is. size is the size of the key in bytes.
func (c Cost) rawKey(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, uint32(size))
}

// prefix returns the prefix of the hashes of the cost.
func (c Cost) prefix() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, c.Memory, c.Time, c.Threads)
}
