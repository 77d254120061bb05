package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/mail"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var now = time.Date(2026, 11, 23, 12, 0, 0, 123e6, time.UTC)

func addUser(t *testing.T, db account.Store, id string) account.User {
	t.Helper()
	u := account.User{ID: id, Email: id + "@example.test", Name: "N", Handle: []byte("handle of " + id), CreatedAt: now, UpdatedAt: now}
	if err := db.AddUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

func addSession(t *testing.T, db account.Store, user, id string, active time.Time) account.Session {
	t.Helper()
	s := account.Session{
		ID: id, UserID: user, TokenHash: account.Token("token of " + id).Hash(), CreatedAt: now, LastActiveAt: active,
		ExpiresAt: now.Add(time.Hour), ConfirmedAt: now, Method: account.MethodPassword, IP: "192.0.2.1", UserAgent: "UA", Remember: true,
	}
	if _, err := db.AddSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// atOnce runs fn n times at once and returns how many calls returned nil. Any
// other error than the expected one fails the test.
func atOnce(t *testing.T, n int, expected error, fn func(i int) error) int {
	t.Helper()
	won := 0
	for i, err := range testkit.AtOnce(n, fn) {
		if err == nil {
			won++
		} else if !errors.Is(err, expected) {
			t.Errorf("call %d: %v; want %v", i, err, expected)
		}
	}
	return won
}

func TestSessionByHash(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		user := addUser(t, db, "ann")
		want := addSession(t, db, user.ID, "s1", now)

		got, gotUser, err := db.SessionByHash(t.Context(), want.TokenHash, now)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("session = %v; want %v", got, want)
		}
		if fmt.Sprint(gotUser) != fmt.Sprint(user) {
			t.Errorf("user = %v; want %v", gotUser, user)
		}
		if _, _, err := db.SessionByHash(t.Context(), account.Token("other").Hash(), now); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("by another hash: %v; want %v", err, account.ErrNotFound)
		}
		if _, _, err := db.SessionByHash(t.Context(), want.TokenHash, want.ExpiresAt); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("at its expiry: %v; want %v", err, account.ErrNotFound)
		}
	})
}

// TestLateResponse checks that a late response to a query that timed out is not taken for the
// response to the next query, which could be another user's session.
func TestLateResponse(t *testing.T) {
	t.Parallel()
	url, wire := storetest.Tap(t, storetest.Postgres(t))
	db := storetest.Migrated(t, url)
	for _, user := range []string{"ann", "bob"} {
		addUser(t, db, user)
		addSession(t, db, user, "session of "+user, now)
	}
	find := func(ctx context.Context, user string) (account.User, error) {
		_, found, err := db.SessionByHash(ctx, account.Token("token of session of "+user).Hash(), now)
		return found, err
	}
	// Run it twice, so that the statement is prepared.
	for range 2 {
		if u, err := find(t.Context(), "ann"); err != nil || u.ID != "ann" {
			t.Fatal(u.ID, err)
		}
	}
	wire.Hold()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if u, err := find(ctx, "ann"); err == nil {
		t.Fatalf("over a silent wire: %s", u.ID)
	}
	wire.Release()
	for range 20 {
		if u, err := find(t.Context(), "bob"); err != nil || u.ID != "bob" {
			t.Fatalf("asked for bob: %q, %v", u.ID, err)
		}
	}
}

func TestRotateSessionOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := addSession(t, db, addUser(t, db, "ann").ID, "s1", now)
		won := atOnce(t, 20, shared.ErrUnauthorized, func(i int) error {
			next := s
			next.TokenHash = account.Token(fmt.Sprint("token ", i)).Hash()
			return db.RotateSession(context.Background(), next,
				account.RotatedToken{Hash: s.TokenHash, SessionID: s.ID, RotatedAt: now, ExpiresAt: now.Add(time.Hour)})
		})
		if won != 1 {
			t.Errorf("%d of 20 rotations at once succeeded; want 1", won)
		}
		got, _, err := db.SessionByHash(t.Context(), s.TokenHash, now)
		if err != nil || got.ID != s.ID || !got.RotatedAt.Equal(now) {
			t.Errorf("by the hash from before: %v, %v", got, err)
		}
		if got, _, err = db.SessionByHash(t.Context(), got.TokenHash, now); err != nil || !got.RotatedAt.IsZero() {
			t.Errorf("by its own hash: %v, %v", got, err)
		}
		rotated := account.Session{ID: s.ID, TokenHash: s.TokenHash, IP: "198.51.100.9"}
		if touched, err := db.TouchSession(t.Context(), rotated); touched || err != nil {
			t.Errorf("a touch with a rotated token: %t, %v", touched, err)
		}
		if all, _ := db.Sessions(t.Context(), "ann", now); len(all) != 1 || all[0].IP != s.IP {
			t.Errorf("a touch with a rotated token changed %v", all)
		}
	})
}

func TestSessionsOfAnotherUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		a := addSession(t, db, "ann", "a", now)
		addSession(t, db, "bob", "b", now)
		if n, err := db.DeleteSession(t.Context(), "bob", a.ID); n != 0 || err != nil {
			t.Errorf("bob ended %d of ann's sessions, %v", n, err)
		}
		if n, err := db.DeleteOtherSessions(t.Context(), "bob", ""); n != 1 || err != nil {
			t.Errorf("ending all of bob's ended %d, %v; want 1", n, err)
		}
		if left, err := db.Sessions(t.Context(), "ann", now); len(left) != 1 || err != nil {
			t.Errorf("ann has %d sessions, %v; want 1", len(left), err)
		}
	})
}

func TestTrimSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		for i := range 6 {
			addSession(t, db, "ann", fmt.Sprint("s", i), now.Add(time.Duration(i)*time.Second))
		}
		if err := db.TrimSessions(t.Context(), "ann", "s0", 3); err != nil {
			t.Fatal(err)
		}
		left, err := db.Sessions(t.Context(), "ann", now)
		var ids []string
		for _, s := range left {
			ids = append(ids, s.ID)
		}
		if want := "[s5 s4 s3 s0]"; fmt.Sprint(ids) != want || err != nil {
			t.Errorf("left %v, %v; want %v", ids, err, want)
		}
	})
}

func TestIncrementRateLimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		key, expires := []byte("key"), now.Add(time.Minute)
		counts := make([]atomic.Bool, 21)
		atOnce(t, 20, nil, func(int) error {
			a, err := db.IncrementRateLimit(context.Background(), key, now, expires)
			if err == nil && counts[a.N].Swap(true) {
				t.Errorf("two tries were both number %d", a.N)
			}
			return err
		})
		a, err := db.IncrementRateLimit(t.Context(), key, now.Add(30*time.Second), now.Add(time.Hour))
		if err != nil || a.N != 21 || !a.ExpiresAt.Equal(expires) {
			t.Errorf("the 21st: %+v, %v; want n=21, expiring %v", a, err, expires)
		}
		a, err = db.IncrementRateLimit(t.Context(), key, expires, expires.Add(time.Minute))
		if err != nil || a.N != 1 || !a.ExpiresAt.Equal(expires.Add(time.Minute)) {
			t.Errorf("after the window: %+v, %v; want n=1 in a new window", a, err)
		}
	})
}

// TestReserveAttempt checks that the limit holds for concurrent guesses, that a correct
// guess makes room for another one and a wrong one does not, and that settling a guess
// affects only that guess.
func TestReserveRateLimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		const max = 3
		key, expires := []byte("key"), now.Add(10*time.Second)
		admit := func(at time.Time, limit int) (account.RateLimitWindow, bool) {
			t.Helper()
			a, ok, err := db.ReserveRateLimit(t.Context(), key, limit, at, at.Add(10*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			return a, ok
		}
		settle := func(window time.Time, right bool) {
			t.Helper()
			if err := db.SettleRateLimit(t.Context(), key, window, right); err != nil {
				t.Fatal(err)
			}
		}
		full := func(at, window time.Time, pending int) {
			t.Helper()
			a, ok := admit(at, max)
			if ok || a.N != max || a.Pending != pending || !a.ExpiresAt.Equal(window) {
				t.Fatalf("admitted: %t, %+v; want a refusal until %v with %d pending", ok, a, window, pending)
			}
		}

		var admitted atomic.Int32
		atOnce(t, 20, nil, func(int) error {
			_, ok, err := db.ReserveRateLimit(context.Background(), key, max, now, expires)
			if ok {
				admitted.Add(1)
			}
			return err
		})
		if n := admitted.Load(); n != max {
			t.Fatalf("%d of 20 at once were admitted; want %d", n, max)
		}
		later := now.Add(5 * time.Second)
		full(later, expires, 3)
		settle(expires, false)
		full(later, expires, 2) // a wrong guess makes no room
		settle(expires, true)
		if a, ok := admit(later, max); !ok || a.N != 3 || a.Pending != 2 || !a.ExpiresAt.Equal(expires) {
			t.Fatalf("after a right one: %t, %+v", ok, a)
		}
		full(later, expires, 2)
		settle(expires.Add(time.Millisecond), true) // a guess of another window
		settle(expires.Add(-time.Hour), true)
		full(later, expires, 2)
		for range 5 { // more often than there were guesses: the wrong one stays
			settle(expires, true)
		}
		if a, ok := admit(later, max); !ok || a.N != 2 || a.Pending != 1 {
			t.Fatalf("after more right ones than guesses: %t, %+v; want the wrong one and the new one", ok, a)
		}
		if _, ok := admit(later, 2); ok {
			t.Error("a limit that was lowered meanwhile admitted one more")
		}

		// A guess that is settled after its window does not affect the next window.
		next := expires.Add(10 * time.Second)
		if a, ok := admit(expires, max); !ok || a.N != 1 || a.Pending != 1 || !a.ExpiresAt.Equal(next) {
			t.Fatalf("in the next window: %t, %+v", ok, a)
		}
		settle(expires, true)
		for range 2 {
			if _, ok := admit(expires, max); !ok {
				t.Fatal("the next window has no room for three")
			}
		}
		full(expires, next, 3)
	})
}

// TestReserveAttemptConcurrently checks that a refusal among concurrent correct guesses
// reports unsettled guesses, so that the caller can retry.
func TestReserveRateLimitConcurrently(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		key, expires := []byte("key"), now.Add(10*time.Second)
		atOnce(t, 8, nil, func(int) error {
			for range 50 {
				a, ok, err := db.ReserveRateLimit(context.Background(), key, 1, now, expires)
				if err == nil && ok {
					err = db.SettleRateLimit(context.Background(), key, a.ExpiresAt, true)
				} else if err == nil && a.Pending == 0 {
					err = fmt.Errorf("refused with none pending: %+v", a)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func TestTakeOneTimeTokenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		token := account.OneTimeToken{Hash: []byte("hash"), Purpose: "test", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		if err := db.PutInvite(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		for _, try := range []struct {
			what, purpose string
			at            time.Time
		}{{"for another purpose", "other", now}, {"expired", "test", token.ExpiresAt}} {
			if _, err := db.TakeOneTimeToken(t.Context(), token.Hash, try.purpose, try.at); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: %v; want %v", try.what, err, account.ErrNotFound)
			}
		}
		won := atOnce(t, 20, account.ErrNotFound, func(int) error {
			_, err := db.TakeOneTimeToken(context.Background(), token.Hash, "test", now)
			return err
		})
		if won != 1 {
			t.Errorf("%d of 20 took the token; want 1", won)
		}
		if err := db.PutInvite(t.Context(), account.OneTimeToken{Hash: []byte("next"), Purpose: "test", CreatedAt: now,
			ExpiresAt: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.TakeOneTimeToken(t.Context(), []byte("next"), "test", now); err != nil {
			t.Errorf("an invitation in the place of a used one: %v", err)
		}
	})
}

func TestPutInviteReplaces(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		if won := atOnce(t, 12, nil, func(i int) error {
			return db.PutInvite(context.Background(), account.OneTimeToken{Hash: []byte{byte(i)}, Purpose: "test",
				CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
		}); won != 12 {
			t.Errorf("%d of 12 invitations were put; want all", won)
		}
		good := 0
		for i := range 12 {
			if _, err := db.TakeOneTimeToken(t.Context(), []byte{byte(i)}, "test", now); err == nil {
				good++
			}
		}
		if good != 1 {
			t.Errorf("%d invitations are good; want 1", good)
		}
	})
}

func TestAddUserOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		won := atOnce(t, 16, shared.ErrUserExists, func(i int) error {
			id := fmt.Sprint("u", i)
			return db.AddUser(context.Background(), account.User{ID: id, Email: "same@example.test", Handle: []byte(id),
				CreatedAt: now, UpdatedAt: now})
		})
		if won != 1 {
			t.Errorf("%d of 16 accounts were made for one address; want 1", won)
		}
	})
}

// TestNoDeadlock checks that concurrent transactions that change several rows of a user in
// different orders do not deadlock.
func TestNoDeadlock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		if err := db.AddPassword(t.Context(), account.Password{UserID: "ann", Hash: "hash", ChangedAt: now}); err != nil {
			t.Fatal(err)
		}
		sessions := make([]account.Session, 8)
		for i := range sessions {
			sessions[i] = addSession(t, db, "ann", fmt.Sprint("s", i), now)
		}
		for range 10 {
			atOnce(t, len(sessions), nil, func(i int) error {
				ctx := context.Background()
				return db.Tx(ctx, func(tx account.Store) error {
					var err error
					if i%2 == 0 {
						_, err = tx.LockUser(ctx, "ann")
					} else {
						_, _, err = tx.LockUserByPassword(ctx, "ann", "hash")
					}
					if err != nil {
						return err
					}
					touched, other := sessions[i], sessions[(i+1)%len(sessions)]
					for _, s := range []account.Session{touched, other} {
						if _, err := tx.TouchSession(ctx, s); err != nil {
							return err
						}
					}
					return tx.UsePassword(ctx, "ann", "hash")
				})
			})
		}
		if _, err := db.LockUser(t.Context(), "nobody"); !errors.Is(err, shared.ErrUnauthorized) {
			t.Errorf("LockUser of an unknown user: %v; want %v", err, shared.ErrUnauthorized)
		}
	})
}

// TestAddSession checks that AddSession returns the number of the user's sessions.
func TestAddSession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		for _, user := range []string{"ann", "bob"} {
			addUser(t, db, user)
			for want := 1; want <= 3; want++ {
				id := fmt.Sprint(user, want)
				n, err := db.AddSession(t.Context(), account.Session{
					ID: id, UserID: user, TokenHash: []byte(id), CreatedAt: now, LastActiveAt: now, ExpiresAt: now, ConfirmedAt: now,
				})
				if n != want || err != nil {
					t.Errorf("%s: %d sessions, %v; want %d", id, n, err, want)
				}
			}
		}
	})
}

// TestSignInDuringChange checks that a sign-in with the old password either ends before the
// password changes or fails.
func TestSignInDuringChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		if err := db.AddPassword(t.Context(), account.Password{UserID: "ann", Hash: "old", ChangedAt: now}); err != nil {
			t.Fatal(err)
		}
		atOnce(t, 12, shared.ErrCredentials, func(i int) error {
			return db.Tx(context.Background(), func(tx account.Store) error {
				if i == 5 {
					err := tx.ReplacePassword(context.Background(), "ann", "old", "new", now)
					if err == nil {
						_, err = tx.DeleteOtherSessions(context.Background(), "ann", "")
					}
					return err
				}
				if _, _, err := tx.LockUserByPassword(context.Background(), "ann", "old"); err != nil {
					return err
				}
				id := fmt.Sprint("s", i)
				_, err := tx.AddSession(context.Background(), account.Session{
					ID: id, UserID: "ann", TokenHash: []byte(id), CreatedAt: now, LastActiveAt: now, ExpiresAt: now.Add(time.Hour), ConfirmedAt: now,
				})
				return err
			})
		})
		if left, err := db.Sessions(t.Context(), "ann", now); len(left) != 0 || err != nil {
			t.Errorf("%d sessions of the old password outlived it, %v", len(left), err)
		}
	})
}

func TestTxIsAllOrNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		failure := errors.New("failure")
		err := db.Tx(t.Context(), func(tx account.Store) error {
			addUser(t, tx, "ann")
			return failure
		})
		if !errors.Is(err, failure) {
			t.Errorf("Tx: %v; want %v", err, failure)
		}
		if any, err := db.AnyUser(t.Context()); any || err != nil {
			t.Errorf("AnyUser = %t, %v after a transaction that failed", any, err)
		}
	})
}

func TestDeleteUserDeletesAllData(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		s, passkey := addSession(t, db, "ann", "s", now), addPasskey(t, db, "ann", "p", 0)
		if err := errors.Join(
			db.AddPassword(t.Context(), account.Password{UserID: "ann", Hash: "h", ChangedAt: now}),
			db.Grant(t.Context(), "ann", account.PermissionSettings),
			db.Grant(t.Context(), "ann", account.PermissionSettings),
			db.AddCeremony(t.Context(), account.Ceremony{ChallengeHash: []byte("c"), BrowserHash: []byte("b"),
				Kind: "register", UserID: "ann", ExpiresAt: now}),
			db.DeleteUser(t.Context(), "ann"),
		); err != nil {
			t.Fatal(err)
		}
		if _, _, err := db.SessionByHash(t.Context(), s.TokenHash, now); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("the session of a deleted user: %v; want %v", err, account.ErrNotFound)
		}
		if _, _, err := db.PasskeyByCredential(t.Context(), passkey.CredentialID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("the passkey of a deleted user: %v; want %v", err, account.ErrNotFound)
		}
		if has, err := db.UserPermissions(t.Context(), "ann"); len(has) > 0 || err != nil {
			t.Errorf("the permissions of a deleted user: %v, %v", has, err)
		}
		if _, err := db.Password(t.Context(), "ann"); !errors.Is(err, shared.ErrCredentialNotFound) {
			t.Errorf("the password of a deleted user: %v; want %v", err, shared.ErrCredentialNotFound)
		}
		if err := db.DeleteUser(t.Context(), "ann"); !errors.Is(err, shared.ErrUnauthorized) {
			t.Errorf("deleted twice: %v; want %v", err, shared.ErrUnauthorized)
		}
	})
}

func TestUserByEmail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		want := addUser(t, db, "ann")
		if u, pw, err := db.UserByEmail(t.Context(), want.Email); err != nil || pw.Hash != "" || fmt.Sprint(u) != fmt.Sprint(want) {
			t.Errorf("without a password: %v, %q, %v; want %v", u, pw.Hash, err, want)
		}
		if err := db.AddPassword(t.Context(), account.Password{UserID: "ann", Hash: "phc", ChangedAt: now}); err != nil {
			t.Fatal(err)
		}
		if u, pw, err := db.UserByEmail(t.Context(), want.Email); err != nil || pw.Hash != "phc" || u.ID != "ann" {
			t.Errorf("with a password: %v, %q, %v", u, pw.Hash, err)
		}
		if _, _, err := db.UserByEmail(t.Context(), "nobody@example.test"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("unknown address: %v; want %v", err, account.ErrNotFound)
		}
	})
}

func TestLeaseMailOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		m := mail.Mail{ID: "m", Recipient: "ann@example.test", Subject: "S", Text: "T", HTML: "H", CreatedAt: now, LeasedUntil: now}
		if err := db.AddMail(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		until := now.Add(time.Minute)
		taken := errors.New("taken")
		lease := func(at time.Time) func(int) error {
			return func(int) error {
				got, found, err := db.LeaseMail(context.Background(), at, at.Add(time.Minute))
				if err == nil && !found {
					return taken
				}
				if err == nil && got.Text != m.Text {
					t.Errorf("leased %v; want %v", got, m)
				}
				return err
			}
		}
		if won := atOnce(t, 20, taken, lease(now)); won != 1 {
			t.Errorf("%d of 20 leased the mail; want 1", won)
		}
		if won := atOnce(t, 1, taken, lease(until.Add(-1))); won != 0 {
			t.Error("a leased mail was leased again")
		}
		if won := atOnce(t, 20, taken, lease(until)); won != 1 {
			t.Errorf("%d of 20 leased the mail after a minute; want 1", won)
		}
		if err := db.DeleteMail(t.Context(), m.ID); err != nil {
			t.Fatal(err)
		}
		if won := atOnce(t, 1, taken, lease(until.Add(time.Hour))); won != 0 {
			t.Error("a deleted mail was leased")
		}
	})
}

// TestLeaseMails checks that concurrent callers lease different emails.
func TestLeaseMails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		const mails = 8
		for i := range mails {
			m := mail.Mail{ID: fmt.Sprint(i), Recipient: "ann@example.test", CreatedAt: now, LeasedUntil: now}
			if err := db.AddMail(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		var got [mails]string
		none := errors.New("none")
		won := atOnce(t, mails, none, func(i int) error {
			m, found, err := db.LeaseMail(context.Background(), now, now.Add(time.Minute))
			if err == nil && !found {
				return none
			}
			got[i] = m.ID
			return err
		})
		slices.Sort(got[:])
		if won != mails || len(slices.Compact(got[:])) != mails {
			t.Errorf("%d of %d took one: %q", won, mails, got)
		}
	})
}

// TestRescheduleMail checks that only the holder of the lease can reschedule or discard an
// email.
func TestRescheduleMail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		if err := db.AddMail(t.Context(), mail.Mail{ID: "m", Recipient: "ann@example.test", CreatedAt: now, LeasedUntil: now}); err != nil {
			t.Fatal(err)
		}
		lease := func(at time.Time) mail.Mail {
			t.Helper()
			m, found, err := db.LeaseMail(t.Context(), at, at.Add(time.Minute))
			if err != nil || !found {
				t.Fatalf("at %v: %t, %v", at, found, err)
			}
			return m
		}
		wantNone := func(at time.Time) {
			t.Helper()
			if m, found, err := db.LeaseMail(t.Context(), at, at.Add(time.Minute)); err != nil || found {
				t.Errorf("at %v: %v, %t, %v; want none", at, m, found, err)
			}
		}
		first := lease(now)
		later := now.Add(time.Minute)
		second := lease(later)
		if err := db.RescheduleMail(t.Context(), first, later.Add(time.Hour)); err != nil {
			t.Error(err)
		}
		if gone, err := db.DiscardMail(t.Context(), first); gone || err != nil {
			t.Errorf("discarded with an expired lease: %t, %v", gone, err)
		}
		wantNone(later.Add(time.Minute - 1))

		due := later.Add(time.Second)
		if err := db.RescheduleMail(t.Context(), second, due); err != nil {
			t.Error(err)
		}
		wantNone(due.Add(-1))
		third := lease(due)
		if third.Tries != 1 {
			t.Errorf("%d tries; want 1", third.Tries)
		}
		if gone, err := db.DiscardMail(t.Context(), third); !gone || err != nil {
			t.Errorf("dropped: %t, %v", gone, err)
		}
		wantNone(due.Add(time.Hour))
	})
}

func TestDeleteExpired(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		var many []account.Session
		for i := range 2500 { // more than one statement deletes at once
			id := fmt.Sprint("s", i)
			many = append(many, account.Session{ID: id, UserID: "ann", TokenHash: []byte(id), CreatedAt: now,
				LastActiveAt: now, ExpiresAt: now.Add(time.Hour), ConfirmedAt: now})
		}
		lasting := account.User{ID: "bob", Email: "bob@example.test", Handle: []byte("bob"), CreatedAt: now, UpdatedAt: now}
		if err := db.Seed(t.Context(), []account.User{lasting}, []account.Password{{UserID: "bob", ChangedAt: now}}, many); err != nil {
			t.Fatal(err)
		}
		s := addSession(t, db, "bob", "lasting", now)
		if _, err := db.TouchSession(t.Context(), account.Session{ID: s.ID, TokenHash: s.TokenHash, LastActiveAt: now,
			ExpiresAt: now.Add(2 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := db.DeleteExpired(t.Context(), now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if left, err := db.Sessions(t.Context(), "bob", now); len(left) != 1 || err != nil {
			t.Errorf("the sweep took a session that lives: %v, %v", left, err)
		}
		if left, err := db.Sessions(t.Context(), "ann", now); len(left) != 0 || err != nil {
			t.Errorf("%d expired sessions outlived the sweep, %v", len(left), err)
		}
	})
}

func TestCheckKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		mine, other := keyring.New(), keyring.New()
		for range 2 {
			if err := db.CheckKeys(t.Context(), mine); err != nil {
				t.Errorf("with its key: %v", err)
			}
		}
		if err := db.CheckKeys(t.Context(), other); !errors.Is(err, store.ErrKeys) {
			t.Errorf("with another key: %v; want %v", err, store.ErrKeys)
		}
		addUser(t, db, "ann@example.test")
		if err := store.Exec(db, "DELETE FROM key_checks"); err != nil {
			t.Fatal(err)
		}
		for _, keys := range []keyring.Keys{mine, other} {
			if err := db.CheckKeys(t.Context(), keys); !errors.Is(err, store.ErrKeys) {
				t.Errorf("with accounts, and no check: %v; want %v", err, store.ErrKeys)
			}
		}
	})
}

// TestMigrateConcurrently checks that six concurrent migrations of an empty database succeed.
// Each has its own pool, as a process would.
func TestMigrateConcurrently(t *testing.T) {
	for round := range 10 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			storetest.EachURL(t, func(t *testing.T, url string) {
				var applied atomic.Int32
				dbs := make([]store.DB, 6)
				for i := range dbs {
					dbs[i] = storetest.Open(t, url)
				}
				won := atOnce(t, len(dbs), nil, func(i int) error {
					versions, err := dbs[i].Migrate(context.Background())
					applied.Add(int32(len(versions)))
					return err
				})
				if won != len(dbs) {
					t.Errorf("%d of %d migrations succeeded", won, len(dbs))
				}
				if got, want := applied.Load(), int32(store.SchemaVersion()); got != want {
					t.Errorf("%d migrations were applied; want %d", got, want)
				}
				if err := dbs[0].Ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestMigrateRefusesNewerSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		if err := store.Exec(db, "INSERT INTO schema_versions (version_id, is_applied) VALUES (9999, true)"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Migrate(t.Context()); err == nil || !errors.Is(err, store.ErrNewerSchema) {
			t.Errorf("Migrate: %v; want %v", err, store.ErrNewerSchema)
		}
		if err := db.Ready(t.Context()); err == nil {
			t.Error("Ready is nil on a newer schema")
		}
	})
}

func TestUnavailable(t *testing.T) {
	db := storetest.Open(t, "postgres://nobody@127.0.0.1:1/none?sslmode=disable")
	if err := db.Ready(t.Context()); !errors.Is(err, shared.ErrUnavailable) {
		t.Errorf("Ready without a database: %v; want %v", err, shared.ErrUnavailable)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "sqlite:", "postgres://%zz", "postgres://u@h/d?sslmode=nonsense"} {
		if db, err := store.Open(url); err == nil {
			db.Close()
			t.Errorf("Open(%q) is nil", url)
		}
	}
}

// TestNestedTx checks that a transaction inside another one is refused, and that a method
// that needs a transaction joins that of its caller.
func TestNestedTx(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		old := addSession(t, db, "ann", "s", now)
		rotated := old
		rotated.TokenHash = account.NewToken().Hash()
		var nested error
		err := db.Tx(t.Context(), func(tx account.Store) error {
			memory := account.RotatedToken{Hash: old.TokenHash, SessionID: old.ID, RotatedAt: now, ExpiresAt: now}
			if err := tx.RotateSession(t.Context(), rotated, memory); err != nil {
				t.Fatal(err)
			}
			nested = tx.Tx(t.Context(), func(account.Store) error {
				t.Error("a nested transaction ran")
				return nil
			})
			return nested
		})
		if nested == nil || !errors.Is(err, nested) {
			t.Errorf("the nested transaction: %v, and the outer one: %v; want one error of both", nested, err)
		}
		if s, _, err := db.SessionByHash(t.Context(), old.TokenHash, now); err != nil || !s.RotatedAt.IsZero() {
			t.Errorf("the rotation was not undone with its transaction: %+v, %v", s, err)
		}
	})
}
