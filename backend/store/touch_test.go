package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
)

// touch touches a session at a time, without writing it.
func touch(db store.DB, s account.Session, at time.Time) {
	s.LastActiveAt = at
	db.TouchSessionLater(s)
}

// flush writes the gathered touches.
func flush(t *testing.T, db store.DB) {
	t.Helper()
	if err := store.FlushTouches(db); err != nil {
		t.Fatal(err)
	}
}

// lastActive returns when the sessions of a user were last used, by their IDs.
func lastActive(t *testing.T, db store.DB, user string) map[string]time.Time {
	t.Helper()
	all, err := db.Sessions(t.Context(), user, now)
	if err != nil {
		t.Fatal(err)
	}
	active := make(map[string]time.Time)
	for _, s := range all {
		active[s.ID] = s.LastActiveAt
	}
	return active
}

// TestTouchesShareStatement checks that one statement writes up to 500 touches, with the
// latest time of each session, and nothing else of the session.
func TestTouchesShareStatement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		store.StopTouchTimer(db)
		sessions := addSessions(t, db, "ann", 1100)
		var sizes []int
		store.AroundTouches(db, func(n int, run func() error) error {
			sizes = append(sizes, n)
			return run()
		})
		for i, s := range sessions {
			at := now.Add(time.Duration(i+1) * time.Second)
			changed := s
			changed.IP, changed.UserAgent, changed.ExpiresAt = "198.51.100.9", "UB", now.Add(24*time.Hour)
			touch(db, changed, at.Add(-time.Millisecond))
			touch(db, changed, at)
			touch(db, changed, at.Add(-time.Second)) // a call that took longer
		}
		flush(t, db)
		if !slices.Equal(sizes, []int{500, 500, 100}) {
			t.Errorf("statements wrote %v touches; want 500, 500 and 100", sizes)
		}
		all, err := db.Sessions(t.Context(), "ann", now)
		if err != nil || len(all) != len(sessions) {
			t.Fatalf("%d sessions, %v; want %d", len(all), err, len(sessions))
		}
		for i, got := range all { // the latest first
			want := sessions[len(sessions)-1-i]
			want.LastActiveAt = now.Add(time.Duration(len(sessions)-i) * time.Second)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("session %v; want %v", got, want)
			}
		}
		if n, _ := store.GatheredTouches(db); n != 0 {
			t.Errorf("%d touches are left; want none", n)
		}
	})
}

// TestTouchesAreWritten checks that one statement writes the touches after a second, without
// further calls, and again a second later if it fails. No timer runs afterward.
func TestTouchesAreWritten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		sessions := addSessions(t, db, "ann", 3)
		statements, failed := make(chan int, 10), false
		store.AroundTouches(db, func(n int, run func() error) error {
			if !failed {
				failed = true
				return errors.New("no answer")
			}
			err := run()
			statements <- n
			return err
		})
		if _, timer := store.GatheredTouches(db); timer {
			t.Error("a timer runs before the first touch")
		}
		began := time.Now()
		for i := range 20 {
			touch(db, sessions[i%3], now.Add(time.Duration(i)*time.Minute))
		}
		if n := <-statements; n != 3 {
			t.Errorf("the statement wrote %d touches; want 3", n)
		}
		if took := time.Since(began); took < 1800*time.Millisecond {
			t.Errorf("the second statement ran after %v; want two seconds", took)
		}
		if got := lastActive(t, db, "ann"); !got["s1"].Equal(now.Add(19 * time.Minute)) {
			t.Errorf("last active: %v", got)
		}
		eventually(t, "no timer runs", func() bool { _, timer := store.GatheredTouches(db); return !timer })
		touch(db, sessions[0], now.Add(time.Hour))
		if n := <-statements; n != 1 {
			t.Errorf("the next statement wrote %d touches; want 1", n)
		}
	})
}

// TestTouchesThatAreLate checks that a touch does not change a session that has another
// token, was used later through another server, or has ended.
func TestTouchesThatAreLate(t *testing.T) {
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		db, other := storetest.Open(t, url), storetest.Open(t, url)
		store.StopTouchTimer(db)
		store.StopTouchTimer(other)
		sessions := addSessions(t, db, "ann", 4)
		rotated, ended, later, plain := sessions[0], sessions[1], sessions[2], sessions[3]
		for _, s := range sessions {
			touch(db, s, now.Add(time.Minute))
		}
		touch(other, later, now.Add(2*time.Minute))
		flush(t, other)
		next := rotated
		next.TokenHash = account.NewToken().Hash()
		if err := db.RotateSession(t.Context(), next, account.RotatedToken{
			Hash: rotated.TokenHash, SessionID: rotated.ID, RotatedAt: now, ExpiresAt: now.Add(time.Hour),
		}); err != nil {
			t.Fatal(err)
		}
		if n, err := db.DeleteSession(t.Context(), "ann", ended.ID); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for range 2 { // what was not written is tried once more
			flush(t, db)
			got := lastActive(t, db, "ann")
			want := map[string]time.Time{rotated.ID: now, later.ID: now.Add(2 * time.Minute), plain.ID: now.Add(time.Minute)}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("last active: %v; want %v", got, want)
			}
		}
		if n, _ := store.GatheredTouches(db); n != 0 {
			t.Errorf("%d touches are left after two tries; want none", n)
		}
	})
}

// TestTouchesAtClose checks that Close writes the gathered touches, and that later ones are
// ignored.
func TestTouchesAtClose(t *testing.T) {
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		s := addSessions(t, db, "ann", 1)[0]
		touch(db, s, now.Add(time.Minute))
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		touch(db, s, now.Add(time.Hour))
		if n, _ := store.GatheredTouches(db); n != 0 {
			t.Errorf("%d touches are gathered after Close; want none", n)
		}
		if got := lastActive(t, storetest.Open(t, url), "ann"); !got[s.ID].Equal(now.Add(time.Minute)) {
			t.Errorf("last active: %v; want %v", got, now.Add(time.Minute))
		}
	})
}

// TestTouchesAreKept checks that touches stay while the database fails, also those that are
// gathered meanwhile, and that their number is limited.
func TestTouchesAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		store.StopTouchTimer(db)
		sessions := addSessions(t, db, "ann", 600)
		failing := errors.New("no answer")
		store.AroundTouches(db, func(_ int, run func() error) error {
			if failing == nil {
				return run()
			}
			touch(db, sessions[0], now.Add(time.Hour))
			return failing
		})
		for _, s := range sessions {
			touch(db, s, now.Add(time.Minute))
		}
		if err := store.FlushTouches(db); !errors.Is(err, failing) {
			t.Errorf("flush: %v; want %v", err, failing)
		}
		if n, _ := store.GatheredTouches(db); n != 600 {
			t.Errorf("%d touches are left; want all 600", n)
		}
		failing = nil
		flush(t, db)
		got := lastActive(t, db, "ann")
		if !got["s0"].Equal(now.Add(time.Hour)) || !got["s599"].Equal(now.Add(time.Minute)) {
			t.Errorf("last active: %v and %v", got["s0"], got["s599"])
		}

		for i := range 100_100 {
			touch(db, account.Session{ID: fmt.Sprint(i)}, now)
		}
		if n, _ := store.GatheredTouches(db); n != 100_000 {
			t.Errorf("%d touches are kept; want 100,000", n)
		}
	})
}

// TestTouchesSkipLockedSessions checks that touches do not wait for a session that a
// transaction has locked, and write it afterward.
func TestTouchesSkipLockedSessions(t *testing.T) {
	t.Parallel()
	db := storetest.Migrated(t, storetest.Postgres(t))
	store.StopTouchTimer(db)
	sessions := addSessions(t, db, "ann", 2)
	want := func(first, second time.Time) {
		t.Helper()
		if got := lastActive(t, db, "ann"); !got["s0"].Equal(first) || !got["s1"].Equal(second) {
			t.Errorf("last active: %v; want %v and %v", got, first, second)
		}
	}
	touched := now.Add(time.Minute)
	err := db.Tx(t.Context(), func(tx account.Store) error {
		if _, err := tx.LockSession(t.Context(), sessions[0]); err != nil {
			return err
		}
		for _, s := range sessions {
			touch(db, s, touched)
		}
		flush(t, db)
		want(now, touched)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	flush(t, db)
	want(touched, touched)
}

// TestTouchesDoNotDeadlock checks that transactions that lock sessions in any order and
// touches do not wait for each other in a circle.
func TestTouchesDoNotDeadlock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		store.StopTouchTimer(db)
		sessions := addSessions(t, db, "ann", 16)
		atOnce(t, 4, nil, func(i int) error {
			ctx := context.Background()
			for round := range 20 {
				for _, s := range sessions {
					touch(db, s, now.Add(time.Duration(round)*time.Minute))
				}
				if i%2 == 0 {
					if err := store.FlushTouches(db); err != nil {
						return err
					}
					continue
				}
				err := db.Tx(ctx, func(tx account.Store) error {
					if _, err := tx.LockUser(ctx, "ann"); err != nil {
						return err
					}
					for j := range sessions {
						if _, err := tx.LockSession(ctx, sessions[(i*round+5*j)%len(sessions)]); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil && !errors.Is(err, shared.ErrUnauthorized) {
					return err
				}
			}
			return nil
		})
	})
}

// TestTouchesUpdateNoIndex checks that Postgres writes nearly all touches as heap-only
// tuples: the pages of sessions have room for them, and no index contains the time. It has
// a cluster of its own, without autovacuum, because other transactions delay the removal of
// old rows.
func TestTouchesUpdateNoIndex(t *testing.T) {
	t.Parallel()
	storetest.Shared(t) // or skip
	cluster, err := storetest.StartCluster("autovacuum=off")
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	db := storetest.Migrated(t, cluster.URL())
	store.StopTouchTimer(db)
	const every = 4 // a quarter of the sessions of a page are used in the same second
	sessions := addSessions(t, db, "ann", 2000)
	for second := range 2 * every {
		for i := second % every; i < len(sessions); i += every {
			touch(db, sessions[i], now.Add(time.Duration(second+1)*time.Second))
		}
		flush(t, db)
	}
	db.Close() // Postgres counts the updates of a connection at its end, or a second later

	pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(cluster.URL())))
	defer pool.Close()
	var updates, hot int
	eventually(t, "Postgres has counted the updates", func() bool {
		const counts = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessions'"
		if err := pool.QueryRowContext(t.Context(), counts).Scan(&updates, &hot); err != nil {
			t.Fatal(err)
		}
		return updates >= 2*len(sessions)
	})
	if hot < updates*95/100 {
		t.Errorf("%d of %d updates were heap-only; want 95 %%", hot, updates)
	}
}
