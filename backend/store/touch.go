package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

const (
	// touchEvery is how long touches are gathered before they are written.
	touchEvery = time.Second
	// touchBatch is how many touches one statement writes.
	touchBatch = 500
	// maxTouches is how many touches are kept while the database does not respond. They
	// take about 30 MB.
	maxTouches = 100_000
)

// A touch is the time at which a session or a server key was last used.
type touch struct {
	ID           string
	TokenHash    []byte // of a session; nil for a server key
	LastActiveAt time.Time

	retried bool // it was part of a statement that did not find the session, or found it locked
}

// A touches gathers touches, and writes them with one statement a second. There is no
// timer while there are none.
type touches struct {
	// write writes touches and returns the IDs of the rows that it changed.
	write   func(context.Context, []touch) (ids []string, err error)
	timeout time.Duration // of all writes of a second

	writing sync.Mutex // held during a write, so that close waits for it

	mu       sync.Mutex
	gathered map[string]touch // by ID
	timer    bool             // whether a timer runs, or its write
	closed   bool
}

// TouchSession implements [account.Store].
func (db DB) TouchSession(ctx context.Context, s account.Session) (bool, error) {
	n, err := rowsAffected(db.bun.NewUpdate().Model(&s).Column("last_active_at", "expires_at", "ip", "user_agent").
		WherePK().Where("token_hash = ?", s.TokenHash).Exec(ctx))
	return n == 1, err
}

// TouchSessionLater implements [account.Store].
func (db DB) TouchSessionLater(s account.Session) {
	// The ID may be a part of the text of a whole row.
	db.touches.add(touch{ID: strings.Clone(s.ID), TokenHash: s.TokenHash, LastActiveAt: s.LastActiveAt})
}

// add gathers touches. Of those of one session, it keeps the latest.
func (t *touches) add(all ...touch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range all {
		old, exists := t.gathered[one.ID]
		if t.closed || exists && old.LastActiveAt.After(one.LastActiveAt) || !exists && len(t.gathered) >= maxTouches {
			continue
		}
		if t.gathered == nil {
			t.gathered = make(map[string]touch)
		}
		t.gathered[one.ID] = one
	}
	if len(t.gathered) > 0 && !t.timer {
		t.timer = true
		time.AfterFunc(touchEvery, t.tick)
	}
}

// tick writes the gathered touches. An error is not reported: calls that read sessions
// report a database that does not respond, and the touches are kept for the next second.
func (t *touches) tick() {
	_ = t.flush()
	t.mu.Lock()
	t.timer = false
	t.mu.Unlock()
	t.add() // starts the timer again if touches were gathered meanwhile
}

// flush writes the gathered touches. It keeps those that it could not write.
func (t *touches) flush() error {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	all := slices.Collect(maps.Values(t.gathered))
	t.gathered = nil
	t.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
	defer cancel()
	for len(all) > 0 {
		batch := all[:min(len(all), touchBatch)]
		written, err := t.write(ctx, batch)
		if err != nil {
			t.add(all...)
			return err
		}
		t.retry(batch, written)
		all = all[len(batch):]
	}
	return nil
}

// retry gathers the touches that were not written once more. A session that another
// transaction has locked is written a second later. The others have ended, have another
// token, or were used later through another server.
func (t *touches) retry(batch []touch, written []string) {
	if len(written) == len(batch) {
		return
	}
	slices.Sort(written)
	for _, one := range batch {
		if _, ok := slices.BinarySearch(written, one.ID); !ok && !one.retried {
			one.retried = true
			t.add(one)
		}
	}
}

// close writes the gathered touches, and ignores later ones.
func (t *touches) close() error {
	err := t.flush()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gathered, t.closed = nil, true
	return err
}

// touchText writes touches. It never takes back a session's time, which another server may
// have written. It skips sessions that other transactions have locked instead of waiting for
// them: a transaction that waits for one row while it holds another can be part of a
// deadlock.
const touchText = `
WITH touch (id, token_hash, last_active_at) AS (?), free AS (
	SELECT sessions.id, touch.last_active_at
	FROM touch JOIN sessions ON sessions.id = touch.id AND sessions.token_hash = touch.token_hash
	WHERE sessions.last_active_at < touch.last_active_at ?
)
UPDATE sessions SET last_active_at = free.last_active_at FROM free WHERE sessions.id = free.id RETURNING sessions.id`

// TouchServerKeyLater implements [account.Store].
func (db DB) TouchServerKeyLater(id string, at time.Time) {
	db.keyTouches.add(touch{ID: id, LastActiveAt: at})
}

// keyTouchText is touchText for server keys.
const keyTouchText = `
WITH touch (id, token_hash, last_active_at) AS (?), free AS (
	SELECT server_keys.id, touch.last_active_at
	FROM touch JOIN server_keys ON server_keys.id = touch.id
	WHERE server_keys.last_used_at IS NULL OR server_keys.last_used_at < touch.last_active_at ?
)
UPDATE server_keys SET last_used_at = free.last_active_at FROM free WHERE server_keys.id = free.id RETURNING server_keys.id`

func (db DB) writeTouches(ctx context.Context, batch []touch) ([]string, error) {
	return db.runTouches(ctx, touchText, "sessions", batch)
}

func (db DB) writeKeyTouches(ctx context.Context, batch []touch) ([]string, error) {
	return db.runTouches(ctx, keyTouchText, "server_keys", batch)
}

// runTouches runs a statement that writes touches to a table.
func (db DB) runTouches(ctx context.Context, text, table string, batch []touch) (ids []string, err error) {
	lock := "FOR NO KEY UPDATE OF " + table + " SKIP LOCKED"
	if db.path != "" { // SQLite has no row locks
		lock = ""
	}
	err = db.bun.NewRaw(text, db.bun.NewValues(&batch), bun.Safe(lock)).Scan(ctx, &ids)
	return ids, wrapDB(err)
}
