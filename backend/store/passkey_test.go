package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
)

func addPasskey(t *testing.T, db account.Store, user, id string, count int64) account.Passkey {
	t.Helper()
	name := "Name of " + id
	p := account.Passkey{
		ID: id, UserID: user, Name: &name, CredentialID: []byte("credential of " + id), PublicKey: []byte("key"), SignCount: count,
		AAGUID: "00000000-0000-0000-0000-000000000000", Transports: "internal,hybrid", BackupEligible: true, CreatedAt: now,
	}
	if err := db.AddPasskey(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPasskeysOfAnotherUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		ann := addUser(t, db, "ann")
		addUser(t, db, "bob")
		want := addPasskey(t, db, "ann", "1", 0)
		theft := want
		theft.ID, theft.UserID = "2", "bob"
		if err := db.AddPasskey(t.Context(), theft); !errors.Is(err, shared.ErrPasskeyRegistered) {
			t.Errorf("the same credential for another: %v", err)
		}
		for what, err := range map[string]error{
			"renamed by another": db.RenamePasskey(t.Context(), "bob", "1", "Bob's"),
			"deleted by another": db.DeletePasskey(t.Context(), "bob", "1"),
			"renamed, unknown":   db.RenamePasskey(t.Context(), "ann", "2", "Name"),
		} {
			if !errors.Is(err, shared.ErrPasskeyNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		got, owner, err := db.PasskeyByCredential(t.Context(), want.CredentialID)
		if err != nil || *got.Name != *want.Name || owner.ID != ann.ID || string(owner.Handle) != string(ann.Handle) {
			t.Errorf("passkey %+v of %v, %v", got, owner, err)
		}
		if err := db.RenamePasskey(t.Context(), "ann", "1", "Other"); err != nil {
			t.Fatal(err)
		}
		if all, err := db.Passkeys(t.Context(), "ann"); err != nil || len(all) != 1 || *all[0].Name != "Other" || all[0].LastUsedAt != nil {
			t.Errorf("passkeys %+v, %v", all, err)
		}
		if err := db.DeletePasskey(t.Context(), "ann", "1"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := db.PasskeyByCredential(t.Context(), want.CredentialID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("one that was deleted: %v", err)
		}
	})
}

// TestUsePasskeyOnce checks that of several uses with one counter value, as a passkey and
// its copy would make, only one succeeds.
func TestUsePasskeyOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		use := func(p account.Passkey, count int64) error {
			p.SignCount, p.LastUsedAt = count, &now
			return db.UsePasskey(context.Background(), p)
		}
		counts := addPasskey(t, db, "ann", "1", 21)
		if won := atOnce(t, 20, account.ErrCopied, func(int) error { return use(counts, 22) }); won != 1 {
			t.Errorf("%d of 20 used it; want 1", won)
		}
		for count, want := range map[int64]error{0: account.ErrCopied, 5: account.ErrCopied, 22: account.ErrCopied, 30: nil} {
			if err := use(counts, count); !errors.Is(err, want) {
				t.Errorf("count %d: %v; want %v", count, err, want)
			}
		}
		silent := addPasskey(t, db, "ann", "2", 0)
		for range 2 {
			if err := use(silent, 0); err != nil {
				t.Errorf("one that does not count: %v", err)
			}
		}
		if err := db.DeletePasskey(t.Context(), "ann", "2"); err != nil {
			t.Fatal(err)
		}
		if err := use(silent, 0); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("one that was deleted: %v", err)
		}
	})
}

func TestTakeCeremonyOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		want := account.Ceremony{
			ChallengeHash: []byte("challenge"), BrowserHash: []byte("browser"), Kind: "register", Conditional: true,
			UserID: "ann", SessionID: "s", ExpiresAt: now.Add(time.Minute),
		}
		nobodys := account.Ceremony{ChallengeHash: []byte("another"), BrowserHash: want.BrowserHash, Kind: "authenticate",
			ExpiresAt: want.ExpiresAt}
		if err := errors.Join(db.AddCeremony(t.Context(), want), db.AddCeremony(t.Context(), nobodys)); err != nil {
			t.Fatal(err)
		}
		take := func(browser, challenge, kind string, at time.Time) (account.Ceremony, error) {
			return db.TakeCeremony(context.Background(), []byte(browser), []byte(challenge), kind, at)
		}
		for _, not := range []struct {
			browser, challenge, kind string
			at                       time.Time
		}{
			{"other", "challenge", "register", now}, {"browser", "other", "register", now},
			{"browser", "challenge", "authenticate", now}, {"browser", "challenge", "register", want.ExpiresAt},
		} {
			if _, err := take(not.browser, not.challenge, not.kind, not.at); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%v: %v", not, err)
			}
		}
		won := atOnce(t, 20, account.ErrNotFound, func(int) error {
			got, err := take("browser", "challenge", "register", now)
			if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("took %v; want %v", got, want)
			}
			return err
		})
		if won != 1 {
			t.Errorf("%d of 20 took it; want 1", won)
		}
		for kind, want := range map[string]int{"register": 0, "authenticate": 1} {
			if n, err := db.DeleteCeremonies(t.Context(), []byte("browser"), kind, now); n != want || err != nil {
				t.Errorf("deleted %d to %s, %v; want %d", n, kind, err, want)
			}
		}
	})
}

func TestDeleteExpiredCeremonies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		browser := []byte("browser")
		for i, expires := range []time.Time{now, now.Add(time.Minute)} {
			if err := db.AddCeremony(t.Context(), account.Ceremony{ChallengeHash: []byte{byte(i)}, BrowserHash: browser,
				Kind: "authenticate", ExpiresAt: expires}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.DeleteExpired(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if n, err := db.DeleteCeremonies(t.Context(), browser, "authenticate", now.Add(-time.Hour)); n != 1 || err != nil {
			t.Errorf("%d ceremonies are left, %v; want 1", n, err)
		}
	})
}
