package store_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// TestBackupCodeSet checks that a user has one set of backup codes, and that it is deleted
// with the codes.
func TestBackupCodeSet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		none := func(what string) {
			t.Helper()
			if set, err := db.BackupCodeSet(t.Context(), "ann"); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: %+v, %v; want %v", what, set, err, account.ErrNotFound)
			}
		}
		none("at first")
		for _, salt := range []string{"first", "second"} {
			want := account.BackupCodeSet{UserID: "ann", Salt: []byte(salt), Iterations: 5}
			if err := db.ReplaceBackupCodes(t.Context(), want, [][]byte{[]byte(salt)}, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if got, err := db.BackupCodeSet(t.Context(), "ann"); err != nil || !bytes.Equal(got.Salt, want.Salt) || got.Iterations != 5 {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
			if n, err := db.CountBackupCodes(t.Context(), "ann"); n != 1 || err != nil {
				t.Errorf("%d codes, %v; want 1", n, err)
			}
		}
		if err := db.ReplaceBackupCodes(t.Context(), account.BackupCodeSet{UserID: "bob", Salt: []byte("his"), Iterations: 5},
			[][]byte{[]byte("one")}, now); err != nil {
			t.Fatal(err)
		}
		if err := db.DeleteBackupCodes(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		none("after the codes were deleted")
		if set, err := db.BackupCodeSet(t.Context(), "bob"); err != nil || string(set.Salt) != "his" {
			t.Errorf("another user's: %+v, %v", set, err)
		}
	})
}

// TestReplacedBackupCodes checks that the codes of the previous set stay, used and unused, until
// they expire, and that they are deleted with the others.
func TestReplacedBackupCodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		set := func(salt string) account.BackupCodeSet {
			return account.BackupCodeSet{UserID: "ann", Salt: []byte(salt), Iterations: 5}
		}
		replace := func(salt string, codes ...string) {
			t.Helper()
			digests := [][]byte{}
			for _, code := range codes {
				digests = append(digests, []byte(code))
			}
			if err := db.ReplaceBackupCodes(t.Context(), set(salt), digests, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		replaced := func(user string, at time.Time) (got string) {
			t.Helper()
			all, err := db.ReplacedBackupCodes(t.Context(), user, at)
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, r := range all {
				codes = append(codes, string(r.Salt)+" "+string(r.Digest))
				if r.Iterations != 5 || !r.ExpiresAt.Equal(now.Add(time.Hour)) {
					t.Errorf("%+v", r)
				}
			}
			slices.Sort(codes)
			return strings.Join(codes, ", ")
		}
		check := func(what, want string) {
			t.Helper()
			if got := replaced("ann", now); got != want {
				t.Errorf("%s, %q are kept; want %q", what, got, want)
			}
		}
		replace("first", "a", "b")
		check("at first", "")
		if _, err := db.UseBackupCode(t.Context(), "ann", [][]byte{[]byte("a")}); err != nil {
			t.Fatal(err)
		}
		replace("second", "c")
		check("after the first set", "first a, first b")
		if got := replaced("bob", now) + replaced("ann", now.Add(time.Hour)); got != "" {
			t.Errorf("another user's, or expired: %q", got)
		}
		replace("third", "d")
		check("after the second set", "second c")
		if err := db.DeleteExpired(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		check("before they expire", "second c")
		if err := db.DeleteExpired(t.Context(), now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		check("after they expired", "")
		replace("fourth", "e")
		check("after the third set", "third d")
		if err := db.DeleteBackupCodes(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		check("after the codes were deleted", "")
	})
}
