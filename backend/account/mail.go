package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/backend/mail"
	"latchkey/shared"
)

const (
	// mailLease is how long a server may take to deliver an email before another one tries.
	mailLease = time.Minute
	// mailLifetime is how long the server tries to deliver an email. After that, its
	// content is outdated.
	mailLifetime = 3 * day
	// maxMailBackoff is the longest pause between two tries, unless the provider asks for a
	// longer one.
	maxMailBackoff = time.Hour
)

// mailBackoff returns how long to wait after a failed delivery, by the number of earlier
// failures.
func mailBackoff(tries int) time.Duration {
	return min(time.Second<<min(tries, 12), maxMailBackoff)
}

// send puts an email into the outbox.
func (s *Service) send(ctx context.Context, tx Store, m mail.Mail) error {
	return tx.AddMail(ctx, m.Sealed(s.Keys))
}

// origin returns the origin of this service. Links in emails begin with it.
func (s *Service) origin() string { return s.RelyingParty.Origins[0] }

// compose returns a notice to a user about an action of client. It is in the language that
// the user has chosen, or else in the client's language.
func (s *Service) compose(user User, client Client, n mail.Notice) mail.Mail {
	return s.composeAt(s.Now(), user, client, n)
}

// composeAt is [Service.compose] for an action at an earlier time.
func (s *Service) composeAt(at time.Time, user User, client Client, n mail.Notice) mail.Mail {
	sender := mail.Sender{Name: s.Settings.Now().AppName, Origin: s.origin()}
	reader := mail.Reader{Address: user.Email, Language: cmp.Or(user.Language, client.Language)}
	if user.EmailVerified {
		reader.Name = user.Name
	}
	return sender.Compose(reader, mail.RequestContext{At: at, IP: client.IP, UserAgent: client.UserAgent}, n)
}

// ErrMailDiscarded means that an email was not delivered and will not be tried again.
var ErrMailDiscarded = fmt.Errorf("not delivered within %d days", mailLifetime/day)

// DeliverMail delivers one email of the outbox, and reports whether one was due. After a
// failure, it reschedules the email for a later call, after a pause that grows from a
// second to an hour. After three days it discards the email, and fails with
// [ErrMailDiscarded].
func (s *Service) DeliverMail(ctx context.Context, deliver func(mail.Mail) error) (bool, error) {
	now := s.Now()
	leased, found, err := s.Store.LeaseMail(ctx, now, now.Add(mailLease))
	if err != nil || !found {
		return false, err
	}
	m := leased
	if m.Request != "" {
		m, found, err = s.composeRequested(ctx, m)
	}
	if err == nil && found {
		if m, err = m.Unsealed(s.Keys); err == nil {
			err = deliver(m)
		}
	}
	if err != nil {
		return true, s.reschedule(ctx, leased, err)
	}
	return true, s.Store.DeleteMail(ctx, leased.ID)
}

// UntilMail returns how long it takes until the next email of the outbox is due, or ok is
// false if the outbox is empty.
func (s *Service) UntilMail(ctx context.Context) (d time.Duration, ok bool, err error) {
	due, found, err := s.Store.NextMail(ctx)
	if err != nil || !found {
		return 0, false, err
	}
	return max(due.Sub(s.Now()), 0), true, nil
}

// reschedule schedules the next delivery of an email, or discards it after its lifetime. It
// returns cause, joined with its own errors.
func (s *Service) reschedule(ctx context.Context, m mail.Mail, cause error) error {
	now, end := s.Now(), m.CreatedAt.Add(mailLifetime)
	if !now.Before(end) {
		return errors.Join(cause, s.discard(ctx, m))
	}
	pause := mailBackoff(m.Tries)
	if refused, ok := errors.AsType[*mail.RefusedError](cause); ok {
		pause = max(pause, refused.RetryAfter)
	}
	return errors.Join(cause, s.Store.RescheduleMail(ctx, m, earlier(now.Add(pause), end)))
}

// discard deletes an undelivered email and records that. It returns [ErrMailDiscarded] if
// it deleted the email.
func (s *Service) discard(ctx context.Context, m mail.Mail) error {
	user, _, err := s.Store.UserByEmail(ctx, m.Recipient)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	discarded := false
	err = s.Store.Tx(ctx, func(tx Store) (err error) {
		if discarded, err = tx.DiscardMail(ctx, m); err != nil || !discarded {
			return err
		}
		e := s.event(shared.EventMailDiscarded, user.ID, Client{})
		e.Subject = m.Subject
		return tx.AddEvent(ctx, s.Keys, e)
	})
	if err == nil && discarded {
		err = ErrMailDiscarded
	}
	return err
}

// TestEmailLimit is per account.
var TestEmailLimit = RateLimit{"test mail", 5, 15 * time.Minute}

// SendTestMail delivers an email to the user at once, without the outbox, so that the
// response can report the result. Errors:
//   - [shared.ErrMailRefused], with the reason: the provider does not accept the email
//   - [shared.ErrTooManyRequests]: the user requested too many
func (s *Service) SendTestMail(ctx context.Context, actor Actor, deliver func(context.Context, mail.Mail) error) error {
	if err := s.Allow(ctx, TestEmailLimit, actor.User.ID); err != nil {
		return err
	}
	err := deliver(ctx, s.compose(actor.User, actor.Client, mail.Test))
	if refused, ok := errors.AsType[*mail.RefusedError](err); ok {
		return shared.ErrMailRefused.WithMessage(refused.Reason)
	}
	return err
}

type mailStore interface {
	AddMail(ctx context.Context, m mail.Mail) error
	// LeaseMail leases the email that has been due longest, if one is due, until the given
	// time. Of several servers, one gets it.
	LeaseMail(ctx context.Context, now, until time.Time) (m mail.Mail, found bool, err error)
	// NextMail returns when the first email is due, or found is false if there is none. An
	// email is also due when its lease expires.
	NextMail(ctx context.Context) (due time.Time, found bool, err error)
	// RescheduleMail counts a failed try and sets when the next one is due, if m's lease is
	// still current. Otherwise another server has the email.
	RescheduleMail(ctx context.Context, m mail.Mail, due time.Time) error
	// DiscardMail deletes an email if m's lease is still current, and reports whether it
	// did.
	DiscardMail(ctx context.Context, m mail.Mail) (bool, error)
	DeleteMail(ctx context.Context, id string) error
	// WriteMail replaces an email's request with its content. It fails with [ErrNotFound]
	// if the request is gone or another server has leased it: of several servers, one
	// succeeds.
	WriteMail(ctx context.Context, m mail.Mail) error
}
