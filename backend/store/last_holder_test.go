package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
)

// TestDeleteLastHolder checks that the last enabled holder of a permission is not deleted,
// and that of several at once one stays.
func TestDeleteLastHolder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		required := []string{account.PermissionUsers, account.PermissionSettings}
		grant := func(user string, permissions ...string) {
			t.Helper()
			for _, p := range permissions {
				if err := db.Grant(t.Context(), user, p); err != nil {
					t.Fatal(err)
				}
			}
		}
		wantDeletion := func(user string, want error) {
			t.Helper()
			last, err := db.IsLastHolder(t.Context(), user, required...)
			if err != nil || last != errors.Is(want, shared.ErrLastAdministrator) {
				t.Errorf("%s is the last holder: %t, %v", user, last, err)
			}
			if err := db.DeleteUser(t.Context(), user, required...); !errors.Is(err, want) {
				t.Errorf("deleting %s: %v; want %v", user, err, want)
			}
		}
		wantDeletion("nobody", shared.ErrUnauthorized)
		const n = 8
		for i := range n {
			addUser(t, db, fmt.Sprint("admin", i))
			grant(fmt.Sprint("admin", i), required...)
		}
		deleted := atOnce(t, n, shared.ErrLastAdministrator, func(i int) error {
			return db.Tx(context.Background(), func(tx account.Store) error {
				if _, err := tx.LockUser(context.Background(), fmt.Sprint("admin", i)); err != nil {
					return err
				}
				return tx.DeleteUser(context.Background(), fmt.Sprint("admin", i), required...)
			})
		})
		if deleted != n-1 {
			t.Errorf("%d of %d holders were deleted at once; want all but one", deleted, n)
		}
		left, err := db.UsersWith(t.Context(), account.PermissionUsers)
		if err != nil || len(left) != 1 {
			t.Fatal(left, err)
		}
		last := left[0].ID
		addUser(t, db, "ann")
		wantDeletion(last, shared.ErrLastAdministrator)
		wantDeletion("ann", nil)
		for _, one := range required { // the other one is still missing
			user := "with " + one
			addUser(t, db, user)
			grant(user, one, account.PermissionAudit)
			wantDeletion(last, shared.ErrLastAdministrator)
			wantDeletion(user, nil)
		}
		addUser(t, db, "bob")
		grant("bob", required...)
		if _, err := db.DisableUser(t.Context(), "bob", now); err != nil {
			t.Fatal(err)
		}
		wantDeletion(last, shared.ErrLastAdministrator)
		if _, err := db.EnableUser(t.Context(), "bob", now); err != nil {
			t.Fatal(err)
		}
		wantDeletion(last, nil)
		wantDeletion("bob", shared.ErrLastAdministrator)
	})
}
