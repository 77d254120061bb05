package account

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/backend/keyring"
	"latchkey/backend/passhash"
	"latchkey/shared"
)

// TestNewBackupCode checks the form of new codes, that no two codes are the same, and that
// all characters of the alphabet are about equally frequent.
func TestNewBackupCode(t *testing.T) {
	form := regexp.MustCompile(`^([0-9a-hjkmnp-tv-z]{4}-){2}[0-9a-hjkmnp-tv-z]{4}$`)
	seen, times := map[string]bool{}, map[rune]int{}
	const n = 8000
	for range n {
		code := newBackupCode()
		if !form.MatchString(code) || seen[code] {
			t.Fatalf("backup code %q", code)
		}
		seen[code] = true
		for _, r := range code {
			times[r]++
		}
	}
	for _, r := range backupCodeAlphabet {
		// Allow ten standard deviations from the mean of 3000.
		if times[r] < 2460 || times[r] > 3540 {
			t.Errorf("%q comes up %d times; want about %d", r, times[r], n*backupCodeLength/len(backupCodeAlphabet))
		}
	}
}

func TestParseBackupCode(t *testing.T) {
	const code = "k7qm3rx90112"
	for _, text := range []string{
		"k7qm-3rx9-0112", "k7qm3rx90112", "K7QM-3RX9-0112", "K7qm 3Rx9 0112", " k7qm - 3rx9 - 0112\n", "k7qm–3rx9—0112",
		"K7QM-3RX9-OIL2", "k7qm-3rx9-oil2", "k7qm-3rx9-0ıi2", "ｋ７ｑｍ－３ｒｘ９－０１１２", "\u2066k7qm-3rx9-0112\u2069",
		"k7qm\u200b3rx9\u200b0112", "\ufeffk7qm-3rx9-0112", "k\u0667qm-\u0663rx\u0669-\u0660\u0661\u0661\u0662",
	} {
		if got, ok := parseBackupCode(shared.TypedCode(text)); !ok || got != code {
			t.Errorf("%q is read as %q, %t", text, got, ok)
		}
	}
	for _, text := range []string{
		"", "k7qm-3rx9-011", "k7qm-3rx9-01122", "k7qm-3rx9-011u", "k7qm_3rx9_0112", "k7qm.3rx9.0112", "k7qm-3rx9-011\u00e9", "aaaaa-bbbbb",
	} {
		if got, ok := parseBackupCode(shared.TypedCode(text)); ok {
			t.Errorf("%q is read as %q", text, got)
		}
	}
	for range 100 {
		code := newBackupCode()
		if got, ok := parseBackupCode(shared.TypedCode(strings.ToUpper(code))); !ok || got != strings.ReplaceAll(code, "-", "") {
			t.Errorf("%q is read as %q, %t", code, got, ok)
		}
	}
}

// TestBackupCodeSet checks that each set has its own salt and records the cost of its
// hashes, and that its digests match its codes.
func TestBackupCodeSet(t *testing.T) {
	s := &Service{Keys: keyring.New()}
	codes, set, digests := s.newBackupCodes("ann")
	if set.UserID != "ann" || len(set.Salt) != 16 || set.Iterations != 10_000 || len(codes) != 10 || len(digests) != 10 {
		t.Errorf("%d codes, %d digests, set %+v", len(codes), len(digests), set)
	}
	code, _ := parseBackupCode(shared.TypedCode(codes[9]))
	if want := s.Keys.MAC("backup code", set.hash(code)); !bytes.Equal(digests[9], want) {
		t.Errorf("digest %x; want %x", digests[9], want)
	}
	_, other, _ := s.newBackupCodes("ann")
	if bytes.Equal(set.Salt, other.Salt) || set.hash(code) == other.hash(code) {
		t.Error("two sets share a salt")
	}
	slot := acquire(t)
	if legacyBackupCodeHash(slot, "ann", "abcde-fghij") == legacyBackupCodeHash(slot, "bob", "abcde-fghij") {
		t.Error("the old codes of two users have one hash")
	}
}

// BenchmarkNewBackupCodes measures the cost of ten codes on one processor.
func BenchmarkNewBackupCodes(b *testing.B) {
	s := &Service{Keys: keyring.New()}
	for b.Loop() {
		s.newBackupCodes("ann")
	}
}

// BenchmarkBackupCode measures the cost of an attempt with a new and with a legacy code.
func BenchmarkBackupCode(b *testing.B) {
	set := newBackupCodeSet("ann")
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			set.hash("k7qm3rx90112")
		}
	})
	b.Run("old", func(b *testing.B) {
		slot := acquire(b)
		for b.Loop() {
			legacyBackupCodeHash(slot, "ann", "abcde-fghij")
		}
	})
}

// acquire returns a hashing slot with the cost that servers use.
func acquire(tb testing.TB) passhash.Slot {
	tb.Helper()
	slot, err := passhash.New(passhash.OWASP, time.Minute).Acquire(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(slot.Release)
	return slot
}
