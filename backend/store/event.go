package store

import (
	"context"
	"database/sql"
	"math"
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
	mail   bool // whether the transaction has set when an email is due
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

// unlinkedEvent is a row of the table unlinked_events.
type unlinkedEvent struct {
	bun.BaseModel `bun:"table:unlinked_events,alias:event"`
	N             int64 `bun:",pk,autoincrement"` // the order in which entries are linked
	audit.Unlinked
}

// chainColumns are the columns of an event that only an entry of the chain has.
var chainColumns = []string{"seq", "previous", "hash"}

// writeEvents writes the queued events of a transaction, in one statement. They are in the
// log as soon as the transaction commits, but not in the chain: see [DB.LinkEvents]. So
// transactions do not wait for each other at the end of the chain.
func (db DB) writeEvents(ctx context.Context) error {
	if len(db.queued.events) == 0 {
		return nil
	}
	rows := make([]unlinkedEvent, 0, len(db.queued.events))
	for _, e := range db.queued.events {
		rows = append(rows, unlinkedEvent{Unlinked: e.Unlinked(db.queued.mac)})
	}
	_, err := db.bun.NewInsert().Model(&rows).ExcludeColumn(append(chainColumns, "n")...).Returning("NULL").Exec(ctx)
	return wrapDB(err)
}

// EventsAdded returns a channel that receives a value after a transaction of this DB has
// added events.
func (db DB) EventsAdded() <-chan struct{} { return db.eventsAdded }

// linkBatch is how many events one transaction links: few enough that others do not wait
// for long at the end of the chain.
const linkBatch = 500

// LinkEvents implements [account.Store]. One transaction moves the events to the chain. It
// holds the lock of the chain, so servers that link at once take turns.
func (db DB) LinkEvents(ctx context.Context, mac audit.MAC, now time.Time) (forged int, err error) {
	// Most of the time there is nothing to link, and a look takes no lock.
	more, err := db.bun.NewSelect().Model((*unlinkedEvent)(nil)).ColumnExpr("1").Exists(ctx)
	if err != nil {
		return 0, wrapDB(err)
	}
	var after int64
	for more && err == nil {
		err = db.inTx(ctx, func(db DB) (err error) {
			var n int
			after, n, more, err = db.linkBatch(ctx, mac, now, after)
			forged += n
			return err
		})
	}
	return forged, err
}

// linkBatch links a batch of the events after the row number after. It returns the number of
// the batch's last row, and skips forged events.
func (db DB) linkBatch(ctx context.Context, mac audit.MAC, now time.Time, after int64) (last int64, forged int, more bool, err error) {
	chain, err := db.lockChain(ctx) // first: what another server has linked must not be read
	if err != nil {
		return after, 0, false, err
	}
	rows, err := unlinkedAfter(ctx, db.bun, after, linkBatch)
	if err != nil || len(rows) == 0 {
		return after, 0, false, err
	}
	var events []audit.Event
	var linked []int64
	for _, row := range rows {
		if row.Genuine(mac) {
			events, linked = append(events, row.Event), append(linked, row.N)
		}
	}
	last, forged, more = rows[len(rows)-1].N, len(rows)-len(events), len(rows) == linkBatch
	if len(events) == 0 {
		return last, forged, more, nil
	}
	if chain, events, err = chain.Append(mac, events); err != nil {
		return after, 0, false, err
	}
	chain.LinkedAt = now
	if _, err := db.bun.NewInsert().Model(&events).Exec(ctx); err != nil {
		return after, 0, false, wrapDB(err)
	}
	// After the insert: a trigger refuses to delete an entry that is not in the chain.
	if _, err := db.bun.NewDelete().Model((*unlinkedEvent)(nil)).Where("n IN (?)", bun.List(linked)).Exec(ctx); err != nil {
		return after, 0, false, wrapDB(err)
	}
	_, err = db.bun.NewUpdate().Model(&chain).WherePK().Exec(ctx)
	return last, forged, more, wrapDB(err)
}

// unlinkedAfter returns the first n events after the row number after that are not linked.
func unlinkedAfter(ctx context.Context, db bun.IDB, after int64, n int) (rows []unlinkedEvent, err error) {
	linked := db.NewSelect().TableExpr("events AS linked").ColumnExpr("1").Where("linked.id = event.id")
	err = db.NewSelect().Model(&rows).ExcludeColumn(chainColumns...).ColumnExpr("EXISTS (?) AS replayed", linked).
		Where("n > ?", after).Order("n").Limit(int64(n)).Scan(ctx)
	return rows, wrapDB(err)
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
	err := db.forUpdate(db.bun.NewSelect().Model(&chain).Where("n = 1")).Scan(ctx)
	return chain, wrapDB(err)
}

// Events implements [account.Store]. Events that are not linked yet are newer than those of
// the chain.
func (db DB) Events(ctx context.Context, f account.EventFilter) ([]audit.Event, error) {
	chain, unlinked := (*audit.Event)(nil), (*unlinkedEvent)(nil)
	selected := func(model any, position string) *bun.SelectQuery {
		q := db.bun.NewSelect().Model(model).
			Column("id", "at", "kind", "actor_id", "user_id", "session_id", "subject", "detail", "ip", "user_agent").
			ColumnExpr("? AS position", bun.Ident(position)).OrderBy(position, bun.OrderDesc).Limit(int64(f.Limit))
		if f.User != "" {
			q.Where("user_id = ?", f.User)
		}
		if f.Kinds != nil {
			q.Where("kind IN (?)", bun.List(f.Kinds))
		}
		return q
	}
	linked := selected(chain, "seq").ColumnExpr("0 AS unlinked").ColumnExpr("seq")
	waiting := selected(unlinked, "n").ColumnExpr("1 AS unlinked").ColumnExpr("0 AS seq")
	if f.Before != "" {
		at := func(model any, position any) *bun.SelectQuery {
			return db.bun.NewSelect().Model(model).ColumnExpr("?", position).Where("id = ?", f.Before)
		}
		waiting.Where("n < (?)", at(unlinked, bun.Ident("n")))
		// All entries of the chain are older than one that is not linked.
		linked.Where("seq < COALESCE((?), (?))", at(chain, bun.Ident("seq")), at(unlinked, math.MaxInt64))
	}
	var events []audit.Event
	err := db.bun.NewSelect().Model(&events).
		ModelTableExpr("(SELECT * FROM (?) AS waiting UNION ALL SELECT * FROM (?) AS linked) AS event", waiting, linked).
		ExcludeColumn("previous", "hash").Order("unlinked DESC", "position DESC").Limit(int64(f.Limit)).Scan(ctx)
	return events, wrapDB(err)
}

// eventBatch is how many events ReadEvents reads at once.
const eventBatch = 1000

// ReadEvents implements [account.Store]. It reads from a snapshot, and so does not delay
// writers, however long the log is.
func (db DB) ReadEvents(ctx context.Context, r account.EventReader) error {
	snapshot := sql.TxOptions{ReadOnly: true}
	if db.dsn != "" { // on SQLite every read transaction is a snapshot
		snapshot.Isolation = sql.LevelRepeatableRead
	}
	var stopped error
	err := db.bun.RunInTx(ctx, &snapshot, func(ctx context.Context, tx bun.Tx) error {
		if stopped = readEvents(ctx, tx, r); stopped == nil {
			stopped = readUnlinked(ctx, tx, r)
		}
		return stopped
	})
	if stopped != nil {
		return stopped
	}
	return wrapDB(err)
}

func readEvents(ctx context.Context, tx bun.Tx, r account.EventReader) error {
	var chain audit.EventChain
	if err := tx.NewSelect().Model(&chain).Where("n = 1").Scan(ctx); err != nil {
		return noRowsToNotFound(err)
	}
	if err := r.Begin(chain); err != nil {
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
			if err := r.Add(e); err != nil {
				return err
			}
		}
		if len(events) < eventBatch {
			return nil
		}
	}
}

func readUnlinked(ctx context.Context, tx bun.Tx, r account.EventReader) error {
	for after := int64(0); ; {
		rows, err := unlinkedAfter(ctx, tx, after, eventBatch)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := r.AddUnlinked(row.Unlinked); err != nil {
				return err
			}
			after = row.N
		}
		if len(rows) < eventBatch {
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
