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
	return failed(err)
}

// leaseChoice is how many mails are looked at to take one: as many as others
// may take meanwhile who look at the same time.
const leaseChoice = 32

// LeaseMail implements [account.Store]. It looks first and then takes, because
// there is seldom one and looking costs no lock; only the taking decides.
func (db DB) LeaseMail(ctx context.Context, now, until time.Time) (m mail.Mail, mine bool, err error) {
	var due []mail.Mail
	err = db.bun.NewSelect().Model(&due).Column("id", "leased_until").Where("leased_until <= ?", now).
		Order("leased_until", "id").Limit(leaseChoice).Scan(ctx)
	if err != nil {
		return m, false, failed(err)
	}
	for _, m := range due {
		err := found(db.bun.NewUpdate().Model(&m).Set("leased_until = ?", until).
			Where("id = ?", m.ID).Where("leased_until = ?", m.LeasedUntil).Returning("*").Scan(ctx))
		if !errors.Is(err, account.ErrNotFound) { // else somebody else has it
			return m, err == nil, err
		}
	}
	return m, false, nil
}

// PutOffMail implements [account.Store].
func (db DB) PutOffMail(ctx context.Context, m mail.Mail, due time.Time) error {
	_, err := db.bun.NewUpdate().Model(&m).Set("tries = tries + 1").Set("leased_until = ?", due).
		WherePK().Where("leased_until = ?", m.LeasedUntil).Exec(ctx)
	return failed(err)
}

// DropMail implements [account.Store].
func (db DB) DropMail(ctx context.Context, m mail.Mail) (bool, error) {
	n, err := changed(db.bun.NewDelete().Model(&m).WherePK().Where("leased_until = ?", m.LeasedUntil).Exec(ctx))
	return n == 1, err
}

// WriteMail implements [account.Store].
func (db DB) WriteMail(ctx context.Context, m mail.Mail) error {
	res, err := db.bun.NewUpdate().Model(&m).Column("recipient", "subject", "text", "html", "asked").
		WherePK().Where("leased_until = ?", m.LeasedUntil).Where("asked <> ''").Exec(ctx)
	return one(res, err, account.ErrNotFound)
}

// DeleteMail implements [account.Store].
func (db DB) DeleteMail(ctx context.Context, id string) error {
	_, err := db.bun.NewDelete().Model((*mail.Mail)(nil)).Where("id = ?", id).Exec(ctx)
	return failed(err)
}
