package store_test

import (
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// TestMailChanged checks that a server learns of an email that it has added once the email
// is committed, and when the next email is due.
func TestMailChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		wantSignal := func(what string, want bool) {
			t.Helper()
			got := false
			select {
			case <-db.MailChanged():
				got = true
			default:
			}
			if got != want {
				t.Errorf("%s: a signal: %t; want %t", what, got, want)
			}
		}
		wantNext := func(want time.Time) {
			t.Helper()
			due, found, err := db.NextMail(t.Context())
			if err != nil || found == want.IsZero() || !due.Equal(want) {
				t.Errorf("the next email is due at %v, %t, %v; want %v", due, found, err, want)
			}
		}
		wantNext(time.Time{})
		add := func(tx account.Store, id string, due time.Time) error {
			return tx.AddMail(t.Context(), mail.Mail{ID: id, Recipient: "ann@example.test", CreatedAt: now, LeasedUntil: due})
		}
		err := db.Tx(t.Context(), func(tx account.Store) error {
			err := add(tx, "first", now.Add(time.Hour))
			wantSignal("before the commit", false)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantSignal("after the commit", true)
		wantNext(now.Add(time.Hour))
		if err := add(db, "second", now); err != nil {
			t.Fatal(err)
		}
		wantSignal("without a transaction", true)
		wantNext(now)
		m, found, err := db.LeaseMail(t.Context(), now, now.Add(2*time.Hour))
		if err != nil || !found {
			t.Fatal(found, err)
		}
		wantSignal("after a lease", false)
		wantNext(now.Add(time.Hour))
		if err := db.RescheduleMail(t.Context(), m, now.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		wantSignal("after it was rescheduled", true)
		wantNext(now.Add(time.Second))
	})
}
