package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// eventually waits until a condition holds, for a minute at most.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute, it does not hold that %s", what)
		}
	}
}

// addSessions adds n sessions of one user and returns them.
func addSessions(t *testing.T, db store.DB, user string, n int) []account.Session {
	t.Helper()
	all := make([]account.Session, n)
	for i := range all {
		id := fmt.Sprint("s", i)
		all[i] = account.Session{
			ID: id, UserID: user, TokenHash: account.Token(id).Hash(), CreatedAt: now, LastActiveAt: now,
			ExpiresAt: now.Add(time.Hour), ConfirmedAt: now, Method: account.MethodPassword, IP: "192.0.2.1", UserAgent: "UA",
		}
	}
	u := account.User{ID: user, Email: user + "@example.test", Name: "N", Handle: []byte(user), CreatedAt: now, UpdatedAt: now}
	if err := db.Seed(t.Context(), []account.User{u}, []account.Password{{UserID: user, ChangedAt: now}}, all); err != nil {
		t.Fatal(err)
	}
	return all
}

// A heldLookups holds the end of the first two statements that look up sessions of a
// database, so that further look-ups wait.
type heldLookups struct {
	t       *testing.T
	db      store.DB
	release func()
	ended   sync.WaitGroup

	mu    sync.Mutex
	sizes []int // of the statements after the first two
}

// holdLookups looks up a hash that nobody has in two statements, and holds them. around,
// if not nil, replaces the later statements.
func holdLookups(t *testing.T, db store.DB, around func(n int, run func() error) error) *heldLookups {
	t.Helper()
	h := &heldLookups{t: t, db: db}
	held := make(chan struct{})
	var first atomic.Int32
	store.AroundLookups(db, func(n int, run func() error) error {
		if first.Load() < 2 {
			err := run()
			first.Add(1)
			<-held
			return err
		}
		h.mu.Lock()
		h.sizes = append(h.sizes, n)
		h.mu.Unlock()
		if around != nil {
			return around(n, run)
		}
		return run()
	})
	for range 2 {
		h.ended.Go(func() {
			if _, _, err := db.SessionByHash(context.Background(), []byte("none"), now); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("a held look-up: %v; want %v", err, account.ErrNotFound)
			}
		})
	}
	eventually(t, "two statements have run", func() bool { return first.Load() == 2 })
	h.release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(h.release)
	return h
}

// add starts a look-up and waits until it waits.
func (h *heldLookups) add(ctx context.Context, hash []byte, check func(account.Session, account.User, error)) {
	h.t.Helper()
	waiting := store.WaitingLookups(h.db)
	h.ended.Go(func() { check(h.db.SessionByHash(ctx, hash, now)) })
	eventually(h.t, "the look-up waits", func() bool { return store.WaitingLookups(h.db) == waiting+1 })
}

// end releases the held statements, waits for all look-ups, and returns the sizes of the
// later statements.
func (h *heldLookups) end() (sizes []int) {
	h.release()
	h.ended.Wait()
	eventually(h.t, "no statement runs", func() bool { return store.RunningLookups(h.db) == 0 })
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.sizes)
}

// TestLookupsShareStatement checks that waiting look-ups of current and former tokens,
// equal, unknown and expired ones share one statement, and that each gets its own result.
func TestLookupsShareStatement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		current, rotated := addSession(t, db, "ann", "current", now), addSession(t, db, "bob", "rotated", now)
		next := rotated
		next.TokenHash = account.NewToken().Hash()
		if err := db.RotateSession(t.Context(), next, account.RotatedToken{
			Hash: rotated.TokenHash, SessionID: rotated.ID, RotatedAt: now, ExpiresAt: now.Add(time.Hour),
		}); err != nil {
			t.Fatal(err)
		}
		expired := account.Session{
			ID: "expired", UserID: "ann", TokenHash: []byte("expired"), CreatedAt: now, LastActiveAt: now, ExpiresAt: now, ConfirmedAt: now,
		}
		if _, err := db.AddSession(t.Context(), expired); err != nil {
			t.Fatal(err)
		}

		h := holdLookups(t, db, nil)
		for _, test := range []struct {
			what      string
			hash      []byte
			session   string // empty if the look-up finds none
			rotatedAt time.Time
		}{
			{"a current token", current.TokenHash, "current", time.Time{}},
			{"a former token", rotated.TokenHash, "rotated", now},
			{"a new token", next.TokenHash, "rotated", time.Time{}},
			{"an unknown token", []byte("unknown"), "", time.Time{}},
			{"an expired session", expired.TokenHash, "", time.Time{}},
			{"the first token again", current.TokenHash, "current", time.Time{}},
			{"an empty hash", nil, "", time.Time{}},
		} {
			h.add(t.Context(), test.hash, func(s account.Session, u account.User, err error) {
				if test.session == "" {
					if !errors.Is(err, account.ErrNotFound) || s.ID != "" || u.ID != "" {
						t.Errorf("%s: %v, %v, %v; want %v", test.what, s, u, err, account.ErrNotFound)
					}
					return
				}
				if err != nil || s.ID != test.session || s.UserID != u.ID || !s.RotatedAt.Equal(test.rotatedAt) {
					t.Errorf("%s: %v, %v, %v; want session %s, rotated at %v", test.what, s, u, err, test.session, test.rotatedAt)
				}
			})
		}
		if sizes := h.end(); !slices.Equal(sizes, []int{7}) {
			t.Errorf("statements with %v look-ups answered 7; want one", sizes)
		}
	})
}

// TestLookupBatchSizes checks that each look-up finds its own session in batches of any
// size, and that no statement answers more than 64.
func TestLookupBatchSizes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		sessions := addSessions(t, db, "ann", 65)
		for n, want := range map[int][]int{
			1: {1}, 2: {2}, 4: {4}, 5: {5}, 16: {16}, 17: {17}, 64: {64}, 65: {1, 64},
		} {
			h := holdLookups(t, db, nil)
			for _, one := range sessions[:n] {
				h.add(t.Context(), one.TokenHash, func(s account.Session, _ account.User, err error) {
					if err != nil || s.ID != one.ID {
						t.Errorf("one of %d: %q, %v; want %q", n, s.ID, err, one.ID)
					}
				})
			}
			sizes := h.end()
			slices.Sort(sizes)
			if !slices.Equal(sizes, want) {
				t.Errorf("statements with %v look-ups answered %d; want %v", sizes, n, want)
			}
		}
	})
}

// TestLookupCanceled checks that a caller stops waiting when its context ends, before and
// during the statement, and that this fails no other caller of the statement.
func TestLookupCanceled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		s := addSession(t, db, "ann", "s", now)
		found := func(got account.Session, _ account.User, err error) {
			if err != nil || got.ID != s.ID {
				t.Errorf("another caller: %q, %v; want %q", got.ID, err, s.ID)
			}
		}
		canceled := make(chan error)
		gone := func(_ account.Session, _ account.User, err error) { canceled <- err }
		wantCanceled := func(when string) {
			t.Helper()
			if err := <-canceled; !errors.Is(err, context.Canceled) {
				t.Errorf("canceled %s: %v; want %v", when, err, context.Canceled)
			}
		}
		begun, proceed := make(chan struct{}), make(chan struct{})
		h := holdLookups(t, db, func(_ int, run func() error) error {
			close(begun)
			<-proceed
			return run()
		})
		h.add(t.Context(), s.TokenHash, found)
		before, cancelBefore := context.WithCancel(t.Context())
		h.add(before, s.TokenHash, gone)
		during, cancelDuring := context.WithCancel(t.Context())
		h.add(during, s.TokenHash, gone)
		h.add(t.Context(), s.TokenHash, found)

		cancelBefore()
		wantCanceled("before the statement")
		if n := store.WaitingLookups(db); n != 3 {
			t.Errorf("%d look-ups wait; want 3", n)
		}
		h.release()
		<-begun
		cancelDuring()
		wantCanceled("during the statement")
		close(proceed)
		if sizes := h.end(); !slices.Equal(sizes, []int{3}) {
			t.Errorf("statements with %v look-ups; want one with 3", sizes)
		}
	})
}

// TestLookupError checks that an error of the database reaches all callers of a statement,
// and that later look-ups succeed.
func TestLookupError(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		s := addSession(t, db, "ann", "s", now)
		h := holdLookups(t, db, nil)
		for range 3 {
			h.add(t.Context(), s.TokenHash, func(got account.Session, _ account.User, err error) {
				if err == nil || errors.Is(err, account.ErrNotFound) {
					t.Errorf("without a table: %q, %v; want another error", got.ID, err)
				}
			})
		}
		if err := store.Exec(db, "ALTER TABLE users RENAME TO hidden"); err != nil {
			t.Fatal(err)
		}
		h.end()
		if err := store.Exec(db, "ALTER TABLE hidden RENAME TO users"); err != nil {
			t.Fatal(err)
		}
		if got, _, err := db.SessionByHash(t.Context(), s.TokenHash, now); err != nil || got.ID != s.ID {
			t.Errorf("later: %q, %v; want %q", got.ID, err, s.ID)
		}
	})
}

// TestLookupPanic checks that a panic reaches all callers of a statement, and that later
// look-ups succeed.
func TestLookupPanic(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		s := addSession(t, db, "ann", "s", now)
		h := holdLookups(t, db, func(n int, run func() error) error {
			if n > 1 {
				panic("in a statement")
			}
			return run()
		})
		for range 2 {
			h.add(t.Context(), s.TokenHash, func(_ account.Session, _ account.User, err error) {
				if err == nil || !strings.Contains(err.Error(), "in a statement") || !strings.Contains(err.Error(), "lookup_test.go") {
					t.Errorf("after a panic: %v; want its value and stack", err)
				}
			})
		}
		h.end()
	})
}

// TestLookupAfterRevocation checks that a look-up does not join a statement that has read
// the session before it was deleted.
func TestLookupAfterRevocation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		s := addSession(t, db, "ann", "s", now)
		var read atomic.Int32
		proceed := make(chan struct{})
		store.AroundLookups(db, func(_ int, run func() error) error {
			err := run()
			read.Add(1)
			<-proceed
			return err
		})
		var callers sync.WaitGroup
		look := func(when string, want error) {
			callers.Go(func() {
				if _, _, err := db.SessionByHash(context.Background(), s.TokenHash, now); !errors.Is(err, want) {
					t.Errorf("%s the revocation: %v; want %v", when, err, want)
				}
			})
		}
		look("before", nil)
		look("before", nil)
		eventually(t, "two statements have read the session", func() bool { return read.Load() == 2 })
		if n, err := db.DeleteSession(t.Context(), "ann", s.ID); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for range 3 {
			look("after", account.ErrNotFound)
		}
		eventually(t, "three look-ups wait", func() bool { return store.WaitingLookups(db) == 3 })
		close(proceed)
		callers.Wait()
	})
}

// TestRevocationRace checks that a look-up that begins after a revocation was committed
// never finds the session, while many look-ups of two replicas are in flight.
func TestRevocationRace(t *testing.T) {
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		replicas := []store.DB{storetest.Open(t, url), storetest.Open(t, url)}
		addUser(t, replicas[0], "ann")
		var sizes [65]atomic.Int32
		for _, db := range replicas {
			store.AroundLookups(db, func(n int, run func() error) error {
				sizes[n].Add(1)
				return run()
			})
		}
		for round := range 20 {
			s := addSession(t, replicas[0], "ann", fmt.Sprint("s", round), now)
			var revoked atomic.Bool
			var found, late atomic.Int32
			var callers sync.WaitGroup
			for i := range 24 {
				callers.Go(func() {
					for late.Load() < 100 {
						begun := revoked.Load()
						_, _, err := replicas[i%2].SessionByHash(context.Background(), s.TokenHash, now)
						switch {
						case err == nil && begun:
							t.Error("a look-up found a session that was revoked before it began")
							return
						case err == nil:
							found.Add(1)
						case !errors.Is(err, account.ErrNotFound):
							t.Error(err)
							return
						case begun:
							late.Add(1)
						}
					}
				})
			}
			eventually(t, "look-ups are in flight", func() bool { return found.Load() > 20 })
			if n, err := replicas[0].DeleteSession(t.Context(), "ann", s.ID); n != 1 || err != nil {
				t.Error(n, err)
			}
			revoked.Store(true)
			callers.Wait()
		}
		shared := false
		for n := range sizes {
			shared = shared || n > 1 && sizes[n].Load() > 0
		}
		if !shared {
			t.Error("no statement answered more than one look-up")
		}
	})
}

// TestSessionByHashReadsEveryColumn compares a look-up with what Bun reads of a row whose
// columns are all set.
func TestSessionByHashReadsEveryColumn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		var user account.User
		var session account.Session
		fill(t, &user)
		fill(t, &session)
		session.UserID, session.RotatedAt, session.Permissions, session.PasskeyName = user.ID, time.Time{}, nil, nil
		if err := db.AddUser(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		if _, err := db.AddSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		sessions, err := db.Sessions(t.Context(), user.ID, now)
		if err != nil || len(sessions) != 1 {
			t.Fatal(sessions, err)
		}
		if want, err := store.ReadSession(db, session.ID); err != nil || !reflect.DeepEqual(sessions[0], want) {
			t.Errorf("the list has %+v; want %+v, %v", sessions[0], want, err)
		}
		wantUser, err := db.UserByID(t.Context(), user.ID)
		if err != nil {
			t.Fatal(err)
		}
		look := func() (account.Session, account.User) {
			t.Helper()
			s, u, err := db.SessionByHash(t.Context(), session.TokenHash, now)
			if err != nil {
				t.Fatal(err)
			}
			return s, u
		}
		if s, u := look(); !reflect.DeepEqual(s, sessions[0]) || !reflect.DeepEqual(u, wantUser) {
			t.Errorf("the look-up found %+v and %+v; want %+v and %+v", s, u, sessions[0], wantUser)
		}
		for _, p := range []string{account.PermissionUsers, account.PermissionAudit} {
			if err := db.Grant(t.Context(), user.ID, p); err != nil {
				t.Fatal(err)
			}
		}
		if s, _ := look(); !slices.Equal(s.Permissions, []string{account.PermissionAudit, account.PermissionUsers}) {
			t.Errorf("permissions %v", s.Permissions)
		}
	})
}

// fill sets every field of a struct.
func fill(t *testing.T, row any) {
	t.Helper()
	v := reflect.ValueOf(row).Elem()
	at := now
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		at = at.Add(time.Hour + 7*time.Millisecond)
		switch to := v.Field(i).Addr().Interface().(type) {
		case *time.Time:
			*to = at
		case **time.Time:
			*to = new(time.Time)
			**to = at
		case **string:
			*to = &name
		case *[]byte:
			*to = []byte(name)
		case *bool:
			*to = true
		case *account.PermissionNames: // not a column
		default:
			if v.Field(i).Kind() != reflect.String {
				t.Fatalf("fill does not know the type of %s", name)
			}
			v.Field(i).SetString(name)
		}
	}
}

// TestSessionByHashInTx checks that a look-up in a transaction sees the changes of the
// transaction.
func TestSessionByHashInTx(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		s := addSession(t, db, "ann", "s", now)
		err := db.Tx(t.Context(), func(tx account.Store) error {
			if got, _, err := tx.SessionByHash(t.Context(), s.TokenHash, now); err != nil || got.ID != s.ID {
				t.Errorf("before its deletion: %q, %v; want %q", got.ID, err, s.ID)
			}
			if _, err := tx.DeleteSession(t.Context(), "ann", s.ID); err != nil {
				return err
			}
			if _, _, err := tx.SessionByHash(t.Context(), s.TokenHash, now); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("after its deletion: %v; want %v", err, account.ErrNotFound)
			}
			if _, _, err := db.SessionByHash(t.Context(), s.TokenHash, now); err != nil {
				t.Errorf("outside of the transaction: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestSessionPlan checks that the statements of a look-up read no whole table, neither with
// one hash nor with 64.
func TestSessionPlan(t *testing.T) {
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url)
		seedPlan(t, db)
		sqlite := strings.HasPrefix(url, "sqlite:")
		pool, _ := openPool(t, url)
		tx, err := pool.Begin() // keeps one session, also behind a pooler
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		exec := func(query string) {
			t.Helper()
			if _, err := tx.Exec(query); err != nil {
				t.Fatal(err)
			}
		}
		exec("ANALYZE")
		if !sqlite {
			exec("SET LOCAL plan_cache_mode = force_generic_plan")
		}
		for n, text := range store.SessionTexts(db) {
			explain, args := "EXPLAIN QUERY PLAN "+text, make([]any, n)
			if !sqlite {
				name := fmt.Sprint("lookup", n)
				exec("PREPARE " + name + " AS " + text)
				defer exec("DEALLOCATE " + name)
				explain, args = "EXPLAIN EXECUTE "+name+"(''"+strings.Repeat(", ''", n-1)+")", nil
			}
			plan := explained(t, tx, explain, args...)
			for _, table := range []string{"sessions", "rotated_tokens", "users", "permissions"} {
				if strings.Contains(plan, "Seq Scan on "+table) || strings.Contains(plan, "SCAN "+table) {
					t.Errorf("the statement for %d hashes reads all of %s:\n%s", n, table, plan)
				}
			}
		}
	})
}

// openPool opens a database without the store. explain is how a statement begins there that
// asks for the plan of another one.
func openPool(t *testing.T, url string) (pool *sql.DB, explain string) {
	t.Helper()
	if path, sqlite := strings.CutPrefix(url, "sqlite:"); sqlite {
		var err error
		if pool, err = sql.Open("sqlite", path); err != nil {
			t.Fatal(err)
		}
		explain = "EXPLAIN QUERY PLAN "
	} else {
		pool, explain = sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(url))), "EXPLAIN "
	}
	t.Cleanup(func() { pool.Close() })
	return pool, explain
}

// seedPlan adds many users, each with a session, a former token of it and a permission. A
// database reads all of a small table, whatever its indexes.
func seedPlan(t *testing.T, db store.DB) {
	t.Helper()
	for _, insert := range []string{
		"users (id, email, name, email_verified, two_factor_enabled, handle, created_at, updated_at) " +
			"SELECT CAST(i AS text), i || '@example.test', 'N', true, true, CAST(CAST(i AS text) AS bytea), CURRENT_TIMESTAMP, CURRENT_TIMESTAMP",
		"sessions (id, user_id, token_hash, created_at, last_active_at, expires_at, confirmed_at, method, ip, user_agent, remember) " +
			"SELECT CAST(i AS text), CAST(i AS text), CAST(CAST(i AS text) AS bytea), CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, " +
			"CURRENT_TIMESTAMP, 'password', '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', true",
		"rotated_tokens (hash, session_id, rotated_at, expires_at) " +
			"SELECT CAST(CAST(-i AS text) AS bytea), CAST(i AS text), CURRENT_TIMESTAMP, CURRENT_TIMESTAMP",
		"permissions (user_id, name) SELECT CAST(i AS text), 'audit.read'",
	} {
		const numbers = "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 20000) "
		if err := store.Exec(db, numbers+"INSERT INTO "+insert+" FROM numbers"); err != nil {
			t.Fatal(err)
		}
	}
}

// explained returns the plan of a statement as text.
func explained(t *testing.T, tx *sql.Tx, explain string, args ...any) string {
	t.Helper()
	rows, err := tx.Query(explain, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		line := make([]any, len(columns))
		for i := range line {
			line[i] = new(any)
		}
		if err := rows.Scan(line...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, *line[len(line)-1].(*any))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
