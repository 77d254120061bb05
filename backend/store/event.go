package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// pending are the events of a transaction, which are written at its end.
type pending struct {
	keys   account.Keys
	events []account.Event
}

// AddEvent implements [account.Store].
func (db DB) AddEvent(ctx context.Context, keys account.Keys, e account.Event) error {
	if db.pending == nil {
		return db.Tx(ctx, func(tx account.Store) error { return tx.AddEvent(ctx, keys, e) })
	}
	db.pending.keys = keys
	db.pending.events = append(db.pending.events, e)
	return nil
}

// writeEvents writes the events of a transaction. The first statement takes the
// end of the log, and nothing is done after it but to commit.
func (db DB) writeEvents(ctx context.Context) error {
	if len(db.pending.events) == 0 {
		return nil
	}
	chain, err := db.lockChain(ctx)
	if err != nil {
		return err
	}
	chain, events := db.pending.keys.ChainEvents(chain, db.pending.events)
	if _, err := db.bun.NewInsert().Model(&events).Exec(ctx); err != nil {
		return failed(err)
	}
	_, err = db.bun.NewUpdate().Model(&chain).WherePK().Exec(ctx)
	return failed(err)
}

// SignChain puts the first MAC to the end of the log. Later ones follow from one
// another: a log that has lost its MAC gets no other.
func (db DB) SignChain(ctx context.Context, keys account.Keys) error {
	return db.Tx(ctx, func(tx account.Store) error {
		db := tx.(DB)
		chain, err := db.lockChain(ctx)
		if err != nil || len(chain.MAC) > 0 {
			return err
		}
		chain = keys.SignChain(chain)
		_, err = db.bun.NewUpdate().Model(&chain).WherePK().Exec(ctx)
		return failed(err)
	})
}

// lockChain returns the chain, which nobody else has until the transaction ends.
func (db DB) lockChain(ctx context.Context) (account.EventChain, error) {
	var chain account.EventChain
	err := db.bun.NewUpdate().Model(&chain).Set("last = last").Where("n = 1").Returning("*").Scan(ctx)
	return chain, failed(err)
}

// Events implements [account.Store].
func (db DB) Events(ctx context.Context, f account.EventFilter) ([]account.Event, error) {
	var events []account.Event
	q := db.bun.NewSelect().Model(&events).OrderBy("seq", bun.OrderDesc).Limit(int64(f.Limit))
	if f.User != "" {
		q.Where("user_id = ?", f.User)
	}
	if f.Kinds != nil {
		q.Where("kind IN (?)", bun.List(f.Kinds))
	}
	if f.Before != "" {
		q.Where("seq < (?)", db.bun.NewSelect().Model((*account.Event)(nil)).Column("seq").Where("id = ?", f.Before))
	}
	return events, failed(q.Scan(ctx))
}

// eventBatch is how many events are read at once.
const eventBatch = 1000

// ReadEvents implements [account.Store]. It reads from a snapshot, and keeps
// nobody from writing to the log, however long it is.
func (db DB) ReadEvents(ctx context.Context, begin func(account.EventChain) error, each func(account.Event) error) error {
	snapshot := sql.TxOptions{ReadOnly: true}
	if db.dsn != "" { // SQLite has no others
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
	return failed(err)
}

func readEvents(ctx context.Context, tx bun.Tx, begin func(account.EventChain) error, each func(account.Event) error) error {
	var chain account.EventChain
	if err := tx.NewSelect().Model(&chain).Where("n = 1").Scan(ctx); err != nil {
		return failed(err)
	}
	if err := begin(chain); err != nil {
		return err
	}
	for after := int64(0); ; {
		var events []account.Event
		err := tx.NewSelect().Model(&events).Where("seq > ?", after).Order("seq").Limit(eventBatch).Scan(ctx)
		if err != nil {
			return failed(err)
		}
		for _, e := range events {
			after = e.Seq
			if err := each(e); err != nil {
				return err
			}
		}
		if len(events) < eventBatch {
			return nil
		}
	}
}

// CutEvents implements [account.Store]. The chain begins later before anything
// is deleted: what is in it cannot be.
func (db DB) CutEvents(ctx context.Context, keys account.Keys, before time.Time) error {
	return db.Tx(ctx, func(tx account.Store) error {
		db := tx.(DB)
		chain, err := db.lockChain(ctx)
		if err != nil {
			return err
		}
		var last account.Event
		// By their order and not only their times, which clocks of several servers
		// write: what is cut is one piece.
		newer := db.bun.NewSelect().Model((*account.Event)(nil)).ColumnExpr("COALESCE(MIN(seq), ?)", chain.Last+1).Where("at >= ?", before)
		err = db.bun.NewSelect().Model(&last).Where("seq < (?)", newer).OrderBy("seq", bun.OrderDesc).Limit(1).Scan(ctx)
		if err := found(err); err != nil {
			if err == account.ErrNotFound {
				return nil
			}
			return err
		}
		if last.Seq >= chain.First {
			chain = keys.CutEvents(chain, last)
			if _, err := db.bun.NewUpdate().Model(&chain).WherePK().Exec(ctx); err != nil {
				return failed(err)
			}
		}
		_, err = db.bun.NewDelete().Model((*account.Event)(nil)).Where("seq <= ?", last.Seq).Exec(ctx)
		return failed(err)
	})
}
