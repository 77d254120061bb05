package store

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
)

// AddMail implements [account.Store].
func (db DB) AddMail(ctx context.Context, m mail.Mail) error {
	_, err := db.bun.NewInsert().Model(&m).Exec(ctx)
	db.signalMail()
	return wrapDB(err)
}

// MailChanged returns a channel that receives a value after this DB has added or
// rescheduled emails.
func (db DB) MailChanged() <-chan struct{} { return db.mailChanged }

// signalMail signals that the time when an email is due was set: after the commit if db is
// in a transaction, or else at once.
func (db DB) signalMail() {
	if db.queued != nil {
		db.queued.mail = true
		return
	}
	signal(db.mailChanged)
}

// NextMail implements [account.Store].
func (db DB) NextMail(ctx context.Context) (due time.Time, found bool, err error) {
	var next []mail.Mail
	err = db.bun.NewSelect().Model(&next).Column("leased_until").Order("leased_until").Limit(1).Scan(ctx)
	if err != nil || len(next) == 0 {
		return due, false, wrapDB(err)
	}
	return next[0].LeasedUntil, true, nil
}

// leaseCandidates is how many due emails LeaseMail tries to lease. Other servers may lease
// the first ones at the same time.
const leaseCandidates = 32

// LeaseMail implements [account.Store]. It reads before it updates, because an email is
// seldom due and reading takes no lock. Only the update decides which server gets an email.
func (db DB) LeaseMail(ctx context.Context, now, until time.Time) (m mail.Mail, mine bool, err error) {
	var due []mail.Mail
	err = db.bun.NewSelect().Model(&due).Column("id", "leased_until").Where("leased_until <= ?", now).
		Order("leased_until", "id").Limit(leaseCandidates).Scan(ctx)
	if err != nil {
		return m, false, wrapDB(err)
	}
	for _, m := range due {
		err := noRowsToNotFound(db.bun.NewUpdate().Model(&m).Set("leased_until = ?", until).
			Where("id = ?", m.ID).Where("leased_until = ?", m.LeasedUntil).Returning("*").Scan(ctx))
		if !errors.Is(err, account.ErrNotFound) { // otherwise another server has it
			return m, err == nil, err
		}
	}
	return m, false, nil
}

// RescheduleMail implements [account.Store].
func (db DB) RescheduleMail(ctx context.Context, m mail.Mail, due time.Time) error {
	_, err := db.bun.NewUpdate().Model(&m).Set("tries = tries + 1").Set("leased_until = ?", due).
		WherePK().Where("leased_until = ?", m.LeasedUntil).Exec(ctx)
	db.signalMail()
	return wrapDB(err)
}

// DiscardMail implements [account.Store].
func (db DB) DiscardMail(ctx context.Context, m mail.Mail) (bool, error) {
	n, err := rowsAffected(db.bun.NewDelete().Model(&m).WherePK().Where("leased_until = ?", m.LeasedUntil).Exec(ctx))
	return n == 1, err
}

// WriteMail implements [account.Store].
func (db DB) WriteMail(ctx context.Context, m mail.Mail) error {
	res, err := db.bun.NewUpdate().Model(&m).Column("recipient", "subject", "text", "html", "asked").
		WherePK().Where("leased_until = ?", m.LeasedUntil).Where("asked <> ''").Exec(ctx)
	return requireOneRow(res, err, account.ErrNotFound)
}

// DeleteMail implements [account.Store].
func (db DB) DeleteMail(ctx context.Context, id string) error {
	_, err := db.bun.NewDelete().Model((*mail.Mail)(nil)).Where("id = ?", id).Exec(ctx)
	return wrapDB(err)
}
