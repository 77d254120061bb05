package passhash

import (
	"testing"
	"time"
)

// TestForeignHashes checks hashes that other implementations have made: the argon2 reference
// implementation (test.c), crypt_blowfish (wrapper.c), PHP's documentation of
// crypt, and Better Auth 1.7.25.
func TestForeignHashes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hash, password string
		form           Form
	}{
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", Argon2id},
		{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", Bcrypt},
		{"$2y$07$usesomesillystringfore2uDLvp1Ii2e./U9C8sBjqp8I90dH6hi", "rasmuslerdorf", Bcrypt},
		{
			"217e580fa9dee264570e715cfc7197a6:d50aee7ab9bf93c278c261386bb0be13ede44597e58897be312a3c1579737119" +
				"a2e996dccd48d1390b9c593608569f6c8eb9ac3181f860100d14a7e3e4989487",
			"Correct horse; battery staple 1", BetterAuth,
		},
	} {
		if form := FormOf(c.hash); form != c.form {
			t.Errorf("FormOf(%q) = %d, want %d", c.hash, form, c.form)
		}
		if !verify(c.hash, c.password) {
			t.Errorf("%q does not match %q", c.hash, c.password)
		}
		if verify(c.hash, c.password+"!") {
			t.Errorf("%q matches another password", c.hash)
		}
	}
}

// TestUnnormalizedPassword checks that a hash of another system matches the password as it was
// typed there, and that ours matches every form of it.
func TestUnnormalizedPassword(t *testing.T) {
	t.Parallel()
	composed, decomposed := "Brücke über", "Bru\u0308cke u\u0308ber"
	cost := Cost{Memory: 64, Time: 1, Threads: 1}
	salt := random(saltSize)
	foreign := cost.format(salt, cost.rawKey(decomposed, salt, hashSize))
	if !verify(foreign, decomposed) || verify(foreign, composed) {
		t.Error("the hash of a password that is not normalized must match that password only")
	}
	if own := cost.hash(decomposed); !verify(own, decomposed) || !verify(own, composed) {
		t.Error("our own hash must match each form of the password")
	}
}

// TestRefusedHashes checks that hashes that are unknown, or so expensive that they would keep
// the server from its work, match nothing.
func TestRefusedHashes(t *testing.T) {
	t.Parallel()
	const salt, key = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for hash, want := range map[string]Form{
		"": Unknown,
		"$argon2i$v=19$m=65536,t=2,p=1$" + salt + "$" + key:            Unknown,
		"$argon2id$v=16$m=65536,t=2,p=1$" + salt + "$" + key:           Unknown,
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$AAAA":             Unknown, // anybody finds 3 bytes
		"$argon2id$v=19$m=65536,t=2,p=1\x00$" + salt + "$" + key:       Unknown,
		"$argon2id$v=19$m=65536,t=2,p=1$" + salt + "\n$" + key:         Unknown,
		"x$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key:          Unknown,
		"$argon2id$v=19$m=4194304,t=1,p=1$" + salt + "$" + key:         Expensive,
		"$argon2id$v=19$m=65536,t=4000000,p=1$" + salt + "$" + key:     Expensive,
		"$argon2id$v=19$m=1,t=1048576,p=255$" + salt + "$" + key:       Expensive, // argon2id uses 2,040 KiB
		"$argon2id$v=19$m=1,t=1048576,p=1$" + salt + "$" + key:         Expensive,
		"$2a$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW": Expensive,
		"$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW": Unknown,
		"$pbkdf2-sha256$i=600000$" + salt + "$" + key:                  Unknown,
		"correct horse battery staple":                                 Unknown,
	} {
		if form := FormOf(hash); form != want {
			t.Errorf("FormOf(%q) = %d, want %d", hash, form, want)
		}
		if verify(hash, "password") || verify(hash, "U*U") {
			t.Errorf("%q matches a password", hash)
		}
	}
}

// TestLargeHashesWait checks that hashes of other systems that take more memory than our own wait
// for it: with a slot for each of many processors, they would otherwise take several gigabytes.
func TestLargeHashesWait(t *testing.T) {
	t.Parallel()
	cost := Cost{Memory: 64, Time: 1, Threads: 1}
	h := New(cost, MaxWait)
	large := Cost{Memory: 1024, Time: 1, Threads: 1}.hash("password")
	if !h.large.TryAcquire(maxMemory) {
		t.Fatal("the memory is not free")
	}
	if slot := (Slot{h}); !slot.Verify(cost.hash("password"), "password") {
		t.Error("our own hash does not match its password")
	}
	done := make(chan bool)
	go func() { done <- Slot{h}.Verify(large, "password") }()
	select {
	case <-done:
		t.Error("a large hash did not wait for memory")
		return
	case <-time.After(50 * time.Millisecond):
	}
	h.large.Release(maxMemory)
	if !<-done {
		t.Error("the large hash does not match its password")
	}
}
