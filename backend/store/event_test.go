package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/backend/keyring"
	"latchkey/backend/setting"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/webauthn"
	"latchkey/shared"
)

// serviceWithLog returns a Service whose log has n entries, one a day. The last entry is
// from now.
func serviceWithLog(t *testing.T, db store.DB, n int) *account.Service {
	t.Helper()
	settings, err := setting.NewCache(func(name string) string { return map[string]string{"EVENT_RETENTION": "30d"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	s := &account.Service{
		Store: db, Keys: keyring.New(), Now: func() time.Time { return now }, Settings: settings,
		RelyingParty: webauthn.RelyingParty{ID: "localhost", Origins: []string{"http://localhost"}},
	}
	if err := db.SignChain(t.Context(), s.Keys); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		addEvent(t, s, fmt.Sprint("e", i), now.AddDate(0, 0, i+1-n))
	}
	return s
}

// addEvent adds a sign-in to the log.
func addEvent(t *testing.T, s *account.Service, id string, at time.Time) {
	t.Helper()
	e := audit.Event{
		ID: id, At: at, Kind: shared.EventSignIn, ActorID: "ann", UserID: "ann", SessionID: "s", IP: "192.0.2.1", UserAgent: "UA",
	}
	if err := s.Store.AddEvent(t.Context(), s.Keys, e); err != nil {
		t.Fatal(err)
	}
}

// wantIntact checks that the log verifies and has n entries.
func wantIntact(t *testing.T, s *account.Service, n int64) {
	t.Helper()
	if got, err := s.VerifyLog(t.Context()); got != n || err != nil {
		t.Errorf("the log has %d entries, %v; want %d", got, err, n)
	}
}

// TestEventsAppendOnly checks that the database rejects changes to the log.
func TestEventsAppendOnly(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Migrated(t, url)
		s := serviceWithLog(t, db, 5)
		queries := []string{
			"UPDATE events SET kind = 'sign-out' WHERE seq = 3", "UPDATE events SET seq = 9 WHERE seq = 5", "UPDATE events SET at = at",
			"DELETE FROM events", "DELETE FROM events WHERE seq = 5", "DELETE FROM events WHERE id = 'e0'",
		}
		if strings.HasPrefix(url, "postgres") {
			queries = append(queries, "TRUNCATE events", "TRUNCATE events, event_chains CASCADE", "TRUNCATE event_chains")
		} else {
			queries = append(queries,
				"INSERT OR REPLACE INTO event_chains SELECT n, first, first_previous, 3, hash, mac FROM event_chains",
				"INSERT OR REPLACE INTO events SELECT seq, id, at, 'forged', actor_id, user_id, session_id, subject, detail, "+
					"ip, user_agent, previous, hash FROM events WHERE seq = 2")
		}
		queries = append(queries, "DELETE FROM event_chains", "UPDATE event_chains SET first = 1, last = 0", "UPDATE event_chains SET last = 4",
			"INSERT INTO event_chains SELECT 2, 99, first_previous, 99, hash, mac FROM event_chains")
		for _, query := range queries {
			if err := store.Exec(db, query); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v; want an error of the append-only log", query, err)
			}
		}
		wantIntact(t, s, 5)
	})
}

// TestTampering checks that VerifyLog detects changes by an attacker. The
// attacker gets past the database's triggers but lacks the server's key.
func TestTampering(t *testing.T) {
	for what, queries := range map[string][]string{
		"a changed entry":                {"UPDATE events SET user_id = 'bob' WHERE seq = 3"},
		"the last entry changed":         {"UPDATE events SET ip = '' WHERE seq = 5"},
		"a word moved into another part": {"UPDATE events SET actor_id = 'an', user_id = 'nann' WHERE seq = 3"},
		"a removed entry":                {"DELETE FROM events WHERE seq = 3"},
		"a removed entry, and a gap closed": {
			"DELETE FROM events WHERE seq = 3",
			"UPDATE events SET seq = 3 WHERE seq = 4",
			"UPDATE events SET seq = 4 WHERE seq = 5",
		},
		"two entries swapped": {
			"UPDATE events SET seq = 9 WHERE seq = 3",
			"UPDATE events SET seq = 3 WHERE seq = 4",
			"UPDATE events SET seq = 4 WHERE seq = 9",
		},
		"a truncated end": {"DELETE FROM events WHERE seq > 3"},
		"an end that is cut off, and forged": {
			"DELETE FROM events WHERE seq > 3",
			"UPDATE event_chains SET last = 3, hash = (SELECT hash FROM events WHERE seq = 3)",
		},
		"a truncated beginning": {"DELETE FROM events WHERE seq < 3"},
		"a forged beginning": {
			"DELETE FROM events WHERE seq < 3",
			"UPDATE event_chains SET first = 3, first_previous = (SELECT previous FROM events WHERE seq = 3)",
		},
		"an entry that is put in": {
			"INSERT INTO events SELECT 6, 'forged', at, kind, actor_id, user_id, session_id, subject, detail, ip, " +
				"user_agent, hash, hash FROM events WHERE seq = 5",
		},
		"all removed": {"DELETE FROM events"},
		"an entry before the first": {
			"INSERT INTO events SELECT 0, 'forged', at, kind, actor_id, user_id, session_id, subject, detail, ip, " +
				"user_agent, '', '' FROM events WHERE seq = 1",
		},
		"an entry with a negative number": {
			"INSERT INTO events SELECT -7, 'forged', at, kind, actor_id, user_id, session_id, subject, detail, ip, " +
				"user_agent, '', '' FROM events WHERE seq = 1",
		},
		"no end any more": {"DELETE FROM event_chains"},
		"another MAC":     {"UPDATE event_chains SET mac = hash"},
		"all entries wiped, as in a new log": {
			"UPDATE event_chains SET first = last + 1, first_previous = '', hash = '', mac = ''",
			"DELETE FROM events",
		},
	} {
		t.Run(what, func(t *testing.T) {
			storetest.EachURL(t, func(t *testing.T, url string) {
				db := storetest.Migrated(t, url)
				s := serviceWithLog(t, db, 5)
				wantIntact(t, s, 5)
				on := ""
				if strings.HasPrefix(url, "postgres") {
					on = " ON events"
				}
				drop := []string{
					"DROP TRIGGER events_not_updated" + on, "DROP TRIGGER events_not_deleted" + on,
					"DROP TRIGGER event_chains_only_grow" + strings.ReplaceAll(on, "events", "event_chains"),
					"DROP TRIGGER event_chains_not_deleted" + strings.ReplaceAll(on, "events", "event_chains"),
				}
				for _, query := range append(drop, queries...) {
					if err := store.Exec(db, query); err != nil {
						t.Fatalf("%s: %v", query, err)
					}
				}
				// Entries that the server adds do not repair the log.
				for range 2 {
					if n, err := s.VerifyLog(t.Context()); !errors.Is(err, audit.ErrChain) {
						t.Errorf("%d entries, %v; want %v", n, err, audit.ErrChain)
					}
					e := audit.Event{ID: rand.Text(), At: now, Kind: shared.EventSignIn, UserID: "ann"}
					err := db.AddEvent(t.Context(), s.Keys, e)
					if err != nil && !strings.Contains(what, "put in") && !strings.Contains(what, "cut off, and forged") && what != "no end any more" {
						t.Error(err)
					}
				}
			})
		})
	}
}

// TestVerifyLogWithAnotherKey checks that a log does not verify with another key.
func TestVerifyLogWithAnotherKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 2)
		s.Keys = keyring.New()
		if _, err := s.VerifyLog(t.Context()); !errors.Is(err, audit.ErrChain) {
			t.Errorf("with another key: %v; want %v", err, audit.ErrChain)
		}
	})
}

// TestForgedLog checks two attacks without the key. An attacker cannot insert
// entries before the start of a cut log. An attacker cannot make a server sign
// a forged log that looks like an unsigned one.
func TestForgedLog(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Migrated(t, url)
		s := serviceWithLog(t, db, 40)
		if err := s.DeleteOldEvents(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantIntact(t, s, 31)
		forge := "INSERT INTO events SELECT 2, 'forged', at, kind, actor_id, user_id, session_id, subject, detail, " +
			"ip, user_agent, '', '' FROM events WHERE seq = 20"
		if err := store.Exec(db, forge); err != nil {
			t.Fatal(err)
		}
		if n, err := s.VerifyLog(t.Context()); !errors.Is(err, audit.ErrChain) {
			t.Errorf("an entry before the start: %d entries, %v; want %v", n, err, audit.ErrChain)
		}

		if err := store.Exec(db, "UPDATE event_chains SET mac = ''"); err != nil {
			t.Fatal(err)
		}
		if err := db.SignChain(t.Context(), s.Keys); err != nil {
			t.Fatal(err)
		}
		if err := store.Exec(db, "DELETE FROM events WHERE seq = 2"); err != nil {
			t.Fatal(err)
		}
		if n, err := s.VerifyLog(t.Context()); !errors.Is(err, audit.ErrChain) {
			t.Errorf("without its MAC, and signed again: %d entries, %v; want %v", n, err, audit.ErrChain)
		}
	})
}

// TestDeleteOldEventsInBatches checks that DeleteOldEvents deletes a long old part in
// batches. An entry that is newer by another server's clock stays, and so do the entries
// after it.
func TestDeleteOldEventsInBatches(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 0)
		old := now.AddDate(-1, 0, 0)
		write := func(from, to int, at time.Time) {
			t.Helper()
			err := db.Tx(t.Context(), func(tx account.Store) error {
				for i := from; i < to; i++ {
					if err := tx.AddEvent(t.Context(), s.Keys, audit.Event{ID: fmt.Sprint("e", i), At: at, Kind: shared.EventSignIn}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		write(0, 1500, old)
		write(1500, 1501, now)
		write(1501, 1510, old)
		more, err := db.DeleteOldEvents(t.Context(), s.Keys, now)
		if !more || err != nil {
			t.Errorf("the first piece: more is %v, %v; want true", more, err)
		}
		wantIntact(t, s, 510)
		if err := s.DeleteOldEvents(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantIntact(t, s, 10)
		write(1510, 1511, now)
		wantIntact(t, s, 11)
	})
}

// TestDeleteOldEvents checks that a log still verifies after the server deletes its old
// entries, and that it accepts new ones.
func TestDeleteOldEvents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 40)
		cut := func(left int64) {
			t.Helper()
			if err := s.DeleteOldEvents(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantIntact(t, s, left)
		}
		wantIntact(t, s, 40)
		cut(31) // the oldest entry is exactly thirty days old
		cut(31)
		if err := store.Exec(db, "DELETE FROM events WHERE id = 'e39'"); err == nil {
			t.Error("the remaining entries can be deleted")
		}
		addEvent(t, s, "more", now)
		cut(32)
		s.Now = func() time.Time { return now.AddDate(1, 0, 0) }
		cut(0)
		addEvent(t, s, "later", s.Now())
		cut(1)
		page, err := db.Events(t.Context(), account.EventFilter{Limit: 10})
		if err != nil || len(page) != 1 || page[0].Seq != 42 {
			t.Errorf("the remaining entries are %+v, %v; want number 42", page, err)
		}
	})
}

// TestEventsConcurrently checks that the log has no gap while many transactions write
// to it, and some of them roll back. A concurrent reader sees no gap either.
func TestEventsConcurrently(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 0)
		failure := errors.New("on purpose")
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				err := db.Tx(context.Background(), func(tx account.Store) error {
					for j := range 3 {
						e := audit.Event{ID: fmt.Sprint(i, "-", j), At: now, Kind: shared.EventSignIn}
						if err := tx.AddEvent(context.Background(), s.Keys, e); err != nil {
							return err
						}
					}
					if i%2 == 1 {
						return failure
					}
					return nil
				})
				if err != nil && !errors.Is(err, failure) {
					t.Error(err)
				}
			})
		}
		for range 10 { // each call reads the log as of one moment
			if n, err := s.VerifyLog(t.Context()); n%3 != 0 || err != nil {
				t.Errorf("during the writes, the log has %d entries, %v", n, err)
			}
		}
		wg.Wait()
		wantIntact(t, s, 30)
	})
}
