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

// errLost means that a caller lost a race.
var errLost = errors.New("not the one")

func TestSpendStepOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		if err := db.AddTOTP(t.Context(), account.TOTP{ID: "1", UserID: "ann", Secret: "sealed", Verified: true}); err != nil {
			t.Fatal(err)
		}
		spend := func(step int64) error { return db.SpendStep(context.Background(), "1", step) }
		for step := int64(100); step < 105; step++ {
			if won := atOnce(t, 20, shared.ErrInvalidCode, func(int) error { return spend(step) }); won != 1 {
				t.Errorf("%d of 20 spent step %d; want 1", won, step)
			}
		}
		for _, step := range []int64{0, 103, 104} {
			if err := spend(step); !errors.Is(err, shared.ErrInvalidCode) {
				t.Errorf("step %d after 104: %v", step, err)
			}
		}
		burn := func(step, now int64) bool {
			burned, err := db.BurnStep(context.Background(), "1", step, now)
			if err != nil {
				t.Error(err)
			}
			return burned
		}
		burned := atOnce(t, 20, errLost, func(i int) error {
			if !burn(107+int64(i%2), 105) {
				return errLost
			}
			return nil
		})
		if burned != 1 || burn(106, 106) || burn(109, 107) {
			t.Errorf("%d of 20 burned a step; want 1, and none while that is to come", burned)
		}
		good := 0
		for _, step := range []int64{106, 107, 108} {
			if err := spend(step); err == nil {
				good++
			} else if !errors.Is(err, shared.ErrInvalidCode) {
				t.Error(err)
			}
		}
		if good != 2 {
			t.Errorf("%d of 3 steps could be spent; want all but the burned one", good)
		}
		if !burn(112, 110) {
			t.Error("none can be burned after one that is over")
		}
		if err := db.SpendStep(t.Context(), "2", 1); !errors.Is(err, shared.ErrInvalidCode) {
			t.Errorf("of none: %v", err)
		}
	})
}

func TestActivateTOTP(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		session := addSession(t, db, "ann", "s", now).ID
		addSession(t, db, "bob", "b", now)
		expires := now.Add(time.Hour)
		put := func(id, user, session string) account.TOTP {
			t.Helper()
			a := account.TOTP{ID: id, UserID: user, Secret: "sealed " + id, SessionID: &session, ExpiresAt: &expires}
			if err := errors.Join(db.DeletePendingTOTP(t.Context(), user), db.AddTOTP(t.Context(), a)); err != nil {
				t.Fatal(err)
			}
			return a
		}
		in := func(session string, at time.Time, ids ...string) {
			t.Helper()
			all, err := db.TOTPs(t.Context(), "ann", session, at)
			var got []string
			for _, a := range all {
				got = append(got, fmt.Sprint(a.ID, " ", a.Verified))
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(ids) {
				t.Errorf("authenticators %v, %v; want %v", got, err, ids)
			}
		}
		want := func(ids ...string) { t.Helper(); in(session, now, ids...) }
		put("b", "bob", "b")
		put("1", "ann", session)
		second := put("2", "ann", session)
		want("2 false")
		in("another", now)
		in("", now)
		in(session, expires)
		if err := db.ActivateTOTP(t.Context(), second, now, expires); !errors.Is(err, shared.ErrInvalidCode) {
			t.Errorf("proved too late: %v", err)
		}
		if err := db.ActivateTOTP(t.Context(), second, now, now); err != nil {
			t.Error(err)
		}
		if err := db.ActivateTOTP(t.Context(), second, now, now); !errors.Is(err, shared.ErrInvalidCode) {
			t.Errorf("proved again: %v", err)
		}
		want("2 true")
		in("another", expires, "2 true")
		third := put("3", "ann", session)
		want("3 false", "2 true")
		if won := atOnce(t, 10, shared.ErrInvalidCode, func(int) error {
			return db.ActivateTOTP(context.Background(), third, now, now)
		}); won != 1 {
			t.Errorf("%d of 10 proved it; want 1", won)
		}
		want("3 true")
		put("4", "ann", session)
		if _, err := db.DeleteSession(t.Context(), "ann", session); err != nil { // and its pending authenticator
			t.Error(err)
		}
		want("3 true")
		if err := db.DeleteTOTPs(t.Context(), "ann"); err != nil {
			t.Error(err)
		}
		want()
		if all, err := db.TOTPs(t.Context(), "bob", "b", now); len(all) != 1 || err != nil {
			t.Errorf("bob's: %v, %v", all, err)
		}
	})
}

func TestUseBackupCodeOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		digests := [][]byte{[]byte("one"), []byte("two")}
		for _, user := range []string{"ann", "bob"} {
			if err := db.ReplaceBackupCodes(t.Context(), account.BackupCodeSet{UserID: user, Salt: []byte(user), Iterations: 1},
				digests, now); err != nil {
				t.Fatal(err)
			}
		}
		// One digest is under a former key and one under the current key.
		tried := [][]byte{[]byte("under another key"), []byte("one")}
		won := atOnce(t, 20, shared.ErrInvalidBackupCode, func(int) error {
			used, err := db.UseBackupCode(context.Background(), "ann", tried)
			if used != (err != nil) {
				t.Errorf("used: %t, %v", used, err)
			}
			return err
		})
		if won != 1 {
			t.Errorf("%d of 20 used one code; want 1", won)
		}
		if used, err := db.UseBackupCode(t.Context(), "ann", [][]byte{[]byte("three")}); used || !errors.Is(err, shared.ErrInvalidBackupCode) {
			t.Errorf("a wrong one: used %t, %v", used, err)
		}
		for user, want := range map[string]int{"ann": 1, "bob": 2} {
			if n, err := db.CountBackupCodes(t.Context(), user); n != want || err != nil {
				t.Errorf("%s has %d, %v; want %d", user, n, err, want)
			}
		}
		if err := db.DeleteBackupCodes(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		if used, err := db.UseBackupCode(t.Context(), "ann", tried); used || !errors.Is(err, shared.ErrInvalidBackupCode) {
			t.Errorf("one of before: used %t, %v", used, err)
		}
	})
}

func TestPendingSignInOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		user := addUser(t, db, "ann")
		want := account.PendingSignIn{Hash: []byte("hash"), UserID: "ann", Method: account.MethodPassword,
			Remember: true, CreatedAt: now, ExpiresAt: now.Add(time.Minute)}
		if err := db.AddPendingSignIn(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, gotUser, err := db.PendingSignIn(t.Context(), want.Hash, now)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(gotUser) != fmt.Sprint(user) {
			t.Errorf("pending sign-in %v of %v, %v", got, gotUser, err)
		}
		session := addSession(t, db, "ann", "s", now).ID
		since, expires := now, now.Add(time.Hour)
		active := account.TOTP{ID: "1", UserID: "ann", Secret: "sealed", LastStep: 7, Verified: true, Since: &since}
		if err := errors.Join(
			db.AddTOTP(t.Context(), active),
			db.AddTOTP(t.Context(), account.TOTP{ID: "2", UserID: "ann", Secret: "pending", SessionID: &session, ExpiresAt: &expires}),
			db.AddPassword(t.Context(), account.Password{UserID: "ann", Hash: "phc", ChangedAt: now}),
		); err != nil {
			t.Fatal(err)
		}
		got, _, err = db.PendingSignIn(t.Context(), want.Hash, now)
		if err != nil || got.PasswordHash != "phc" || got.TOTP == nil || got.TOTP.ID != "1" || got.TOTP.Secret != "sealed" ||
			got.TOTP.LastStep != 7 {
			t.Errorf("pending sign-in with a password and an authenticator: %+v, %+v, %v", got, got.TOTP, err)
		}
		for what, at := range map[string]time.Time{"other": now, "hash": want.ExpiresAt} {
			if _, _, err := db.PendingSignIn(t.Context(), []byte(what), at); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s at %v: %v", what, at, err)
			}
			if err := db.TakePendingSignIn(t.Context(), []byte(what), at, 5); !errors.Is(err, shared.ErrNoPendingSignIn) {
				t.Errorf("%s taken at %v: %v", what, at, err)
			}
		}
		tried := atOnce(t, 20, shared.ErrTooManyCodes, func(int) error { return db.CountPendingSignInTry(context.Background(), want.Hash, 5) })
		if tried != 5 {
			t.Errorf("%d of 20 tries counted; want 5", tried)
		}
		if err := db.TakePendingSignIn(t.Context(), want.Hash, now, 5); !errors.Is(err, shared.ErrTooManyCodes) {
			t.Errorf("taken after 5 of 5 tries: %v", err)
		}
		if won := atOnce(t, 20, shared.ErrNoPendingSignIn,
			func(int) error { return db.TakePendingSignIn(context.Background(), want.Hash, now, 6) }); won != 1 {
			t.Errorf("%d of 20 took it; want 1", won)
		}
		if err := db.CountPendingSignInTry(t.Context(), want.Hash, 5); !errors.Is(err, shared.ErrNoPendingSignIn) {
			t.Errorf("a try at one that was taken: %v", err)
		}
	})
}

func TestCountSecondFactorTry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		locked := errors.New("locked")
		try := func(user string, at time.Time) (account.SecondFactorTries, error) {
			tries, counted, err := db.CountSecondFactorTry(context.Background(), user, false, at, 3,
				[]time.Time{at.Add(time.Minute), at.Add(time.Hour)})
			if err == nil && !counted {
				err = locked
			}
			return tries, err
		}
		for round, length := range []time.Duration{time.Minute, time.Hour} {
			at := now.Add(time.Duration(round) * time.Minute)
			counted := atOnce(t, 20, locked, func(int) error { _, err := try("ann", at); return err })
			if counted != 3 {
				t.Errorf("round %d: %d of 20 tries counted; want 3", round, counted)
			}
			if tries, err := try("ann", at.Add(length-1)); !errors.Is(err, locked) || tries.N != 3*(round+1) ||
				!tries.LockedUntil.Equal(at.Add(length)) {
				t.Errorf("round %d: %v, %v", round, tries, err)
			}
		}
		if tries, err := try("bob", now); err != nil || tries.N != 1 {
			t.Errorf("another user: %v, %v", tries, err)
		}
		if tries, err := try("bob", now.Add(-time.Hour)); err != nil || tries.N != 2 {
			t.Errorf("by a clock that is behind: %v, %v", tries, err)
		}
		tries, counted, err := db.CountSecondFactorTry(t.Context(), "ann", true, now, 3, []time.Time{now})
		if err != nil || !counted || tries.N != 1 {
			t.Errorf("in a session: %v, %t, %v", tries, counted, err)
		}
		at := now.Add(30 * time.Minute)
		if err := db.TakeBackSecondFactorTry(t.Context(), "ann", false); err != nil {
			t.Fatal(err)
		}
		if tries, err := try("ann", at); err != nil || tries.N != 6 {
			t.Errorf("after one was taken back: %v, %v", tries, err)
		}
		if err := db.ResetSecondFactorTries(t.Context(), "ann", false); err != nil {
			t.Fatal(err)
		}
		if tries, err := try("ann", at); err != nil || tries.N != 1 {
			t.Errorf("after they were forgotten: %v, %v", tries, err)
		}
		if tries, _, err := db.CountSecondFactorTry(t.Context(), "ann", true, now, 3, []time.Time{now}); err != nil || tries.N != 2 {
			t.Errorf("in a session, where they were not: %v, %v", tries, err)
		}
		if err := db.LiftLockout(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		if tries, _, err := db.CountSecondFactorTry(t.Context(), "ann", true, now, 3, []time.Time{now}); err != nil || tries.N != 1 {
			t.Errorf("in a session, after unlocking: %v, %v", tries, err)
		}
	})
}

func TestEmailCodeOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		c := account.EmailCode{Owner: []byte("owner"), UserID: "ann", MAC: []byte("first"), ExpiresAt: now.Add(time.Minute)}
		for range 2 {
			if err := db.PutEmailCode(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			c.MAC = []byte("second")
		}
		if got, err := db.CountEmailCodeTry(t.Context(), c.Owner, now); err != nil || string(got.MAC) != "second" || got.Tries != 1 {
			t.Errorf("first try: %v, %v", got, err)
		}
		for what, at := range map[string]time.Time{"other": now, "owner": c.ExpiresAt} {
			if _, err := db.CountEmailCodeTry(t.Context(), []byte(what), at); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s at %v: %v", what, at, err)
			}
		}
		if err := db.UseEmailCode(t.Context(), c.Owner, []byte("first")); !errors.Is(err, shared.ErrOTPExpired) {
			t.Errorf("one that was replaced: %v", err)
		}
		if won := atOnce(t, 20, shared.ErrOTPExpired, func(int) error {
			return db.UseEmailCode(context.Background(), c.Owner, c.MAC)
		}); won != 1 {
			t.Errorf("%d of 20 used it; want 1", won)
		}
	})
}

func TestTrustedDeviceOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		d := account.TrustedDevice{ID: "1", UserID: "ann", Hash: []byte("old"), IP: "192.0.2.1", UserAgent: "UA",
			CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour)}
		if err := db.AddTrustedDevice(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		rotate := func(user, old, new string, at time.Time) error {
			return db.RotateTrustedDevice(context.Background(), []byte(old),
				account.TrustedDevice{UserID: user, Hash: []byte(new), LastUsedAt: at, ExpiresAt: at.Add(time.Hour)})
		}
		for what, err := range map[string]error{"another user's": rotate("bob", "old", "x", now), "another": rotate("ann", "other", "x", now),
			"an expired one": rotate("ann", "old", "x", d.ExpiresAt)} {
			if !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		won := atOnce(t, 20, account.ErrNotFound, func(i int) error { return rotate("ann", "old", fmt.Sprint("new ", i), now.Add(time.Minute)) })
		if won != 1 {
			t.Errorf("%d of 20 used it; want 1", won)
		}
		all, err := db.TrustedDevices(t.Context(), "ann", now)
		if err != nil || len(all) != 1 || !all[0].ExpiresAt.Equal(now.Add(61*time.Minute)) || !all[0].CreatedAt.Equal(now) {
			t.Errorf("devices %+v, %v", all, err)
		}
		if _, err := db.TakeTrustedDevice(t.Context(), "bob", all[0].ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("bob took one of ann's: %v", err)
		}
		if n, err := db.DeleteTrustedDevices(t.Context(), "bob"); n != 0 || err != nil {
			t.Errorf("bob deleted %d of ann's, %v", n, err)
		}
		if n, err := db.DeleteTrustedDevices(t.Context(), "ann"); n != 1 || err != nil {
			t.Errorf("ann deleted %d, %v", n, err)
		}
	})
}

// TestRecordTrustOnce checks that a session trusts its browser once for each second factor, soon
// after it.
func TestRecordTrustOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		since := now.Add(-time.Minute)
		open := func(id, method string, created time.Time, factor *time.Time) account.Session {
			t.Helper()
			s := account.Session{ID: id, UserID: "ann", TokenHash: []byte(id), Method: method, CreatedAt: created, LastActiveAt: now,
				ExpiresAt: now.Add(time.Hour), ConfirmedAt: created, SecondFactorAt: factor, IP: "192.0.2.1", UserAgent: "UA"}
			if _, err := db.AddSession(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			return s
		}
		record := func(s account.Session, at time.Time) error {
			return db.RecordTrust(context.Background(), s, at.Add(-time.Minute), at)
		}
		early := since.Add(time.Millisecond)
		totp := open("totp", "password+totp", since, &early)
		rotated := totp
		rotated.TokenHash = []byte("another")
		for what, s := range map[string]account.Session{
			"a password":               open("password", "password", now, nil),
			"a trusted device":         open("trusted", "password+trusted-device", now, nil),
			"a factor of long ago":     open("old", "password+totp", since, &since),
			"an emailed code, earlier": open("mailed", "password+email-code", since, nil),
			"a rotated token":          rotated,
			"no session":               {ID: "none", TokenHash: []byte("none")},
		} {
			if err := record(s, now); !errors.Is(err, shared.ErrFactorNotFresh) {
				t.Errorf("%s: %v; want %v", what, err, shared.ErrFactorNotFresh)
			}
		}
		for _, s := range []account.Session{totp, open("mail", "password+email-code", early, nil), open("key", "passkey", early, &early)} {
			if won := atOnce(t, 20, shared.ErrNotFresh, func(int) error { return record(s, now) }); won != 1 {
				t.Errorf("%s: %d of 20 callers trust the browser; want 1", s.Method, won)
			}
		}
		later := now.Add(time.Second)
		totp.SecondFactorAt, totp.SecondFactorBy = &later, account.ByTOTP
		if err := db.RecordSecondFactor(t.Context(), totp); err != nil {
			t.Fatal(err)
		}
		if err := record(totp, later); err != nil {
			t.Errorf("after another second factor: %v", err)
		}
	})
}

// TestDeleteExpiredTwoFactor checks that expired rows are deleted, and the others stay.
func TestDeleteExpiredTwoFactor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		session := addSession(t, db, "ann", "s", now).ID
		for i, expires := range []time.Time{now, now.Add(time.Minute)} {
			hash := []byte{byte(i)}
			if err := errors.Join(
				db.AddPendingSignIn(t.Context(), account.PendingSignIn{Hash: hash, UserID: "ann", CreatedAt: now, ExpiresAt: expires}),
				db.PutEmailCode(t.Context(), account.EmailCode{Owner: hash, UserID: "ann", MAC: hash, ExpiresAt: expires}),
				db.AddTrustedDevice(t.Context(), account.TrustedDevice{ID: fmt.Sprint(i), UserID: "ann", Hash: hash,
					CreatedAt: now, LastUsedAt: now, ExpiresAt: expires}),
			); err != nil {
				t.Fatal(err)
			}
		}
		expired := now
		if err := errors.Join(
			db.AddTOTP(t.Context(), account.TOTP{ID: "pending", UserID: "ann", SessionID: &session, ExpiresAt: &expired}),
			db.AddTOTP(t.Context(), account.TOTP{ID: "verified", UserID: "ann", Verified: true, Since: &expired}),
		); err != nil {
			t.Fatal(err)
		}
		if err := db.DeleteExpired(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		long := now.Add(-time.Hour) // before any of them expired
		if all, err := db.TrustedDevices(t.Context(), "ann", long); len(all) != 1 || err != nil {
			t.Errorf("%d trusted devices, %v; want 1", len(all), err)
		}
		if all, err := db.TOTPs(t.Context(), "ann", session, long); len(all) != 1 || all[0].ID != "verified" || err != nil {
			t.Errorf("authenticators %v, %v; want the one that is verified", all, err)
		}
		for i, want := range []error{account.ErrNotFound, nil} {
			if _, _, err := db.PendingSignIn(t.Context(), []byte{byte(i)}, long); !errors.Is(err, want) {
				t.Errorf("pending sign-in %d: %v; want %v", i, err, want)
			}
			if _, err := db.CountEmailCodeTry(t.Context(), []byte{byte(i)}, long); !errors.Is(err, want) {
				t.Errorf("code %d: %v; want %v", i, err, want)
			}
		}
	})
}
