package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
)

func TestOneTimeTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		add := func(hash, purpose, user string, at time.Time) account.OneTimeToken {
			t.Helper()
			token := account.OneTimeToken{Hash: []byte(hash), Purpose: purpose, UserID: user, Data: "sealed",
				CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
			if err := db.AddOneTimeToken(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			return token
		}
		exists := func(hash string, want bool) {
			t.Helper()
			if _, err := db.OneTimeToken(t.Context(), []byte(hash)); (err == nil) != want || err != nil && !errors.Is(err, account.ErrNotFound) {
				t.Errorf("the token %s: %v; want it to exist: %t", hash, err, want)
			}
		}
		want := add("1", "a", "ann", now)
		if got, err := db.OneTimeToken(t.Context(), want.Hash); err != nil || got.UserID != "ann" || got.Data != "sealed" ||
			!got.ExpiresAt.Equal(want.ExpiresAt) {
			t.Errorf("token: %+v, %v; want %+v", got, err, want)
		}
		if got, err := db.OneTimeToken(t.Context(), want.Hash); err != nil || got.UsedAt != nil {
			t.Errorf("a new token: %+v, %v; want it unused", got, err)
		}
		used := now.Add(time.Minute)
		if n := atOnce(t, 16, account.ErrNotFound, func(int) error {
			got, err := db.TakeOneTimeToken(context.Background(), want.Hash, "a", used)
			if err == nil && (got.UserID != "ann" || got.Data != "sealed") {
				t.Errorf("taken: %+v", got)
			}
			return err
		}); n != 1 {
			t.Errorf("%d took the token; want 1", n)
		}
		revoke := func(want int, since time.Time, purposes ...string) {
			t.Helper()
			if n, err := db.RevokeOneTimeTokens(t.Context(), "ann", since, "revoked", purposes...); n != want || err != nil {
				t.Errorf("%d tokens revoked, %v; want %d", n, err, want)
			}
		}
		// Revoking tokens leaves a used token as it is.
		revoke(0, time.Time{}, "a")
		if got, err := db.OneTimeToken(t.Context(), want.Hash); err != nil || got.UsedAt == nil || !got.UsedAt.Equal(used) ||
			got.Data != "sealed" {
			t.Errorf("used: %+v, %v; want it used at %v", got, err, used)
		}
		if err := db.DeleteExpired(t.Context(), want.ExpiresAt); err != nil {
			t.Fatal(err)
		}
		exists("1", false)

		add("old", "a", "ann", now.Add(-time.Minute))
		add("new", "a", "ann", now)
		add("of b", "b", "ann", now)
		add("of c", "c", "ann", now)
		add("bob's", "a", "bob", now)
		open := func(want ...string) {
			t.Helper()
			tokens, err := db.OpenOneTimeTokens(t.Context(), "ann", "a", now)
			var got []string
			for _, token := range tokens {
				got = append(got, string(token.Hash))
			}
			if !slices.Equal(got, want) || err != nil {
				t.Errorf("the open tokens are %q, %v; want %q", got, err, want)
			}
		}
		open("new", "old")
		isRevoked := func(hash string, want bool) {
			t.Helper()
			got, err := db.OneTimeToken(t.Context(), []byte(hash))
			if err != nil || (got.Purpose == "revoked") != want || (got.Data == "") != want {
				t.Errorf("the token %s: %+v, %v; want it to be revoked: %t", hash, got, err, want)
			}
		}
		revoke(2, now, "a", "b")
		isRevoked("old", false)
		isRevoked("new", true)
		isRevoked("of b", true)
		isRevoked("of c", false)
		isRevoked("bob's", false)
		open("old")
		if _, err := db.TakeOneTimeToken(t.Context(), []byte("new"), "a", now); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a revoked token is taken: %v", err)
		}
		revoke(1, time.Time{}, "a")
		isRevoked("old", true)
		open()
		if err := db.DeleteExpired(t.Context(), now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		exists("new", false)
		add("bob's", "a", "bob", now.Add(time.Minute))
		if err := db.DeleteUser(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		exists("bob's", false)
	})
}

func TestWriteMailOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		m := mail.Mail{ID: "m", Request: "sealed", CreatedAt: now, LeasedUntil: now}
		if err := db.AddMail(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		m, found, err := db.LeaseMail(t.Context(), now, now.Add(time.Minute))
		if err != nil || !found {
			t.Fatal(found, err)
		}
		stale := m
		stale.LeasedUntil = now
		if err := db.WriteMail(t.Context(), stale); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("under another lease: %v", err)
		}
		m.Request, m.Recipient, m.Subject, m.Text, m.HTML = "", "ann@example.test", "S", "T", "H"
		if n := atOnce(t, 16, account.ErrNotFound, func(int) error { return db.WriteMail(context.Background(), m) }); n != 1 {
			t.Errorf("%d wrote the mail; want 1", n)
		}
		got, found, err := db.LeaseMail(t.Context(), now.Add(time.Minute), now.Add(2*time.Minute))
		if err != nil || !found || got.Recipient != m.Recipient || got.Text != "T" || got.Request != "" {
			t.Errorf("written: %+v, %v", got, err)
		}
	})
}

func TestChangeEmail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		// A refusal does not abort the transaction.
		err := db.Tx(t.Context(), func(tx account.Store) error {
			if err := tx.ChangeEmail(t.Context(), "ann", "bob@example.test", true, now); !errors.Is(err, shared.ErrUserExists) {
				t.Errorf("a taken address: %v", err)
			}
			if err := tx.AddUser(t.Context(), account.User{ID: "eve", Email: "bob@example.test", Handle: []byte("h"),
				CreatedAt: now, UpdatedAt: now}); !errors.Is(err, shared.ErrUserExists) {
				t.Errorf("a new user of a taken address: %v", err)
			}
			return tx.ChangeEmail(t.Context(), "ann", "ann2@example.test", true, now)
		})
		if err != nil {
			t.Fatal(err)
		}
		if u, err := db.UserByID(t.Context(), "ann"); err != nil || u.Email != "ann2@example.test" || !u.EmailVerified {
			t.Errorf("changed: %+v, %v", u, err)
		}
		if ok, err := db.VerifyUser(t.Context(), "bob", "ann@example.test", now); ok || err != nil {
			t.Errorf("another address is verified: %t, %v", ok, err)
		}
		for _, want := range []bool{true, false} {
			if ok, err := db.VerifyUser(t.Context(), "bob", "bob@example.test", now); ok != want || err != nil {
				t.Errorf("verified: %t, %v; want %t", ok, err, want)
			}
		}
		n := atOnce(t, 16, shared.ErrUserExists, func(i int) error {
			user := []string{"ann", "bob"}[i%2]
			return db.ChangeEmail(context.Background(), user, "same@example.test", true, now)
		})
		if n != 1 {
			t.Errorf("%d of two users at once have taken an address; want 1", n)
		}
	})
}

func TestVoidPassword(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		if err := db.VoidPassword(t.Context(), "ann"); err != nil { // there is no password
			t.Fatal(err)
		}
		for _, hash := range []string{"first", "second"} {
			if err := db.PutPassword(t.Context(), account.Password{UserID: "ann", Hash: hash, ChangedAt: now}); err != nil {
				t.Fatal(err)
			}
			if err := db.UsePassword(t.Context(), "ann", hash); err != nil {
				t.Errorf("a good password: %v", err)
			}
			if u, _, err := db.LockUserByPassword(t.Context(), "ann", hash); err != nil || u.Email != "ann@example.test" {
				t.Errorf("the user of a good password: %v, %v", u, err)
			}
			if _, _, err := db.LockUserByPassword(t.Context(), "ann", "another"); !errors.Is(err, shared.ErrCredentials) {
				t.Errorf("the user of another password: %v", err)
			}
			if err := db.VoidPassword(t.Context(), "ann"); err != nil {
				t.Fatal(err)
			}
			if err := db.UsePassword(t.Context(), "ann", hash); !errors.Is(err, shared.ErrCredentials) {
				t.Errorf("a void password: %v", err)
			}
			if _, _, err := db.LockUserByPassword(t.Context(), "ann", hash); !errors.Is(err, shared.ErrCredentials) {
				t.Errorf("the user of a void password: %v", err)
			}
			if err := db.ReplacePassword(t.Context(), "ann", hash, "x", now); !errors.Is(err, shared.ErrInvalidPassword) {
				t.Errorf("a void password is replaced: %v", err)
			}
			if _, p, err := db.UserByEmail(t.Context(), "ann@example.test"); err != nil || !p.Void {
				t.Errorf("void: %+v, %v", p, err)
			}
		}
	})
}
