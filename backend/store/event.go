package store

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"strings"
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
	parts := []*bun.SelectQuery{db.unlinkedEvents(f)}
	if f.Kinds == nil || f.Session != "" {
		parts = append(parts, db.linkedEvents(f))
	} else {
		// An index has the entries of each kind in order. So a part reads the newest of one
		// kind and no others, however long the log is. With several kinds at once, a
		// database would read all entries of these kinds and sort them.
		for _, kind := range f.Kinds {
			one := f
			one.Kinds = []string{kind}
			parts = append(parts, db.linkedEvents(one))
		}
	}
	union := strings.Repeat(" UNION ALL SELECT * FROM (?) AS part", len(parts))
	args := make([]any, len(parts))
	for i, part := range parts {
		args[i] = part
	}
	var events []audit.Event
	err := db.bun.NewSelect().Model(&events).
		ModelTableExpr("("+strings.TrimPrefix(union, " UNION ALL ")+") AS event", args...).
		ExcludeColumn("previous", "hash").Order("unlinked DESC", "position DESC").Limit(int64(f.Limit)).Scan(ctx)
	return events, wrapDB(err)
}

// linkedEvents selects the newest events of the chain that match a filter.
func (db DB) linkedEvents(f account.EventFilter) *bun.SelectQuery {
	q := db.eventsOf((*audit.Event)(nil), "seq", f).ColumnExpr("0 AS unlinked").ColumnExpr("seq")
	if !f.Until.IsZero() { // skip the newer entries without reading them
		newer := db.bun.NewSelect().Model((*audit.Event)(nil)).Column("seq").
			Where("at >= ?", f.Until.Add(maxDisorder)).Order("at").Limit(1)
		q.Where("seq < COALESCE((?), ?)", newer, math.MaxInt64)
	}
	if f.Before != "" {
		// All entries of the chain are older than one that is not linked.
		q.Where("seq < COALESCE((?), (?))",
			db.eventPosition((*audit.Event)(nil), bun.Ident("seq"), f), db.eventPosition((*unlinkedEvent)(nil), math.MaxInt64, f))
	}
	return q
}

// maxDisorder bounds how much older an entry can be than one before it in the chain. Transactions take
// time, and the clocks of servers differ, perhaps by hours until they are corrected.
const maxDisorder = 24 * time.Hour

// unlinkedEvents selects the newest events that match a filter and are not linked yet.
func (db DB) unlinkedEvents(f account.EventFilter) *bun.SelectQuery {
	q := db.eventsOf((*unlinkedEvent)(nil), "n", f).ColumnExpr("1 AS unlinked").ColumnExpr("0 AS seq")
	if f.Before != "" {
		q.Where("n < (?)", db.eventPosition((*unlinkedEvent)(nil), bun.Ident("n"), f))
	}
	return q
}

// eventsOf selects the newest events of a table that match a filter, except for
// [account.EventFilter].Before. position is the column that gives their order.
func (db DB) eventsOf(model any, position string, f account.EventFilter) *bun.SelectQuery {
	q := db.bun.NewSelect().Model(model).
		Column("id", "at", "kind", "actor_id", "user_id", "session_id", "subject", "detail", "ip", "user_agent").
		ColumnExpr("? AS position", bun.Ident(position)).OrderBy(position, bun.OrderDesc).Limit(int64(f.Limit))
	if !f.Until.IsZero() {
		q.Where("at < ?", f.Until)
	}
	if f.User != "" {
		q.Where("user_id = ?", f.User)
	}
	if f.Session != "" {
		q.Where("session_id = ?", f.Session)
	}
	if f.Session != "" && f.User != "" { // in a session of another user, an administrator acted
		q.Where("actor_id IN (?, '')", f.User)
	}
	if len(f.Kinds) == 1 {
		q.Where("kind = ?", f.Kinds[0])
	} else if f.Kinds != nil {
		q.Where("kind IN (?)", bun.List(f.Kinds))
	}
	return q
}

// eventPosition selects the position of the event [account.EventFilter].Before, if it is in
// the table of model.
func (db DB) eventPosition(model, position any, f account.EventFilter) *bun.SelectQuery {
	return db.bun.NewSelect().Model(model).ColumnExpr("?", position).Where("id = ?", f.Before)
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
