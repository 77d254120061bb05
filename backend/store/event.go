package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
	"latchkey/backend/audit"
)

// queuedEvents are the events that a transaction writes at its end.
type queuedEvents struct {
	mac    audit.MAC
	events []audit.Event
}

// AddEvent implements [account.Store].
func (db DB) AddEvent(ctx context.Context, mac audit.MAC, e audit.Event) error {
	if db.queued == nil {
		return db.inTx(ctx, func(db DB) error { return db.AddEvent(ctx, mac, e) })
	}
	db.queued.mac = mac
	db.queued.events = append(db.queued.events, e)
	return nil
}

// writeEvents writes the queued events of a transaction. It is the last step before the
// commit, because its first statement locks the end of the log.
func (db DB) writeEvents(ctx context.Context) error {
	if len(db.queued.events) == 0 {
		return nil
	}
	chain, err := db.lockChain(ctx)
	if err != nil {
		return err
	}
	chain, events := chain.Append(db.queued.mac, db.queued.events)
	if _, err := db.bun.NewInsert().Model(&events).Exec(ctx); err != nil {
		return wrapDB(err)
	}
	_, err = db.bun.NewUpdate().Model(&chain).WherePK().Exec(ctx)
	return wrapDB(err)
}

// SignChain signs the chain of a new and empty log. Each later signature requires a valid
// one before it, and a log that has lost its signature does not get another one.
func (db DB) SignChain(ctx context.Context, mac audit.MAC) error {
	return db.inTx(ctx, func(db DB) error {
		chain, err := db.lockChain(ctx)
		if err != nil || !chain.New() {
			return err
		}
		chain = chain.Sign(mac)
		_, err = db.bun.NewUpdate().Model(&chain).WherePK().Exec(ctx)
		return wrapDB(err)
	})
}

// lockChain returns the chain, and locks it until the transaction ends.
func (db DB) lockChain(ctx context.Context) (audit.EventChain, error) {
	var chain audit.EventChain
	err := db.bun.NewUpdate().Model(&chain).Set("last = last").Where("n = 1").Returning("*").Scan(ctx)
	return chain, wrapDB(err)
}

// Events implements [account.Store].
func (db DB) Events(ctx context.Context, f account.EventFilter) ([]audit.Event, error) {
	var events []audit.Event
	q := db.bun.NewSelect().Model(&events).OrderBy("seq", bun.OrderDesc).Limit(int64(f.Limit))
	if f.User != "" {
		q.Where("user_id = ?", f.User)
	}
	if f.Kinds != nil {
		q.Where("kind IN (?)", bun.List(f.Kinds))
	}
	if f.Before != "" {
		q.Where("seq < (?)", db.bun.NewSelect().Model((*audit.Event)(nil)).Column("seq").Where("id = ?", f.Before))
	}
	return events, wrapDB(q.Scan(ctx))
}

// eventBatch is how many events ReadEvents reads at once.
const eventBatch = 1000

// ReadEvents implements [account.Store]. It reads from a snapshot, and so does not delay
// writers, however long the log is.
func (db DB) ReadEvents(ctx context.Context, begin func(audit.EventChain) error, each func(audit.Event) error) error {
	snapshot := sql.TxOptions{ReadOnly: true}
	if db.dsn != "" { // on SQLite every read transaction is a snapshot
		snapshot.Isolation = sql.LevelRepeatableRead
	}
	var stopped error
	err := db.bun.RunInTx(ctx, &snapshot, func(ctx context.Context, tx bun.Tx) error {
		stopped = readEvents(ctx, tx, begin, each)
		return stopped
	})
	if stopped != nil {
		return stopped
	}
	return wrapDB(err)
}

func readEvents(ctx context.Context, tx bun.Tx, begin func(audit.EventChain) error, each func(audit.Event) error) error {
	var chain audit.EventChain
	if err := tx.NewSelect().Model(&chain).Where("n = 1").Scan(ctx); err != nil {
		return noRowsToNotFound(err)
	}
	if err := begin(chain); err != nil {
		return err
	}
	var events []audit.Event
	for {
		q := tx.NewSelect().Model(&events).Order("seq").Limit(eventBatch)
		if len(events) > 0 { // the first batch has no lower bound, so that no event can hide before the chain
			q.Where("seq > ?", events[len(events)-1].Seq)
		}
		events = nil
		if err := q.Scan(ctx); err != nil {
			return wrapDB(err)
		}
		for _, e := range events {
			if err := each(e); err != nil {
				return err
			}
		}
		if len(events) < eventBatch {
			return nil
		}
	}
}

// DeleteOldEvents implements [account.Store]. It moves the beginning of the chain before it
// deletes, because triggers refuse to delete events that belong to the chain.
func (db DB) DeleteOldEvents(ctx context.Context, mac audit.MAC, before time.Time) (more bool, err error) {
	err = db.inTx(ctx, func(db DB) error {
		chain, err := db.lockChain(ctx)
		if err != nil {
			return err
		}
		var oldest []audit.Event
		if err := db.bun.NewSelect().Model(&oldest).Column("seq", "at", "hash").Order("seq").Limit(deleteBatch).Scan(ctx); err != nil {
			return wrapDB(err)
		}
		// Delete up to the first event that stays, even if later events have an older time
		// by another server's clock: the deleted events must be one piece.
		n := slices.IndexFunc(oldest, func(e audit.Event) bool { return !e.At.Before(before) })
		if n < 0 {
			n, more = len(oldest), len(oldest) == deleteBatch
		}
		if n == 0 {
			return nil
		}
		last := oldest[n-1]
		if last.Seq >= chain.First {
			chain = chain.Cut(mac, last)
			if _, err := db.bun.NewUpdate().Model(&chain).WherePK().Exec(ctx); err != nil {
				return wrapDB(err)
			}
		}
		_, err = db.bun.NewDelete().Model((*audit.Event)(nil)).Where("seq <= ?", last.Seq).Exec(ctx)
		return wrapDB(err)
	})
	return more, err
}
