package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/backend/passhash"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
)

// TestImportedPassword checks that a user imported from Better Auth can sign in with the
// old password. The sign-in replaces the imported hash with an Argon2id hash.
func TestImportedPassword(t *testing.T) {
	// Better Auth 1.7.25 produced this hash of the correct password.
	const imported = "38845ea470bdb59056e9652af9c85818:" +
		"4777bd05cece81882b1c2d6fcc1f80a58f63cfae126da415bc12815345d1b1fdc2f4792cd9f3fd4c90839e7eb3ed9ab3d292c124d359eec3d68ddfcfd7b2cf97"
	const right, wrong = "correct horse battery 1", "correct horse battery 2"
	raised, err := passhash.New(passhash.Cost{Memory: 128, Time: 1, Threads: 1}, time.Minute).Hash(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 0)
		s.Hasher = passhash.New(passhash.Cost{Memory: 64, Time: 1, Threads: 1}, time.Minute)
		user := addUser(t, db, "ann")
		if err := db.AddPassword(t.Context(), account.Password{UserID: user.ID, Hash: imported, ChangedAt: now}); err != nil {
			t.Fatal(err)
		}
		hash := func() string {
			t.Helper()
			p, err := db.Password(t.Context(), user.ID)
			if err != nil || !p.ChangedAt.Equal(now) {
				t.Fatalf("the password is %+v, %v; want one changed at %v", p, err, now)
			}
			return p.Hash
		}
		signIn := func(password string, want error) {
			t.Helper()
			_, err := s.SignIn(t.Context(), account.Client{}, account.Credentials{Email: user.Email, Password: password})
			if !errors.Is(err, want) {
				t.Errorf("sign-in with %q: %v; want %v", password, err, want)
			}
		}
		for what, old := range map[string]string{"from Better Auth": imported, "with another cost": raised} {
			if err := store.Exec(db, "UPDATE passwords SET hash = '"+old+"'"); err != nil {
				t.Fatal(err)
			}
			signIn(wrong, shared.ErrCredentials)
			if hash() != old {
				t.Errorf("a wrong password changed the hash %s", what)
			}
			signIn(right, nil)
			upgraded := hash()
			if !strings.HasPrefix(upgraded, "$argon2id$v=19$m=64,t=1,p=1$") {
				t.Errorf("the hash %s became %s; want one of the current cost", what, upgraded)
			}
			signIn(right, nil)
			if hash() != upgraded {
				t.Error("a sign-in replaced a hash of the current cost")
			}
			signIn(wrong, shared.ErrCredentials)
		}
		old := hash()
		if won := atOnce(t, 10, shared.ErrCredentials, func(i int) error {
			return db.UpgradePassword(t.Context(), user.ID, old, fmt.Sprint("hash ", i))
		}); won != 1 {
			t.Errorf("%d of 10 concurrent calls replaced the hash; want 1", won)
		}
	})
}

var errLog = errors.New("the log takes no event")

// withoutLog is a store whose audit log accepts no event.
type withoutLog struct {
	account.Store
	last audit.Event // that it did not accept
}

func (l *withoutLog) AddEvent(_ context.Context, _ audit.MAC, e audit.Event) error {
	l.last = e
	return errLog
}

// TestSignInWithoutLog checks that a caller learns nothing about a password from a
// sign-in that the audit log did not record.
func TestSignInWithoutLog(t *testing.T) {
	const right, wrong = "correct horse battery 1", "correct horse battery 2"
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 0)
		log := &withoutLog{Store: db}
		s.Store = log
		s.Hasher = passhash.New(passhash.Cost{Memory: 64, Time: 1, Threads: 1}, time.Minute)
		hash, err := s.Hasher.Hash(t.Context(), right)
		if err != nil {
			t.Fatal(err)
		}
		user := addUser(t, db, "ann")
		if err := db.AddPassword(t.Context(), account.Password{UserID: user.ID, Hash: hash, ChangedAt: now, Void: true}); err != nil {
			t.Fatal(err)
		}
		signIn := func(what, password, kind string, not error) {
			t.Helper()
			_, err := s.SignIn(t.Context(), account.Client{}, account.Credentials{Email: user.Email, Password: password})
			if !errors.Is(err, errLog) || errors.Is(err, not) {
				t.Errorf("%s: %v; want %v alone", what, err, errLog)
			}
			if log.last.Kind != kind || log.last.UserID != user.ID {
				t.Errorf("%s: the log got %+v; want one of the kind %s", what, log.last, kind)
			}
		}
		signIn("a right but void password", right, shared.EventSignInFailed, shared.ErrNewPasswordDue)
		if log.last.Detail != account.DetailVoidPassword {
			t.Errorf("a right but void password has the detail %q", log.last.Detail)
		}
		for range account.SignInLimit.Max - 1 {
			signIn("a wrong password", wrong, shared.EventSignInFailed, shared.ErrCredentials)
		}
		signIn("too many wrong passwords", wrong, shared.EventSignInLimited, shared.ErrTooManyPasswords)
	})
}
