package main_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/backend/keyring"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestKilledWhileLinking tests a server that is killed again and again while it links many
// entries of the security log and adds others. The log stays intact. It has each entry once,
// and has an entry for each change that the server has confirmed.
func TestKilledWhileLinking(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		keyFile := filepath.Join(t.TempDir(), "keys")
		flags := []string{"-database", database, "-key-file", keyFile}
		p := testkit.Start(t, append(flags, "-rate-limits", "off")...)
		clients := make([]*testkit.Client, 4)
		for i := range clients {
			clients[i] = p.Client()
			clients[i].SignUp(fmt.Sprintf("user%d@example.test", i)).Must(t, 200, "")
		}
		log := &linkedLog{pool: storetest.OpenSQL(t, database), db: storetest.Open(t, database), keys: readKeys(t, keyFile)}

		const backlog, rounds, most = 4000, 3, 12
		var confirmed, unclear atomic.Int64
		added, unfinished := 0, 0
		for round := 0; unfinished < rounds && round < most; round++ {
			var loops sync.WaitGroup
			for i, c := range clients {
				loops.Go(func() {
					for n := 0; ; n++ {
						a := c.Elsewhere().Post("/update-user", body{"name": fmt.Sprint("Name ", round, " ", i, " ", n)})
						switch {
						case a.Err != nil:
							return // killed
						case a.Is(200, ""):
							confirmed.Add(1)
						case a.Is(503, ""): // on a busy machine, the change may be committed
							unclear.Add(1)
						default:
							t.Error("a change of a name: ", a)
							return
						}
					}
				})
			}
			before := log.count(t, "events")
			log.add(t, fmt.Sprint("backlog ", round, " "), backlog)
			added += backlog
			// Each transaction links up to 500 entries.
			testkit.Eventually(t, "the server links the backlog", func() bool { return log.count(t, "events") > before+300 })
			time.Sleep(rand.N(20 * time.Millisecond)) // at any moment of a transaction
			p.Kill()
			loops.Wait()
			if log.count(t, "unlinked_events WHERE kind = '"+shared.EventSignOut+"'") > 0 {
				unfinished++
			}
			if round%2 == 0 { // the command links what the server has left, else the server does
				log.verify(t, flags)
			}
			p.Start()
		}
		if unfinished == 0 {
			t.Errorf("the server had linked all entries whenever it was killed, %d times", most)
		}
		p.Stop()
		log.verify(t, flags)

		if n := log.count(t, "unlinked_events"); n != 0 {
			t.Errorf("%d entries are not linked", n)
		}
		if n := log.count(t, "events WHERE kind = '"+shared.EventSignOut+"'"); n != added {
			t.Errorf("the log has %d of the %d entries of the backlog", n, added)
		}
		// The change of a request without an answer may be committed, too.
		changed, least := log.count(t, "events WHERE kind = '"+shared.EventUserUpdated+"'"), int(confirmed.Load())
		if most := least + int(unclear.Load()) + len(clients)*most; changed < least || changed > most {
			t.Errorf("the log has %d changes of users; want %d to %d", changed, least, most)
		}
	})
}

// A linkedLog is the security log of a server that runs or was killed.
type linkedLog struct {
	pool *sql.DB
	db   store.DB
	keys keyring.Keys
}

// add adds n entries, as another server of the database would. It does not link them.
func (l *linkedLog) add(t *testing.T, id string, n int) {
	t.Helper()
	err := l.db.Tx(t.Context(), func(tx account.Store) error {
		for i := range n {
			e := audit.Event{ID: fmt.Sprint(id, i), At: account.Now(), Kind: shared.EventSignOut}
			if err := tx.AddEvent(context.Background(), l.keys, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// count returns the number of rows of a table.
func (l *linkedLog) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := l.pool.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// verify runs the command that verifies the log, and then links what is not linked.
func (l *linkedLog) verify(t *testing.T, flags []string) {
	t.Helper()
	output, err := testkit.Run(t, append([]string{"verify-log"}, flags...)...)
	if err != nil || !strings.HasPrefix(output, "The security log is intact: ") {
		t.Errorf("verify-log: %v, %s", err, output)
	}
}

// readKeys reads a key file.
func readKeys(t *testing.T, file string) keyring.Keys {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
