package account

import (
	"context"
	"errors"

	"latchkey/backend/keyring"
	"latchkey/backend/mail"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// AuditMissingKey records that a call needed a key that the server lacks. The user of actor
// is zero if the caller is unknown.
func (s *Service) AuditMissingKey(ctx context.Context, actor Actor, missing *keyring.MissingKeyError) error {
	e := s.event(shared.EventKeyMissing, actor.User.ID, actor.Client)
	e.Subject, e.Detail = missing.AAD, detail(map[string]string{DetailKey: missing.Key})
	return s.Store.AddEvent(ctx, s.Keys, e)
}

// resealBatch is how many rows are resealed in one transaction: few enough that other
// transactions do not wait for long.
const resealBatch = 200

// Reseal seals all values of former keys under the current key, and returns how many. It
// leaves values that it cannot unseal, and lost has their errors. After that, no other
// sealed value needs the former keys, except for details in the audit log, which nothing may
// change: see [Service.EventDetail]. It also signs the end of the audit log with the current
// key.
func (s *Service) Reseal(ctx context.Context) (n int, lost []error, err error) {
	reseal := func(tx Store, row any, column string, at *string, aad string) error {
		if *at == "" || s.Keys.IsCurrent(*at) {
			return nil
		}
		plain, err := s.Keys.Unseal(*at, aad)
		if err != nil {
			lost = append(lost, err)
			return nil
		}
		was := *at
		*at = s.Keys.Seal(plain, aad)
		resealed, err := tx.Reseal(ctx, row, column, was)
		if resealed {
			n++
		}
		return err
	}
	err = errors.Join(
		s.inBatches(ctx, func(tx Store, after string) (string, int, error) {
			rows, err := tx.TOTPsAfter(ctx, after, resealBatch)
			for i := range rows {
				a := &rows[i]
				after, err = a.ID, errors.Join(err, reseal(tx, a, "secret", &a.Secret, a.aad()))
			}
			return after, len(rows), err
		}),
		s.inBatches(ctx, func(tx Store, after string) (string, int, error) {
			rows, err := tx.MailsAfter(ctx, after, resealBatch)
			for i := range rows {
				m := &rows[i]
				after, err = m.ID, errors.Join(err, reseal(tx, m, "text", &m.Text, m.AAD("text")),
					reseal(tx, m, "html", &m.HTML, m.AAD("html")), reseal(tx, m, "asked", &m.Request, m.AAD("asked")))
			}
			return after, len(rows), err
		}),
		s.inBatches(ctx, func(tx Store, after string) (string, int, error) {
			rows, err := tx.OneTimeTokensAfter(ctx, []byte(after), resealBatch)
			for i := range rows {
				t := &rows[i]
				after, err = string(t.Hash), errors.Join(err, reseal(tx, t, "data", &t.Data, t.aad()))
			}
			return after, len(rows), err
		}),
		s.Store.Tx(ctx, func(tx Store) error {
			rows, err := tx.Settings(ctx)
			for i := range rows {
				r := &rows[i]
				if spec, ok := setting.Find(r.Key); ok && spec.Secret() {
					err = errors.Join(err, reseal(tx, r, "value", &r.Value, r.AAD()))
				}
			}
			return err
		}),
	)
	if err != nil {
		return n, lost, err
	}
	e := s.event(shared.EventKeyRotated, "", Client{})
	e.Detail = detail(map[string]string{DetailKey: s.Keys.CurrentID()})
	if err := s.Store.AddEvent(ctx, s.Keys, e); err != nil {
		return n, lost, err
	}
	_, err = s.LinkEvents(ctx) // which signs the log with the current key
	return n, lost, err
}

// inBatches calls fn in one transaction after another, until a batch is not full. after is
// the key that the previous call returned, "" at first. fn returns the last key and the
// number of rows of its batch.
func (s *Service) inBatches(ctx context.Context, fn func(tx Store, after string) (string, int, error)) error {
	after := ""
	for n := resealBatch; n == resealBatch; {
		err := s.Store.Tx(ctx, func(tx Store) (err error) {
			after, n, err = fn(tx, after)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

type sealedStore interface {
	// TOTPsAfter returns up to n authenticators whose IDs follow the given one, in order.
	TOTPsAfter(ctx context.Context, id string, n int) ([]TOTP, error)
	// MailsAfter does the same for emails of the outbox.
	MailsAfter(ctx context.Context, id string, n int) ([]mail.Mail, error)
	// OneTimeTokensAfter does the same for tokens, by their hashes.
	OneTimeTokensAfter(ctx context.Context, hash []byte, n int) ([]OneTimeToken, error)
	// Reseal replaces the value was in a column of a row, which is a pointer to one of the
	// types above or to a [setting.Setting]. It reports whether it did: not if the value
	// has changed.
	Reseal(ctx context.Context, row any, column, was string) (bool, error)
}
