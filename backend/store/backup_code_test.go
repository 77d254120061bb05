package store_test

import (
	"bytes"
	"errors"
	"testing"

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
			if err := db.ReplaceBackupCodes(t.Context(), want, [][]byte{[]byte(salt)}); err != nil {
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
			[][]byte{[]byte("one")}); err != nil {
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
