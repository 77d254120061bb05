package store

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/account"
)

// AddMail implements [account.Store].
func (db DB) AddMail(ctx context.Context, m account.Mail) error {
	_, err := db.bun.NewInsert().Model(&m).Exec(ctx)
	return failed(err)
}

// LeaseMail implements [account.Store]. It looks first and then takes, because
// there is seldom one and looking costs no lock; only the taking decides.
func (db DB) LeaseMail(ctx context.Context, now, until time.Time) (m account.Mail, mine bool, err error) {
	err = found(db.bun.NewSelect().Model(&m).Where("leased_until <= ?", now).Order("leased_until", "id").Limit(1).Scan(ctx))
	if errors.Is(err, account.ErrNotFound) {
		return m, false, nil
	} else if err != nil {
		return m, false, err
	}
	n, err := changed(db.bun.NewUpdate().Model(&m).Set("leased_until = ?", until).
		WherePK().Where("leased_until = ?", m.LeasedUntil).Exec(ctx))
	m.LeasedUntil = until
	return m, n == 1, err
}

// WriteMail implements [account.Store].
func (db DB) WriteMail(ctx context.Context, m account.Mail) error {
	res, err := db.bun.NewUpdate().Model(&m).Column("recipient", "subject", "text", "html", "asked").
		WherePK().Where("leased_until = ?", m.LeasedUntil).Where("asked <> ''").Exec(ctx)
	return one(res, err, account.ErrNotFound)
}

// DeleteMail implements [account.Store].
func (db DB) DeleteMail(ctx context.Context, id string) error {
	_, err := db.bun.NewDelete().Model((*account.Mail)(nil)).Where("id = ?", id).Exec(ctx)
	return failed(err)
}
