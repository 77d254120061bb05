package passhash

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/shared"
)

// cheap is a low cost, for tests that compute many hashes.
var cheap = Cost{Memory: 8, Time: 1, Threads: 1}

// TestHash checks that a hash matches its own password, and that a broken hash
// matches none.
func TestHash(t *testing.T) {
	const password = "correct horse battery staple"
	phc := OWASP.hash(password)
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash: %s", phc)
	}
	if phc == OWASP.hash(password) {
		t.Error("two hashes share a salt")
	}
	if !verify(phc, password) || verify(phc, password+" ") {
		t.Error("the hash does not match its password, or it matches another one")
	}
	weaker := "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$" +
		base64.RawStdEncoding.EncodeToString(cheap.key(password, []byte("saltsaltsaltsalt")))
	if !verify(weaker, password) {
		t.Error("a hash with other parameters does not match")
	}
	for _, broken := range []string{
		"", "$argon2id$", phc[:len(phc)-1], phc + "A",
		strings.Replace(phc, "m=19456", "m=8", 1), strings.Replace(phc, "argon2id", "argon2i", 1),
	} {
		if verify(broken, password) {
			t.Errorf("the broken hash %q matches", broken)
		}
	}
}

// TestBetterAuthHash checks a hash that Better Auth 1.7.25 produced.
func TestBetterAuthHash(t *testing.T) {
	const password = "correct horse battery 1"
	const hash = "38845ea470bdb59056e9652af9c85818:" +
		"4777bd05cece81882b1c2d6fcc1f80a58f63cfae126da415bc12815345d1b1fdc2f4792cd9f3fd4c90839e7eb3ed9ab3d292c124d359eec3d68ddfcfd7b2cf97"
	if !verify(hash, password) || !verify(hash, "correct horse battery １") {
		t.Error("the hash does not match its password, or does not match the NFKC form")
	}
	if verify(hash, password+" ") || verify(hash, "") || verify(hash[:len(hash)-1]+"0", password) ||
		verify(hash[1:], password) || verify(strings.ToUpper(hash), password) {
		t.Error("the hash matches another password, or another hash matches the password")
	}
	h := &Hasher{cost: OWASP}
	if !h.NeedsRehash(hash) || !h.NeedsRehash(cheap.hash(password)) || h.NeedsRehash(OWASP.hash(password)) {
		t.Error("a current hash is outdated, or an old one is not")
	}
}

// TestDecoy checks that the decoy has the cost of the Hasher, and differs for each Hasher.
func TestDecoy(t *testing.T) {
	h := New(cheap, time.Minute)
	if h.NeedsRehash(h.Decoy()) || New(cheap, time.Minute).Decoy() == h.Decoy() {
		t.Error("the decoy has another cost, or it is the same for each Hasher")
	}
}

// TestKey checks that the key depends on the secret, the salt and the cost.
func TestKey(t *testing.T) {
	slot := Slot{&Hasher{cost: cheap}}
	key := slot.Key("abcde-fghij", []byte("ann-salt"))
	dearer := Slot{&Hasher{cost: Cost{Memory: 16, Time: 1, Threads: 1}}}
	if !bytes.Equal(key, slot.Key("abcde-fghij", []byte("ann-salt"))) {
		t.Error("equal input gives two keys")
	}
	for what, other := range map[string][]byte{
		"salt":   slot.Key("abcde-fghij", []byte("bob-salt")),
		"secret": slot.Key("Abcde-fghij", []byte("ann-salt")),
		"cost":   dearer.Key("abcde-fghij", []byte("ann-salt")),
	} {
		if bytes.Equal(key, other) {
			t.Errorf("another %s gives the same key", what)
		}
	}
}

// TestCommonPasswords checks that the list is long, and that each entry can match a valid
// password.
func TestCommonPasswords(t *testing.T) {
	if n := len(common()); n < 10_000 {
		t.Errorf("the list has %d common passwords; want at least 10,000", n)
	}
	for p := range common() {
		if len([]rune(p)) < 8 || p != strings.ToLower(p) {
			t.Fatalf("no valid password matches %q", p)
		}
	}
	if !IsCommon("password1") || !IsCommon("PassWord1") || !IsCommon("ｐａｓｓｗｏｒｄ１") || IsCommon("correct horse battery staple") {
		t.Error("a common password is not recognized, or another one is")
	}
}

// TestHasherIsBounded checks that as many hashes run at once as there are processors. A
// caller that waits too long gets an error that says when to retry.
func TestHasherIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(OWASP, MaxWait)
		slots := int32(runtime.GOMAXPROCS(0))
		calls := 10 * slots
		var working, most, refused atomic.Int32
		var wg sync.WaitGroup
		for range calls {
			wg.Go(func() {
				slot, err := h.Acquire(context.Background())
				if err != nil {
					e, ok := errors.AsType[*shared.Error](err)
					if !ok || !errors.Is(err, shared.ErrUnavailable) || e.RetryAfter < 1 {
						t.Errorf("Acquire: %v", err)
					}
					refused.Add(1)
					return
				}
				defer slot.Release()
				if n := working.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second) // on the fake clock, a hash takes a second
				working.Add(-1)
			})
		}
		start := time.Now()
		wg.Wait()
		if most.Load() != slots {
			t.Errorf("%d hashes ran at once; want %d", most.Load(), slots)
		}
		// Calls that get a slot before the end of MaxWait succeed. Calls that get one
		// exactly at the end may succeed.
		rounds := int32(MaxWait / time.Second)
		if served := calls - refused.Load(); served < rounds*slots || served > (rounds+1)*slots {
			t.Errorf("%d calls succeeded; want %d or %d rounds of %d", served, rounds, rounds+1, slots)
		}
		if waited := time.Since(start); waited > MaxWait+time.Second {
			t.Errorf("the last call waited %v", waited)
		}
	})
}

// FuzzVerify checks that stored text that is not the hash of the password does not match
// it, and does not make Verify panic. It skips hashes with a high cost, which would only be
// slow.
func FuzzVerify(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAA")
	f.Add("$argon2id$v=19$m=8,t=0,p=0$$")
	f.Add(strings.Repeat("0", 32) + ":" + strings.Repeat("0", 128))
	f.Fuzz(func(t *testing.T, hash string) {
		if strings.Contains(hash, "$m=") && !strings.Contains(hash, "$m=8,t=1,p=1$") {
			return
		}
		if verify(hash, "correct horse battery staple") {
			t.Errorf("%q matches", hash)
		}
	})
}

// BenchmarkHash measures the cost of hashing a password.
func BenchmarkHash(b *testing.B) {
	for b.Loop() {
		OWASP.hash("correct horse battery staple")
	}
}
