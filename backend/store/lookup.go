package store

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

const (
	// maxLookups is how many statements look up sessions at once. A second one keeps the
	// database busy while the server reads the rows of the first.
	maxLookups = 2
	// maxBatch is how many look-ups one statement answers.
	maxBatch = 64
)

// A lookups answers concurrent look-ups of sessions with shared statements. At most
// [maxLookups] statements run at once, and a look-up waits while that many run. When one
// ends, the next one answers all look-ups that wait, up to [maxBatch].
//
// A look-up never joins a statement that has begun. So each statement begins after every
// look-up that it answers, and a look-up that begins after a revocation has been committed
// never finds the session. For the same reason, there is no cache.
type lookups struct {
	// query answers a batch of look-ups with one statement.
	query   func(ctx context.Context, batch []*lookup) error
	timeout time.Duration // of a statement that answers several callers

	mu      sync.Mutex
	running int       // the number of statements that run
	waiting []*lookup // oldest first; empty unless maxLookups statements run
}

// A lookup is one caller's search for a session.
type lookup struct {
	hash []byte
	// row is nil if no session has the hash. Look-ups of the same hash share it.
	row *foundSession
	err error
	// done is closed when row and err are set. It is nil for a look-up that its caller's
	// own statement answers.
	done chan struct{}
}

// A foundSession is a session with its user, as a look-up finds it.
type foundSession struct {
	session account.Session
	user    account.User
}

// SessionByHash implements [account.Store]. Every call of a signed-in user runs it, so
// concurrent calls share statements. Callers must not change what the fields of the session
// and the user point to, because they may share that, too.
func (db DB) SessionByHash(ctx context.Context, hash []byte, now time.Time) (account.Session, account.User, error) {
	row, err := db.findSession(ctx, hash)
	// The statement does not compare the expiry, because each of its callers has a time of
	// its own.
	if err == nil && (row == nil || !row.session.ExpiresAt.After(now)) {
		err = sql.ErrNoRows
	}
	if err != nil {
		return account.Session{}, account.User{}, noRowsToNotFound(err)
	}
	return row.session, row.user, nil
}

func (db DB) findSession(ctx context.Context, hash []byte) (*foundSession, error) {
	if tx, ok := db.bun.(bun.Tx); ok { // other callers must not see its changes
		own := &lookup{hash: hash}
		err := db.sessionQueries.runInTx(ctx, tx, own)
		return own.row, err
	}
	return db.lookups.find(ctx, hash)
}

// find returns the session with a hash, or nil if there is none.
func (l *lookups) find(ctx context.Context, hash []byte) (*foundSession, error) {
	own := &lookup{hash: hash}
	l.mu.Lock()
	if l.running < maxLookups {
		l.running++
		l.mu.Unlock()
		// The caller runs the statement, because no other caller depends on it.
		defer func() {
			if batch := l.next(); batch != nil {
				go l.run(batch)
			}
		}()
		err := l.query(ctx, []*lookup{own})
		return own.row, err
	}
	own.done = make(chan struct{})
	l.waiting = append(l.waiting, own)
	l.mu.Unlock()

	select {
	case <-own.done:
		return own.row, own.err
	case <-ctx.Done():
		l.forget(own)
		return nil, ctx.Err()
	}
}

// next returns the look-ups that the next statement answers, after a statement has ended.
// It returns nil if no look-up waits.
func (l *lookups) next() []*lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), maxBatch)
	if n == 0 {
		l.running--
		return nil
	}
	batch := slices.Clone(l.waiting[:n])
	l.waiting = slices.Delete(l.waiting, 0, n)
	return batch
}

// forget removes a look-up whose caller has gone. A database that does not respond must not
// fill the queue with such look-ups.
func (l *lookups) forget(gone *lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, gone); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
}

// run answers a batch, and then those that have begun meanwhile, until no look-up waits.
func (l *lookups) run(batch []*lookup) {
	for batch != nil {
		err := l.answer(batch)
		for _, one := range batch {
			one.err = err
			close(one.done)
		}
		batch = l.next()
	}
}

// answer answers a batch with one statement. The statement has a context of its own, so
// that a caller who hangs up does not fail the others. A panic becomes an error of all
// callers.
func (l *lookups) answer(batch []*lookup) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic in a look-up: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	return l.query(ctx, batch)
}
