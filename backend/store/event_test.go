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
	"latchkey/backend/testkit"
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
	link(t, s)
	return s
}

// link links all events of a log.
func link(t *testing.T, s *account.Service) {
	t.Helper()
	if forged, err := s.LinkEvents(t.Context()); forged != 0 || err != nil {
		t.Fatalf("%d forged events, %v", forged, err)
	}
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
	if got, err := s.VerifyLog(t.Context()); got.Entries() != n || err != nil {
		t.Errorf("the log is %+v, %v; want %d entries", got, err, n)
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
				"INSERT OR REPLACE INTO event_chains SELECT n, first, first_previous, 3, hash, mac, linked_at FROM event_chains",
				"INSERT OR REPLACE INTO events SELECT seq, id, at, 'forged', actor_id, user_id, session_id, subject, detail, "+
					"ip, user_agent, previous, hash FROM events WHERE seq = 2")
		}
		queries = append(queries, "DELETE FROM event_chains", "UPDATE event_chains SET first = 1, last = 0", "UPDATE event_chains SET last = 4",
			"INSERT INTO event_chains SELECT 2, 99, first_previous, 99, hash, mac, linked_at FROM event_chains")
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
					if report, err := s.VerifyLog(t.Context()); !errors.Is(err, audit.ErrChain) {
						t.Errorf("%+v, %v; want %v", report, err, audit.ErrChain)
					}
					addEvent(t, s, rand.Text(), now)
					s.LinkEvents(t.Context()) // may fail
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

// TestLinkWithFormerKey checks that a server that runs during a rotation of the keys, and
// so lacks the new one, leaves its events to the servers that have it. It must not extend
// the chain, because it cannot sign it.
func TestLinkWithFormerKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		former := serviceWithLog(t, db, 2)
		rotated := *former
		rotated.Keys = former.Keys.Rotated()
		addEvent(t, &rotated, "rotated", now)
		link(t, &rotated)
		addEvent(t, former, "former", now)
		addEvent(t, &rotated, "new", now)
		for range 2 {
			if _, err := former.LinkEvents(t.Context()); !errors.Is(err, audit.ErrChain) {
				t.Errorf("with the former key: %v; want %v", err, audit.ErrChain)
			}
		}
		want := audit.Report{Linked: 3, LinkedAt: now, Unlinked: 2, Oldest: now}
		if report, err := rotated.VerifyLog(t.Context()); report != want || err != nil {
			t.Errorf("the log is %+v, %v; want %+v", report, err, want)
		}
		link(t, &rotated)
		wantIntact(t, &rotated, 5)
	})
}

// TestLinkIsAtomic checks that a server that stops in the middle of linking leaves the log
// as it was.
func TestLinkIsAtomic(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 2)
		for i := range 600 { // more than one transaction links
			addEvent(t, s, fmt.Sprint("u", i), now)
		}
		ctx, cancel := context.WithCancel(t.Context())
		interrupted := store.AfterStatement(db, func(query string) {
			if strings.Contains(query, "DELETE FROM \"unlinked_events\"") {
				cancel()
			}
		})
		if _, err := interrupted.LinkEvents(ctx, s.Keys, now); err == nil {
			t.Error("linking did not stop")
		}
		want := audit.Report{Linked: 2, LinkedAt: now, Unlinked: 600, Oldest: now}
		if report, err := s.VerifyLog(t.Context()); report != want || err != nil {
			t.Errorf("the log is %+v, %v; want %+v", report, err, want)
		}
		link(t, s)
		want = audit.Report{Linked: 602, LinkedAt: now}
		if report, err := s.VerifyLog(t.Context()); report != want || err != nil {
			t.Errorf("the log is %+v, %v; want %+v", report, err, want)
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
			t.Errorf("an entry before the start: %+v, %v; want %v", n, err, audit.ErrChain)
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
			t.Errorf("without its MAC, and signed again: %+v, %v; want %v", n, err, audit.ErrChain)
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
			link(t, s)
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
		link(t, s)
		cut(32)
		s.Now = func() time.Time { return now.AddDate(1, 0, 0) }
		cut(0)
		addEvent(t, s, "later", s.Now())
		link(t, s)
		cut(1)
		page, err := db.Events(t.Context(), account.EventFilter{Limit: 10})
		if err != nil || len(page) != 1 || page[0].Seq != 42 {
			t.Errorf("the remaining entries are %+v, %v; want number 42", page, err)
		}
	})
}

// TestLinkConcurrently checks that the log is complete while many transactions write to it,
// some of them roll back, and two servers link at once. A concurrent reader sees a whole
// log, too.
func TestLinkConcurrently(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Migrated(t, url)
		s := serviceWithLog(t, db, 0)
		other := storetest.Open(t, url)
		failure := errors.New("on purpose")
		var writers, linkers sync.WaitGroup
		for i := range 20 {
			writers.Go(func() {
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
		done := make(chan struct{})
		for _, db := range []store.DB{db, other} {
			linkers.Go(func() {
				for ended := false; !ended; {
					select {
					case <-done:
						ended = true // link once more
					default:
					}
					if forged, err := db.LinkEvents(context.Background(), s.Keys, now); forged != 0 || err != nil {
						t.Errorf("%d forged events, %v", forged, err)
					}
				}
			})
		}
		for range 10 { // each call reads the log as of one moment
			if report, err := s.VerifyLog(t.Context()); report.Entries()%3 != 0 || err != nil {
				t.Errorf("during the writes, the log is %+v, %v", report, err)
			}
		}
		writers.Wait()
		close(done)
		linkers.Wait()
		want := audit.Report{Linked: 30, LinkedAt: now}
		if report, err := s.VerifyLog(t.Context()); report != want || err != nil {
			t.Errorf("the log is %+v, %v; want %+v", report, err, want)
		}
		select {
		case <-db.EventsAdded():
		default:
			t.Error("EventsAdded does not report the events of committed transactions")
		}
	})
}

// TestLinkDuringCut checks that no entry is lost, and that readers see a valid log, while two
// servers link, two delete old entries at the start of the chain, and others add new ones.
func TestLinkDuringCut(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Migrated(t, url)
		s := serviceWithLog(t, db, 0)
		servers := []store.DB{db, storetest.Open(t, url)}
		const old, writers, each = 2400, 12, 5 // the old ones take several transactions to link, and several to delete
		add := func(db store.DB, prefix string, n int, at time.Time) {
			err := db.Tx(context.Background(), func(tx account.Store) error {
				for i := range n {
					e := audit.Event{ID: fmt.Sprint(prefix, i), At: at, Kind: shared.EventSignIn}
					if err := tx.AddEvent(context.Background(), s.Keys, e); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		add(db, "old ", old, now.AddDate(-1, 0, 0))

		var adding, others sync.WaitGroup
		done := make(chan struct{})
		// loop calls fn until all entries are added, and once more after that.
		loop := func(fn func() error) {
			others.Go(func() {
				for last := false; !last; {
					select {
					case <-done:
						last = true
					default:
					}
					if err := fn(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for _, db := range servers {
			loop(func() error {
				if forged, err := db.LinkEvents(context.Background(), s.Keys, now); forged != 0 || err != nil {
					return fmt.Errorf("%d forged events, %w", forged, err)
				}
				return nil
			})
			loop(func() error {
				_, err := db.DeleteOldEvents(context.Background(), s.Keys, now)
				return err
			})
		}
		for i := range writers {
			adding.Go(func() { add(servers[i%2], fmt.Sprint("new ", i, " "), each, now) })
		}
		testkit.Eventually(t, "the old entries are deleted", func() bool {
			report, err := s.VerifyLog(t.Context())
			if err != nil {
				t.Fatalf("during the changes, the log is %+v, %v", report, err)
			}
			return report.Entries() <= writers*each
		})
		adding.Wait()
		close(done)
		others.Wait()

		want := audit.Report{Linked: writers * each, LinkedAt: now}
		if report, err := s.VerifyLog(t.Context()); report != want || err != nil {
			t.Errorf("the log is %+v, %v; want %+v", report, err, want)
		}
		page, err := db.Events(t.Context(), account.EventFilter{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for _, e := range page {
			seen[e.ID] = true
		}
		if len(page) != writers*each || len(seen) != len(page) || page[0].Seq != old+writers*each {
			t.Errorf("the log has %d entries, %d different ones, and the newest has the number %d; want %d and %d",
				len(page), len(seen), page[0].Seq, writers*each, old+writers*each)
		}
	})
}

// TestUnlinkedEvents checks that events that are not linked yet are in the log, in order,
// and that the database rejects changes of them.
func TestUnlinkedEvents(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Migrated(t, url)
		s := serviceWithLog(t, db, 3)
		addEvent(t, s, "u1", now.Add(-time.Hour))
		addEvent(t, s, "u2", now)
		want := audit.Report{Linked: 3, LinkedAt: now, Unlinked: 2, Oldest: now.Add(-time.Hour)}
		if report, err := s.VerifyLog(t.Context()); report != want || err != nil {
			t.Errorf("the log is %+v, %v; want %+v", report, err, want)
		}
		for before, want := range map[string]string{
			"": "u2 u1 e2 e1 e0", "u2": "u1 e2 e1 e0", "u1": "e2 e1 e0", "e2": "e1 e0", "e0": "", "unknown": "",
		} {
			if got := ids(t, db, account.EventFilter{User: "ann", Before: before, Limit: 9}); got != want {
				t.Errorf("events before %q: %s; want %s", before, got, want)
			}
		}
		if got := ids(t, db, account.EventFilter{Kinds: []string{shared.EventSignIn}, Limit: 3}); got != "u2 u1 e2" {
			t.Errorf("the first page: %s; want u2 u1 e2", got)
		}
		queries := []string{
			"UPDATE unlinked_events SET kind = 'sign-out'", "DELETE FROM unlinked_events", "DELETE FROM unlinked_events WHERE id = 'u2'",
		}
		if strings.HasPrefix(url, "postgres") {
			queries = append(queries, "TRUNCATE unlinked_events")
		} else {
			queries = append(queries, "INSERT OR REPLACE INTO unlinked_events SELECT n, id, at, 'forged', actor_id, user_id, session_id, "+
				"subject, detail, ip, user_agent, mac FROM unlinked_events")
		}
		for _, query := range queries {
			if err := store.Exec(db, query); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v; want an error of the append-only log", query, err)
			}
		}
		link(t, s)
		if got := ids(t, db, account.EventFilter{Before: "u2", Limit: 9}); got != "u1 e2 e1 e0" {
			t.Errorf("linked: %s; want u1 e2 e1 e0", got)
		}
		wantIntact(t, s, 5)
	})
}

// TestEventFilters checks the filters by kinds and by session, with events on both sides of
// the end of the chain, and their pages.
func TestEventFilters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 0)
		add := func(id, kind, actor, user, session string) {
			t.Helper()
			e := audit.Event{ID: id, At: now, Kind: kind, ActorID: actor, UserID: user, SessionID: session}
			if err := db.AddEvent(t.Context(), s.Keys, e); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			if i == 2 {
				link(t, s)
			}
			add(fmt.Sprint("in", i), shared.EventSignIn, "ann", "ann", "s1")
			add(fmt.Sprint("failed", i), shared.EventSignInFailed, "", "ann", "")
			add(fmt.Sprint("out", i), shared.EventSignOut, "ann", "ann", "s2")
			add(fmt.Sprint("bob", i), shared.EventSignIn, "bob", "bob", "s3")
			add(fmt.Sprint("disabled", i), shared.EventUserDisabled, "bob", "ann", "s3")
			add(fmt.Sprint("changed", i), shared.EventEmailChanged, "", "ann", "s1") // by a link that the session requested
		}
		in, failed, out := shared.EventSignIn, shared.EventSignInFailed, shared.EventSignOut
		for _, tt := range []struct {
			filter account.EventFilter
			want   string
		}{
			{account.EventFilter{User: "ann", Kinds: []string{in, out}}, "out2 in2 out1 in1 out0 in0"},
			{account.EventFilter{User: "ann", Kinds: []string{out, in, failed}, Before: "in2"}, "out1 failed1 in1 out0 failed0 in0"},
			{account.EventFilter{User: "ann", Kinds: []string{out, in, failed}, Before: "out1"}, "failed1 in1 out0 failed0 in0"},
			{account.EventFilter{Kinds: []string{in, failed}, Limit: 4}, "bob2 failed2 in2 bob1"},
			{account.EventFilter{Kinds: []string{in, failed}, Before: "bob1"}, "failed1 in1 bob0 failed0 in0"},
			{account.EventFilter{Kinds: []string{}}, ""},
			{account.EventFilter{User: "ann", Session: "s1"}, "changed2 in2 changed1 in1 changed0 in0"},
			{account.EventFilter{User: "ann", Session: "s1", Before: "in1"}, "changed0 in0"},
			{account.EventFilter{User: "ann", Session: "s1", Kinds: []string{in, out}}, "in2 in1 in0"},
			{account.EventFilter{User: "ann", Session: "s3"}, ""}, // an administrator's
			{account.EventFilter{User: "bob", Session: "s1"}, ""},
			{account.EventFilter{Session: "s3", Limit: 3}, "disabled2 bob2 disabled1"},
		} {
			if tt.filter.Limit == 0 {
				tt.filter.Limit = 9
			}
			if got := ids(t, db, tt.filter); got != tt.want {
				t.Errorf("%+v selects %s; want %s", tt.filter, got, tt.want)
			}
		}
	})
}

// TestEventPlan checks that each filter finds a page with an index, in the order of the page,
// so that it takes the same time however long the log is.
func TestEventPlan(t *testing.T) {
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		warnings := shared.KindsOf(shared.GroupWarnings)
		const insert = "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 20000) " +
			"INSERT INTO events (seq, id, at, kind, actor_id, user_id, session_id, subject, detail, ip, user_agent, previous, hash) " +
			"SELECT i, CAST(i AS text), CURRENT_TIMESTAMP, CASE WHEN i < 9 THEN 'passkey-copied' ELSE 'sign-in' END, 'ann', " +
			"CASE WHEN i % 2 = 0 THEN 'ann' ELSE CAST(i AS text) END, CAST(i / 10 AS text), '', '', '192.0.2.1', '', '', '' FROM numbers"
		for _, query := range []string{insert, "ANALYZE"} {
			if err := store.Exec(db, query); err != nil {
				t.Fatal(err)
			}
		}
		for what, tt := range map[string]struct {
			filter account.EventFilter
			index  string
		}{
			"a kind of all":   {account.EventFilter{Kinds: []string{"passkey-copied"}}, "events_kind_seq"},
			"a group of all":  {account.EventFilter{Kinds: warnings}, "events_kind_seq"},
			"a kind of ann's": {account.EventFilter{User: "ann", Kinds: []string{"passkey-copied"}}, "events_user_id_kind_seq"},
			"a group":         {account.EventFilter{User: "ann", Kinds: warnings}, "events_user_id_kind_seq"},
			"a session":       {account.EventFilter{User: "ann", Session: "7"}, "events_session_id_seq"},
		} {
			tt.filter.Limit = 51
			plan := eventPlan(t, url, tt.filter)
			// SQLite also scans the events that are not linked, and what it has found. It sorts
			// only the latter. Postgres also sorts the few entries that it knows to match.
			scans := strings.Count(plan, "Seq Scan on events") + max(strings.Count(plan, "SCAN event\n")-2, 0)
			if sorts := strings.Count(plan, "USE TEMP B-TREE"); !strings.Contains(plan, tt.index+" ") || scans > 0 || sorts > 1 {
				t.Errorf("%s: the plan does not use %s, or has %d scans and %d sorts:\n%s", what, tt.index, scans, sorts, plan)
			}
		}
	})
}

// eventPlan returns the plan of the statement of a filter.
func eventPlan(t *testing.T, url string, f account.EventFilter) string {
	t.Helper()
	query := ""
	spy := store.AfterStatement(storetest.Open(t, url), func(text string) { query = text })
	if _, err := spy.Events(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	pool, explain := openPool(t, url)
	tx, err := pool.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	return explained(t, tx, explain+query)
}

// ids returns the IDs of the events that a filter selects.
func ids(t *testing.T, db store.DB, f account.EventFilter) string {
	t.Helper()
	events, err := db.Events(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range events {
		all = append(all, e.ID)
	}
	return strings.Join(all, " ")
}

// TestTamperingBeforeLink checks what an attacker gains who can write to the database, past
// its triggers, but lacks the server's key: no more than the deletion of events that are
// not linked yet. A server never links a forged, changed or repeated one.
func TestTamperingBeforeLink(t *testing.T) {
	copied := "INSERT INTO unlinked_events (id, at, kind, actor_id, user_id, session_id, subject, detail, ip, user_agent, mac) " +
		"SELECT %s, at, kind, actor_id, user_id, session_id, subject, detail, ip, user_agent, mac FROM unlinked_events WHERE id = 'u1'"
	for what, test := range map[string]struct {
		again   bool // whether the attack is a repetition of a linked event
		query   string
		entries int64 // in the chain at the end
		found   bool
	}{
		"deleted":               {false, "DELETE FROM unlinked_events WHERE id = 'u1'", 4, false},
		"changed":               {false, "UPDATE unlinked_events SET user_id = 'bob' WHERE id = 'u1'", 4, true},
		"forged":                {false, fmt.Sprintf(copied, "'forged'"), 5, true},
		"a MAC of another":      {false, "UPDATE unlinked_events SET mac = (SELECT mac FROM event_chains) WHERE id = 'u1'", 4, true},
		"a repeated event":      {true, "", 5, true},
		"a linked one deleted":  {false, "DELETE FROM events WHERE id = 'e1'", 5, true},
		"a linked one changed":  {false, "UPDATE events SET kind = 'sign-out' WHERE id = 'e1'", 5, true},
		"the end of a log lost": {false, "DELETE FROM events WHERE seq = 3", 5, true},
	} {
		t.Run(what, func(t *testing.T) {
			storetest.EachURL(t, func(t *testing.T, url string) {
				db := storetest.Migrated(t, url)
				s := serviceWithLog(t, db, 3)
				exec := func(query string) {
					t.Helper()
					if err := store.Exec(db, query); err != nil {
						t.Fatalf("%s: %v", query, err)
					}
				}
				for _, trigger := range []string{
					"events_not_updated", "events_not_deleted", "unlinked_events_not_updated", "unlinked_events_not_deleted",
				} {
					if strings.HasPrefix(url, "postgres") {
						table, _, _ := strings.Cut(trigger, "_not_")
						trigger += " ON " + table
					}
					exec("DROP TRIGGER " + trigger)
				}
				addEvent(t, s, "u1", now)
				addEvent(t, s, "u2", now)
				if test.again {
					exec("CREATE TABLE stolen AS SELECT * FROM unlinked_events WHERE id = 'u1'")
					link(t, s)
					test.query = strings.ReplaceAll(fmt.Sprintf(copied, "id"), "FROM unlinked_events", "FROM stolen")
				}
				exec(test.query)
				report, err := s.VerifyLog(t.Context())
				if found := errors.Is(err, audit.ErrChain); found != test.found {
					t.Errorf("%+v, %v; found must be %t", report, err, test.found)
				}
				forged, err := s.LinkEvents(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if linked := last(t, db); linked != test.entries {
					t.Errorf("the chain ends with entry %d; want %d (%d forged)", linked, test.entries, forged)
				}
				report, err = s.VerifyLog(t.Context())
				if found := errors.Is(err, audit.ErrChain); found != test.found {
					t.Errorf("afterward: %+v, %v; found must be %t", report, err, test.found)
				}
			})
		})
	}
}

// last returns the number of the last entry of the chain.
func last(t *testing.T, db store.DB) int64 {
	t.Helper()
	events, err := db.Events(t.Context(), account.EventFilter{Limit: 99})
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	for _, e := range events {
		n = max(n, e.Seq)
	}
	return n
}
